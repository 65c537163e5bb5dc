"""The lock: which change of an output needs which version, end to end through the harness and by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from installed_plugins import check_installed, format_findings, pip_install

from learnrelay_contract_tests import lock
from learnrelay_contract_tests.runner import FAILED, PASSED, CheckResult, Report, write_locks

SOURCE = '''
"""Maps polls to xAPI."""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import integer, text
from learnrelay_xapi.vocabulary import Verb

ANSWERED = Verb("http://adlnet.gov/expapi/verbs/answered", "answered")
TURN = "https://polls.acme.net/xapi/turn"
INTERACTION = "http://adlnet.gov/expapi/activities/cmi.interaction"
family = Family("xapi.acme_polls")


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    question = required("data.question", kind=text)
    choice = optional("data.choice", kind=text)
    turn = optional("data.turn", "data.try", kind=integer)


def poll_of(poll, platform):
    return {
        "id": platform.iri("poll", poll.id),
        "definition": {
            "type": INTERACTION,
            "interactionType": "other",
            "correctResponsesPattern": ["yes"],
            "name": {"en": poll.question},
        },
    }


@family.maps("acme.poll.answered", reads=Poll, verb=ANSWERED)
def answered(poll, platform):
    return {"object": poll_of(poll, platform), "result": {"response": poll.choice, "extensions": {TURN: poll.turn}}}
'''
ANOTHER = """

@family.maps("acme.poll.changed", reads=Poll, verb=ANSWERED)
def changed(poll, platform):
    return {"object": poll_of(poll, platform)}
"""


def changed(*pairs: tuple[str, str]) -> str:
    """Returns the source with some of its text replaced."""
    text = SOURCE
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


RESULT = '"response": poll.choice'
QUESTION = 'question = required("data.question", kind=text)'
CHOICE = 'choice = optional("data.choice", kind=text)'
A_PLACE = (CHOICE, f'{CHOICE}\n    place = {{}}("data.place", kind=text)')
SAYS_PLACE = ("{TURN: poll.turn}", '{TURN: poll.turn, TURN + "/place": poll.place}')

CASES: dict[str, tuple[str, str, str]] = {
    # what changes: (source, the first version that may do it, one that may not)
    "nothing": (SOURCE, "1.4.0", ""),
    "an event is added": (SOURCE + ANOTHER, "1.5.0", "1.4.9"),
    "an event is removed": (changed(("acme.poll.answered", "acme.poll.given")), "2.0.0", "1.5.0"),
    "a field is renamed": (changed((RESULT, '"extensions": {TURN + "/choice": poll.choice}'),
                                   (', "extensions": {TURN: poll.turn}', "")), "2.0.0", "1.5.0"),
    "a scalar becomes a list": (changed(("TURN: poll.turn", "TURN: None if poll.turn is None else [poll.turn]")),
                                "2.0.0", "1.9.0"),
    "a constant changes": (changed(("verbs/answered", "verbs/responded")), "2.0.0", "1.5.0"),
    "A: we add a field": (changed((A_PLACE[0], A_PLACE[1].format("optional")), SAYS_PLACE), "1.5.0", "1.4.1"),
    "A: and the source must hold it": (changed((A_PLACE[0], A_PLACE[1].format("required")), SAYS_PLACE),
                                       "2.0.0", "1.5.0"),
    "B1: we remove a required field": (changed((QUESTION, ""), ('"name": {"en": poll.question},', "")),
                                       "2.0.0", "1.9.0"),
    "B1: one that the specification requires": (changed(('"interactionType": "other",', "")), "", "9.0.0"),
    "B2: we remove an optional field": (changed((f"{RESULT}, ", "")), "2.0.0", "1.5.0"),
    "C1: the source drops a required field, which is found elsewhere": (
        changed((QUESTION, 'question = required("data.title", "data.question", kind=text)')), "1.4.1", ""),
    "C1: and is looked for there alone": (
        changed((QUESTION, 'question = required("data.title", kind=text)')), "2.0.0", "1.5.0"),
    "C2: the source drops an optional field, which is found elsewhere": (
        changed((CHOICE, 'choice = optional("data.chosen", "data.choice", kind=text)')), "1.4.1", ""),
}  # fmt: skip


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Returns the lock of version 1.4.0."""
    directory = tmp_path_factory.mktemp("locked")
    name = pip_install(SOURCE, directory, "1.4.0")
    report = check_installed(str(directory / "site"), name, lock=True)
    assert report.passed, format_findings(report)
    (written,) = write_locks(Report([report]))
    assert written == directory / "site" / "acme_polls" / "contract.lock.json"
    return written.read_bytes()


def against_the_lock(directory: Path, source: str, version: str, locked: bytes) -> CheckResult:
    name = pip_install(source, directory, version, locked)
    report = check_installed(str(directory / "site"), name, only=["versions.lock"])
    return next(result for result in report.results if result.check == "versions.lock")


@pytest.mark.parametrize("change", CASES)
@pytest.mark.slow
def test_a_change_asks_for_its_version(change: str, locked: bytes, tmp_path: Path) -> None:
    source, enough, too_little = CASES[change]
    if enough:
        result = against_the_lock(tmp_path, source, enough, locked)
        assert result.status == PASSED, result.findings
        assert result.notes, "the report says what is due"
    if too_little:
        result = against_the_lock(tmp_path, source, too_little, locked)
        assert result.status == FAILED
        phrase = f"at least {enough}" if enough else "no version may do this"
        assert any(phrase in finding.message for finding in result.findings), "the report says which version is due"
        assert all(finding.message.partition(":")[0] for finding in result.findings), "and why"


def shape(**more: Any) -> dict[str, lock.Shape]:
    entry = {"types": ["text"], "always": True}
    return {"e": {"a": dict(entry), "b": {**entry, **more}}}


def test_a_must_of_the_specification_can_never_go() -> None:
    before = shape(specification=True)
    (change,) = lock.compare_shapes_by_event(before, {"e": {"a": before["e"]["a"]}})
    assert change.bump == lock.NEVER
    (change,) = lock.compare_shapes_by_event(before, shape(always=False))
    assert change.bump == lock.NEVER


def test_a_constant_is_a_promise() -> None:
    (change,) = lock.compare_shapes_by_event(
        shape(constant="http://adlnet.gov/expapi/verbs/passed"), shape(constant="http://example.org/x")
    )
    assert change.bump == lock.MAJOR
    assert not lock.compare_shapes_by_event(shape(), shape(constant="x"))


def test_a_file_that_is_no_lock_fails_the_check(tmp_path: Path) -> None:
    assert against_the_lock(tmp_path, SOURCE, "1.4.0", b"{}").status == FAILED


@pytest.mark.parametrize(
    ("version", "bump", "next_one"),
    [
        ("1.4.2", lock.MAJOR, "2.0.0"), ("1.4.2", lock.MINOR, "1.5.0"), ("1.4.2", lock.PATCH, "1.4.3"),
        ("0.3.1", lock.MAJOR, "0.4.0"), ("0.3.1", lock.MINOR, "0.3.2"), ("0.0.3", lock.MAJOR, "0.0.4"),
    ],
)  # fmt: skip
def test_the_least_version_that_will_do(version: str, bump: int, next_one: str) -> None:
    assert lock.next_version(version, bump) == next_one
    assert lock.bump_between(version, next_one) >= bump


@pytest.mark.parametrize(
    ("old", "new", "bump"),
    [
        ("1.4.0", "1.4.0", lock.PATCH), ("1.4.0", "1.3.0", lock.PATCH), ("1.4.0", "1.4.1", lock.PATCH),
        ("1.4.0", "1.5.0", lock.MINOR), ("1.4.2", "2.0.0", lock.MAJOR), ("1.4", "2.0", lock.MAJOR),
        ("0.3.1", "0.3.2", lock.MINOR), ("0.3.1", "0.4.0", lock.MAJOR), ("0.3.1", "1.0.0", lock.MAJOR),
        ("0.0.3", "0.0.4", lock.MAJOR), ("1.4.0", "1.5.0rc1", lock.MINOR), ("9.0.0", "10.0.0", lock.MAJOR),
    ],
)  # fmt: skip
def test_bumps(old: str, new: str, bump: int) -> None:
    assert lock.bump_between(old, new) == bump


_json = st.recursive(
    st.text(max_size=4) | st.integers(0, 9) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b", "http://x.org/y"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(statement=st.dictionaries(st.sampled_from(["id", "a", "b"]), _json, min_size=1))
def test_a_shape_names_what_is_there(statement: dict[str, Any]) -> None:
    """A shape is equal to itself, and each of its paths can be removed."""
    import orjson

    text = orjson.dumps(statement).decode()
    one_statement_shape = lock.shape_of([text])
    assert not lock.compare_shapes_by_event({"e": one_statement_shape}, {"e": lock.shape_of([text, text])})
    for path in one_statement_shape:
        shorter = lock.remove_path(text, path)
        if not path.endswith("[]"):
            assert shorter is not None
            assert shorter != text
