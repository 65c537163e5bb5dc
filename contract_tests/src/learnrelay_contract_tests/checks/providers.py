"""Checks identity and course providers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from .. import leaks
from ..host import OTHER_SECRET, OTHER_SEED, TITLED_COURSE, PluginProcess, PluginProcessError
from ..samples import Marker, marker_text
from ..subject import Subject
from . import Finding, NotApplicableError, Note, check

SETTINGS: tuple[dict[str, Any], ...] = (
    {}, {"secret": "another secret of the harness"}, {"path": "courses.csv"},
)  # fmt: skip
SPACES = ("one", "two", "one/consumer", "two/consumer")
"""Two standards, and a destination of each that has pseudonyms of its own."""

USERS = 32
"""Invented users: enough to rule out chance where their pseudonyms correlate with them."""

Users = Sequence[Sequence[str | None]]


class _NotConfiguredError(Exception):
    """Says why a provider cannot be enabled."""


def _enable_provider(
    subject: Subject, section: str, provider: str, process: PluginProcess, **more: Any
) -> Mapping[str, Any]:
    """Enables a provider with the author's settings or guessed ones, and returns them. Raises _NotConfiguredError."""
    own = subject.package.sections.get(section)
    reason = ""
    for settings in (own,) if own else SETTINGS:
        try:
            subject.assemble(process, sections={section: {"provider": provider, **settings, **more}})
        except PluginProcessError as error:
            reason = str(error)
            continue
        return dict(settings)
    raise _NotConfiguredError(
        f"cannot be configured with [sections.{section}] of contract.toml: {reason}"
        if own
        else f"cannot be configured: give its settings in contract.toml, under [sections.{section}]"
    )


def _restore_settings(subject: Subject) -> None:
    for process in (subject.process, subject.second_process[0]):
        subject.assemble(process)


# --- identity ---------------------------------------------------------------------------------------------


@check(
    "provider.identity",
    "An identity provider gives a learner one pseudonym that reveals nothing, the same everywhere, or is unavailable.",
    private=True,
)
def check_identity(subject: Subject) -> Iterable[Finding | Note]:
    """Asks for learners by id, by name, by both, unknown and odd ones, in several spaces, two processes and orders."""
    names = subject.description["identity_providers"]
    if not names:
        raise NotApplicableError("the plugin has no identity provider")
    rng = subject.rng("users")
    users = [[str(a), str(b)] for a, b in subject.package.users]
    invented = not users
    if invented:
        users = [[marker_text(rng, "user_id"), marker_text(rng, "name")] for _ in range(USERS)]
    for name in names:
        try:
            settings = _enable_provider(subject, "identity", name, subject.process)
            _enable_provider(subject, "identity", name, subject.second_process[0])
        except _NotConfiguredError as error:
            yield Finding(f"{name} {error}")
            continue
        for fault in _identity_faults(subject, users, invented):
            yield Finding(f"{name} {fault}")
        if invented:
            for fault in _secret_faults(subject, name, settings, users):
                yield Finding(f"{name} {fault}")
    _restore_settings(subject)


def _identity_faults(subject: Subject, users: Users, invented: bool) -> Iterator[str]:
    process, witness = subject.process, subject.second_process[0]
    markers = _user_markers(users)
    values = [marker.text for marker in markers] or ["a", "b"]
    process.ask("take_log_records")
    learners, digests = _ask_identity(process, users, values)
    odd = process.ask("learners", users=ODD, spaces=["one"])
    records = process.ask("take_log_records")
    answers = [answer for answer in _flatten(learners, digests, [odd]) if answer is not None]
    if raised := next((answer[1:] for answer in answers if isinstance(answer, str) and answer.startswith("!")), ""):
        yield (
            AWAY
            if raised == "Unavailable"
            else f"raises, or returns something other than a Learner, text or None ({raised})"
        )
        return
    if _ask_identity(witness, users[::-1], values[::-1]) != (
        [answer[::-1] for answer in learners],
        [answer[::-1] for answer in digests],
    ):
        yield "gives other pseudonyms in another process or another order: live delivery and replay would differ"
    for marker, form in leaks.find_markers(
        markers, [answer if isinstance(answer, str) else answer[0] for answer in answers]
    ):
        yield f"reveals the user: {marker.path} appears in a pseudonym or digest {form}"
        break
    for marker, form in leaks.find_markers(markers, records):
        yield f"reveals the user: {marker.path} appears in a log record {form}"
        break
    if not any(learners[0]):
        yield "knows none of the users: list some that it knows in contract.toml, users = [[id, name], …]"
    yield from _address_faults(process, learners, odd, invented)
    yield from _uniqueness_faults(process, users, learners, digests)
    yield from _separation_faults(process, users, values, learners, digests)
    if not all(map(_is_uuid, digests[0])):
        yield "gives a digest that is not a UUID: digests become ids of sessions"


AWAY = "is Unavailable again and again: give settings with which it answers in contract.toml"
"""Fault of a provider that has no answers for the harness."""


ODD: list[list[str | None]] = [
    ["", ""], ["0", ""], ["", "é\ud7ff"], ["x" * 3000, ""], [None, "only a name"], ["17", None],
]  # fmt: skip


def _user_markers(users: Users) -> list[Marker]:
    return [
        Marker(what, text)
        for user in users
        for what, text in zip(("the user id", "the user name"), user, strict=True)
        if text is not None and len(text) > 7
    ]


def _ask_identity(process: PluginProcess, users: Users, values: list[str]) -> tuple[list[list[Any]], list[list[str]]]:
    """Returns for each space the learners, and the digests of values."""
    learners = process.ask("learners", users=list(users), spaces=list(SPACES))
    digests = process.ask("digests", values=values, spaces=list(SPACES))
    several = range(len(SPACES))
    return [learners[n :: len(SPACES)] for n in several], [digests[n :: len(SPACES)] for n in several]


def _flatten(*parts: Sequence[Sequence[Any]]) -> Iterator[Any]:
    return (item for part in parts for inner in part for item in inner)


def _pseudonyms(learners: Sequence[Any]) -> list[str | None]:
    return [learner[0] if isinstance(learner, list) else None for learner in learners]


def _address_faults(process: PluginProcess, learners: list[list[Any]], odd: list[Any], invented: bool) -> Iterator[str]:
    """Reports invented e-mail addresses: only the operator's data holds addresses."""
    nobody = process.ask("learners", users=[["8131072", "Nobody At All"]], spaces=["one"])
    unknown = [*nobody, *odd, *(learners[0] if invented else ())]
    if any(isinstance(learner, list) and learner[1] is not None for learner in unknown):
        yield "invents an e-mail address for an unknown user: return None as the address"


def _uniqueness_faults(
    process: PluginProcess, users: Users, learners: list[list[Any]], digests: list[list[str]]
) -> Iterator[str]:
    for space, space_learners, others in zip(SPACES, learners, digests, strict=True):
        pseudonyms = [first_user for first_user in _pseudonyms(space_learners) if first_user is not None]
        if len(set(pseudonyms)) < len(pseudonyms):
            yield f"gives one pseudonym to several learners (space {space})"
            break
        if len(set(others)) < len(others):
            yield f"gives one digest to several values (space {space})"
            break
    by_id = process.ask("learners", users=[[user[0], None] for user in users], spaces=["one"])
    if any(a and b and a[0] != b[0] for a, b in zip(by_id, learners[0], strict=True)):
        yield "gives a learner another pseudonym if the event has no name: derive it from the id where there is one"
    for (first_user, second_user), words in ALIKE.items():
        first, second = _pseudonyms(process.ask("learners", users=[first_user, second_user], spaces=["one"]))
        if first is not None and first == second:
            yield f"gives one pseudonym to several learners: {words}"


ALIKE: dict[tuple[tuple[str | None, str | None], tuple[str | None, str | None]], str] = {
    ((None, "Anna"), (None, "anna")): "names that differ by case",
    ((None, "ﬁnn"), (None, "finn")): "names that differ by compatibility forms",
    ((None, "470113"), ("470113", None)): "an id, and a name that is the same text",
}


def _separation_faults(
    process: PluginProcess, users: Users, values: list[str], learners: list[list[Any]], digests: list[list[str]]
) -> Iterator[str]:
    """Reports what lets destinations with pseudonyms of their own join their data with others'."""
    for number in (0, 1):
        column = [user[number] or "" for user in users]
        if any(_is_derived(column, pseudonyms) for pseudonyms in pseudonyms_by_space(learners)):
            yield f"reveals the user: a part of the user {'name' if number else 'id'} appears in the pseudonym"
            break
    if process.ask("own_spaces") is not None:
        return
    for what, several in (("pseudonym", pseudonyms_by_space(learners)), ("digest", digests)):
        for own in (2, 3):
            for other in range(own):
                pairs = [(a, b) for a, b in zip(several[own], several[other], strict=True) if a]
                if any(a == b for a, b in pairs) or _is_derived([b for _, b in pairs], [a for a, _ in pairs]):
                    yield (
                        f"gives the same {what}, or a part of it, in the spaces {SPACES[other]} and {SPACES[own]}: "
                        "two consumers could join their data, so derive it from the space too"
                    )
                    return


def pseudonyms_by_space(learners: list[list[Any]]) -> list[list[str]]:
    """Returns the pseudonyms of each space; empty for an unknown user."""
    return [[pseudonym or "" for pseudonym in _pseudonyms(space_learners)] for space_learners in learners]


def _is_derived(sources: Sequence[str], results: Sequence[str]) -> bool:
    """Tells whether some character of the results is a function of some character of the sources, not by chance.

    Positions are counted from both ends. A repeated character of the source must meet a repeated one of the result
    `MIN_REPETITIONS` times or more: among hexadecimal digits chance does that once in 16 ** 12.
    """
    columns = [(column, len(set(column))) for column in _columns(results)]
    for source in _columns(sources):
        different = len(set(source))
        if len(source) - different < MIN_REPETITIONS:
            continue
        for column, various in columns:
            if various > 1 and len(set(zip(source, column, strict=True))) == different:
                return True
    return False


MIN_REPETITIONS = 12


def _columns(texts: Sequence[str]) -> list[tuple[str, ...]]:
    width = min(map(len, texts), default=0)
    places = [*range(width), *(range(-width, 0) if len({len(text) for text in texts}) > 1 else ())]
    return [tuple(text[place] for text in texts) for place in places]


def _is_uuid(text: Any) -> bool:
    try:
        return isinstance(text, str) and str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _secret_faults(subject: Subject, name: str, settings: Mapping[str, Any], users: Users) -> Iterator[str]:
    """Reports pseudonyms that do not depend on a secret of the operator."""
    values = [marker.text for marker in _user_markers(users)]
    before = _ask_identity(subject.process, users, values)
    if not any(before[0][0]):
        return
    secret = [key for key in subject.process.ask("secrets") if key in settings]
    if not secret and not settings:
        yield (
            "uses no secret: its source and a list of users suffice to compute all pseudonyms; "
            "add a SecretText to the settings"
        )
    for key in secret:
        try:
            _enable_provider(subject, "identity", name, subject.process, **{key: OTHER_SECRET})
        except _NotConfiguredError:
            continue
        after = _ask_identity(subject.process, users, values)
        for what, old, new in zip(("pseudonym", "digest"), before, after, strict=True):
            if any(a is not None and a == b for a, b in zip(_flatten(old), _flatten(new), strict=True)):
                yield f"gives the same {what} with another {key}: its source suffices to compute it"


# --- courses ----------------------------------------------------------------------------------------------


@check(
    "provider.courses",
    "A course provider gives the same titles and the same known courses every time, or is Unavailable.",
)
def check_courses(subject: Subject) -> Iterable[Finding | Note]:
    """Asks for known, unknown and odd course ids; again, in other orders, processes, hash seeds and time zones."""
    names = subject.description["course_providers"]
    if not names:
        raise NotApplicableError("the plugin has no course provider")
    course_ids = [TITLED_COURSE, "nobody:X+1", "", "é\ud7ff", "x" * 3000, "Org/Course/Run", "library:A+B"]
    west = subject.start(seed=OTHER_SEED, TZ="Etc/GMT+12")[0]  # another day than in the second process
    for name in names:
        processes = (subject.process, subject.second_process[0], west)
        try:
            for process in processes:
                _enable_provider(subject, "courses", name, process)
        except _NotConfiguredError as error:
            yield Finding(f"{name} {error}")
            continue
        answers = subject.process.ask("titles", courses=course_ids)
        if answers != subject.process.ask("titles", courses=course_ids[::-1])[::-1]:
            yield Finding(f"{name} gives another title, or knows other courses, when it is called again")
        if any(answers != process.ask("titles", courses=course_ids) for process in processes[1:]):
            yield Finding(f"{name} gives another title, or knows other courses, in another process or time zone")
        titles = [title for title, _ in answers if title is not None]
        if any("!Unavailable" in pair for pair in answers):
            yield Finding(f"{name} {AWAY}")
            continue
        if any(title.startswith("!") for title in titles):
            yield Finding(f"{name} raises, or gives a title that is neither text nor None")
        if any(known.startswith("!") for _, known in answers):
            yield Finding(f"{name} raises, or returns neither True nor False from knows()")
        if not all(map(str.strip, titles)):
            yield Finding(f"{name} gives an empty title: return None for a course without a title")
        yield Note(f"{name} has titles for {len(titles)} of {len(answers)} courses")
    _restore_settings(subject)
