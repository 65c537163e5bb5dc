"""Checks versions: compares the plugin's output with its lock file (ADR 8)."""

from __future__ import annotations

from collections.abc import Iterable
from random import choice

from learnrelay.privacy.shipped_flows import FILE

from .. import __version__, lock, schemas
from ..samples import A_LITERAL
from ..subject import Subject
from . import Finding, NotApplicableError, Note, check
from .behaviour import require_mapping_cases


def shapes_of(subject: Subject, specification: bool = False) -> dict[str, lock.Shape]:
    """Returns the shape of each event; with ``specification`` also which paths the standard requires."""
    shapes: dict[str, lock.Shape] = {}
    for case in require_mapping_cases(subject):
        pairs = zip(case.samples, subject.sample_outcomes[case.label], strict=True)
        outcomes = [outcome for sample, outcome in pairs if A_LITERAL not in sample.label]
        statements = [text for outcome in outcomes for text in outcome.get("statements", [])]
        if not statements:
            continue
        shape = shapes[case.label] = lock.shape_of(statements)
        if specification:
            always = [(path, lock.remove_path(statements[0], path)) for path, entry in shape.items() if entry["always"]]
            reduced = [(path, text) for path, text in always if text is not None]
            problems = schemas.find_problems(case.standard, [text for _, text in reduced])
            for (path, _), problem in zip(reduced, problems, strict=True):
                if problem:
                    shape[path]["specification"] = True
    return shapes


@check(
    "versions.lock",
    "The version reflects what the output has lost or changed since the lock, so consumers are not broken.",
)
def check_lock(subject: Subject) -> Iterable[Finding | Note]:
    """Compares the shapes of all samples' output, and what their source must hold, with contract.lock.json.

    Of the flows beside it, those of one mapping, drawn anew in each run, are traced and compared.
    """
    if subject.infos[0].kind == "standards":
        raise NotApplicableError("a standard has no output of its own: its families have locks")
    if subject.infos[0].file:
        raise NotApplicableError("each content of a single file is a version of its own")
    now = shapes_of(subject)
    path = subject.package.lock
    if path is not None and path.with_name(FILE).is_file():
        yield from _check_flows(subject)
    if path is None or not path.is_file():
        yield Note("no lock yet: `learnrelay contract-test --lock` writes one")
        return
    try:
        locked = lock.read_lock(path)
    except ValueError as error:
        yield Finding(str(error))
        return
    if subject.name not in locked["plugins"]:
        yield Note("not in the lock yet: `learnrelay contract-test --lock` adds it")
        return
    then = locked["plugins"][subject.name]
    changes = lock.compare_shapes_by_event(then["says"], now)
    for event, paths in requires_of(subject).items():
        if event in then["requires"]:
            changes += lock.compare_sources(event, then["requires"][event], paths)
    before, version = locked["version"], subject.package.version
    got, due = lock.bump_between(before, version), max((change.bump for change in changes), default=lock.PATCH)
    for change in sorted(changes, key=lambda change: -change.bump):
        words = f"{change.what}: this needs {lock.BUMPS[change.bump]} version"
        if change.bump == lock.NEVER:
            yield Finding(f"{change.what}: no version may do this", change.event, change.path)
        elif change.bump > got:
            least = lock.next_version(before, change.bump)
            yield Finding(f"{words}, at least {least}; {before} → {version} is not enough", change.event, change.path)
        else:
            yield Note(f"{words}; {version} is enough", change.event, change.path)
    if changes and locked.get("harness") != __version__:
        yield Note(f"harness {locked.get('harness')} wrote the lock: if nothing has changed, write the lock again")
    yield Note(_describe_due_bump(before, version, due, len(changes), len(now)))


def _check_flows(subject: Subject) -> Iterable[Finding | Note]:
    case = choice(require_mapping_cases(subject))  # noqa: S311  # no secret
    state = subject.compare_shipped_flows(case)
    if state == "other":
        yield Finding(
            f"{FILE} says something else than the code: `learnrelay contract-test --lock` writes it", case.label
        )
    elif state == "none":
        yield Note(f"{FILE} is of other code, and not used: `learnrelay contract-test --lock` writes it", case.label)


def _describe_due_bump(before: str, version: str, due: int, changes: int, events: int) -> str:
    """Describes which bump is due since the lock."""
    if due == lock.PATCH:
        return f"{events} events have the same output as in {before}: any version will do"
    if due == lock.NEVER:
        return f"{changes} changes since {before}; no version may make one of them"
    enough = "is enough" if lock.bump_between(before, version) >= due else "is not enough"
    least = lock.next_version(before, due)
    return f"{changes} changes since {before}: {lock.BUMPS[due]} version is due, at least {least}; {version} {enough}"


def requires_of(subject: Subject) -> dict[str, list[list[str]]]:
    """Returns for each event what its source must hold."""
    return {case.label: lock.requires_of(case.own) for case in require_mapping_cases(subject)}
