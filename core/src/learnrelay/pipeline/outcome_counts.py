"""Counts the outcomes of events: for each line read, one outcome for each standard."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .run import Outcome, OutcomeState

_TRANSFORMED = OutcomeState.TRANSFORMED

BLANK_LINE = Outcome("", OutcomeState.SKIPPED, reason="blank line")
"""Outcome of a line without content."""

REQUESTS, OTHER_NAMES = "(requests)", "(other names)"
"""Names of events under which requests, and names that no platform gives, are counted."""

OTHER_PARTS = "(other parts)"
"""Parts of enrichers that are counted together, when there are too many."""

MAX_NAMES = 1_000
"""Names of events without a mapping that are counted apart, and parts of enrichers that stood there already."""

_EVENT_NAME = re.compile(r"\\?[A-Za-z][\w.:\\-]{0,99}", re.ASCII)

Counted = tuple[str, str, str]
"""(standard or destination, outcome, reason), the first and the last empty where there is none."""


@dataclass(slots=True)
class StandardCounts:
    """Counts the outcomes of one standard. ``events`` = transformed + skipped + not mapped + failed."""

    transformed: int = 0
    statements: int = 0
    not_mapped: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    denied: Counter[str] = field(default_factory=Counter)
    not_added: Counter[str] = field(default_factory=Counter)

    def count(self, outcome: Outcome) -> None:
        """Counts the outcome of one event."""
        state = outcome.state
        if state is _TRANSFORMED:
            self.transformed += 1
            self.statements += len(outcome.statements)
            if outcome.denied:
                self._count_denied(outcome)
            for path in outcome.not_added:  # an enricher may make keys of values, without end
                _count_bounded(self.not_added, path, OTHER_PARTS)
        elif state is OutcomeState.NOT_MAPPED:
            self.not_mapped += 1
        elif state is OutcomeState.SKIPPED:
            self.skipped[outcome.reason] += 1
            if outcome.denied:
                self._count_denied(outcome)
        else:
            self.failed[in_words(outcome)] += 1

    def _count_denied(self, outcome: Outcome) -> None:
        self.denied.update(f"{name}: {reason}" for name, reason in outcome.denied.items())

    def add(self, other: StandardCounts) -> None:
        """Adds other counts of the same standard."""
        self.transformed += other.transformed
        self.statements += other.statements
        self.not_mapped += other.not_mapped
        self.skipped.update(other.skipped)
        self.failed.update(other.failed)
        self.denied.update(other.denied)
        for path, number in other.not_added.items():
            _count_bounded(self.not_added, path, OTHER_PARTS, number)

    @property
    def events(self) -> int:
        """Returns the number of events of this standard."""
        return self.transformed + self.not_mapped + self.skipped.total() + self.failed.total()


@dataclass(slots=True)
class OutcomeCounts:
    """Counts all outcomes of a run. ``lines`` = unreadable + the events of any one standard.

    ``unknown_courses``: events that became statements, of courses that ``[courses]`` does not know. ``unmapped``: name
    of an event → events that no standard maps; see `count_unmapped`. ``request_prefix``: that of the source.
    """

    standards: dict[str, StandardCounts]
    lines: int = 0
    unknown_courses: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)
    unmapped: Counter[str] = field(default_factory=Counter)
    request_prefix: str = ""

    @classmethod
    def of(cls, standards: list[str], request_prefix: str = "") -> OutcomeCounts:
        """Makes empty counts for these standards."""
        return cls({name: StandardCounts() for name in standards}, request_prefix=request_prefix)

    def count(self, outcomes: list[Outcome]) -> None:
        """Counts the outcomes of one event; for a standard without an outcome it is not mapped."""
        self.lines += 1
        standards = self.standards
        counted = 0
        for outcome in outcomes:
            if not outcome.standard:
                if outcome.state is OutcomeState.NOT_MAPPED:
                    self.count_unmapped(outcome.event)
                for counts in standards.values():
                    counts.count(outcome)
                return
            if (of := standards.get(outcome.standard)) is not None:
                of.count(outcome)
                counted += 1
        if counted < len(standards):
            for name in standards.keys() - {outcome.standard for outcome in outcomes}:
                standards[name].not_mapped += 1

    def complete(self, lines: int) -> None:
        """Sets the number of lines. Those without another outcome, for any standard, are not mapped."""
        self.lines = lines
        events = lines - self.unreadable.total()
        for counts in self.standards.values():
            counts.not_mapped += events - counts.events

    def add(self, other: OutcomeCounts) -> None:
        """Adds the counts of another part of the run."""
        self.lines += other.lines
        self.unknown_courses += other.unknown_courses
        self.unreadable.update(other.unreadable)
        for name, number in other.unmapped.items():
            _count_bounded(self.unmapped, name, OTHER_NAMES, number)
        for name, counts in other.standards.items():
            self.standards[name].add(counts)

    def count_unmapped(self, name: str) -> None:
        """Counts the name of an event that no standard maps; requests, and names that may be anything, together."""
        unmapped = self.unmapped
        if name not in unmapped:
            if self.request_prefix and name.startswith(self.request_prefix):
                name = REQUESTS
            elif len(unmapped) >= MAX_NAMES or _EVENT_NAME.fullmatch(name) is None:
                name = OTHER_NAMES
        unmapped[name] += 1

    def count_unreadable(self, reason: str) -> None:
        """Counts a line that is no event."""
        self.lines += 1
        self.unreadable[reason] += 1

    def counted(self) -> Counter[Counted]:
        """Returns all counts in one counter: ``("", "read", "")``, ``("acme", "skipped", reason)`` and so on → number.

        Of a standard, read = unreadable + transformed + not mapped + skipped + failed.
        """
        counted: Counter[Counted] = Counter({("", "read", ""): self.lines})
        counted.update({("", "unreadable", reason): number for reason, number in self.unreadable.items()})
        for name, counts in self.standards.items():
            counted[name, "transformed", ""] = counts.transformed
            counted[name, "statements", ""] = counts.statements
            counted[name, "not mapped", ""] = counts.not_mapped
            counted.update({(name, "skipped", reason): number for reason, number in counts.skipped.items()})
            counted.update({(name, "failed", reason): number for reason, number in counts.failed.items()})
            counted.update({(name, "not added", path): number for path, number in counts.not_added.items()})
            for denied, number in counts.denied.items():
                destination, _, reason = denied.partition(": ")
                counted[destination, "denied", reason] += number
        return +counted

    @property
    def failures(self) -> int:
        """Returns the number of unreadable lines, failed events, and events of unknown courses."""
        failed = sum(counts.failed.total() for counts in self.standards.values())
        return self.unreadable.total() + self.unknown_courses + failed

    def as_json(self) -> dict[str, Any]:
        """Returns the counts as JSON types, for ``--json``."""
        return {
            "read": self.lines,
            "unreadable": dict(self.unreadable.most_common()),
            "unknown_courses": self.unknown_courses,
            "unmapped": dict(self.unmapped.most_common()),
            "standards": {
                name: {
                    "transformed": counts.transformed,
                    "statements": counts.statements,
                    "not_mapped": counts.not_mapped,
                    "skipped": dict(counts.skipped.most_common()),
                    "failed": dict(counts.failed.most_common()),
                    "denied": dict(counts.denied.most_common()),
                    "not_added": dict(counts.not_added.most_common()),
                }
                for name, counts in self.standards.items()
            },
        }


def _count_bounded(counter: Counter[str], name: str, others: str, number: int = 1) -> None:
    """Counts under a name; under that of all others, where there are too many names."""
    counter[name if name in counter or len(counter) < MAX_NAMES else others] += number


def in_words(outcome: Outcome) -> str:
    """Returns the reason of a failure with its path, as it is counted."""
    path = outcome.error.path if outcome.error else ""
    return f"{path}: {outcome.reason}" if path else outcome.reason
