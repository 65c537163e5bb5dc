"""Stores a replay under its name in the state folder, where workers read it, and runs one shard of it.

``python -m learnrelay.replay.stored CONFIG DIRECTORY NAME NUMBER`` is the process of a shard. It ends when its standard
input is closed, so that it never outlives its parent.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import sys
import threading
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import orjson
from rich.console import Console

from ..assembly.assemble import Assembly, assemble
from ..errors import ConfigurationError, LearnrelayError, Problem, ReplayError
from ..private_files import open_private
from .checkpoint import Checkpoint, ShardEnding
from .log_files import LogFile
from .progress import ProgressDisplay
from .runner import ReplayRunner
from .selection import EventSelection
from .spec import AlreadyRunningError, FileOutputOptions, ReplaySpec, log_key
from .units import Shard

BUSY = os.EX_TEMPFAIL
"""Exit code of a shard's process when another one works on the same shard."""

_NAME = re.compile(r"([0-9a-f]{16})-of-([1-9][0-9]{0,3})")


@dataclass(frozen=True, slots=True)
class StoredReplay:
    """Holds a replay in ``count`` shards, as the command that started it stores it.

    ``key``, ``fingerprint``: of the spec. ``attempt``: token of the command, by which it knows the endings of its own
    run. ``log_files``: the logs as the command listed them, so that all shards divide the same bytes.
    """

    key: str
    fingerprint: str
    attempt: str
    count: int
    spec: ReplaySpec
    log_files: list[LogFile]

    @classmethod
    def of(cls, spec: ReplaySpec, assembly: Assembly, count: int, log_files: list[LogFile]) -> Self:
        """Returns the replay of ``spec`` for a new attempt."""
        return cls(spec.key(assembly), spec.fingerprint(assembly), secrets.token_hex(8), count, spec, log_files)

    @property
    def name(self) -> str:
        """Returns the name of the replay in messages and in the state folder."""
        return f"{self.key}-of-{self.count}"

    def shards(self) -> list[Shard]:
        """Returns all shards."""
        return [Shard(number, self.count) for number in range(1, self.count + 1)]

    def write(self, directory: Path) -> None:
        """Stores the replay in the state folder. Raises ReplayError."""
        path = directory / f"{self.name}.json"
        temporary = path.with_suffix(".part")
        try:
            temporary.unlink(missing_ok=True)
            with open_private(temporary) as file:
                log_files = [replace(log_file, key="") for log_file in self.log_files]
                file.write(orjson.dumps(replace(self, log_files=log_files), default=str))
            temporary.replace(path)
        except OSError as error:
            raise ReplayError(f"{path}: {error.strerror or type(error).__name__}") from None

    @classmethod
    def read(cls, directory: Path, name: str, config: Path) -> Self:
        """Reads a replay by its name, which is not trusted. Raises ReplayError where there is none.

        ``config``: this machine's operator's file.
        """
        if not _NAME.fullmatch(name):
            raise ReplayError(f"{name[:50]!a} is not the name of a replay")
        try:
            values: dict[str, Any] = orjson.loads((directory / f"{name}.json").read_bytes())
        except OSError as error:
            raise ReplayError(f"{directory / name}.json: {error.strerror or type(error).__name__}") from None
        spec = values["spec"]
        selection = spec["selection"]
        since, until = (selection[key] and datetime.fromisoformat(selection[key]) for key in ("since", "until"))
        events, courses = tuple(selection["events"]), tuple(selection["courses"])
        values["spec"] = ReplaySpec(
            **{
                **spec,
                "config": config,
                "to": tuple(spec["to"]),
                "standards": tuple(spec["standards"]),
                "output": spec["output"] and FileOutputOptions(**spec["output"]),
                "selection": EventSelection(since, until, events, courses),
                "shard": Shard(),
            }
        )
        values["log_files"] = [LogFile(**log_file) for log_file in values["log_files"]]
        return cls(**values)

    def shard(self, number: object) -> Shard:
        """Returns the shard with this number, which is not trusted. Raises ReplayError where there is none."""
        if type(number) is not int or not 1 <= number <= self.count:
            raise ReplayError(f"{self.name} has no shard {str(number)[:50]!a}")
        return Shard(number, self.count)

    def run(self, shard: Shard, checkpoint: Checkpoint) -> ShardEnding:
        """Runs one shard in this process and one worker process. Returns how it ended."""
        machine = socket.gethostname()
        try:
            assembly = assemble(self.spec.config)
            spec = replace(self.spec, shard=shard)
            if spec.fingerprint(assembly) != self.fingerprint:
                problem = "this worker's file, secrets, tables or plugins differ from those of the replay's command"
                raise ConfigurationError([Problem(str(spec.config), "", problem)])
            key = log_key(assembly)
            log_files = [replace(log_file, key=key) for log_file in self.log_files]
            runner = ReplayRunner(spec, log_files, checkpoint, processes=1)
            with ProgressDisplay(Console(stderr=True), runner.bytes_total(), runner.bytes_done()) as display:
                runner.run(display)
        except ConfigurationError as error:
            return ShardEnding(self.attempt, 2, f"{machine}: {error}", [])
        except LearnrelayError as error:
            return ShardEnding(self.attempt, 1, f"{machine}: {error}", [])
        except Exception as error:  # a defect: running the shard again would not help
            return ShardEnding(self.attempt, 1, f"{machine}: the shard failed ({type(error).__name__})", [])
        return ShardEnding(self.attempt, 0, "", [f"{machine}: {reason}" for reason in runner.unread])


def main(config: str, directory: str, name: str, number: str) -> None:
    """Runs one shard, unless it has ended already, and stores how it ended."""
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    stored = StoredReplay.read(Path(directory), name, Path(config))
    shard = stored.shard(int(number))
    try:
        with Checkpoint(Path(directory), shard.checkpoint_name(stored.key)) as checkpoint:
            if checkpoint.ending(stored.attempt) is None:
                checkpoint.store_ending(stored.run(shard, checkpoint))
    except AlreadyRunningError:
        sys.exit(BUSY)


def _exit_with_parent() -> None:
    os.read(0, 1)  # not by `sys.stdin`, whose lock the interpreter wants at its end
    os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
