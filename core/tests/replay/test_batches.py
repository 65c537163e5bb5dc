"""Replay to a consumer that knows batches: a chunk that is repeated makes the same batches again."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest

from delivery.test_batches import BatchStore
from learnrelay.config import BatchLimits, Delivery, Destination, Retry
from learnrelay.config.secrets import Secret
from learnrelay.outbox import Outbox
from learnrelay.replay.rate_limit import RateLimit
from learnrelay.replay.sending import DestinationSender, PendingStatement, SendThread, _LazyOutbox, _StatementBatch
from learnrelay.sinks import SinkAnswer, Verdict

from .conftest import Logs, Replay, ids_in, kill, reaches


def test_files_of_a_replay_have_the_names_of_their_batches(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    replay.configure(main={"sink": "files", "folder": str(folder), "batch": {"size": 70}})
    expected = logs("log", 500)
    run = replay(tmp_path / "log", "--rate", "main=50000")
    assert run.code == 0, run.stderr
    assert run.summary["destinations"]["main"]["stored"] == 500
    assert Counter(ids_in(folder)) == Counter(expected)
    names = {path.name for path in folder.iterdir()}
    assert all(name.startswith("replay-") and len(name.partition(".")[0]) <= 60 for name in names)


@pytest.mark.slow
def test_killed_again_and_again_each_statement_is_stored_once(replay: Replay, logs: Logs, tmp_path: Path) -> None:
    """With another rate each time: it must not change the batches."""
    folder = tmp_path / "out"
    replay.configure(main={"sink": "files", "folder": str(folder), "compress": "none", "batch": {"size": 50}})
    expected = logs("log", 6_000)
    rng = random.Random(5)

    def files() -> int:
        return len(list(folder.glob("replay-*"))) if folder.exists() else 0

    for number in range(5):
        process = replay.start(tmp_path / "log", "--rate", f"main={rng.choice([50, 100, 200])}")
        reaches(files, files() + rng.randint(1, 10))
        if number % 2:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            os.kill(int(children[-1]), signal.SIGKILL)
        kill(process)
    assert len(set(ids_in(folder))) < len(expected)
    run = replay(tmp_path / "log")
    assert run.code == 0, run.stderr
    assert Counter(ids_in(folder)) == Counter(expected)


class Chunk:
    """Stands for a chunk whose batches are settled."""

    name = "0000-00000"

    def count(self, *_: object) -> None:
        pass

    def settled(self) -> None:
        pass


def test_what_keeps_failing_waits_in_the_outbox_under_its_id(tmp_path: Path) -> None:
    """The destination stores other batches meanwhile. The outbox sends this one as it was."""
    destination = Destination("a", "plain", "all", "store", batch=BatchLimits(10), retry=Retry(12, 0.01, 0.02))
    store = BatchStore(destination)
    settings = Delivery(database=Secret(f"sqlite:///{tmp_path}/outbox.db"))
    limits = RateLimit(multiprocessing.get_context("spawn"))
    shared = DestinationSender(
        destination, lambda _: store, limits, _LazyOutbox(settings), lambda *_: None, frozenset(), False, "abc123"
    )

    def deliver(first: int, last: int) -> None:
        batch = _StatementBatch(Chunk())  # type: ignore[arg-type]
        batch.statements = [
            PendingStatement(f"s{n}", b'{"id":"s%d"}' % n, "e", "2026-03-04T05:06:07Z") for n in range(first, last + 1)
        ]
        thread.deliver(batch)

    thread = SendThread(shared)
    deliver(1, 10)
    store.behave = lambda ids: SinkAnswer(Verdict.RETRY, "it crashes")
    deliver(11, 20)
    store.behave = lambda ids: None
    thread.close()
    failed = store.sent[-1]
    assert {batch for batch, ids in store.sent if "s11" in ids} == {failed[0]}
    outbox = Outbox.open(settings)
    claim = outbox.queue("a", keeps_batches=True).claim_retry()
    assert (claim.batch, [row.statement_id for row in claim.rows]) == failed
    outbox.close()
