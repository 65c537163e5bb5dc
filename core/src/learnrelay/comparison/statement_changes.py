"""Finds and counts the differences between the statements that two pipelines make of the same lines.

Statements of a line are paired by standard and id; those that are left are paired with the most similar one. What is
then left appears or vanishes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import zip_longest
from typing import Any, Literal, NamedTuple

import orjson

from ..privacy.tracing import below

MAX_ROWS = 10_000
"""Kinds of differences that are counted apart; values as keys of a statement would give rows without end."""

LONGEST_VALUE = 1_000
"""Characters of a value that an example keeps, as JSON."""

OTHERS = "(others)"
"""Stands for event and path where there are more rows than that."""

MOST_COMPARED = 10_000
"""Pairs of statements of a line of which the most similar are sought; statements that are more are paired in order."""

ABSENT = object()
"""Stands for the value of a path that a statement does not have."""

Kind = Literal["changed", "added", "removed", "appears", "vanishes"]


class ChangeRow(NamedTuple):
    """Identifies what is counted together. ``what``: the path of a value; the reason why a statement appears."""

    standard: str
    event: str
    kind: Kind
    what: str


@dataclass(frozen=True, slots=True)
class ChangeSelection:
    """Selects differences by globs of events and of paths, all where there are none.

    Statements that appear or vanish have no path: with ``paths`` they are not selected.
    """

    events: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()

    def has_event(self, event: str) -> bool:
        """Tells whether differences of an event are selected."""
        return not self.events or any(fnmatchcase(event, pattern) for pattern in self.events)

    def has_path(self, path: str) -> bool:
        """Tells whether differences at a path are selected."""
        return not self.paths or any(path == pattern or fnmatchcase(path, pattern) for pattern in self.paths)


@dataclass(slots=True)
class Example:
    """Holds the first difference of a row: the line of its event, and the values at the path."""

    source: str
    line: int
    before: Any = ABSENT
    after: Any = ABSENT


@dataclass(slots=True)
class ChangeCount:
    """Counts the statements of a row."""

    example: Example
    statements: int = 0


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Holds what became of an event on one side, by standard. ``reason``: of a standard that has no outcome."""

    event: str
    reason: str
    statements: Mapping[str, list[tuple[str, Any]]]
    reasons: Mapping[str, str]

    @classmethod
    def parse(cls, answer: bytes) -> list[Outcomes]:
        """Parses the answer for a line: one, or more where several events are glued together in it."""
        of_events: list[list[Any]] = [[]]
        for outcome in orjson.loads(answer):
            if outcome is None:
                of_events.append([])
            else:
                of_events[-1].append(outcome)
        return [cls._of_event(outcomes) for outcomes in of_events]

    @classmethod
    def _of_event(cls, outcomes: Iterable[Any]) -> Outcomes:
        event, common, statements, reasons = "", "not mapped", {}, {}
        for standard, name, reason, made in outcomes:
            event = name
            if not standard:
                common = reason
            else:
                statements[standard], reasons[standard] = made, reason
        return cls(event, common, statements, reasons)

    def reason_of(self, standard: str) -> str:
        """Returns why a standard has no statement, or not so many."""
        if self.statements.get(standard):
            return "another number of statements"
        return self.reasons.get(standard) or self.reason


@dataclass(slots=True)
class StatementChanges:
    """Counts the differences. ``origins``: versions of mappings that the statements of each side may name.

    ``same`` statements are equal, at least where differences are selected; ``of_another_version`` are equal but for the
    version that they name. ``changed`` statements are paired, but differ.
    """

    origins: tuple[frozenset[str], frozenset[str]]
    selection: ChangeSelection = field(default_factory=ChangeSelection)
    lines: int = 0
    same: int = 0
    of_another_version: int = 0
    changed: int = 0
    appeared: int = 0
    vanished: int = 0
    rows: dict[ChangeRow, ChangeCount] = field(default_factory=dict)

    @property
    def differ(self) -> bool:
        """Tells whether there is any difference but versions."""
        return bool(self.changed or self.appeared or self.vanished)

    def compare(self, source: str, line: int, old: bytes, new: bytes) -> Iterator[str]:
        """Compares what both sides made of a line. Yields the ids of the old statements that change or vanish."""
        self.lines += 1
        before = Outcomes.parse(old)
        after = before if old == new else Outcomes.parse(new)
        # one side may be a release that does not read events glued together: it has no statement of any of them
        nothing = Outcomes("", min(before, after, key=len)[0].reason, {}, {})
        for was, becomes in zip_longest(before, after, fillvalue=nothing):
            yield from self._compare_event(source, line, was, becomes)

    def _compare_event(self, source: str, line: int, before: Outcomes, after: Outcomes) -> Iterator[str]:
        event = before.event or after.event
        if not self.selection.has_event(event):
            return
        if after is before:
            self.same += sum(map(len, before.statements.values()))
            return
        for standard in sorted(before.statements.keys() | after.statements.keys()):
            pairs = pair_statements(before.statements.get(standard, ()), after.statements.get(standard, ()))
            for was, becomes in pairs:
                if was is not None and becomes is not None:
                    if self._compare_pair(standard, event, source, line, was[1], becomes[1]):
                        yield was[0]
                elif self.selection.paths:
                    continue
                elif was is None:
                    self.appeared += 1
                    row = ChangeRow(standard, event, "appears", before.reason_of(standard))
                    self._count(row, Example(source, line))
                else:
                    self.vanished += 1
                    row = ChangeRow(standard, event, "vanishes", after.reason_of(standard))
                    self._count(row, Example(source, line))
                    yield was[0]

    def _compare_pair(self, standard: str, event: str, source: str, line: int, was: Any, becomes: Any) -> bool:
        """Counts the differences of a pair, and tells whether there are any but versions."""
        differences = list(compare_values(was, becomes))
        beyond_version = [difference for difference in differences if not self._is_version(*difference[1:])]
        selected = [difference for difference in beyond_version if self.selection.has_path(difference[0])]
        if not selected:
            if differences and not beyond_version:
                self.of_another_version += 1
            else:
                self.same += 1
            return False
        self.changed += 1
        rows: dict[ChangeRow, Example] = {}
        for path, before, after in selected:
            kind: Kind = "added" if before is ABSENT else "removed" if after is ABSENT else "changed"
            rows.setdefault(ChangeRow(standard, event, kind, path), Example(source, line, before, after))
        for row, example in rows.items():
            self._count(row, example)
        return True

    def _is_version(self, before: Any, after: Any) -> bool:
        texts = isinstance(before, str) and isinstance(after, str)
        return texts and before in self.origins[0] and after in self.origins[1]

    def _count(self, row: ChangeRow, example: Example) -> None:
        if row not in self.rows and len(self.rows) >= MAX_ROWS:
            row, example = ChangeRow(row.standard, OTHERS, row.kind, OTHERS), Example(example.source, example.line)
        if row not in self.rows:
            example.before, example.after = _shorten(example.before), _shorten(example.after)
            self.rows[row] = ChangeCount(example)
        self.rows[row].statements += 1


def _shorten(value: Any) -> Any:
    """Returns a value as an example keeps it: not more than its beginning."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…"
    if isinstance(value, (dict, list)) and len(content := orjson.dumps(value)) > LONGEST_VALUE:
        return f"{content[:LONGEST_VALUE].decode(errors='ignore')}…"
    return value


Identified = Sequence[Any]
"""A statement with its id: ``[id, statement]``."""


def pair_statements(
    old: Iterable[Identified], new: Iterable[Identified]
) -> Iterator[tuple[Identified | None, Identified | None]]:
    """Pairs the statements of a line: by their ids, then the most similar ones; None for one that is left over."""
    remaining = list(new)
    left = []
    for statement in old:
        same = next((other for other in remaining if other[0] == statement[0]), None)
        if same is None:
            left.append(statement)
        else:
            remaining.remove(same)
            yield statement, same
    pairs = _most_similar([_leaves(content) for _, content in left], [_leaves(content) for _, content in remaining])
    for place, statement in enumerate(left):
        yield statement, remaining[pairs[place]] if place in pairs else None
    for place in sorted(set(range(len(remaining))).difference(pairs.values())):
        yield None, remaining[place]


def _most_similar(old: Sequence[Leaves], new: Sequence[Leaves]) -> dict[int, int]:
    """Pairs as many statements as there can be, the most similar ones first: place of the old → place of the new."""
    if len(old) * len(new) > MOST_COMPARED:
        return {place: place for place in range(min(len(old), len(new)))}
    likeness = sorted((-len(a & b), i, j) for i, a in enumerate(old) for j, b in enumerate(new))
    pairs: dict[int, int] = {}
    for _, i, j in likeness:
        if i not in pairs and j not in pairs.values():
            pairs[i] = j
    return pairs


Leaves = frozenset[tuple[str, str]]
"""Paths and plain values of a statement."""


def _leaves(value: Any, path: str = "") -> Leaves:
    """Collects the plain values of a statement with their paths."""
    if isinstance(value, dict):
        return Leaves().union(*(_leaves(inner, below(path, key)) for key, inner in value.items()))
    if isinstance(value, list):
        return Leaves().union(*(_leaves(inner, f"{path}[*]") for inner in value))
    return frozenset({(path, repr(value))})


def compare_values(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yields the differences of two JSON values: path, value before, value after; `ABSENT` where there is none.

    A list of another length, and an object that is added or removed, is one difference.
    """
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            inside, was, becomes = below(path, key), before.get(key, ABSENT), after.get(key, ABSENT)
            if was is ABSENT or becomes is ABSENT:
                yield inside, was, becomes
            else:
                yield from compare_values(was, becomes, inside)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for was, becomes in zip(before, after, strict=True):
            yield from compare_values(was, becomes, f"{path}[*]")
    elif type(before) is not type(after) or before != after:
        yield path, before, after
