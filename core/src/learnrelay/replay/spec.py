"""Describes a replay. Two runs with the same description of the work share a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..assembly.assemble import Assembly
from ..config.models import Destination
from ..errors import ReplayError
from ..lookups.guards import GuardedIdentity
from ..plugins.discovery import PluginState
from ..providers import CORE_SPACE
from ..sinks import Repeats
from .selection import EventSelection
from .units import Shard

if TYPE_CHECKING:
    from .log_files import LogFile


class AlreadyRunningError(ReplayError):
    """Reports that another process works on the same replay, or on the same shard of it."""


class HaltedError(ReplayError):
    """Reports that a destination refuses credentials or address, and has never accepted a statement."""


@dataclass(frozen=True, slots=True)
class FileOutputOptions:
    """Describes the output files below ``url`` (a directory, or any URL that fsspec can write)."""

    url: str
    compression: Literal["gzip", "zstd", "none"] = "gzip"
    by_day: bool = False


@dataclass(frozen=True, slots=True)
class ReplaySpec:
    """Describes one replay, or one shard of it.

    ``to``: names of destinations; with an output, each has files of its own, and without any names the files are sorted
    by standard. ``output`` None: statements go to the destinations. ``chunk``: bytes of a log that are processed as a
    whole, and become one file of an output. ``ordered``: the lines of each log are sent one after the other. ``rates``,
    ``requests``: most statements a second, and requests at once, by destination; each shard may use them up.
    """

    config: Path
    to: tuple[str, ...]
    standards: tuple[str, ...]
    output: FileOutputOptions | None = None
    selection: EventSelection = field(default_factory=EventSelection)
    dry_run: bool = False
    ordered: bool = False
    chunk: int = 2**24
    shard: Shard = field(default_factory=Shard)
    rates: Mapping[str, float] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)

    def takes(self, log_file: LogFile, chunk: int) -> bool:
        """Tells whether a chunk is part of this work. An ordered log belongs to one shard as a whole."""
        return self.shard.takes(log_file, 0 if self.ordered else chunk)

    def checkpoint_name(self, assembly: Assembly) -> str:
        """Returns the name of the checkpoint: the key of the replay, and the shard if there are several."""
        return self.shard.checkpoint_name(self.key(assembly))

    def key(self, assembly: Assembly) -> str:
        """Returns a digest of everything that decides which statements go where; of a secret, its place, not its value.

        All shards of a replay have the same key.
        """
        config = assembly.config
        parts = [
            config.root_url,
            sorted(config.sites.items()),
            config.language,
            config.identity,
            config.courses,
            sorted((p.name, p.version) for p in assembly.plugins if p.state is PluginState.ACTIVE),
            sorted((name, assembly.standards[name].settings) for name in self.standards),
            sorted((name, sorted(settings.items())) for name, settings in config.settings.items()),
            sorted(config.prefer.items()),
            [
                (d.name, d.standard, d.sink, d.address, d.scope, d.match, d.pseudonyms, _fixed_batch_size(assembly, d))
                for d in map(config.destinations.__getitem__, self.to)
            ],
            self.output,
            self.selection,
            self.chunk,
        ]
        # the key does not depend on where the operator's file lies
        directory = f"{self.config.absolute().parent}{os.sep}"
        return blake2b(repr(parts).replace(directory, "").encode(), digest_size=8).hexdigest()

    def fingerprint(self, assembly: Assembly) -> str:
        """Returns a digest that is equal only where the key, the secrets, the tables and the objections are equal."""
        config = assembly.config
        parts: list[object] = [self.key(assembly)]
        parts += sorted({mapping.shared.platform.digest("replay") for mapping in assembly.plan.list_mappings()})
        settings = [config.identity.settings, config.courses.settings]
        settings += [of_plugin for _, of_plugin in sorted(config.settings.items())]
        parts += [_digests_of_files(of_one) for of_one in settings]
        parts += map(str, assembly.objections.entries if assembly.objections else ())
        return blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def _fixed_batch_size(assembly: Assembly, destination: Destination) -> int | None:
    """Returns the size of the batches that a repeat makes again, for a consumer that knows batches."""
    by_batch = assembly.make_sink(destination).repeats is Repeats.BY_BATCH
    return destination.batch.size if by_batch else None


def log_key(assembly: Assembly) -> str:
    """Returns the key of the digests of logs, equal wherever secret or table are. Raises ProviderError."""
    return GuardedIdentity(assembly.identity.name, assembly.identity).digest("logs", CORE_SPACE)


def _digests_of_files(settings: Mapping[str, Any]) -> list[str]:
    """Returns digests of the files that a provider or another plugin reads."""
    paths = (Path(value) for _, value in sorted(settings.items()) if isinstance(value, str))
    return [blake2b(path.read_bytes(), digest_size=16).hexdigest() for path in paths if _is_file(path)]


def _is_file(path: Path) -> bool:
    with suppress(OSError, ValueError):
        return path.is_absolute() and path.is_file()
    return False
