"""Reads the addresses of sites from the platform's site configurations, for ``[platform.sites]``.

The platform tells sites apart by the request, and elsewhere by the organisation of a course. Only the second can be
done for each event, and again in a replay (ADR 35).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.conf import settings

from learnrelay import UNREADABLE_COURSE

from ..belonging import course_of_org


@dataclass(frozen=True, slots=True)
class SiteRoots:
    """Holds what site configurations say. ``roots``: organisation → address; ``problems``: what cannot be told."""

    roots: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read_site_roots() -> SiteRoots:
    """Reads the enabled site configurations whose ``LMS_ROOT_URL`` is not that of the settings.

    Raises django.db.Error.
    """
    read = SiteRoots()
    try:
        model = apps.get_model("site_configuration", "SiteConfiguration")
    except LookupError:
        return read
    rows = model.objects.filter(enabled=True).order_by("id").values_list("id", "site_values")
    for number, values in rows:
        root_url = _root_of(values)
        if root_url is None or root_url == _without_slash(getattr(settings, "LMS_ROOT_URL", None)):
            continue
        orgs = _orgs_of(values)
        if not orgs:
            read.problems.append(f"site configuration {number} has LMS_ROOT_URL and no course_org_filter")
        for org in orgs:
            if course_of_org(org) == UNREADABLE_COURSE:
                read.problems.append(f"site configuration {number}: course_org_filter has what is no organisation")
            elif read.roots.setdefault(org, root_url) != root_url:
                read.problems.append(f"site configuration {number}: {org} has another LMS_ROOT_URL in an earlier one")
    return read


def print_site_roots() -> int:
    """Prints the section for the operator's file. Returns the exit code: 1 where an address could not be told."""
    read = read_site_roots()
    print("[platform.sites]")
    for org, root_url in read.roots.items():
        print(f"{json.dumps(org)} = {json.dumps(root_url)}")
    for problem in read.problems:
        print(problem, file=sys.stderr)
    return 1 if read.problems else 0


def _root_of(values: Any) -> str | None:
    return _without_slash(values.get("LMS_ROOT_URL")) if isinstance(values, Mapping) else None


def _without_slash(root_url: Any) -> str | None:
    return root_url.rstrip("/") if isinstance(root_url, str) and root_url else None


def _orgs_of(values: Mapping[str, Any]) -> list[str]:
    """Returns the organisations of a site: the platform takes a text or a list."""
    orgs = values.get("course_org_filter")
    return [org for org in (orgs if isinstance(orgs, list) else [orgs]) if isinstance(org, str) and org]
