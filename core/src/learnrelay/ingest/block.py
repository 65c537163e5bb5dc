"""Collects what comes of events that are stored together."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..inputs import InputBatch, Position
from ..outbox.intake import OutgoingStatement
from ..pipeline.outcome_counts import OutcomeCounts

_MOST_EVENTS = 1000
_MOST_ROWS = 500


@dataclass(slots=True)
class Block:
    """Holds the statements and counts of consecutive events, and the place behind them.

    ``sizes``: destination → statements of a request, of those that are sent to directly. A block holds one request for
    each of them, unless a single event gives more. ``outgoing``: destination → statements by standard and id. ``rows``:
    what goes to the outbox. ``batch``, ``last``: the number of the last event, in its batch.
    """

    sizes: Mapping[str, int]
    counts: OutcomeCounts
    outgoing: dict[str, dict[tuple[str, str], OutgoingStatement]] = field(default_factory=dict)
    rows: list[OutgoingStatement] = field(default_factory=list)
    batch: InputBatch | None = None
    last: int = 0
    events: int = 0
    begun_at: float = math.inf

    @property
    def has_events(self) -> bool:
        """Tells whether the block holds any event."""
        return self.events > 0

    def has_room(self, statements: Sequence[OutgoingStatement]) -> bool:
        """Tells whether the statements of the next event may be added. A block that is empty takes any number."""
        if self.events >= _MOST_EVENTS or len(self.rows) >= _MOST_ROWS:
            return False
        for statement in statements:
            for name in statement.destinations:
                known = self.outgoing.get(name)
                if known is not None and len(known) + len(statements) > self.sizes[name]:
                    return False
        return True

    def add(self, statements: Sequence[OutgoingStatement]) -> None:
        """Adds the statements of an event. Of a statement that a request would hold twice, the first counts."""
        if not self.events:
            self.begun_at = time.monotonic()
        self.events += 1
        for statement in statements:
            others: tuple[str, ...] = ()
            for name in statement.destinations:
                if name in self.sizes:
                    known = self.outgoing.setdefault(name, {})
                    known.setdefault((statement.standard, statement.statement_id), statement)
                else:
                    others += (name,)
            if others:
                is_whole = len(others) == len(statement.destinations)
                self.rows.append(statement if is_whole else statement._replace(destinations=others))

    def keep(self, destination: str, statements: Iterable[OutgoingStatement]) -> None:
        """Puts statements of a destination among the rows for the outbox."""
        self.rows += [statement._replace(destinations=(destination,)) for statement in statements]

    def position(self) -> Position:
        """Returns the position behind the last event."""
        assert self.batch is not None
        return self.batch.positions[self.last]
