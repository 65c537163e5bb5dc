"""Prints tables for people and JSON for programs."""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import click
import orjson
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..config.secrets import Secret
from ..logs import UNPRINTABLE, escape, escape_lines
from ..pipeline.outcome_counts import REQUESTS, OutcomeCounts

WIDTH = 80
"""Columns of a terminal that everybody has."""

_GAP = 2  # between two columns of a table

SHOWN_NAMES = 10
"""Names of events without a mapping that a summary shows, besides the number of requests."""


def print_json(value: Any) -> None:
    """Prints a value as indented JSON on standard output, with escapes for what a terminal would obey."""
    try:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except TypeError:  # half characters, as in names of files that are not UTF-8
        text = json.dumps(value, indent=2, default=str)
    click.echo(UNPRINTABLE.sub(_json_escape, text))


def _json_escape(match: re.Match[str]) -> str:
    return match[0] if match[0] == "\n" else json.dumps(match[0])[1:-1] if ord(match[0]) > 127 else "\\u007f"


def print_line(text: str, *, err: bool = False) -> None:
    """Prints a line that may hold words from outside, with escapes for what a terminal would obey."""
    click.echo(escape(text), err=err)


def print_wrapped(text: str, indent: str = "", hanging: str = "  ") -> None:
    """Prints a text in lines of 80 columns, as `wrap_line` makes them."""
    for line in wrap_line(text, indent, hanging):
        click.echo(line)


def wrap_line(text: str, indent: str = "", hanging: str = "  ", *, fold: bool = False) -> Iterator[str]:
    """Yields a text in lines of 80 columns, with escapes for what a terminal would obey.

    hanging: further indent of all lines but the first. fold: whether a word that is longer is broken; else it stays in
    one piece, to be copied.
    """
    if not fold:
        yield from textwrap.wrap(
            escape(text),
            WIDTH,
            initial_indent=indent,
            subsequent_indent=indent + hanging,
            break_long_words=False,
            break_on_hyphens=False,
        )
        return
    # by the columns of characters, of which Chinese ones have two
    lines = Text(escape(text)).wrap(Console(), WIDTH - len(indent + hanging), overflow="fold")
    for number, line in enumerate(lines):
        yield f"{indent}{hanging if number else ''}{line.plain.rstrip()}"


def confirm_or_exit(question: str, nothing: str) -> None:
    """Asks, and exits with 2 unless confirmed. ``nothing``: what was not done, such as ``nothing was removed``."""
    if not sys.stdin.isatty():
        click.echo(f"{question} There is no terminal to ask: use --yes; {nothing}", err=True)
        sys.exit(2)
    if not click.confirm(question, err=True):
        click.echo(nothing, err=True)
        sys.exit(2)


def show_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of a plugin as JSON types; of a secret, its place."""
    return {key: _shown(value) for key, value in settings.items()}


def describe_settings(settings: Mapping[str, Any]) -> str:
    """Returns the settings of a plugin on a line: ``modes = ["audit"], limit = 3``."""
    return ", ".join(f"{key} = {orjson.dumps(value).decode()}" for key, value in show_settings(settings).items())


def _shown(value: Any) -> Any:
    if isinstance(value, Secret):
        return f"({value.source})"
    if isinstance(value, Mapping):
        return {str(key): _shown(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_shown(inner) for inner in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], console: Console | None = None) -> None:
    """Prints a table: as wide as the terminal, or as its content when the output is no terminal."""
    console = console or Console()
    table = Table(box=None, pad_edge=False, padding=(0, _GAP // 2), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")  # a name that is cut off cannot be typed
    for row in rows:
        # Plain text: brackets are no markup. Line breaks are ours, words from outside come without any.
        table.add_row(*(Text(escape_lines(str(cell))) for cell in row))
    if not console.is_terminal:
        console.width = 400
    console.print(table)


def print_table_in_parts(columns: Sequence[str], rows: Iterable[Sequence[object]], console: Console) -> None:
    """Prints a table; on a terminal that is narrower, as several, each with the first column and those that fit."""
    cells = [columns, *rows]
    widths = [max(cell_len(escape_lines(str(row[index]))) for row in cells) for index in range(len(columns))]
    parts, room = [[0]], console.width - widths[0]
    for index, width in enumerate(widths[1:], start=1):
        room -= _GAP + width
        if room < 0 and console.is_terminal and len(parts[-1]) > 1:
            parts.append([0])
            room = console.width - widths[0] - _GAP - width
        parts[-1].append(index)
    for number, part in enumerate(parts):
        if number:
            console.print()
        heading, *selected = [[row[index] for index in part] for row in cells]
        print_table([str(name) for name in heading], selected, console)


def describe_failures(records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yields a line for each line of a log that failed, with the reason of each standard.

    A record has file, line, standard and reason; those of a line follow each other.
    """
    for (file, line), group in groupby(records, key=lambda record: (record["file"], record["line"])):
        standards: dict[str, list[str]] = {}
        for record in group:
            standards.setdefault(record["reason"], []).append(record["standard"])
        reasons = (": ".join(filter(None, (", ".join(names), reason))) for reason, names in standards.items())
        yield escape(f"{file}:{line}: {'; '.join(reasons)}")


def print_outcome_counts(totals: OutcomeCounts, console: Console) -> None:
    """Prints the summary of a run: the number of lines by standard, outcome and reason."""
    names = list(totals.standards)
    rows: list[tuple[object, ...]] = [("lines read", *[f"{totals.lines:,}"] * len(names))]

    def add(label: str, values: Iterable[int]) -> None:
        numbers = list(values)
        if any(numbers):
            rows.append((label, *(f"{value:,}" if value else "" for value in numbers)))

    columns = [totals.standards[name] for name in names]
    rows.append(("transformed", *(f"{counts.transformed:,}" for counts in columns)))
    rows.append(("  statements", *(f"{counts.statements:,}" for counts in columns)))
    add("not mapped", (counts.not_mapped for counts in columns))
    for reason in sorted({reason for counts in columns for reason in counts.skipped}):
        add(f"skipped: {reason}", (counts.skipped[reason] for counts in columns))
    for reason in sorted({reason for counts in columns for reason in counts.failed}):
        add(f"failed: {reason}", (counts.failed[reason] for counts in columns))
    for path in sorted({path for counts in columns for path in counts.not_added}):
        add(f"  not added (there already): {path}", (counts.not_added[path] for counts in columns))
    for reason, count in totals.unreadable.most_common():
        add(f"failed: {reason}", [count] * len(names))
    add("transformed without title: unknown course", [totals.unknown_courses] * len(names))
    print_table(["", *names], rows, console)
    if totals.unmapped:
        counted = [(name, number) for name, number in totals.unmapped.most_common() if name != REQUESTS]
        shown = counted[:SHOWN_NAMES]
        if requests := totals.unmapped[REQUESTS]:
            shown.insert(0, (REQUESTS, requests))
        console.print()
        print_table(["without a mapping", "events"], ((name, f"{number:,}") for name, number in shown), console)
        if (more := len(counted) - SHOWN_NAMES) > 0:
            console.print(f"... and {more:,} more names; --json names all", markup=False)
