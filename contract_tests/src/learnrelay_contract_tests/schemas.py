"""Asking a standard's schema: in a process with the standard alone, whose answers no other plugin can reach."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from .host import CARRIER, Process, World, at_exit

Settings = Mapping[str, Any]


class _Judge:
    """A standard's schema, under settings that change."""

    def __init__(self, standard: str) -> None:
        self.standard = standard
        self.world = World()
        self.process = Process(self.world, [], seed=2)
        self.settings: Settings | None = None
        at_exit(self.world.close)
        at_exit(self.process.close)

    def problems(self, statements: list[str], settings: Settings) -> list[Any]:
        """What the schema says of each statement."""
        if settings != self.settings:
            enabled = [f"{CARRIER}.events" if self.standard == CARRIER else self.standard]
            raw = self.world.configuration(enabled, **({self.standard: settings} if settings else {}))
            self.process.ask("assemble", raw=raw, path=str(self.world.path / "relay.toml"))
            self.settings = settings
        found: list[Any] = self.process.ask("validate", standard=self.standard, statements=statements)
        return found


@lru_cache(64)
def _judge(standard: str, _owner: int) -> _Judge:
    return _Judge(standard)


def problems(standard: str, statements: Iterable[str], settings: Settings | None = None) -> list[Any]:
    """What the standard's schema says of each statement; an empty one means valid. Raises DiedError.

    settings: those of the standard's section that are not the default.
    """
    told = list(statements)
    return _judge(standard, os.getpid()).problems(told, settings or {}) if told else []
