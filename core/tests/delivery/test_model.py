"""The outbox against a model of sets, with crashes between any two statements of SQL."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.errors import OutboxFullError
from learnrelay.outbox import Outbox
from learnrelay.outbox.database import Transaction
from learnrelay.outbox.queue import Acknowledged, Claim, DeadLettered, Released, RetryLater, Settlement

from .conftest import TurnedClock, statements

LEASE, LIMIT = 60.0, 40
NAMES = st.sampled_from(["a", "b", "c"])


class Killed(BaseException):
    """Stands for the end of the process."""


@contextmanager
def killed_after(statements: int | None) -> Iterator[None]:
    """Kills the process at the n-th SQL statement from now."""
    real = Transaction._sql
    left = [statements]

    def count_down(self: Transaction, sql: str) -> str:
        if left[0] is not None:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
        return real(self, sql)

    with mock.patch.object(Transaction, "_sql", count_down):
        yield


class OutboxMachine(RuleBasedStateMachine):
    """Models for each destination what waits, under which lease, and what became of the rest."""

    claims = Bundle("claims")

    @initialize()
    def start(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.clock = TurnedClock()
        self.settings = Delivery(database=Secret(f"sqlite:///{self.directory}/outbox.db"), limit=LIMIT, lease=LEASE)
        self.outbox = Outbox.open(self.settings, self.clock)
        self.waiting: dict[str, dict[int, float]] = {"a": {}, "b": {}, "c": {}}  # number → not before
        self.suspects: dict[str, set[int]] = {"a": set(), "b": set(), "c": set()}
        self.holder: dict[tuple[str, int], str] = {}
        self.dead: dict[str, set[int]] = {"a": set(), "b": set(), "c": set()}
        self.delivered = {"a": 0, "b": 0, "c": 0}

    def teardown(self) -> None:
        if hasattr(self, "outbox"):
            self.outbox.close()
            shutil.rmtree(self.directory)

    @rule(
        first=st.integers(1, 30),
        number=st.integers(0, 9),
        names=st.lists(NAMES, min_size=1, max_size=3, unique=True),
        crash=st.none() | st.integers(0, 8),
    )
    def put(self, first: int, number: int, names: list[str], crash: int | None) -> None:
        numbers = range(first, first + number + 1)
        total = sum(map(len, self.waiting.values()))
        try:
            with killed_after(crash):
                self.outbox.put(statements(first, first + number, *names), is_patient=False)
        except Killed:
            return
        except OutboxFullError:
            assert total + len(numbers) * len(names) > LIMIT
            return
        assert total + len(numbers) * len(names) <= LIMIT
        for name in names:
            for n in numbers:
                if n not in self.dead[name]:
                    self.waiting[name].setdefault(n, 0.0)

    @rule(
        target=claims, name=NAMES, size=st.integers(1, 20), suspect=st.booleans(), crash=st.none() | st.integers(0, 3)
    )
    def claim(self, name: str, size: int, suspect: bool, crash: int | None) -> object:
        queue = self.outbox.queue(name)
        try:
            with killed_after(crash):
                claim = queue.claim_retry() if suspect else queue.claim(size)
        except Killed:
            return multiple()
        numbers = [int(row.payload[8:-2]) for row in claim.rows]
        free = {
            n for n, at in self.waiting[name].items() if at <= self.clock.now and (n in self.suspects[name]) == suspect
        }
        assert set(numbers) <= free
        assert len(numbers) == min(1 if suspect else size, len(free))
        assert [row.key for row in claim.rows] == sorted(row.key for row in claim.rows)
        for n in numbers:
            self.waiting[name][n] = self.clock.now + LEASE
            self.holder[name, n] = claim.token
        return (name, claim, numbers) if numbers else multiple()

    @rule(held=consumes(claims), data=st.data(), crash=st.none() | st.integers(0, 12))
    def settle(self, held: tuple[str, Claim, list[int]], data: st.DataObject, crash: int | None) -> None:
        name, claim, numbers = held
        fates = data.draw(st.lists(st.sampled_from("sdlr"), min_size=len(numbers), max_size=len(numbers)), "fates")
        later = self.clock.now + 30
        marks: list[Settlement] = []
        for row, fate in zip(claim.rows, fates, strict=True):
            last = marks[-1] if marks else None
            match fate, last:
                case "d", _:
                    marks.append(DeadLettered(row, "no"))
                case "l", _:
                    marks.append(RetryLater(row, later, "500"))
                case "s", Acknowledged(rows):
                    marks[-1] = Acknowledged((*rows, row))
                case "r", Released(rows):
                    marks[-1] = Released((*rows, row))
                case "s", _:
                    marks.append(Acknowledged((row,)))
                case "r", _:
                    marks.append(Released((row,)))
        try:
            with killed_after(crash):
                self.outbox.queue(name).settle(claim, marks)
        except Killed:
            return
        for n, fate in zip(numbers, fates, strict=True):
            if self.holder.get((name, n)) != claim.token:
                continue
            del self.holder[name, n]
            if fate in "sd":
                del self.waiting[name][n]
                self.suspects[name].discard(n)
                self.delivered[name] += fate == "s"
                if fate == "d":
                    self.dead[name].add(n)
            else:
                self.waiting[name][n] = later if fate == "l" else 0.0
                if fate == "l":
                    self.suspects[name].add(n)

    @rule(seconds=st.sampled_from([1.0, 29.0, 31.0, LEASE]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def restart(self) -> None:
        self.outbox.close()
        self.outbox = Outbox.open(self.settings, self.clock)

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "outbox"):
            return
        for name, status in self.outbox.status("abc").items():
            leased = sum(
                1 for (holder, n), _ in self.holder.items() if holder == name and self.waiting[name][n] > self.clock.now
            )
            assert (status.waiting, status.dead, status.delivered, status.leased) == (
                len(self.waiting[name]),
                len(self.dead[name]),
                self.delivered[name],
                leased,
            )
            assert status.accepted == status.waiting + status.dead + status.delivered + status.dropped
        with self.outbox.database.transaction(write=False) as transaction:
            kept = {row[0] for row in transaction.execute("SELECT statement_id FROM learnrelay_statement")}
            ((counted,),) = transaction.execute("SELECT COALESCE(SUM(waiting), 0) FROM learnrelay_delivery_counter")
        assert kept == {f"s{n}" for name in "abc" for n in (*self.waiting[name], *self.dead[name])}
        assert counted == sum(map(len, self.waiting.values()))


TestOutboxMachine = OutboxMachine.TestCase
TestOutboxMachine.settings = settings(max_examples=15, stateful_step_count=30, deadline=None)


@pytest.mark.slow
class TestOutboxMachineAtLength(OutboxMachine.TestCase):
    settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
