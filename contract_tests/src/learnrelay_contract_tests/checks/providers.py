"""Resolvers: identity and course providers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import leaks
from ..host import TITLED_COURSE, DiedError, Process
from ..samples import Marker, marker_text
from ..subject import Subject
from . import Finding, NotApplicableError, Note, check

SETTINGS: tuple[dict[str, Any], ...] = (
    {}, {"secret": "another secret of the harness"}, {"path": "courses.csv"},
)  # fmt: skip


def _assembled(subject: Subject, section: str, provider: str, process: Process) -> bool:
    """Switch a provider on, with the author's settings or with guessed ones."""
    own = subject.package.sections.get(section)
    for settings in (own,) if own else SETTINGS:
        try:
            subject.assemble(process, sections={section: {"provider": provider, **(settings or {})}})
        except DiedError:
            continue
        return True
    return False


def _hint(section: str) -> str:
    return f"cannot be configured: give its settings in contract.toml, under [sections.{section}]"


@check(
    "provider.identity",
    "An identity provider gives each learner one pseudonym, the same everywhere, that tells nothing; and never raises.",
    private=True,
)
def identity(subject: Subject) -> Iterable[Finding | Note]:
    """Learners by id, by name, by both, unknown and odd ones, in two spaces and two processes."""
    names = subject.description["identity_providers"]
    if not names:
        raise NotApplicableError("it brings no identity provider")
    rng = subject.rng("users")
    known = [[str(a), str(b)] for a, b in subject.package.users]
    users = known or [[marker_text(rng, "user_id"), marker_text(rng, "name")] for _ in range(6)]
    markers = [
        Marker(what, text)
        for user in users
        for what, text in zip(("the user id", "the user name"), user, strict=True)
        if len(text) > 7
    ]
    odd = [["", ""], ["0", ""], ["", "é\ud7ff"], ["x" * 3000, ""], [None, "only a name"], ["17", None]]
    asked = {"users": [*users, *odd], "spaces": ["one", "two"]}
    for name in names:
        answers = []
        for process in (subject.process, subject.witness[0]):
            if not _assembled(subject, "identity", name, process):
                yield Finding(f"{name} {_hint('identity')}")
                break
            answers.append(
                [
                    process.ask("learners", **asked),
                    process.ask("digests", values=[m.text for m in markers] or ["a", "b"], spaces=["one", "two"]),
                ]
            )
        else:
            (learners, digests), elsewhere = answers[0], answers[1]
            told = [one for one in [*learners, *digests] if one is not None]
            if any(one.startswith("!") for one in told):
                yield Finding(
                    f"{name} raises or answers with something else ({next(o for o in told if o.startswith('!'))[1:]})"
                )
            if [learners, digests] != elsewhere:
                yield Finding(f"{name} gives other pseudonyms in another process: live and replay would differ")
            for marker, form in leaks.find(markers, told):
                yield Finding(f"{name}: {marker.path} is in what it gives {form}")
            given = learners[: 2 * len(users)]
            if not any(given):
                yield Finding(
                    f"{name} knows none of the users: name some that it knows in contract.toml, users = [[id, name], …]"
                )
            for space in (0, 1):
                found = [one for one in given[space::2] if one]
                if len(set(found)) < len(found):
                    yield Finding(f"{name} gives one pseudonym to several learners")
            if len(set(digests)) < len({m.text for m in markers}):
                yield Finding(f"{name} gives one digest to several values")
    for process in (subject.process, subject.witness[0]):
        subject.assemble(process)


@check("provider.courses", "A course provider gives a title or None, the same every time, and never raises.")
def courses(subject: Subject) -> Iterable[Finding | Note]:
    """Known, unknown and odd course ids."""
    names = subject.description["course_providers"]
    if not names:
        raise NotApplicableError("it brings no course provider")
    asked = [TITLED_COURSE, "course-v1:Nobody+X+1", "", "é\ud7ff", "x" * 3000, "Org/Course/Run", "library-v1:A+B"]
    for name in names:
        if not _assembled(subject, "courses", name, subject.process):
            yield Finding(f"{name} {_hint('courses')}")
            continue
        told = subject.process.ask("titles", courses=asked)
        if told != subject.process.ask("titles", courses=asked):
            yield Finding(f"{name} gives another title the next time")
        if any(isinstance(one, str) and one.startswith("!") for one in told):
            yield Finding(f"{name} raises, or gives something else than a text or None")
        yield Note(f"{name} knows {sum(one is not None for one in told)} of {len(told)} courses")
    subject.assemble(subject.process)
