"""Sums up what a plugin does, for its report: what it reads, how personal that is, what it puts out, of which wheel."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.metadata import Distribution
from typing import Any

from learnrelay import kinds
from learnrelay.personal_data import PersonalNames
from learnrelay.privacy.grades import grade_of

from . import lock
from .declarations import Declared, flat
from .host import CARRIER, PluginProcessError
from .samples import A_LITERAL
from .subject import Case, Subject

Summary = dict[str, Any]
"""JSON data, as the report writes it:

``reads``: for each event of a mapping, stage or scope its ``fields``, and of mappings the ``outputs``.
``beside``: distribution → version of the other plugins that it ran with. ``wheel``: SHA-256 of the wheel that it was
installed from, empty if that is not known. ``source``: SHA-256 of its source files.
"""


def summarize(subject: Subject, has_loaded: bool) -> Summary:
    """Sums up a plugin after its checks, while its process is there."""
    summary: Summary = {"reads": [], "beside": {}, "wheel": wheel_hash(subject), "source": source_hash(subject)}
    if has_loaded:
        with suppress(PluginProcessError):  # the checks have told it already
            summary["reads"] = list(_describe_reads(subject))
            own = subject.package.name
            summary["beside"] = {
                plugin["distribution"]: plugin["version"]
                for plugin in subject.description["plugins"]
                if plugin["distribution"] != own and CARRIER not in (plugin["name"], plugin["name"].partition(".")[0])
            }
    return summary


def _describe_reads(subject: Subject) -> Iterator[dict[str, Any]]:
    names = subject.source.personal_names
    for case in (case for case in subject.cases if case.transformer != subject.name):  # those of mappings
        fields = _describe_fields(case.own, names)
        yield {"what": "event", "name": case.label, "fields": fields, "outputs": _describe_outputs(subject, case)}
    for hook, declared in subject.stages.items():
        yield {"what": "hook", "name": hook, "fields": _describe_fields(declared, names), "outputs": []}
    for key, declared in subject.scopes.items():
        yield {"what": "scope", "name": key, "fields": _describe_fields(declared, names), "outputs": []}


def _describe_fields(declared: Sequence[Declared], names: PersonalNames) -> list[dict[str, Any]]:
    return [
        {
            "path": path,
            "kind": field.kind,
            "required": field.needed,
            "grade": grade_of(path, names, getattr(kinds, field.kind, None)).value,
            "reason": field.reason,
        }
        for path, field in flat(declared)
    ]


def _describe_outputs(subject: Subject, case: Case) -> list[dict[str, Any]]:
    """Lists the paths of an event's statements, with their types, as the lock has them."""
    outcomes = zip(case.samples, subject.sample_outcomes[case.label], strict=True)
    statements = [
        text for sample, outcome in outcomes if A_LITERAL not in sample.label for text in outcome.get("statements", [])
    ]
    return [
        {
            "path": path,
            "types": entry["types"],
            "always": entry["always"],
            "constant": str(entry["constant"]) if "constant" in entry else "",
        }
        for path, entry in lock.shape_of(statements).items()
    ]


def wheel_hash(subject: Subject) -> str:
    """Returns the SHA-256 of the wheel file that pip installed (PEP 610); empty for other installations."""
    point = subject.infos[0].entry_point
    return _wheel_hash(point.dist) if point is not None and point.dist is not None else ""


def _wheel_hash(distribution: Distribution) -> str:
    try:
        url = json.loads(distribution.read_text("direct_url.json") or "{}")
    except json.JSONDecodeError:
        return ""
    archive = url.get("archive_info", {}) if str(url.get("url", "")).endswith(".whl") else {}
    digest = archive.get("hashes", {}).get("sha256") or str(archive.get("hash", "")).removeprefix("sha256=")
    return str(digest)


def source_hash(subject: Subject) -> str:
    """Returns one SHA-256 of all source files, with their names: the same for the same source, wherever it lies."""
    whole = hashlib.sha256()
    folder = subject.package.directory
    files = sorted(subject.package.sources)
    for file in files:
        is_inside = folder is not None and file.is_relative_to(folder)
        name = file.relative_to(folder).as_posix() if folder is not None and is_inside else file.name
        with suppress(OSError):
            whole.update(f"{name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest() if files else ""
