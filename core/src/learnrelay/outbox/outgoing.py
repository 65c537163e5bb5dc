"""Turns outcomes of the pipeline into statements for the outbox."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from fnmatch import fnmatchcase

from ..assembly.assemble import Assembly
from ..mapping import ANY_EVENT
from ..pipeline.run import Outcome
from .intake import OutgoingStatement


class CriticalEvents:
    """Holds (standard, event name) of the events whose statements retention never drops."""

    def __init__(self, assembly: Assembly) -> None:
        self._patterns = assembly.config.delivery.critical
        self._table = assembly.table
        self._named = frozenset(key for key in assembly.table if self._is_critical(*key))

    def __contains__(self, key: object) -> bool:
        """Tells whether statements of ``(standard, event name)`` are."""
        if key in self._named or not isinstance(key, tuple):
            return key in self._named
        return (key[0], ANY_EVENT) in self._table and key not in self._table and self._is_critical(*key)

    def _is_critical(self, standard: str, event: str) -> bool:
        transformer = self._table.get((standard, event)) or self._table[standard, ANY_EVENT]
        if self._patterns is None:
            return transformer.critical
        return _matches(self._patterns, event, transformer.family)


def _matches(patterns: tuple[str, ...], event: str, family: str) -> bool:
    return any(fnmatchcase(event, pattern) or fnmatchcase(family, pattern) for pattern in patterns)


def outgoing_statements(
    outcome: Outcome, event_time: datetime | None, critical: Container[tuple[str, str]] = ()
) -> list[OutgoingStatement]:
    """Lists the statements of an outcome that any destination may have."""
    is_critical = (outcome.standard, outcome.event) in critical
    addressed = [(outcome.statements, outcome.destinations)] if outcome.destinations else []
    addressed += [(statements, (name,)) for name, statements in outcome.own.items()]
    return [
        OutgoingStatement(
            outcome.standard, statement.id, outcome.event, statement.content, destinations, is_critical, event_time
        )
        for statements, destinations in addressed
        for statement in statements
    ]
