"""The source: what shows before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..lint import Flaw, lint_files
from ..lint.rules import PRIVATE
from ..subject import Subject
from . import Finding, NotApplicableError, Note, check


def flaws(subject: Subject) -> list[Flaw]:
    """Flaws of the package's files, for whoever asks first."""
    if subject.flaws is None:
        subject.flaws = lint_files(subject.package.sources)
    found: list[Flaw] = subject.flaws
    return found


def place(subject: Subject, file: str, line: int) -> str:
    """``package/file.py:line``."""
    directory = subject.package.directory
    return f"{file.removeprefix(f'{directory.parent}/') if directory else file.rpartition('/')[2]}:{line}"


def _place(subject: Subject, flaw: Flaw) -> str:
    return place(subject, flaw.file, flaw.line)


@check(
    "source.privacy",
    "The source reads no raw event, no stack, no memory, no undeclared field, no inside of the host, "
    "and hides and keeps nothing.",
    private=True,
)
def privacy(subject: Subject) -> Iterable[Finding | Note]:
    """The linter's codes that know no exception."""
    if not subject.package.sources:
        yield Finding("there is no source to read")
    for flaw in flaws(subject):
        if flaw.code in PRIVATE:
            yield Finding(f"{flaw.code} {flaw.message}", path=_place(subject, flaw))


@check(
    "source.purity",
    "The source does no I/O, and uses neither clock nor chance, where it handles events or is imported.",
)
def purity(subject: Subject) -> Iterable[Finding | Note]:
    """The linter's other codes; a line may allow one with a reason. A command of the package's own may do I/O."""
    for flaw in flaws(subject):
        command = flaw.code == "LR107" and Path(flaw.file) in subject.package.commands
        if flaw.code not in PRIVATE and not command:
            made = Note(f"{flaw.code} allowed: {flaw.allowed}", path=_place(subject, flaw)) if flaw.allowed else None
            yield made or Finding(f"{flaw.code} {flaw.message}", path=_place(subject, flaw))


@check(
    "source.package",
    "The distribution is source that can be read, and nothing of it runs in other processes or replaces the harness.",
    private=True,
)
def package(subject: Subject) -> Iterable[Finding | Note]:
    """Files and entry points of the distribution."""
    for strange in subject.package.strange:
        yield Finding(strange)


@check(
    "source.gaps", "Each gap that the package claims has a written reason, and none is a privacy check.", private=True
)
def gaps(subject: Subject) -> Iterable[Finding | Note]:
    """``[gaps]`` of contract.toml."""
    from . import ALL

    if not subject.package.gaps:
        raise NotApplicableError("it claims none")
    for name, reason in subject.package.gaps.items():
        known = ALL.get(name)
        if known is None:
            yield Finding(f"there is no check {name}")
        elif known.private:
            yield Finding(f"{name} is a privacy check, which knows no gap")
        elif len(reason.strip()) < 20:
            yield Finding(f"the gap in {name} needs a reason of at least 20 characters")
        else:
            yield Note(f"gap in {name}: {reason}")
