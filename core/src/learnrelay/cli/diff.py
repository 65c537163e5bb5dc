"""Implements ``learnrelay diff``, which lists the statements that an upgrade or another configuration changes."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console

from ..comparison.compared_pipeline import ComparedPipeline, Setup, process_lines
from ..comparison.statement_changes import ABSENT, OTHERS, ChangeCount, ChangeRow, ChangeSelection, StatementChanges
from ..errors import LearnrelayError
from ..privacy.masking import describe_masked, mask_size, shown_event_name
from ..reading.lines import lines_of
from . import config_option, json_option
from .output import print_json, print_line
from .transform import SHOWN_FAILURES, check_readable, read_logs


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.argument("files", metavar="LOGS...", nargs=-1, required=True)
@config_option()
@click.option("--to", "destination", metavar="NAME", default="", help="Only the statements that this destination gets.")
@click.option("--event", "events", multiple=True, metavar="NAME", help="Event name or glob; repeatable.")
@click.option(
    "--path", "paths", multiple=True, metavar="PATH",
    help="Path within the statement, as listed, or a glob: only changes there; repeatable.",
)  # fmt: skip
@click.option("--show-values", is_flag=True, help="Show the values of the examples.")
@click.option("--ids", is_flag=True, help="List the old ids that change or vanish, for void; with --to.")
@json_option
def command(
    old: str, new: str, files: tuple[str, ...], config_path: str | None, destination: str, events: tuple[str, ...],
    paths: tuple[str, ...], show_values: bool, ids: bool, as_json: bool,
) -> None:  # fmt: skip
    r"""List which statements change between two environments or configurations, before an upgrade.

    OLD and NEW are each a configuration file (.toml), for the present environment; or the folder or interpreter of a
    Python environment, which runs with the file of --config; or both, as ENVIRONMENT:FILE. Both sides turn the lines of
    LOGS into statements, in processes of their own. Nothing is stored or sent.

    Changes are counted by event and by path within the statement, with the line of an example. So are statements that
    appear or vanish, by reason. Statements of a line are paired by their ids, and those that are left with the most
    similar ones. A statement that differs only in the version that it names counts as the same. Values are replaced by
    their types, unless --show-values is given; what the mapping itself says is shown.

    LOGS may be plain, gzip or zstd; ``-`` means standard input.

    \b
    Exit codes: 0 the statements are the same; 1 there are differences; 2 usage, configuration, or a side that failed.

    \b
    Examples:
      learnrelay diff relay.toml changed.toml tracking.log
      learnrelay diff --config relay.toml /opt/relay-1.0 /opt/relay-2.0 tracking.log.1.gz
      learnrelay diff /opt/relay-1.0:old.toml relay.toml tracking.log
      learnrelay diff old.toml new.toml tracking.log --to main --event NAME --path PATH --ids > ids.txt
    """
    if ids and as_json:
        raise click.UsageError("--ids goes without --json")
    if ids and not destination:
        raise click.UsageError("--ids needs --to NAME: statements are voided at one destination")
    for name in files:
        check_readable(name)
    setups = [_parse_setup(side, text, config_path) for side, text in (("OLD", old), ("NEW", new))]
    try:
        with ExitStack() as stack:
            sides = [stack.enter_context(ComparedPipeline(setup, destination)) for setup in setups]
            for side in sides:
                side.open()
            changes = StatementChanges((sides[0].origins, sides[1].origins), ChangeSelection(events, paths))
            problems = 0
            lines = lines_of(read_logs(files, Console(stderr=True), stack))
            for line, (before, after) in process_lines(sides, lines):
                if line.problem and (problems := problems + 1) <= SHOWN_FAILURES:
                    print_line(f"{line.source}:{line.number}: {line.problem}", err=True)
                for identifier in changes.compare(line.source, line.number, before, after):
                    if ids:
                        print_line(identifier)
            report = None if ids else _Report(sides, show_values).describe(changes)
    except LearnrelayError as error:
        raise click.ClickException(str(error)) from None
    if report is not None and as_json:
        print_json(report)
    else:
        for text in in_words(report) if report is not None else ():
            print_line(text)
        print_line(_summary(changes), err=ids)
    sys.exit(1 if changes.differ else 0)


def _parse_setup(side: str, text: str, config_path: str | None) -> Setup:
    """Reads OLD or NEW: a file, an environment, or both. Raises UsageError."""
    environment, colon, file = text.rpartition(":")
    if Path(text).exists() or not colon:
        environment, file = ("", text) if _is_configuration(Path(text)) else (text, "")
    if not file and config_path is None:
        raise click.UsageError(f"{text} has no configuration file: give --config FILE, or {text}:FILE")
    config = Path(file or str(config_path)).absolute()
    if not config.is_file():
        raise click.UsageError(f"{config}: there is no such file")
    return Setup(side, config, _find_interpreter(Path(environment)) if environment else None)


def _is_configuration(path: Path) -> bool:
    return path.suffix == ".toml" or not (path.is_dir() or os.access(path, os.X_OK))


def _find_interpreter(path: Path) -> Path:
    """Returns the interpreter of an environment, not resolved: a link to it is what makes the environment."""
    interpreter = path / "bin" / "python" if path.is_dir() else path
    if not os.access(interpreter, os.X_OK):
        reason = "is no Python environment: it has no bin/python" if path.is_dir() else "there is no such environment"
        raise click.UsageError(f"{path}: {reason}")
    return interpreter.absolute()


class _Report:
    """Describes differences in JSON types; values are masked, unless they are to be shown."""

    def __init__(self, sides: Sequence[ComparedPipeline], show_values: bool) -> None:
        self._sides = sides
        self._show_values = show_values
        self._key = secrets.token_bytes(16)
        self._constants = cache(lambda place, event, standard: sides[place].read_constants(event, standard))

    def describe(self, changes: StatementChanges) -> dict[str, Any]:
        """Describes all differences, by standard and event, the most frequent first."""
        rows = sorted(changes.rows.items(), key=lambda item: (item[0][:2], -item[1].statements, item[0]))
        return {
            "old": self._describe_side(0),
            "new": self._describe_side(1),
            "lines": changes.lines,
            "statements": {
                "same": changes.same,
                "of_another_version": changes.of_another_version,
                "changed": changes.changed,
                "appeared": changes.appeared,
                "vanished": changes.vanished,
            },
            "differences": [self._describe_row(row, count) for row, count in rows],
        }

    def _describe_side(self, place: int) -> dict[str, str]:
        side = self._sides[place]
        python = {} if side.setup.python is None else {"python": str(side.setup.python)}
        return {**python, "config": str(side.setup.config), "learnrelay": side.release}

    def _describe_row(self, row: ChangeRow, count: ChangeCount) -> dict[str, Any]:
        is_known = self._show_values or any(row.event in side.events for side in self._sides)
        example: dict[str, Any] = {"file": count.example.source, "line": count.example.line}
        for place, (name, value) in enumerate((("before", count.example.before), ("after", count.example.after))):
            if value is not ABSENT:
                example[name] = self._shown(place, row, value)
        what = "reason" if row.kind in ("appears", "vanishes") else "path"
        return {
            "standard": row.standard,
            "event": shown_event_name(row.event, is_known=is_known),
            "kind": row.kind,
            what: row.what,
            "statements": count.statements,
            "example": example,
        }

    def _shown(self, place: int, row: ChangeRow, value: Any) -> Any:
        if self._show_values:
            return value
        if isinstance(value, str) and value in self._constants(place, row.event, row.standard).get(row.what, ()):
            return value
        return describe_masked(mask_size(value, self._key), row.what.rpartition(".")[2])


def in_words(report: Mapping[str, Any]) -> Iterator[str]:
    """Describes a report, an event after the other."""
    for name in ("old", "new"):
        side = report[name]
        python = f"{side['python']} with " if "python" in side else ""
        yield f"{name}: {python}{side['config']}, learnrelay {side['learnrelay']}"
    yield ""
    heading = ""
    for row in report["differences"]:
        if heading != (heading := f"{row['standard']} {row['event']}"):
            yield heading
        yield f"{row['statements']:>9,}  {_difference(row)}  ({row['example']['file']}:{row['example']['line']})"
    if report["differences"]:
        yield ""


def _difference(row: Mapping[str, Any]) -> str:
    if row["kind"] == "appears":
        return f"appear; before: {row['reason']}"
    if row["kind"] == "vanishes":
        return f"vanish; now: {row['reason']}"
    path: str = row["path"]
    if path == OTHERS:
        return path
    before, after = (_value(row["example"], name) for name in ("before", "after"))
    return f"{path}: {before} → {after}"


def _value(example: Mapping[str, Any], name: str) -> str:
    value = example.get(name, ABSENT)
    if value is ABSENT:
        return "absent"
    is_masked = isinstance(value, str) and value.startswith("<")
    return str(value) if is_masked else orjson.dumps(value).decode()


def _summary(changes: StatementChanges) -> str:
    other = changes.of_another_version
    version = f", {other:,} differ only in the version that they name" if other else ""
    return (
        f"{changes.lines:,} lines; statements: {changes.same:,} are the same{version}, "
        f"{changes.changed:,} change, {changes.appeared:,} appear, {changes.vanished:,} vanish"
    )
