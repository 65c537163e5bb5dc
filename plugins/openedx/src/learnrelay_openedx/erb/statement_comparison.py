"""Compares two streams of statements by meaning, in temporary files.

Statements are paired that have the same instant, in milliseconds, and in xAPI the same verb: by their ids, and what is
left by likeness. Both streams are written into parts by these, so that two parts are in memory at a time.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from tempfile import TemporaryFile
from typing import IO, Any, Literal, NamedTuple, Self

import orjson

from learnrelay.comparison.statement_changes import compare_values, pair_statements
from learnrelay.reading.lines import Line

from .compared_standards import STANDARDS, ComparedStandard
from .corrections import Difference
from .statement_forms import is_same_meaning, unform

PARTS = 64
"""Files that each stream is written into."""

Kind = Literal["form", "correction", "difference", "only ours", "only theirs"]
_WEIGHTS: dict[Kind, int] = {"form": 1, "correction": 2, "difference": 3, "only ours": 3, "only theirs": 3}


class DifferenceRow(NamedTuple):
    """Identifies what is counted together. ``verb``: of Caliper type and action. ``what``: a path, or a correction."""

    kind: Kind
    verb: str
    what: str


@dataclass(slots=True)
class ComparedStream:
    """Holds what was read of a stream: ``statements``, lines that hold none, and statements that came ``repeated``."""

    name: str
    statements: int = 0
    unreadable: int = 0
    first_unreadable: str = ""
    repeated: int = 0


@dataclass(slots=True)
class StreamComparison:
    """Counts differences. ``ignored``: globs of paths that are left out.

    Of the pairs, ``same`` are equal; ``in_form`` differ in form alone; ``corrected`` as documented; ``different`` else.
    """

    ours: ComparedStream
    theirs: ComparedStream
    ignored: tuple[str, ...] = ()
    same: int = 0
    in_form: int = 0
    corrected: int = 0
    different: int = 0
    rows: Counter[DifferenceRow] = field(default_factory=Counter)

    @property
    def is_equivalent(self) -> bool:
        """Tells whether all differences are of form, or documented corrections."""
        return not any(_WEIGHTS[row.kind] == _WEIGHTS["difference"] for row in self.rows)

    def compare(self, our_lines: Iterable[Line], their_lines: Iterable[Line]) -> None:
        """Reads both streams, and counts. Raises OSError when there is no room for temporary files."""
        with ExitStack() as stack:
            ours = stack.enter_context(StatementParts())
            theirs = stack.enter_context(StatementParts())
            for parts, stream, lines in ((ours, self.ours, our_lines), (theirs, self.theirs, their_lines)):
                for line in lines:
                    parts.add_line(stream, line)
            for part in range(PARTS):
                ours_by_key, theirs_by_key = ours.read(part), theirs.read(part)
                for key in sorted(ours_by_key.keys() | theirs_by_key.keys()):
                    standard = STANDARDS[orjson.loads(key)[0]]
                    self._compare_group(standard, ours_by_key.get(key, []), theirs_by_key.get(key, []))

    def _compare_group(self, standard: ComparedStandard, ours: Sequence[bytes], theirs: Sequence[bytes]) -> None:
        our_statements, their_statements = (
            _identify(standard, contents, stream) for contents, stream in ((ours, self.ours), (theirs, self.theirs))
        )
        paired: list[dict[str, Any]] = []
        for identifier in our_statements.keys() & their_statements.keys():
            paired.append(our_statements.pop(identifier))
            self._compare_pair(standard, their_statements.pop(identifier), paired[-1])
        left = [sorted(side.items(), key=_place) for side in (their_statements, our_statements)]
        ours_alone: list[dict[str, Any]] = []
        for their_pair, our_pair in pair_statements(*left):
            if their_pair is not None and our_pair is not None:
                paired.append(our_pair[1])
                self._compare_pair(standard, their_pair[1], our_pair[1])
            elif our_pair is not None:
                ours_alone.append(our_pair[1])
            elif their_pair is not None:
                self.rows[DifferenceRow("only theirs", standard.in_words(their_pair[1]), "")] += 1
        beside = [unform(statement) for statement in paired] if ours_alone else []
        for statement in ours_alone:
            name = standard.name_addition(unform(statement), beside)
            kind: Kind = "only ours" if name is None else "correction"
            self.rows[DifferenceRow(kind, standard.in_words(statement), name or "")] += 1

    def _compare_pair(self, standard: ComparedStandard, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
        pair_rows: set[DifferenceRow] = set()
        erb_statement, our_statement, verb = unform(theirs), unform(ours), standard.in_words(ours)
        for path, before, after in compare_values(theirs, ours):
            if any(path == pattern or fnmatchcase(path, pattern) for pattern in self.ignored):
                continue
            if is_same_meaning(before, after):
                pair_rows.add(DifferenceRow("form", verb, path))
                continue
            difference = Difference(path, unform(before), unform(after), erb_statement, our_statement)
            correction = standard.name_change(difference)
            pair_rows.add(DifferenceRow("correction" if correction else "difference", verb, correction or path))
        self.rows.update(pair_rows)
        weight = max((_WEIGHTS[row.kind] for row in pair_rows), default=0)
        if weight == 0:
            self.same += 1
        elif weight == _WEIGHTS["form"]:
            self.in_form += 1
        elif weight == _WEIGHTS["correction"]:
            self.corrected += 1
        else:
            self.different += 1


def _identify(
    standard: ComparedStandard, contents: Sequence[bytes], stream: ComparedStream
) -> dict[str, dict[str, Any]]:
    """Returns the statements by id; of those with one id the first."""
    statements: dict[str, dict[str, Any]] = {}
    for number, content in enumerate(contents):
        statement = orjson.loads(content)
        identifier = statement.get("id")
        key = identifier if isinstance(identifier, str) else f"(without id) {number}"
        if key in statements:
            stream.repeated += 1
        else:
            statements[key] = standard.form(statement)
    return statements


def _place(identified: tuple[str, dict[str, Any]]) -> tuple[str, str]:
    """Returns by what statements are sorted that are too many for likeness: they are paired in order."""
    _, statement = identified
    activity = statement.get("object")
    return str(activity.get("id") if isinstance(activity, dict) else activity), str(statement.get("actor"))


class StatementParts:
    """Holds the statements of a stream in temporary files, which nothing is left of when the process ends."""

    def __enter__(self) -> Self:
        """Begins without files."""
        self._stack = ExitStack()
        self._files: dict[int, IO[bytes]] = {}
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the files."""
        self._stack.close()

    def add_line(self, stream: ComparedStream, line: Line) -> None:
        """Adds the statements of a line, and counts them."""
        statements = None if line.problem else list(_read_statements(line.content))
        if line.content.strip() == b"" and not line.problem:
            return
        if not statements or None in statements:
            stream.unreadable += 1
            stream.first_unreadable = stream.first_unreadable or f"{line.source}:{line.number}"
            return
        for key, content in filter(None, statements):
            stream.statements += 1
            self._write(key, content)

    def _write(self, key: bytes, content: bytes) -> None:
        part = zlib.crc32(key) % PARTS
        if part not in self._files:
            self._files[part] = self._stack.enter_context(TemporaryFile())  # noqa: SIM115  # the stack closes it
        self._files[part].write(b"%b\t%b\n" % (key, content))

    def read(self, part: int) -> dict[bytes, list[bytes]]:
        """Returns the statements of a part by what those have in common that may be paired."""
        groups: dict[bytes, list[bytes]] = defaultdict(list)
        if (file := self._files.get(part)) is not None:
            file.seek(0)
            for line in file:
                key, _, content = line.partition(b"\t")
                groups[key].append(content)
        return groups


def _read_statements(content: bytes) -> Iterator[tuple[bytes, bytes] | None]:
    """Yields key and JSON of the statements of a line; None for what is no statement with a time.

    A line is a statement or an envelope of Caliper, an array of them, or ends in a statement, as lines of ERB's log do.
    """
    content = content.strip()
    if not content.startswith(b"["):
        content = content[max(content.find(b"{"), 0) :]
    try:
        read = orjson.loads(content)
    except orjson.JSONDecodeError:
        yield None
        return
    for statement in _open_envelopes(read if isinstance(read, list) else [read]):
        try:
            yield _read_key(statement), orjson.dumps(statement)
        except (ValueError, orjson.JSONEncodeError):  # nested too deep
            yield None
            return


def _open_envelopes(read: Iterable[Any]) -> Iterator[Any]:
    for item in read:
        if isinstance(item, dict) and "sensor" in item and isinstance(item.get("data"), list):
            yield from item["data"]
        else:
            yield item


def _read_key(statement: Any) -> bytes:
    """Returns the standard of a statement, and by what it is paired, as JSON. Raises ValueError for what is none."""
    if isinstance(statement, dict):
        for standard in STANDARDS.values():
            if (key := standard.read_key(statement)) is not None:
                return orjson.dumps([standard.name, *key])
    raise ValueError
