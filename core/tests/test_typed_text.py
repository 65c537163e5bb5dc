"""Whatever people type, it stays their text: statements are JSON, hold it as it was typed, and nobody else's change."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from golden_files import read_goldens
from learnrelay import EventError, UserRef
from learnrelay.assembly.assemble import assemble_from
from learnrelay.pipeline.run import OutcomeState, Pipeline
from openedx_events import event_from_mapping

STANDARDS = ["caliper", "xapi"]
PLUGINS = Path(__file__).parents[2] / "plugins"
FORMER_MARKS = ["~QZXJ~ZJXQ~XQJZ~JZQX~ZXJQ~", "~ZXQJ~JQZX~XJQZ~ZQJX~QXZJ~"]
"""What stood for the course and the learner in Caliper events while they were cut by searching for it."""

PIECES = [
    *FORMER_MARKS,
    *map(chr, range(0x20)),
    "\\u0000", "\\x00", "\x7f", "\u2028", "\ufeff", "\ufffe", "\U0001f426",
    '"', "\\", '\\"', "'", "}", "{", "}}}", "]", ',"isPartOf":"', '","id":"', '{"id":"x"}', '"}}', "null", "%00", "%b",
    "https://learn.example.org/user/", "/user/", "{}",
]  # fmt: skip
EVERYTHING = "".join(PIECES)
SURROGATES = ["\ud800", "\udfff", "\udc00\ud800"]
LONG = EVERYTHING * 40

HARMLESS = " aKohlrabib"

Place = tuple[Any, ...]
"""Keys and positions that lead to a text of an event."""


class Relay:
    """Holds two pipelines of a standard, with and without a mapping cache, and its events."""

    def __init__(self, standard: str, directory: Path) -> None:
        assembly = assemble_from(
            {
                "platform": {"root_url": "https://learn.example.org"},
                "plugins": {"enabled": [f"{standard}.*"]},
                "identity": {"provider": "keyed", "secret": "a secret of the tests"},
            },
            directory / "relay.toml",
        )
        self.remembering = Pipeline(assembly.plan)
        self.forgetful = Pipeline(assembly.plan, caching=False)
        self.schema = assembly.standards[standard].schema()
        self.events = [with_learner(event_from_mapping(golden["event"]).body, 7) for golden in read_goldens(standard)]
        self.places = [
            (number, place)
            for number, event in enumerate(self.events)
            for place, _ in texts(event)
            if place not in (("name",), ("timestamp",))
        ]
        platform = next(iter(self.forgetful.plan.mappings.values()))[0].shared.platform
        learners = (platform.learner(UserRef(user_id=user_id)) for user_id in ("7", "8"))
        self.pseudonyms = [learner.pseudonym for learner in learners if learner is not None]

    def statements(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Returns the statements of an event, the same with and without a mapping cache; none if it fails."""
        (outcome,) = self.remembering.process(event_from_mapping(event))
        (anew,) = self.forgetful.process(event_from_mapping(event))
        assert (outcome.state, outcome.reason, outcome.statements) == (anew.state, anew.reason, anew.statements)
        if outcome.state is OutcomeState.FAILED:
            assert isinstance(outcome.error, EventError)
            assert outcome.error.event_name == event["name"]
        statements = [json.loads(serialized.content) for serialized in outcome.statements]
        assert [statement["id"] for statement in statements] == [serialized.id for serialized in outcome.statements]
        return statements

    def of_both_learners(self, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Returns the valid statements of an event; those of another learner differ from them in the pseudonym only."""
        mine, theirs = self.statements(event), self.statements(with_learner(event, 8))
        other = dict(zip(self.pseudonyms, reversed(self.pseudonyms), strict=True))
        assert [comparable(statement, {}) for statement in theirs] == [comparable(own, other) for own in mine]
        for statement in mine:
            assert self.schema.validate(statement) == {}
        return mine

    @cache  # noqa: B019  # as long as the module's tests
    def texts_read_in(self, number: int, place: Place) -> list[tuple[int, Place]]:
        """Lists the texts of statements that equal a text of the event followed by a harmless text."""
        event = with_text(self.events[number], place, HARMLESS)
        return [
            (index, path)
            for index, statement in enumerate(self.statements(event))
            for path, value in texts(statement)
            if value == value_at(event, place)
        ]

    def check(self, number: int, place: Place, text: str) -> int:
        """Types a text behind what stands in a place of an event; returns in how many texts of statements it is read.

        It is read as it was typed wherever a harmless text is.
        """
        event = with_text(self.events[number], place, f" a{text}b")
        statements = self.of_both_learners(event)
        read = self.texts_read_in(number, place)
        for index, path in read:
            assert value_at(statements[index], path) == value_at(event, place)
        return len(read)


def with_learner(event: dict[str, Any], user_id: int) -> dict[str, Any]:
    """Returns the event of another learner."""
    context = {key: value for key, value in event["context"].items() if key != "username"}
    data = event["data"]
    if isinstance(data, dict):
        data = {key: user_id if key.endswith("user_id") else value for key, value in data.items()}
    return event | {"context": context | {"user_id": user_id}, "data": data}


def value_at(value: Any, place: Place) -> Any:
    for key in place:
        value = value[key]
    return value


def with_text(event: dict[str, Any], place: Place, more: str) -> dict[str, Any]:
    """Returns the event with a longer text in a place."""
    event = copy.deepcopy(event)
    value_at(event, place[:-1])[place[-1]] += more
    return event


def with_keys(value: Any, more: str) -> Any:
    """Returns a value with longer keys, those of its objects at any depth."""
    if isinstance(value, dict):
        return {f"{key}{more}": with_keys(inner, more) for key, inner in value.items()}
    return [with_keys(inner, more) for inner in value] if isinstance(value, list) else value


def texts(value: Any, path: Place = ()) -> Iterator[tuple[Place, str]]:
    """Yields all texts below a value, by their paths."""
    if isinstance(value, str):
        yield path, value
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from texts(inner, (*path, key))


def comparable(value: Any, pseudonyms: dict[str, str]) -> Any:
    """Returns a statement without ids of statements, with other pseudonyms in the place of those in it."""
    if isinstance(value, dict):
        members = {key: comparable(inner, pseudonyms) for key, inner in value.items()}
        return {key: inner for key, inner in members.items() if key != "id" or "/" in str(inner)}
    if isinstance(value, list):
        return [comparable(inner, pseudonyms) for inner in value]
    for pseudonym, other in pseudonyms.items():
        if isinstance(value, str) and pseudonym in value:
            return value.replace(pseudonym, other)
    return value


@pytest.fixture(scope="module")
def relays(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Relay]:
    return {standard: Relay(standard, tmp_path_factory.mktemp(standard)) for standard in STANDARDS}


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """Silences the log: a warning for each event that fails would only take time."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("text", ["".join(FORMER_MARKS), EVERYTHING], ids=["former marks", "everything"])
@pytest.mark.parametrize("standard", STANDARDS)
def test_every_text_of_every_event(relays: dict[str, Relay], standard: str, text: str) -> None:
    relay = relays[standard]
    read = [relay.check(number, place, text) for number, place in relay.places]
    mapped = sum(bool(relay.statements(event)) for event in relay.events)
    assert sum(map(bool, read)) > mapped / 3


@pytest.mark.parametrize("standard", STANDARDS)
def test_every_key_of_what_is_an_object(relays: dict[str, Relay], standard: str) -> None:
    """Questions have keys, too, and what they hold."""
    relay = relays[standard]
    for event in relay.events:
        for key, value in event["data"].items() if isinstance(event["data"], dict) else ():
            if isinstance(value, (dict, list)):
                relay.of_both_learners(event | {"data": event["data"] | {key: with_keys(value, EVERYTHING)}})


@settings(max_examples=100)
@example(text=LONG, number=0)
@given(text=st.lists(st.sampled_from(PIECES) | st.text(), max_size=6).map("".join), number=st.integers(0))
@pytest.mark.parametrize("standard", STANDARDS)
def test_any_text_in_any_place(relays: dict[str, Relay], standard: str, text: str, number: int) -> None:
    relay = relays[standard]
    relay.check(*relay.places[number % len(relay.places)], text)


@pytest.mark.parametrize("standard", STANDARDS)
def test_half_a_character_becomes_a_whole_one_before_anything_is_made_of_it(
    relays: dict[str, Relay], standard: str
) -> None:
    """A lone surrogate is in no JSON, and in no statement."""
    relay = relays[standard]
    for number, place in relay.places:
        for surrogate in SURROGATES:
            half = event_from_mapping(with_text(relay.events[number], place, f"Kohlrabi{surrogate}"))
            whole = event_from_mapping(with_text(relay.events[number], place, "Kohlrabi" + "\ufffd" * len(surrogate)))
            assert half.body == whole.body
