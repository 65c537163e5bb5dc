"""Sinks that know batches: what was sent together is sent together again, under the same id, and stored once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import marshmallow
import pytest

from learnrelay.config.models import BatchLimits, Destination, Retry
from learnrelay.config.secrets import Secret
from learnrelay.errors import OutboxError
from learnrelay.outbox import Outbox, OutgoingStatement
from learnrelay.outbox.queue import Acknowledged, DeadLettered, Released, RetryLater
from learnrelay.sinks import Batch, Repeats, Sink, SinkAnswer, Verdict

from .conftest import Drain, TurnedClock, statements
from .consumer import PlainStandard

OpenOutbox = Callable[..., Outbox]


class BatchStore(Sink):
    """Keeps what each batch id held last, as a store does that replaces a batch by itself. ``behave`` may answer."""

    name = "store"
    settings_schema = marshmallow.Schema
    repeats = Repeats.BY_BATCH

    def __init__(self, destination: Destination) -> None:
        super().__init__({}, PlainStandard(), destination)
        self.sent: list[tuple[str, list[str]]] = []
        self.stored: dict[str, list[str]] = {}
        self.behave: Callable[[list[str]], SinkAnswer | None] = lambda ids: None

    @classmethod
    def describe(cls, settings: Any) -> str:
        return "memory"

    def send(self, batch: Batch) -> SinkAnswer:
        ids = [statement.id for statement in batch.statements]
        self.sent.append((batch.id, ids))
        answer = self.behave(ids) or SinkAnswer(Verdict.STORED)
        if answer.verdict is Verdict.STORED:
            self.stored[batch.id] = [i for i in ids if i not in answer.refused]
        return answer

    @property
    def ids(self) -> Counter[str]:
        return Counter(i for ids in self.stored.values() for i in ids)


@pytest.fixture
def store() -> BatchStore:
    return BatchStore(Destination("a", "plain", "all", "store", batch=BatchLimits(10, 1.0), retry=Retry(3, 2.0, 60.0)))


@pytest.fixture
def drain(open_outbox: OpenOutbox, clock: TurnedClock, store: BatchStore) -> Iterator[Drain]:
    drain = Drain(open_outbox(clock), clock, store.destination, sink=store)
    yield drain
    drain.close()


def once(first: int, last: int) -> Counter[str]:
    return Counter(f"s{number}" for number in range(first, last + 1))


def test_claims_are_batches_with_ids_that_sort_by_time(drain: Drain, store: BatchStore, clock: TurnedClock) -> None:
    drain.outbox.put(statements(1, 25, "a"))
    drain.run()
    assert [len(ids) for _, ids in store.sent] == [10, 10, 5]
    ids = [batch for batch, _ in store.sent]
    assert len(set(ids)) == 3
    assert all(len(batch) <= 60 and batch.replace("-", "").isalnum() for batch in ids)
    assert ids[2] > max(ids[:2]), "the interval later"
    assert store.ids == once(1, 25)


def test_a_batch_whose_lease_ended_comes_first_with_the_same_members(
    open_outbox: OpenOutbox, clock: TurnedClock, drain: Drain, store: BatchStore
) -> None:
    drain.outbox.put(statements(1, 7, "a"))
    killed = open_outbox(clock).queue("a", keeps_batches=True)
    claim = killed.claim(10)
    assert len(claim.rows) == 7
    drain.outbox.put(statements(8, 30, "a"))
    drain.burst()
    assert "s1" not in store.ids, "the lease has not ended"
    clock.now += drain.outbox.settings.lease + 1
    drain.run()
    again = next(ids for batch, ids in store.sent if batch == claim.batch)
    assert again == [f"s{number}" for number in range(1, 8)]
    assert store.ids == once(1, 30)


def test_an_answer_that_is_lost_repeats_the_batch_as_it_was(drain: Drain, store: BatchStore) -> None:
    drain.outbox.put(statements(1, 30, "a"))
    lost = iter([True, False, True, True])

    def forget_the_answer(ids: list[str]) -> SinkAnswer | None:
        if next(lost, False):
            store.stored[store.sent[-1][0]] = ids
            return SinkAnswer(Verdict.RETRY, "no answer", answered=False)
        return None

    store.behave = forget_the_answer
    drain.run()
    assert store.ids == once(1, 30)
    members: dict[str, list[str]] = {}
    for batch, ids in store.sent:
        assert members.setdefault(batch, ids) == ids


def test_a_crash_between_sending_and_settling_stores_nothing_twice(
    open_outbox: OpenOutbox, clock: TurnedClock, drain: Drain, store: BatchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    drain.outbox.put(statements(1, 25, "a"))
    with monkeypatch.context() as broken:
        broken.setattr("learnrelay.outbox.queue.Queue.settle", lambda *_: (_ for _ in ()).throw(OutboxError("gone")))
        with pytest.raises(OutboxError):
            drain.drainer.step()
    clock.now += drain.outbox.settings.lease + 1
    drain.outbox.put(statements(26, 40, "a"))
    survivor = Drain(open_outbox(clock), clock, store.destination, sink=store)
    survivor.run()
    survivor.close()
    assert store.ids == once(1, 40)
    assert [ids for batch, ids in store.sent if batch == store.sent[0][0]] == [store.sent[0][1]] * 2


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.CONFLICT])
def test_a_refused_statement_is_found_by_batches_of_their_own(
    drain: Drain, store: BatchStore, verdict: Verdict
) -> None:
    drain.outbox.put(statements(1, 20, "a"))
    store.behave = lambda ids: SinkAnswer(verdict, "refused") if "s13" in ids else None
    drain.run()
    assert store.ids == once(1, 20) - Counter(["s13"])
    assert [letter.statement_id for letter in drain.outbox.dead_letters.list()] == ["s13"]
    assert len({batch for batch, _ in store.sent}) == len(store.sent), "other members have another id"


def test_an_answer_refuses_single_statements(drain: Drain, store: BatchStore) -> None:
    drain.outbox.put(statements(1, 10, "a"))
    store.behave = lambda ids: SinkAnswer(Verdict.STORED, "mostly", refused={"s3": "odd verb", "S4": "another one"})
    drain.run()
    assert store.ids == once(1, 10) - Counter(["s3"])
    assert [(letter.statement_id, letter.reason) for letter in drain.outbox.dead_letters.list()] == [
        ("s3", "mostly: odd verb")
    ]


def test_a_refused_batch_names_its_culprits_and_the_rest_is_sent_again(drain: Drain, store: BatchStore) -> None:
    drain.outbox.put(statements(1, 10, "a"))
    store.behave = lambda ids: (
        SinkAnswer(Verdict.REFUSED, "bad", refused=dict.fromkeys(("s1", "s6"), "") if "s6" in ids else {})
        if {"s1", "s6"} & {*ids}
        else None
    )
    drain.run()
    assert store.ids == once(1, 10) - Counter(["s1", "s6"])
    assert len(store.sent) == 3, "one refused, and what was between and after the culprits"


def test_what_is_too_large_is_halved(drain: Drain, store: BatchStore) -> None:
    drain.outbox.put(statements(1, 40, "a"))
    store.behave = lambda ids: SinkAnswer(Verdict.TOO_LARGE, "too large") if len(ids) > 3 else None
    drain.run()
    assert store.ids == once(1, 40)
    assert max(len(ids) for _, ids in store.sent[-5:]) <= 3


def test_ids_that_an_answer_does_not_name_are_sent_again_alone(drain: Drain, store: BatchStore) -> None:
    drain.outbox.put(statements(1, 10, "a"))
    sent: list[set[str]] = []

    def name_the_even(ids: list[str]) -> SinkAnswer:
        sent.append({*ids})
        return SinkAnswer(Verdict.STORED, stored={i for i in ids if len(sent) > 1 or int(i[1:]) % 2 == 0})

    store.behave = name_the_even
    drain.run()
    assert sent[1] == {"s1", "s3", "s5", "s7", "s9"}
    assert drain.status.delivered == 10


def test_a_batch_that_fails_while_others_are_stored_steps_aside_whole(
    drain: Drain, store: BatchStore, clock: TurnedClock
) -> None:
    drain.outbox.put(statements(1, 30, "a"))
    store.behave = lambda ids: SinkAnswer(Verdict.RETRY, "it crashes") if "s4" in ids else None
    drain.run()
    assert store.ids == once(11, 30)
    assert drain.status.dead == 10, "after three answers; none of it was stored for sure, so it is not sent apart"
    assert {tuple(ids) for _, ids in store.sent if "s4" in ids} == {tuple(f"s{n}" for n in range(1, 11))}


def test_an_outage_costs_nothing(drain: Drain, store: BatchStore, clock: TurnedClock) -> None:
    drain.outbox.put(statements(1, 100, "a"))
    up_at = clock.now + 3600
    store.behave = lambda ids: (
        SinkAnswer(Verdict.RETRY, "away", reached=False, answered=False) if clock.now < up_at else None
    )
    drain.run()
    assert store.ids == once(1, 100)


def test_what_is_forgotten_is_missing_in_the_repeat(
    open_outbox: OpenOutbox, clock: TurnedClock, drain: Drain, store: BatchStore
) -> None:
    from learnrelay.outbox.erasure import delete_statements

    drain.outbox.put(statements(1, 5, "a"))
    claim = open_outbox(clock).queue("a", keeps_batches=True).claim(10)
    delete_statements(drain.outbox, [claim.rows[2].key])
    clock.now += drain.outbox.settings.lease + 1
    drain.run()
    assert store.sent == [(claim.batch, ["s1", "s2", "s4", "s5"])]


def test_a_batch_is_not_split_by_a_worker_that_lost_it(
    open_outbox: OpenOutbox, clock: TurnedClock, store: BatchStore
) -> None:
    outbox = open_outbox(clock)
    outbox.put(statements(1, 6, "a"))
    first, second = (open_outbox(clock).queue("a", keeps_batches=True) for _ in range(2))
    claim = first.claim(10)
    clock.now += outbox.settings.lease + 1
    again = second.claim(10)
    assert (again.batch, again.rows) == (claim.batch, claim.rows)
    with pytest.raises(OutboxError, match="lease"):
        first.split(claim, claim.rows[:3])
    second.settle(again, [Released(again.rows)])
    assert second.claim(10).batch == claim.batch


def test_settlements_of_parts_leave_the_rest_together(open_outbox: OpenOutbox, clock: TurnedClock) -> None:
    outbox = open_outbox(clock)
    outbox.put(statements(1, 6, "a"))
    queue = outbox.queue("a", keeps_batches=True)
    claim = queue.claim(10)
    rows = claim.rows
    part = queue.split(claim, rows[4:])
    queue.settle(
        claim,
        [
            Acknowledged(rows[:1]),
            DeadLettered(rows[1], "no"),
            Released(rows[2:4]),
            *(RetryLater(row, clock.now + 5, "later") for row in rows[4:]),
        ],
    )
    assert (queue.claim(10).batch, queue.claim(10).rows, queue.claim_retry().rows) == (claim.batch, (), ())
    clock.now += 6
    retry = queue.claim_retry()
    assert (retry.batch, [row.statement_id for row in retry.rows]) == (part, ["s5", "s6"])


@pytest.mark.slow
def test_killed_between_sending_and_settling_each_statement_is_stored_once(
    database_url: Secret, open_outbox: OpenOutbox, tmp_path: Path
) -> None:
    """Two workers at a time are killed again and again; their leases end while they work."""
    outbox, folder = open_outbox(), tmp_path / "files"
    script = str(Path(__file__).with_name("processes.py"))
    numbers = iter(range(10**6))

    def start() -> subprocess.Popen[bytes]:
        arguments = [sys.executable, script, "store", database_url.reveal(), str(folder)]
        process = subprocess.Popen(arguments, stderr=subprocess.PIPE)
        assert process.stderr and process.stderr.readline() == b"up\n"
        return process

    def put(number: int) -> None:
        payloads = [(i := f"s{next(numbers)}", b'{"id":"%s"}' % i.encode()) for _ in range(number)]
        outbox.put([OutgoingStatement("plain", i, "video.played", payload, ("a",)) for i, payload in payloads])

    for life in range(4):
        workers = [start(), start()]
        for _ in range(8):
            put(1 + 13 * (life % 3))
            time.sleep(0.15)
        for worker in workers:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
    workers = [start(), start()]
    deadline = time.monotonic() + 60
    while outbox.status(["a"])["a"].waiting:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for worker in workers:
        worker.kill()
        worker.wait()
    stored = Counter(
        json.loads(line)["id"] for file in folder.glob("*.jsonl") for line in file.read_text().splitlines()
    )
    assert stored == Counter(f"s{number}" for number in range(next(numbers)))
