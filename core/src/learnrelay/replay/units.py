"""Divides a replay into units (work for one process) and shards (work for one machine)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from .log_files import LogFile


@dataclass(frozen=True, slots=True)
class Shard:
    """Names part ``number`` (from 1) of ``count`` of a replay. Each chunk of each log belongs to exactly one shard.

    Consecutive chunks of a log belong to consecutive shards. The shard of the first chunk follows from the log's first
    line, which stays when the log grows, is renamed or is packed.
    """

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads ``2/8``. Raises ValueError."""
        match = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise ValueError(f"expected NUMBER/COUNT such as 2/8, numbers from 1 to COUNT, found {text!r}")
        return cls(int(match[1]), int(match[2]))

    def checkpoint_name(self, key: str) -> str:
        """Returns the name of the shard's own checkpoint of the replay ``key``."""
        return key if self.count == 1 else f"{key}-{self.number}-of-{self.count}"

    def takes(self, log_file: LogFile, chunk: int) -> bool:
        """Tells whether a chunk belongs to this shard."""
        return (log_file.first_line + chunk) % self.count == self.number - 1


@dataclass(frozen=True, slots=True)
class Unit:
    """Describes work for one process: one chunk, or all chunks of a log that can only be read from its beginning.

    ``file``: number of the log in the checkpoint. ``name``: used in the names of output files. ``whole``: all chunks
    from ``first`` on. ``done``: chunks to skip.
    """

    log_file: LogFile
    file: int
    name: str
    first: int
    whole: bool
    done: frozenset[int] = frozenset()
