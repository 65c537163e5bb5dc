"""Checks how the backend is placed among the platform's settings, for ``manage.py lms learnrelay check``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import Error as DjangoError

from learnrelay import ConfigurationError
from learnrelay.assembly.assemble import Assembly, assemble

from ..backend import BackendPlace, list_places
from .retirement import config_path
from .site_configurations import read_site_roots

LONG_WAIT = 1.0
"""Seconds of ``delivery.wait`` that a learner notices."""

SHOWN_NAMES = 5


def list_findings() -> Iterator[tuple[str, str]]:
    """Yields (``error`` or ``warning``, what is at fault and its cure)."""
    if not getattr(settings, "LEARNRELAY_ENABLED", True):
        yield "warning", "LEARNRELAY_ENABLED is False: nothing is stored"
        return
    if (path := config_path()) is None:
        yield "error", "LEARNRELAY_CONFIG is not set: nothing is stored; set it to the path of the configuration file"
        return
    if not getattr(settings, "EVENT_TRACKING_ENABLED", False):
        yield "error", "EVENT_TRACKING_ENABLED is False: the platform emits no events"
        return
    places = list(list_places())
    if not places:
        yield (
            "error",
            "EVENT_TRACKING_BACKENDS: no backend is learnrelay_openedx.backend.RelayBackend: something replaced the "
            "setting after this app had added it; add it there",
        )
    elif len(places) > 1:
        listed = ", ".join(".".join(place.path) for place in places)
        yield "warning", f"EVENT_TRACKING_BACKENDS: events are stored more than once, by {listed}; keep one of them"
    try:
        assembly = assemble(Path(path))
    except ConfigurationError:  # the command has listed the problems
        return
    yield from _list_waits(assembly, places)
    yield from _list_site_findings(assembly)
    for place in places:
        if place.caller == "bus":
            yield from _list_bus_findings(assembly, f"EVENT_TRACKING_BACKENDS: {'.'.join(place.path)}")


def _list_waits(assembly: Assembly, places: list[BackendPlace]) -> Iterator[tuple[str, str]]:
    delivery = assembly.config.delivery
    is_in_request = any(place.caller == "request" for place in places)
    if is_in_request and delivery.intake == "database" and delivery.wait > LONG_WAIT:
        yield (
            "warning",
            f"delivery.wait: while the database is away, a request waits {delivery.wait:g} s; "
            'write wait = "250ms", or intake = "spool"',
        )


def _list_site_findings(assembly: Assembly) -> Iterator[tuple[str, str]]:
    try:
        read = read_site_roots()
    except DjangoError as error:
        yield "warning", f"platform.sites: the site configurations cannot be read ({type(error).__name__})"
        return
    for problem in read.problems:
        yield "warning", f"platform.sites: {problem}"
    written = assembly.config.sites
    differing = sorted(org for org in {*read.roots, *written} if read.roots.get(org) != written.get(org))
    if differing:
        yield (
            "warning",
            f"platform.sites differs from the platform's site configurations for {_shorten(differing)}; manage.py lms "
            "learnrelay sites writes the section. It changes addresses in statements",
        )


def _shorten(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN_NAMES:,} more" if len(names) > SHOWN_NAMES else ""
    return f"{', '.join(names[:SHOWN_NAMES])}{more}"


def _list_bus_findings(assembly: Assembly, place: str) -> Iterator[tuple[str, str]]:
    if not assembly.config.delivery.spools:
        yield (
            "error",
            f"{place} is behind the event bus, whose consumer acknowledges what could not be stored, and ends instead: "
            'write full = "spool" or intake = "spool" under [delivery]',
        )
    if not getattr(settings, "SEND_TRACKING_EVENT_EMITTED_SIGNAL", False):
        yield "error", f"{place}: SEND_TRACKING_EVENT_EMITTED_SIGNAL is not True: nothing is put on the event bus"
    missing = sorted(set(assembly.plan.mappings).difference(getattr(settings, "EVENT_BUS_TRACKING_LOGS", ())))
    if missing:
        yield (
            "warning",
            f"{place}: EVENT_BUS_TRACKING_LOGS lacks {len(missing):,} names that are mapped: {_shorten(missing)}",
        )
