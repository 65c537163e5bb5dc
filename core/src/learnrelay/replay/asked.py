"""What is asked of a replay. Two replays that ask the same of the same log share a checkpoint."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from ..assembly import Assembly
from ..errors import LearnrelayError
from ..plugins.discovery import State
from .selection import Selection


class ReplayError(LearnrelayError):
    """A replay cannot go on, or cannot begin; what was done before is remembered."""


class HaltedError(ReplayError):
    """A destination refuses us (credentials, address) and never took anything."""


@dataclass(frozen=True, slots=True)
class Output:
    """Statements into files below ``url`` (a directory, or any URL that fsspec writes)."""

    url: str
    packed: Literal["gzip", "zstd", "none"] = "gzip"
    by_day: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """One replay.

    ``to``: destinations by name; with an output, their statements go into files of their own, and without any
    there the files are those of the standards. ``output`` None: to the destinations. ``chunk``: bytes of log that
    are done together, and become one file of an output. ``ordered``: the lines of each file one after the other.
    """

    config: Path
    to: tuple[str, ...]
    standards: tuple[str, ...]
    output: Output | None = None
    selection: Selection = field(default_factory=Selection)
    dry_run: bool = False
    ordered: bool = False
    chunk: int = 2**24

    def key(self, assembly: Assembly) -> str:
        """Digest of all that decides about what is said to whom. Secrets go into it by their source only."""
        config = assembly.config
        told = [
            config.root_url,
            config.identity,
            config.courses,
            sorted((i.name, i.version) for i in assembly.plugins if i.state is State.ACTIVE),
            sorted((name, assembly.standards[name].settings) for name in self.standards),
            sorted(config.prefer.items()),
            [
                (d.name, d.standard, d.url, d.scope, d.match, d.pseudonyms)
                for d in map(config.destinations.__getitem__, self.to)
            ],
            self.output,
            self.selection,
            self.chunk,
        ]
        # wherever the operator's file lies, and however it was called
        here = f"{self.config.absolute().parent}{os.sep}"
        return blake2b(repr(told).replace(here, "").encode(), digest_size=8).hexdigest()
