"""Counting what became of events, so that the counters add up: every line in, one outcome for each standard."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .pipeline import Outcome, State

_TRANSFORMED = State.TRANSFORMED

Counted = tuple[str, str, str]
"""(standard or destination, outcome, reason), the first and the last empty where there is none."""


@dataclass(slots=True)
class StandardTally:
    """One standard's outcomes. ``events`` = transformed + skipped + not mapped + failed."""

    transformed: int = 0
    statements: int = 0
    not_mapped: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    denied: Counter[str] = field(default_factory=Counter)

    def count(self, outcome: Outcome) -> None:
        """Count what became of one event."""
        state = outcome.state
        if state is _TRANSFORMED:
            self.transformed += 1
            self.statements += len(outcome.statements)
            if outcome.denied:
                self.denied.update(f"{name}: {reason}" for name, reason in outcome.denied.items())
        elif state is State.NOT_MAPPED:
            self.not_mapped += 1
        elif state is State.SKIPPED:
            self.skipped[outcome.reason] += 1
        else:
            self.failed[in_words(outcome)] += 1

    @property
    def events(self) -> int:
        """All events that this standard was asked about."""
        return self.transformed + self.not_mapped + self.skipped.total() + self.failed.total()


@dataclass(slots=True)
class Tally:
    """All outcomes of a run. ``lines`` = unreadable + the events of any one standard.

    ``unknown_courses``: events that became statements, of courses that ``[courses]`` does not know.
    """

    standards: dict[str, StandardTally]
    lines: int = 0
    unknown_courses: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, standards: list[str]) -> Tally:
        """An empty one."""
        return cls({name: StandardTally() for name in standards})

    def count(self, outcomes: list[Outcome]) -> None:
        """Count the outcomes of one event; a standard without an outcome of its own did not map it."""
        self.lines += 1
        standards = self.standards
        told = 0
        for outcome in outcomes:
            if not outcome.standard:
                for tally in standards.values():
                    tally.count(outcome)
                return
            if (of := standards.get(outcome.standard)) is not None:
                of.count(outcome)
                told += 1
        if told < len(standards):
            for name in standards.keys() - {outcome.standard for outcome in outcomes}:
                standards[name].not_mapped += 1

    def count_unreadable(self, reason: str) -> None:
        """Count a line that is no event."""
        self.lines += 1
        self.unreadable[reason] += 1

    def counted(self) -> Counter[Counted]:
        """All of it in one counter, such as ``("", "read", "")`` and ``("acme", "skipped", reason)``.

        Of a standard, read = unreadable + transformed + not mapped + skipped + failed.
        """
        told: Counter[Counted] = Counter({("", "read", ""): self.lines})
        told.update({("", "unreadable", reason): number for reason, number in self.unreadable.items()})
        for name, tally in self.standards.items():
            told[name, "transformed", ""] = tally.transformed
            told[name, "statements", ""] = tally.statements
            told[name, "not mapped", ""] = tally.not_mapped
            told.update({(name, "skipped", reason): number for reason, number in tally.skipped.items()})
            told.update({(name, "failed", reason): number for reason, number in tally.failed.items()})
            for denied, number in tally.denied.items():
                destination, _, reason = denied.partition(": ")
                told[destination, "denied", reason] += number
        return +told

    @property
    def failures(self) -> int:
        """Lines that are no event, events that failed, and those of unknown courses."""
        failed = sum(tally.failed.total() for tally in self.standards.values())
        return self.unreadable.total() + self.unknown_courses + failed

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "read": self.lines,
            "unreadable": dict(self.unreadable.most_common()),
            "unknown_courses": self.unknown_courses,
            "standards": {
                name: {
                    "transformed": tally.transformed,
                    "statements": tally.statements,
                    "not_mapped": tally.not_mapped,
                    "skipped": dict(tally.skipped.most_common()),
                    "failed": dict(tally.failed.most_common()),
                    "denied": dict(tally.denied.most_common()),
                }
                for name, tally in self.standards.items()
            },
        }


def in_words(outcome: Outcome) -> str:
    """The reason of a failure with its path, as it is counted."""
    path = outcome.error.path if outcome.error else ""
    return f"{path}: {outcome.reason}" if path else outcome.reason
