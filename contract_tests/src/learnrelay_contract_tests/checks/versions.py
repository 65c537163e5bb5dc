"""Versions: what the plugin says, compared with what it said when its lock was written (ADR 8)."""

from __future__ import annotations

from collections.abc import Iterable

from .. import lock, schemas
from ..subject import Subject
from . import Finding, NotApplicableError, Note, check
from .behaviour import mappings_of


def shapes_of(subject: Subject, specification: bool = False) -> dict[str, lock.Shape]:
    """The shape of each event; with ``specification`` also which paths the standard cannot do without."""
    found: dict[str, lock.Shape] = {}
    for case in mappings_of(subject):
        statements = [text for outcome in subject.base[case.about] for text in outcome.get("statements", [])]
        if not statements:
            continue
        shape = found[case.about] = lock.shape_of(statements)
        if specification:
            pairs = [(path, lock.without(statements[0], path)) for path, entry in shape.items() if entry["always"]]
            told = [(path, text) for path, text in pairs if text is not None]
            problems = schemas.problems(case.standard, [text for _, text in told])
            for (path, _), problem in zip(told, problems, strict=True):
                if problem:
                    shape[path]["specification"] = True
    return found


@check(
    "versions.lock", "Consumers are not broken: what the output lost or changed since the lock shows in the version."
)
def versions(subject: Subject) -> Iterable[Finding | Note]:
    """Shapes of all samples' output against contract.lock.json."""
    if subject.infos[0].kind == "standards":
        raise NotApplicableError("a standard's output is that of its families")
    now = shapes_of(subject)
    path = subject.package.lock
    if path is None or not path.is_file():
        yield Note("no lock yet: `learnrelay contract-test --lock` writes one")
        return
    try:
        locked = lock.read(path)
    except ValueError as error:
        yield Finding(str(error))
        return
    if subject.name not in locked["plugins"]:
        yield Note("not in the lock yet: `learnrelay contract-test --lock` adds it")
        return
    version = subject.package.version
    got = lock.bump_between(locked["version"], version)
    for change in lock.compare(locked["plugins"][subject.name], now):
        words = f"{change.what}: this asks for {lock.BUMPS[change.bump]} version"
        if change.bump == lock.NEVER:
            yield Finding(f"{change.what}: no version may do this", change.event, change.path)
        elif change.bump > got:
            yield Finding(f"{words}, and {locked['version']} → {version} is none", change.event, change.path)
        else:
            yield Note(f"{words}; {version} is one", change.event, change.path)
