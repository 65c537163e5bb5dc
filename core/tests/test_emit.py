"""`Relay` as a web process meets it: what it warns of, and what it takes for an event."""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from learnrelay import Relay
from learnrelay.errors import UnreadableEventError
from learnrelay.outbox import Outbox
from learnrelay.outbox.statistics import Statistics
from learnrelay.pipeline.run import Outcome, OutcomeState
from learnrelay.reading.lines import LONGEST_LINE
from plain import event
from relay_files import relay_toml

CONFIG = relay_toml(
    [], identity={"secret": "of clear text, which is a warning"}, delivery={"database": "sqlite:///outbox.db"}
)


@pytest.fixture
def relay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Relay]:
    (tmp_path / "relay.toml").write_text(CONFIG, encoding="utf-8")
    with caplog.at_level(logging.WARNING), Relay.from_file(tmp_path / "relay.toml") as made:
        yield made


def test_warnings_of_the_file_are_logged_at_start_up(relay: Relay, caplog: pytest.LogCaptureFixture) -> None:
    warnings = relay.assembly.config.warnings
    assert len(warnings) == 2
    path = relay.assembly.config.path
    logged = [record.getMessage() for record in caplog.get_records("setup")]
    assert logged == [f"{path}: {warning}" for warning in warnings]


@pytest.mark.parametrize("nothing", [None, [], 7, bytearray(b"{}"), (b"{}",)])
def test_what_is_no_event_is_an_outcome(nothing: Any, relay: Relay) -> None:
    (outcome,) = relay.emit(nothing)
    assert outcome.state is OutcomeState.FAILED
    assert isinstance(outcome.error, UnreadableEventError)
    assert outcome.reason == f"expected an object, or a line of a tracking log, got {type(nothing).__name__}"


def of_size(size: int) -> dict[str, Any]:
    raw = event(data={"filling": ""})
    raw["data"]["filling"] = "x" * (size - len(orjson.dumps(raw)))
    return raw


def test_an_event_has_the_size_of_a_line_at_most(relay: Relay) -> None:
    fits, too_large = of_size(LONGEST_LINE), of_size(LONGEST_LINE + 1)
    for given in (fits, orjson.dumps(fits), orjson.dumps(fits).decode()):
        assert relay.emit(given)[0].state is OutcomeState.NOT_MAPPED
    for given in (too_large, orjson.dumps(too_large), orjson.dumps(too_large).decode()):
        outcome = relay.read(given)
        assert isinstance(outcome, Outcome) and isinstance(outcome.error, UnreadableEventError)
        assert outcome.reason == "more than 1,048,576 bytes"


TOO_LONG = "kohlrabi" * 140_000


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(event("play_video", data={"id": TOO_LONG}), "more than 1,048,576 bytes", id="object"),
        pytest.param(b"{" + TOO_LONG.encode(), "more than 1,048,576 bytes", id="line"),
        pytest.param(b"{" + TOO_LONG[:900_000].encode(), "not valid JSON", id="broken"),
        pytest.param(event("play_video", data={"id": [TOO_LONG[:900_000]]}, user_id=7), "expected text", id="field"),
        pytest.param(event("play_video", data={"id": "a" * 9_000}, user_id=7), "an id of more than 8,192", id="id"),
    ],
)
def test_an_event_that_fails_is_not_held_by_its_error(
    raw: Any, reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Frames of a traceback hold the event and the outcome: in that cycle, what is refused would fill the memory."""
    caplog.set_level(logging.CRITICAL, "learnrelay")  # what pytest captures holds errors, too
    (tmp_path / "relay.toml").write_text(CONFIG.replace("enabled = []", 'enabled = ["xapi.*"]'), encoding="utf-8")
    with Relay.from_file(tmp_path / "relay.toml", engine="none") as relay:
        relay.emit(raw)
        gc.collect()
        gc.disable()
        try:
            (outcome,) = relay.emit(raw)
            assert reason in outcome.reason and outcome.error is not None
            held = weakref.ref(outcome.error)
            del outcome
            assert held() is None
        finally:
            gc.enable()


class Unreadable:
    """A value that must not be looked at."""

    def __str__(self) -> str:
        raise AssertionError


@pytest.mark.parametrize("name", ["watched", "/courses/KEY/progress", "/", "watched.other"])
def test_an_object_that_nobody_maps_is_counted_by_its_name_alone(name: str, tmp_path: Path) -> None:
    (tmp_path / "relay.toml").write_text(CONFIG, encoding="utf-8")
    with Relay.from_file(tmp_path / "relay.toml", engine="none") as relay:
        raw = event(name, data={"value": Unreadable()})
        (outcome,) = relay.emit(raw)
        assert (outcome.state, outcome.event, len(raw)) == (OutcomeState.NOT_MAPPED, name, 4)
        assert not Statistics.read(relay.outbox).outcomes  # a request that stores nothing waits for no disk
        outbox = Outbox.look(relay.assembly.config.delivery)
    counted = Statistics.read(outbox).outcomes
    outbox.close()
    assert counted["", "read", ""] == 1
