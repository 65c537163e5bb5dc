"""Runs the shards of a replay on Celery workers.

A message carries the name of a replay and the number of a shard, nothing else. The worker reads the replay in the state
folder, so whoever can write to the broker can start shards of existing replays, and do nothing more. A message that
comes twice changes nothing: one process works on a shard at a time, and the checkpoint stores that it is finished.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celery import Celery

from ..config.models import Delivery
from ..delivery.celery_engine import make_app
from ..errors import ConfigurationError, Problem, ReplayError
from .checkpoint import Checkpoint, ReplayTotals, ShardEnding, failure_records, is_running, take_lock
from .runner import ReplayRunner
from .stored import BUSY, StoredReplay

if TYPE_CHECKING:
    from .progress import ProgressDisplay

log = logging.getLogger("learnrelay.replay")

QUEUE = "learnrelay-replay"
TASK = "learnrelay.replay_shard"

RETRY_AFTER = 15.0
"""Seconds until a message is sent again for a shard whose process died, or on which another process works."""
WARN_AFTER, GIVE_UP_AFTER = 20.0, 300.0
"""Seconds without a running or ended shard after which the command warns, and ends."""
_POLL = 1.0


def make_shard_app(settings: Delivery) -> Celery:
    """Returns the Celery application of command and workers. Raises OutboxError where no broker is configured."""
    app = make_app(settings)
    # Nothing sends a lost message again, unlike in the outbox, which has a sweep: so the broker stores it.
    app.conf.update(task_default_queue=QUEUE, task_default_delivery_mode="persistent")
    return app


def serve_shards(app: Celery, config: Path, directory: Path) -> None:
    """Makes ``app`` a worker for the shards of the replays in this state folder."""

    def run_shard(task: Any, name: object, number: object) -> None:
        try:
            stored = StoredReplay.read(directory, str(name), config)
            shard = stored.shard(number)
        except ReplayError as error:
            log.warning("message refused: %s", error)
            return
        arguments = [str(config), str(directory), stored.name, str(shard.number)]
        # A process of its own: it has children, which a process of the pool may not have. It ends with this one.
        command = [sys.executable, "-m", f"{__package__}.stored", *arguments]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:  # noqa: S603  # a checked name and number
            code = process.wait()
        if code:
            if code != BUSY:
                log.error("replay %s, shard %d: its process died with code %d", stored.name, shard.number, code)
            # The message must not be lost while the broker is away.
            policy = {"max_retries": None, "interval_start": 1, "interval_max": 30}
            task.apply_async(args=[name, number], countdown=RETRY_AFTER, retry=True, retry_policy=policy)

    app.task(name=TASK, bind=True)(run_shard)


class CeleryReplay:
    """Runs all shards of a replay on workers, and waits for them."""

    def __init__(self, stored: StoredReplay, directory: Path, app: Celery, again: bool) -> None:
        """Stores the replay. ``again``: empties its checkpoints. Raises ReplayError, also where it runs already."""
        self.unread: list[str] = []
        self._stored = stored
        self._app = app
        self._directory = directory
        self._lock = take_lock(directory, stored.name)
        self._names = {shard: shard.checkpoint_name(stored.key) for shard in stored.shards()}
        for name in self._names.values() if again else ():
            with Checkpoint(directory, name) as checkpoint:
                checkpoint.forget()
        stored.write(directory)
        self._checkpoints = {shard: Checkpoint(directory, name, exclusive=False) for shard, name in self._names.items()}
        self._runners = [
            ReplayRunner(replace(stored.spec, shard=shard), stored.log_files, checkpoint, processes=0)
            for shard, checkpoint in self._checkpoints.items()
        ]

    def bytes_total(self) -> int:
        """Returns the number of stored bytes that all shards read together."""
        return sum(runner.bytes_total() for runner in self._runners)

    def bytes_done(self) -> int:
        """Returns how many of these bytes are finished."""
        total = 0
        for runner in self._runners:
            with runner.checkpoint.transaction():
                total += runner.bytes_done()
        return total

    def totals(self) -> ReplayTotals:
        """Returns the sum over all shards."""
        checkpoints = list(self._checkpoints.values())
        return ReplayTotals.of(checkpoints, self._stored.log_files, self._stored.spec.standards)

    def failures(self) -> Iterator[dict[str, Any]]:
        """Yields a record for each failure."""
        return failure_records(list(self._checkpoints.values()), self._stored.log_files)

    def run(self, display: ProgressDisplay) -> None:
        """Sends a message for each shard and waits until all have ended. Raises ReplayError, ConfigurationError."""
        size, totals = self.bytes_done(), self.totals()
        self._send_messages()
        errors: dict[str, int] = {}
        pending = set(self._names)
        last_sign = time.monotonic()
        is_warned = False
        while pending:
            now = time.monotonic()
            for shard in sorted(pending, key=lambda shard: shard.number):
                if (ending := self._checkpoints[shard].ending(self._stored.attempt)) is not None:
                    pending.remove(shard)
                    last_sign = now
                    self._record_ending(ending, errors, display)
            if any(is_running(self._directory, self._names[shard]) for shard in pending):
                last_sign = now
            elif pending and now - last_sign > WARN_AFTER and not is_warned:
                is_warned = True
                display.warn(f"no worker takes up a shard; does one run whose state folder is {self._directory}?")
            if pending and now - last_sign > GIVE_UP_AFTER:
                numbers = ", ".join(str(number) for number in sorted(shard.number for shard in pending))
                raise ReplayError(f"no worker has taken up a shard for {GIVE_UP_AFTER:g} s; not ended: {numbers}")
            before, totals_before = size, totals
            size, totals = self.bytes_done(), self.totals()
            lines = totals.tally.lines - totals_before.tally.lines
            display.advance(size - before, lines, totals.failures - totals_before.failures)
            display.refresh()
            if pending:
                time.sleep(max(_POLL, 10 * (time.monotonic() - now)))  # reading must not slow the workers down
        if 2 in errors.values():
            config = str(self._stored.spec.config)
            raise ConfigurationError([Problem(config, "", error) for error, code in errors.items() if code == 2])
        if errors:
            raise ReplayError("\n".join(errors))

    def _send_messages(self) -> None:
        try:
            for shard in self._names:
                self._app.send_task(TASK, args=[self._stored.name, shard.number])
        except Exception as error:  # kombu's transports raise many types
            raise ReplayError(f"the broker is not reached ({type(error).__name__})") from None

    def _record_ending(self, ending: ShardEnding, errors: dict[str, int], display: ProgressDisplay) -> None:
        if ending.error:
            errors[ending.error] = ending.code
        for reason in ending.unread:
            if reason not in self.unread:
                self.unread.append(reason)
                display.warn(reason)
