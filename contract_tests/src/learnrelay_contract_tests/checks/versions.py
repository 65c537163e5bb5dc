"""Versions: what the plugin says, compared with what it said when its lock was written (ADR 8)."""

from __future__ import annotations

from collections.abc import Iterable

from .. import __version__, lock, schemas
from ..samples import A_LITERAL
from ..subject import Subject
from . import Finding, NotApplicableError, Note, check
from .behaviour import mappings_of


def shapes_of(subject: Subject, specification: bool = False) -> dict[str, lock.Shape]:
    """The shape of each event; with ``specification`` also which paths the standard cannot do without."""
    found: dict[str, lock.Shape] = {}
    for case in mappings_of(subject):
        pairs = zip(case.samples, subject.base[case.about], strict=True)
        outcomes = [outcome for sample, outcome in pairs if A_LITERAL not in sample.label]
        statements = [text for outcome in outcomes for text in outcome.get("statements", [])]
        if not statements:
            continue
        shape = found[case.about] = lock.shape_of(statements)
        if specification:
            always = [(path, lock.without(statements[0], path)) for path, entry in shape.items() if entry["always"]]
            told = [(path, text) for path, text in always if text is not None]
            problems = schemas.problems(case.standard, [text for _, text in told])
            for (path, _), problem in zip(told, problems, strict=True):
                if problem:
                    shape[path]["specification"] = True
    return found


@check(
    "versions.lock", "Consumers are not broken: what the output lost or changed since the lock shows in the version."
)
def versions(subject: Subject) -> Iterable[Finding | Note]:
    """Shapes of all samples' output, and what their source must hold, against contract.lock.json."""
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
    then = locked["plugins"][subject.name]
    changes = lock.compare(then["says"], now)
    for event, paths in requires_of(subject).items():
        if event in then["requires"]:
            changes += lock.compare_sources(event, then["requires"][event], paths)
    before, version = locked["version"], subject.package.version
    got, due = lock.bump_between(before, version), max((change.bump for change in changes), default=lock.PATCH)
    for change in sorted(changes, key=lambda one: -one.bump):
        words = f"{change.what}: this asks for {lock.BUMPS[change.bump]} version"
        if change.bump == lock.NEVER:
            yield Finding(f"{change.what}: no version may do this", change.event, change.path)
        elif change.bump > got:
            least = lock.next_version(before, change.bump)
            yield Finding(f"{words}, at least {least}; {before} → {version} is none", change.event, change.path)
        else:
            yield Note(f"{words}; {version} is one", change.event, change.path)
    if changes and locked.get("harness") != __version__:
        yield Note(f"the lock is of harness {locked.get('harness')}: if nothing has changed, this one looks closer")
    yield Note(_due(before, version, due, len(changes), len(now)))


def _due(before: str, version: str, due: int, changes: int, events: int) -> str:
    """Which bump is due since the lock."""
    if due == lock.PATCH:
        return f"{events} events say what they said in {before}: any version will do"
    if due == lock.NEVER:
        return f"{changes} changes since {before}, one of which no version may make"
    enough = "is enough" if lock.bump_between(before, version) >= due else "is not enough"
    least = lock.next_version(before, due)
    return f"{changes} changes since {before}: {lock.BUMPS[due]} version is due, at least {least}; {version} {enough}"


def requires_of(subject: Subject) -> dict[str, list[list[str]]]:
    """For each event what its source must hold."""
    return {case.about: lock.requires_of(case.own) for case in mappings_of(subject)}
