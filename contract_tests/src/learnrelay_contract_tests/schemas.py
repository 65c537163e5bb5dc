"""Validates statements by a standard's schema in a process without the plugin, which no plugin can reach."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from .host import CARRIER, MAIN_SEED, PluginProcess, Workspace, at_exit

Settings = Mapping[str, Any]

FILES: dict[str, str] = {}
"""Standard that comes from a single file → that file."""


class _SchemaProcess:
    """Runs a standard's schema, under settings that change."""

    def __init__(self, standard: str) -> None:
        self.standard = standard
        self.workspace = Workspace()
        self.process = PluginProcess(self.workspace, [], seed=MAIN_SEED)
        self.settings: Settings | None = None
        at_exit(self.workspace.close)
        at_exit(self.process.close)

    def find_problems(self, statements: list[str], settings: Settings) -> list[Any]:
        """Returns the schema's problems for each statement."""
        if settings != self.settings:
            files = [FILES[self.standard]] if self.standard in FILES else []
            enabled = [f"{CARRIER}.events" if self.standard == CARRIER else self.standard]
            sections = {self.standard: settings} if settings else {}
            raw = self.workspace.build_configuration([] if files else enabled, CARRIER, files, **sections)
            self.process.ask("assemble", raw=raw, path=str(self.workspace.path / "relay.toml"))
            self.settings = settings
        find_problems: list[Any] = self.process.ask("validate", standard=self.standard, statements=statements)
        return find_problems


@lru_cache(64)
def _schema_process(standard: str, _owner: int) -> _SchemaProcess:
    return _SchemaProcess(standard)


def find_problems(standard: str, statements: Iterable[str], settings: Settings | None = None) -> list[Any]:
    """Returns the problems of each statement by the standard's schema; empty means valid. Raises PluginProcessError.

    settings: those of the standard's section that are not the default.
    """
    texts = list(statements)
    return _schema_process(standard, os.getpid()).find_problems(texts, settings or {}) if texts else []
