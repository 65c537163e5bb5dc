"""Checks an input: what was stored is never read again, and what was not stored is, whenever it is killed.

An author calls it in a test of the plugin, with events that the input has to read::

    def test_it_goes_on_after_kills(tmp_path):
        check_input(lambda: make_input_of(tmp_path), expected=[b"line 1", b"line 2", ...])
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any

from learnrelay import Input, UnreadableEventError
from learnrelay.inputs import InputEvent, Position, ProbeResult

_READ_WAIT = 0.2  # seconds that an input has for one read
_QUIET = 1.0  # seconds without events after which it has read everything
_CUTS = (1, 2, 3, 7, 50)
"""Numbers of events after which a block is stored."""
_KILLS = 12


def check_input(make: Callable[[], Input], expected: Sequence[InputEvent]) -> None:
    """Reads an input as the core does, in pieces and with kills. Raises AssertionError with what is wrong.

    ``make``: makes the input anew, on what is there; it may be called in a forked process. ``expected``: all events
    that it has to give, in their order.
    """
    wanted = [_key(event) for event in expected]
    assert len(wanted) > 3, "give more events, so that there is something to go on with"
    _check_probe(make)
    whole = list(_read(make(), None))
    assert [event for event, _ in whole] == wanted, (
        "it reads other events than those that are expected, or not in order"
    )
    for cut in _CUTS:
        position: Position | None = None
        events: list[Any] = []
        while len(events) <= len(wanted) and (pairs := list(_take(make(), position, cut))):
            events += [event for event, _ in pairs]
            position = _through_json(pairs[-1][1])
        assert events == wanted, f"stored after each {cut} events and opened again, it repeats or loses events"
    _check_kills(make, wanted)


def _check_probe(make: Callable[[], Input]) -> None:
    """Probes twice what can be read: no fault is found. That no event is taken, the reading after it shows."""
    made = make()
    for name in ("before it is read", "again"):
        result = made.probe()
        assert isinstance(result, ProbeResult), "probe returns no ProbeResult"
        assert result.is_sound, f"probe finds a fault {name}: {result.reason}"


def _check_kills(make: Callable[[], Input], wanted: Sequence[Any]) -> None:
    """Kills a process that reads, again and again, and goes on at the position that it stored last."""
    position: Position | None = None
    events: list[Any] = []
    for number in range(_KILLS):
        if len(events) >= len(wanted):
            break  # a process that has nothing to read is not killed in the middle of its work
        pairs = _read_until_killed(make, position, 1 + len(wanted) * number * 2 // _KILLS**2)
        events += [event for event, _ in pairs]
        position = pairs[-1][1] if pairs else position
    events += [event for event, _ in _read(make(), position)]
    assert events == list(wanted), "killed while it reads and opened again, it repeats or loses events"


def _read_until_killed(make: Callable[[], Input], position: Position | None, most: int) -> list[tuple[Any, Position]]:
    """Returns what a process has stored, one line for each event, before it is killed in the middle of its work."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            os.close(reader)
            for pair in _read(make(), position):
                os.write(writer, json.dumps(pair).encode() + b"\n")
        os._exit(0)
    os.close(writer)
    stored: list[tuple[Any, Position]] = []
    with os.fdopen(reader, "rb") as lines:
        for line in lines:
            event, at = json.loads(line)
            stored.append((event, at))
            if len(stored) == most:
                os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return stored


def _read(made: Input, position: Position | None) -> Generator[tuple[Any, Position], None, None]:
    """Yields each event with its position, and commits each position after that."""
    made.open(position)
    try:
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < _QUIET:
            try:
                batch = made.read(_READ_WAIT)
            except EOFError:
                return
            if batch is None:
                continue
            assert len(batch.events) == len(batch.positions), "a batch has as many positions as events"
            for event, at in zip(batch.events, batch.positions, strict=True):
                yield _key(event), _through_json(at)
                made.commit(at)
            quiet_since = time.monotonic()
    finally:
        made.close()


def _take(made: Input, position: Position | None, most: int) -> Iterator[tuple[Any, Position]]:
    """Yields as many events, and leaves the rest that was read, as a process does that ends then."""
    pairs = _read(made, position)
    try:
        for _, pair in zip(range(most), pairs, strict=False):
            yield pair
    finally:
        pairs.close()


def _through_json(position: Position) -> Position:
    """Returns the position as the outbox gives it back."""
    return json.loads(json.dumps(position))


def _key(event: InputEvent) -> Any:
    """Returns an event in a form that can be compared, and sent between processes."""
    match event:
        case UnreadableEventError():
            return {"unreadable": event.reason}
        case bytes():
            return event.decode(errors="backslashreplace")
        case Mapping():
            return json.loads(json.dumps(event, default=str))
    raise AssertionError(f"an event is a line, an object or an UnreadableEventError, not {type(event).__name__}")
