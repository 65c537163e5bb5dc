"""Resolvers: identity and course providers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from .. import leaks
from ..host import OTHER_SECRET, TITLED_COURSE, DiedError, Process
from ..samples import Marker, marker_text
from ..subject import Subject
from . import Finding, NotApplicableError, Note, check

SETTINGS: tuple[dict[str, Any], ...] = (
    {}, {"secret": "another secret of the harness"}, {"path": "courses.csv"},
)  # fmt: skip
SPACES = ("one", "two", "one/consumer", "two/consumer")
"""Two standards, and a destination of each that has pseudonyms of its own."""

USERS = 32
"""Invented users: so many that what their pseudonyms have in common with them is no coincidence."""

Users = Sequence[Sequence[str | None]]


def _assembled(
    subject: Subject, section: str, provider: str, process: Process, **more: Any
) -> Mapping[str, Any] | None:
    """Switch a provider on, with the author's settings or with guessed ones: which; None where none fits."""
    own = subject.package.sections.get(section)
    for settings in (own,) if own else SETTINGS:
        try:
            subject.assemble(process, sections={section: {"provider": provider, **settings, **more}})
        except DiedError:
            continue
        return dict(settings)
    return None


def _hint(section: str) -> str:
    return f"cannot be configured: give its settings in contract.toml, under [sections.{section}]"


def _restored(subject: Subject) -> None:
    for process in (subject.process, subject.witness[0]):
        subject.assemble(process)


# --- identity ---------------------------------------------------------------------------------------------


@check(
    "provider.identity",
    "An identity provider gives each learner one pseudonym, the same everywhere, that tells nothing; and never raises.",
    private=True,
)
def identity(subject: Subject) -> Iterable[Finding | Note]:
    """Learners by id, by name, by both, unknown and odd ones, in several spaces, two processes and orders."""
    names = subject.description["identity_providers"]
    if not names:
        raise NotApplicableError("it brings no identity provider")
    rng = subject.rng("users")
    users = [[str(a), str(b)] for a, b in subject.package.users]
    invented = not users
    if invented:
        users = [[marker_text(rng, "user_id"), marker_text(rng, "name")] for _ in range(USERS)]
    for name in names:
        settings = _assembled(subject, "identity", name, subject.process)
        if settings is None or _assembled(subject, "identity", name, subject.witness[0]) is None:
            yield Finding(f"{name} {_hint('identity')}")
            continue
        for fault in _faults(subject, users, invented):
            yield Finding(f"{name} {fault}")
        if invented:
            for fault in _guessable(subject, name, settings, users):
                yield Finding(f"{name} {fault}")
    _restored(subject)


def _faults(subject: Subject, users: Users, invented: bool) -> Iterator[str]:
    process, witness = subject.process, subject.witness[0]
    markers = _markers(users)
    values = [marker.text for marker in markers] or ["a", "b"]
    process.ask("logged")
    learners, digests = _asked(process, users, values)
    odd = process.ask("learners", users=ODD, spaces=["one"])
    records = process.ask("logged")
    told = [one for one in _flat(learners, digests, [odd]) if one is not None]
    if raised := next((one[1:] for one in told if isinstance(one, str) and one.startswith("!")), ""):
        yield f"raises or answers with something else ({raised})"
        return
    if _asked(witness, users[::-1], values[::-1]) != ([one[::-1] for one in learners], [one[::-1] for one in digests]):
        yield "gives other pseudonyms in another process, or in another order: live and replay would differ"
    for marker, form in leaks.find(markers, [one if isinstance(one, str) else one[0] for one in told]):
        yield f"tells: {marker.path} is in what it gives {form}"
        break
    for marker, form in leaks.find(markers, records):
        yield f"tells: {marker.path} is in a log record {form}"
        break
    if not any(learners[0]):
        yield "knows none of the users: name some that it knows in contract.toml, users = [[id, name], …]"
    yield from _of_addresses(process, learners, odd, invented)
    yield from _one_for_each(process, users, learners, digests)
    yield from _apart(process, users, values, learners, digests)
    if not all(map(_is_uuid, digests[0])):
        yield "gives a digest that is no UUID: it becomes the id of a session"


ODD: list[list[str | None]] = [
    ["", ""], ["0", ""], ["", "é\ud7ff"], ["x" * 3000, ""], [None, "only a name"], ["17", None],
]  # fmt: skip


def _markers(users: Users) -> list[Marker]:
    return [
        Marker(what, text)
        for user in users
        for what, text in zip(("the user id", "the user name"), user, strict=True)
        if text is not None and len(text) > 7
    ]


def _asked(process: Process, users: Users, values: list[str]) -> tuple[list[list[Any]], list[list[str]]]:
    """For each space the learners, and the digests of values."""
    learners = process.ask("learners", users=list(users), spaces=list(SPACES))
    digests = process.ask("digests", values=values, spaces=list(SPACES))
    several = range(len(SPACES))
    return [learners[n :: len(SPACES)] for n in several], [digests[n :: len(SPACES)] for n in several]


def _flat(*parts: Sequence[Sequence[Any]]) -> Iterator[Any]:
    return (one for part in parts for inner in part for one in inner)


def _pseudonyms(learners: Sequence[Any]) -> list[str | None]:
    return [one[0] if isinstance(one, list) else None for one in learners]


def _of_addresses(process: Process, learners: list[list[Any]], odd: list[Any], invented: bool) -> Iterator[str]:
    """An address is the operator's to give: nobody has given one for somebody who does not exist."""
    nobody = process.ask("learners", users=[["8131072", "Nobody At All"]], spaces=["one"])
    unknown = [*nobody, *odd, *(learners[0] if invented else ())]
    if any(isinstance(one, list) and one[1] is not None for one in unknown):
        yield "makes up an e-mail address for somebody whom it does not know"


def _one_for_each(process: Process, users: Users, learners: list[list[Any]], digests: list[list[str]]) -> Iterator[str]:
    for space, told, others in zip(SPACES, learners, digests, strict=True):
        found = [one for one in _pseudonyms(told) if one is not None]
        if len(set(found)) < len(found):
            yield f"gives one pseudonym to several learners (space {space})"
            break
        if len(set(others)) < len(others):
            yield f"gives one digest to several values (space {space})"
            break
    by_id = process.ask("learners", users=[[user[0], None] for user in users], spaces=["one"])
    if any(a and b and a[0] != b[0] for a, b in zip(by_id, learners[0], strict=True)):
        yield "gives a learner another pseudonym where the event has the id only: a new name makes a new learner"
    for (one, other), words in ALIKE.items():
        first, second = _pseudonyms(process.ask("learners", users=[one, other], spaces=["one"]))
        if first is not None and first == second:
            yield f"gives one pseudonym to several learners: {words}"


ALIKE: dict[tuple[tuple[str | None, str | None], tuple[str | None, str | None]], str] = {
    ((None, "Anna"), (None, "anna")): "names that differ by case",
    ((None, "ﬁnn"), (None, "finn")): "names that differ by compatibility forms",
    ((None, "470113"), ("470113", None)): "an id, and a name that is the same text",
}


def _apart(
    process: Process, users: Users, values: list[str], learners: list[list[Any]], digests: list[list[str]]
) -> Iterator[str]:
    """What a consumer with pseudonyms of its own gets must not tell who it is to the others."""
    for number in (0, 1):
        column = [user[number] or "" for user in users]
        if any(_follows(column, told) for told in learners_of(learners)):
            yield f"tells: a part of the user {'name' if number else 'id'} shows in the pseudonym"
            break
    if process.ask("own_spaces") is not None:
        return
    for what, several in (("pseudonym", learners_of(learners)), ("digest", digests)):
        for own in (2, 3):
            for other in range(own):
                pairs = [(a, b) for a, b in zip(several[own], several[other], strict=True) if a]
                if any(a == b for a, b in pairs) or _follows([b for _, b in pairs], [a for a, _ in pairs]):
                    yield (
                        f"gives the same {what}, or a part of it, in the spaces {SPACES[other]} and {SPACES[own]}: "
                        "two consumers could join what they know"
                    )
                    return


def learners_of(learners: list[list[Any]]) -> list[list[str]]:
    """The pseudonyms of each space, empty for who has none."""
    return [[one or "" for one in _pseudonyms(told)] for told in learners]


def _follows(sources: Sequence[str], results: Sequence[str]) -> bool:
    """Whether some character of the results is a function of some character of the sources, beyond all chance.

    Places are counted from both ends. A repeated character of the source must meet a repeated one of the result
    `SURE` times or more: among hexadecimal digits chance does that once in 16 ** 12.
    """
    columns = [(column, len(set(column))) for column in _columns(results)]
    for source in _columns(sources):
        different = len(set(source))
        if len(source) - different < SURE:
            continue
        for column, various in columns:
            if various > 1 and len(set(zip(source, column, strict=True))) == different:
                return True
    return False


SURE = 12


def _columns(texts: Sequence[str]) -> list[tuple[str, ...]]:
    width = min(map(len, texts), default=0)
    places = [*range(width), *(range(-width, 0) if len({len(text) for text in texts}) > 1 else ())]
    return [tuple(text[place] for text in texts) for place in places]


def _is_uuid(text: Any) -> bool:
    try:
        return isinstance(text, str) and str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _guessable(subject: Subject, name: str, settings: Mapping[str, Any], users: Users) -> Iterator[str]:
    """Whether something goes into its pseudonyms that only the operator knows."""
    values = [marker.text for marker in _markers(users)]
    before = _asked(subject.process, users, values)
    if not any(before[0][0]):
        return
    secret = [key for key in subject.process.ask("secrets") if key in settings]
    if not secret and not settings:
        yield (
            "needs no secret: who has its source and a list of users can compute all pseudonyms; "
            "take a SecretText from the settings"
        )
    for key in secret:
        if _assembled(subject, "identity", name, subject.process, **{key: OTHER_SECRET}) is None:
            continue
        after = _asked(subject.process, users, values)
        for what, old, new in zip(("pseudonym", "digest"), before, after, strict=True):
            if any(a is not None and a == b for a, b in zip(_flat(old), _flat(new), strict=True)):
                yield f"gives the same {what} with another {key}: who has its source can compute it"


# --- courses ----------------------------------------------------------------------------------------------


@check(
    "provider.courses",
    "A course provider says titles and what it knows, the same every time, and never raises.",
)
def courses(subject: Subject) -> Iterable[Finding | Note]:
    """Known, unknown and odd course ids; again, in other orders, processes, hash seeds and time zones."""
    names = subject.description["course_providers"]
    if not names:
        raise NotApplicableError("it brings no course provider")
    asked = [TITLED_COURSE, "course-v1:Nobody+X+1", "", "é\ud7ff", "x" * 3000, "Org/Course/Run", "library-v1:A+B"]
    west = subject.start(seed=11, TZ="Etc/GMT+12")[0]  # it is another day there than where the witness is
    for name in names:
        processes = (subject.process, subject.witness[0], west)
        if any(_assembled(subject, "courses", name, process) is None for process in processes):
            yield Finding(f"{name} {_hint('courses')}")
            continue
        told = subject.process.ask("titles", courses=asked)
        if told != subject.process.ask("titles", courses=asked[::-1])[::-1]:
            yield Finding(f"{name} gives another title, or knows another course, the next time")
        if any(told != process.ask("titles", courses=asked) for process in processes[1:]):
            yield Finding(f"{name} gives another title, or knows another course, in another process or at another time")
        titles = [title for title, _ in told if title is not None]
        if any(title.startswith("!") for title in titles):
            yield Finding(f"{name} raises, or gives something else than a text or None")
        if any(known.startswith("!") for _, known in told):
            yield Finding(f"{name} raises, or answers neither True nor False, when asked whether it knows a course")
        if not all(map(str.strip, titles)):
            yield Finding(f"{name} gives an empty title: what has none is None")
        yield Note(f"{name} has titles for {len(titles)} of {len(told)} courses")
    _restored(subject)
