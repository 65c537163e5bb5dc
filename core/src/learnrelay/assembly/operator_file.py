"""Holds the operator's file while it is read, with what is wrong in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from marshmallow import Schema

from ..config.fields import in_words
from ..config.problems import load_section
from ..errors import Problem


class OperatorFile:
    """Gathers problems and warnings on the way, so that the operator sees all of them at once.

    Attributes:
        raw: The parsed file. Sections of plugins are taken out when they have been read.
        path: For messages.
        is_written: Whether an operator wrote it. In sections that a command made up, broken families are left out.
        leaves_out: Kinds of plugins of which those that fail to load are left out, ``[plugins] on_error = "skip"``.
        problems: What is wrong; with any, nothing starts.
        warnings: ``KEY: reason`` of what works and is perhaps not meant.
    """

    def __init__(self, raw: Mapping[str, Any], path: Path, is_written: bool = True) -> None:
        self.raw: Mapping[str, Any] = raw
        self.path = path
        self.is_written = is_written
        self.leaves_out: frozenset[str] = frozenset()
        self.problems: list[Problem] = []
        self.warnings: list[str] = []

    def add_problem(self, key: str, reason: str) -> None:
        """Reports a problem of a key."""
        self.problems.append(Problem(str(self.path), key, reason))

    def load_table(
        self, schema: Schema, table: Mapping[str, Any], key: str, also: Sequence[str] = ()
    ) -> tuple[dict[str, Any], bool]:
        """Validates a table and reports its problems. Returns its valid values, and whether all are valid."""
        values, problems = load_section(schema, table, str(self.path), key, also)
        self.problems += problems
        return values, not problems

    def list_tables(self, section: str) -> list[tuple[str, Mapping[str, Any]]]:
        """Returns the tables ``[SECTION.NAME]`` with their names; what is no table is a problem."""
        tables = self.raw.get(section, {})
        if not isinstance(tables, Mapping):
            self.add_problem(section, f"expected tables [{section}.NAME], found {in_words(tables)}")
            return []
        for name, table in tables.items():
            if not isinstance(table, Mapping):
                self.add_problem(f"{section}.{name}", f"expected a table, found {in_words(table)}")
        return [(name, table) for name, table in tables.items() if isinstance(table, Mapping)]
