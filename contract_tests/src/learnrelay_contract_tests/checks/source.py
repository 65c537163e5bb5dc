"""Checks the source of the package without running it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..lint import Flaw, lint_files
from ..lint.rules import AUDIT, PRIVATE
from ..subject import Subject
from . import Finding, NotApplicableError, Note, check


def lint_flaws(subject: Subject) -> list[Flaw]:
    """Returns the flaws of the package's files, cached in the subject."""
    if subject.flaws is None:
        subject.flaws = lint_files(subject.package.sources, subject.package.undeclared_plugins, subject.package.roles)
    flaws: list[Flaw] = subject.flaws
    return flaws


def format_place(subject: Subject, file: str, line: int) -> str:
    """Formats a place as ``package/file.py:line``."""
    directory = subject.package.directory
    return f"{file.removeprefix(f'{directory.parent}/') if directory else file.rpartition('/')[2]}:{line}"


def _place(subject: Subject, flaw: Flaw) -> str:
    return format_place(subject, flaw.file, flaw.line)


@check(
    "source.privacy",
    "The source reads no raw event, undeclared field or internals of the host, tells no values and keeps no state.",
    private=True,
    quick=True,
)
def check_source_privacy(subject: Subject) -> Iterable[Finding | Note]:
    """Reports the linter's codes that accept no exception, without those of the audit."""
    if not subject.package.sources:
        yield Finding("the package has no source to read: ship the source")
    for flaw in lint_flaws(subject):
        if flaw.code in PRIVATE - AUDIT:
            yield Finding(f"{flaw.code} {flaw.message}", path=_place(subject, flaw))


@check(
    "source.purity",
    "The source does no I/O, and uses neither clock nor chance, while it handles events or is imported.",
    quick=True,
)
def check_purity(subject: Subject) -> Iterable[Finding | Note]:
    """Reports the linter's other codes; a line may allow one with a reason. The package's own commands may do I/O."""
    for flaw in lint_flaws(subject):
        command = flaw.code == "LR107" and Path(flaw.file) in subject.package.commands
        if flaw.code not in PRIVATE and not command:
            made = Note(f"{flaw.code} allowed: {flaw.allowed}", path=_place(subject, flaw)) if flaw.allowed else None
            yield made or Finding(f"{flaw.code} {flaw.message}", path=_place(subject, flaw))


@check(
    "audit.source",
    "The source reads no stack, memory or internals of functions, and runs no code that it does not show.",
    private=True,
)
def check_hidden_code(subject: Subject) -> Iterable[Finding | Note]:
    """Reports the linter's codes of the audit."""
    for flaw in lint_flaws(subject):
        if flaw.code in AUDIT:
            yield Finding(f"{flaw.code} {flaw.message}", path=_place(subject, flaw))


@check(
    "audit.package",
    "The distribution is readable source; nothing of it runs in other processes or replaces the harness.",
    private=True,
)
def check_package(subject: Subject) -> Iterable[Finding | Note]:
    """Reports forbidden files and entry points of the distribution."""
    for intrusion in subject.package.intrusions:
        yield Finding(intrusion)


@check(
    "source.gaps", "Each gap that the package declares has a written reason, and none is a privacy check.", private=True
)
def check_gaps(subject: Subject) -> Iterable[Finding | Note]:
    """Checks ``[gaps]`` of contract.toml."""
    from . import ALL

    if not subject.package.gaps:
        raise NotApplicableError("the package declares no gap")
    for name, reason in subject.package.gaps.items():
        known = ALL.get(name)
        if known is None:
            yield Finding(f"the gap {name} names no check: see `learnrelay contract-test --checks`")
        elif known.private:
            yield Finding(f"{name} is a privacy check, which accepts no gap: remove the gap")
        elif len(reason.strip()) < 20:
            yield Finding(f"the gap in {name} needs a reason of at least 20 characters")
        else:
            yield Note(f"gap in {name}: {reason}")
