"""How far inputs are stored: one process holds an input, and only the holder's transactions count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from learnrelay.outbox import Outbox, positions
from learnrelay.outbox.intake import InsertBatch
from learnrelay.outbox.positions import InputHeldError, InputPosition, read_positions

from .conftest import TurnedClock, statements

OpenOutbox = Callable[..., Outbox]
ELSEWHERE = "another-machine:pid:[1]/77/1/abcd"


def store(outbox: Outbox, held: InputPosition, number: int, position: Any) -> None:
    with outbox.database.transaction() as transaction:
        InsertBatch.of(statements(number, number, "a"), outbox.clock()).write(transaction)
        held.write(transaction, position)


def hold_elsewhere(outbox: Outbox, until: float) -> None:
    """Makes a process of another machine the holder."""
    with outbox.database.transaction() as transaction:
        transaction.change("UPDATE learnrelay_input SET holder = :holder, held_until = :until WHERE input = 'lms'",
                           holder=ELSEWHERE, until=until)  # fmt: skip


def test_a_position_is_stored_with_the_statements(open_outbox: OpenOutbox, clock: TurnedClock) -> None:
    outbox = open_outbox(clock)
    held = InputPosition(outbox, "lms")
    assert held.claim() is None
    store(outbox, held, 1, {"offset": 7})
    held.release()
    assert InputPosition(outbox, "lms").claim() == {"offset": 7}
    assert InputPosition(outbox, "LMS").claim() is None, "names differ by case"
    with outbox.database.transaction(write=False) as transaction:
        assert ("lms", {"offset": 7}, clock.now) in read_positions(transaction)


def test_who_has_lost_the_input_stores_nothing(open_outbox: OpenOutbox, clock: TurnedClock) -> None:
    outbox = open_outbox(clock)
    held = InputPosition(outbox, "lms")
    held.claim()
    hold_elsewhere(outbox, clock.now + 60)
    with pytest.raises(InputHeldError, match="another process has taken it over"):
        store(outbox, held, 1, 1)
    assert outbox.status(["a"])["a"].waiting == 0
    held.release()
    with pytest.raises(InputHeldError, match="process 77 of another-machine reads it"):
        held.claim()


def test_an_input_of_another_machine_is_taken_over_after_the_lease(open_outbox: OpenOutbox, clock: TurnedClock) -> None:
    outbox = open_outbox(clock)
    held = InputPosition(outbox, "lms")
    held.claim()
    hold_elsewhere(outbox, clock.now + outbox.settings.lease)
    with pytest.raises(InputHeldError):
        held.claim()
    clock.now += outbox.settings.lease + 1
    held.claim()
    store(outbox, held, 1, 1)
    hold_elsewhere(outbox, clock.now + 10_000)  # by a clock that is ahead
    held.claim()


def test_an_input_of_a_process_that_is_gone_is_taken_over_at_once(
    open_outbox: OpenOutbox, clock: TurnedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = open_outbox(clock)
    held = InputPosition(outbox, "lms")
    held.claim()
    other = InputPosition(outbox, "lms")
    with pytest.raises(InputHeldError):
        other.claim()
    monkeypatch.setattr(positions, "_HELD_BY_US", set())  # as for a process that began anew under the same number
    other.claim()
    with pytest.raises(InputHeldError):
        store(outbox, held, 1, 1)


def test_an_idle_input_is_kept(open_outbox: OpenOutbox, clock: TurnedClock) -> None:
    outbox = open_outbox(clock)
    held = InputPosition(outbox, "lms")
    held.claim()
    for _ in range(10):
        clock.now += outbox.settings.lease / 2
        held.renew_if_due()
    with outbox.database.transaction(write=False) as transaction:
        ((until,),) = transaction.execute("SELECT held_until FROM learnrelay_input")
    assert until > clock.now
