"""Implements ``learnrelay transform``, which turns events into statements, without delivering them."""

from __future__ import annotations

import errno
import gc
import os
import secrets
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..assembly.assemble import Assembly, assemble
from ..config.fields import did_you_mean, quoted
from ..errors import EventError, TransformError
from ..events import SourceEvent
from ..forked_map import forked_map
from ..lookups.courses import unknown_course
from ..pipeline.line_run import LineRun, Process
from ..pipeline.outcome_counts import OutcomeCounts
from ..pipeline.run import Outcome, OutcomeState, Pipeline
from ..plugins.discovery import installed
from ..private_files import open_private
from ..reading.documents import read_event_blocks
from ..reading.lines import LineBlock, open_log, stored_stream
from . import PLACEHOLDER_ROOT_URL, complete_standards, config_option, plugin_option, source_option
from .output import describe_failures, print_outcome_counts
from .without_config import assemble_without_config

SHOWN_FAILURES = 10
TOGETHER = 2**19
"""Bytes of a log that one process transforms at a time."""
WORTH_PROCESSES = 2**22
"""Bytes of logs from which several processes take less time than their start."""


@click.command()
@click.argument("files", nargs=-1, type=click.Path(allow_dash=True))
@click.option(
    "-s",
    "--standard",
    "wanted",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_standards,
    help="Output standard; repeatable.",
)
@config_option()
@plugin_option
@click.option(
    "--enricher",
    "enrichers",
    multiple=True,
    metavar="NAME",
    help="Enricher to run, without --config; repeatable.",
)
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Output file, instead of standard output.")
@click.option(
    "-e", "--errors", type=click.Path(dir_okay=False), help="File for a JSON record of each line that failed."
)
@click.option("--root-url", metavar="URL", help="Root URL of the platform, without --config.")
@source_option()
@click.option(
    "--processes", type=click.IntRange(1), help="Processes for files.  [default: one for each core, if they are large]"
)
@click.option("--validate", is_flag=True, help="Validate each statement against the schema of its standard; slower.")
@click.option("--json", "as_json", is_flag=True, help="Output the summary as JSON.")
def command(
    files: tuple[str, ...], wanted: tuple[str, ...], config_path: str | None, plugin_files: tuple[str, ...],
    enrichers: tuple[str, ...], output: str | None, errors: str | None, root_url: str | None, source: str | None,
    processes: int | None, validate: bool, as_json: bool,
) -> None:  # fmt: skip
    r"""Turn events into statements, on standard output or in a file.

    FILES hold one event a line, in any shape of the source, with or without a logger's prefix, or are JSON documents of
    one event or an array, over several lines. They may be plain, gzip or zstd; ``-`` or nothing means standard input.
    Statements are written as JSON lines, in the order of the events; large files are read by all cores. A summary on
    standard error counts every line by outcome.

    \b
    Exit codes: 0 nothing failed; 1 something failed; 2 usage or configuration.

    \b
    Examples:
      learnrelay transform --standard NAME tracking.log > statements.jsonl
      learnrelay transform --plugin polls.py events.jsonl
      zcat old.log.gz | learnrelay transform --config relay.toml --errors failed.jsonl
    """
    if output is not None and Path(output).resolve() in {Path(name).resolve() for name in files if name != "-"}:
        raise click.UsageError(f"--output {output} is one of the files to read")
    for name in files:
        check_readable(name)
    if config_path is None:
        assembly = _assemble_standards(wanted, plugin_files, enrichers, root_url, source)
    elif enrichers:
        raise click.UsageError("--enricher goes without --config: enable it in the file, [plugins] enabled")
    else:
        assembly = assemble(Path(config_path), plugin_files)
    names = [name for name in assembly.standards if not wanted or name in wanted]
    for name in wanted:
        if name not in assembly.standards:
            raise click.BadParameter(f"{name} is not enabled in {config_path}", param_hint="--standard")
    console = Console(stderr=True)
    run = _Run(assembly, names, validate)
    gc.freeze()  # these objects stay: the garbage collector need not visit them
    tally = OutcomeCounts.of(names, assembly.source.shape.request_prefix)
    logs = files or ("-",)
    shown = 0
    with ExitStack() as stack:
        out = stack.enter_context(open_private(output)) if output else sys.stdout.buffer
        failed = stack.enter_context(open_private(errors)) if errors else None
        count = _count_processes(logs, processes)
        transform = stack.enter_context(forked_map(run.transform, count))
        read = read_logs(logs, console, stack)
        number = 0  # of the last line of the file
        for blocks, transformed in transform(_join_blocks(read) if count > 1 else ([block] for block in read)):
            out.write(transformed.statements)
            tally.add(transformed.tally)
            number = blocks[0].number - 1 if blocks[0].number else number
            for record in transformed.failures:
                record["line"] += number
            number += transformed.lines
            if failed is not None:
                failed.writelines(orjson.dumps(record) + b"\n" for record in transformed.failures)
                continue
            to_show = transformed.failures[: SHOWN_FAILURES - shown]
            for failure in describe_failures(to_show):
                console.print(failure, markup=False, highlight=False, soft_wrap=True)
            shown += len(to_show)
        out.flush()
    if failed is None and tally.failures > shown:
        console.print(f"... and {tally.failures - shown:,} more; --errors FILE writes a record for each", markup=False)
    if as_json:
        click.echo(orjson.dumps(tally.as_json(), option=orjson.OPT_INDENT_2).decode(), err=True)
    else:
        print_outcome_counts(tally, console)
    sys.exit(1 if tally.failures else 0)


@dataclass(slots=True)
class _Transformed:
    """Holds what became of some blocks. failures: a record for each, with the line counted from the first block's.

    lines: number of lines by which those of the file go on.
    """

    statements: bytes
    tally: OutcomeCounts
    failures: list[dict[str, Any]]
    lines: int


class _Run:
    """Transforms blocks of lines into statements."""

    def __init__(self, assembly: Assembly, standards: list[str], validate: bool) -> None:
        self.standards = standards
        self._request_prefix = assembly.source.shape.request_prefix
        process = Pipeline(assembly.plan.narrow(standards)).process
        self._process = _validate(process, assembly, standards) if validate else process
        self._event_from_line = assembly.source.event_from_line
        self._unknown_course = unknown_course(assembly.courses)

    def transform(self, blocks: Sequence[LineBlock]) -> _Transformed:
        """Transforms blocks of one file, of which only the first may have a number."""
        contents: list[bytes] = []
        failures: list[dict[str, Any]] = []
        tally = OutcomeCounts.of(self.standards, self._request_prefix)

        def take(outcome: Outcome, _event: SourceEvent) -> None:
            for statement in outcome.statements:
                contents.append(statement.content)

        def fail(line: int, standard: str, error: EventError, reason: str) -> None:
            failures.append({"file": blocks[0].source, "line": line, **error.as_record(standard, reason)})

        run = LineRun(self._event_from_line, self._process, self._unknown_course, tally, take, fail)
        for block in blocks:
            if block.problem:
                run.fail_line(block.problem)
            else:
                run.run(block.lines())
        tally.complete(run.events)
        contents.append(b"")  # each statement has a line end
        return _Transformed(b"\n".join(contents), tally, failures, run.number)


def _validate(process: Process, assembly: Assembly, standards: list[str]) -> Process:
    """Returns ``process`` that fails events of which a statement is not valid by the schema of its standard."""
    schemas = {name: assembly.standards[name].schema() for name in standards}

    def process_and_validate(event: SourceEvent) -> list[Outcome]:
        outcomes = process(event)
        for outcome in outcomes:
            for statement in outcome.statements:
                if problems := schemas[outcome.standard].validate(statement.parsed):
                    path, messages = next(iter(problems.items()))
                    error = TransformError(f"the statement is not valid: {path}: {_first(messages)}")
                    error.event_name, error.event_id = event.shown_name, event.id
                    outcome.state, outcome.reason, outcome.error = OutcomeState.FAILED, error.reason, error
                    break
        return outcomes

    return process_and_validate


def _join_blocks(blocks: Iterable[LineBlock]) -> Iterator[list[LineBlock]]:
    """Yields blocks of one file together, up to `TOGETHER` bytes, so that each can be the work of a process."""
    together: list[LineBlock] = []
    size = 0
    for block in blocks:
        if together and (block.number or size >= TOGETHER):
            yield together
            together, size = [], 0
        together.append(block)
        size += len(block.content)
    if together:
        yield together


def _count_processes(files: tuple[str, ...], processes: int | None) -> int:
    """Returns how many processes are worth their start: one for standard input, pipes and little files."""
    if processes is not None:
        return processes
    sizes = [Path(name).stat().st_size for name in files if name != "-"]
    return (os.cpu_count() or 1) if len(sizes) == len(files) and sum(sizes) >= WORTH_PROCESSES else 1


def _first(messages: Any) -> str:
    """Returns the first of marshmallow's nested messages."""
    while isinstance(messages, (dict, list)):
        messages = next(iter(messages.values() if isinstance(messages, dict) else messages))
    return str(messages)


def _assemble_standards(
    wanted: tuple[str, ...],
    plugin_files: tuple[str, ...],
    enrichers: tuple[str, ...],
    root_url: str | None,
    source: str | None,
) -> Assembly:
    """Assembles what is named on the command line, with default settings."""
    plugins = installed()
    known = sorted({info.name for info in plugins if info.kind == "standards"})
    there = ", ".join(known) or "none is installed: pip install the package of one"
    if not wanted and not plugin_files:
        raise click.UsageError(f"expected --standard NAME ({there}), --plugin FILE or --config FILE")
    for name in wanted:
        if name not in known:
            hint = f"no installed plugin brings {quoted([name])} ({there}){did_you_mean(name, known)}"
            raise click.BadParameter(hint, param_hint="--standard")
    to_add = sorted({info.name for info in plugins if info.kind == "enrichers"})
    for name in enrichers:
        if name not in to_add:
            there = ", ".join(to_add) or "none"
            hint = f"no enricher {quoted([name])} is installed; installed: {there}{did_you_mean(name, to_add)}"
            raise click.BadParameter(hint, param_hint="--enricher")
    raw: dict[str, Any] = {
        "platform": {"root_url": root_url or PLACEHOLDER_ROOT_URL, **({"source": source} if source else {})},
        "plugins": {"enabled": [*wanted, *(f"{name}.*" for name in wanted), *enrichers]},
        "identity": {"provider": "keyed", "secret": "env:LEARNRELAY_IDENTITY_SECRET"},
    }
    if not os.environ.get("LEARNRELAY_IDENTITY_SECRET"):
        raw["identity"]["secret"] = secrets.token_hex(32)
        click.echo(
            "note: without --config or LEARNRELAY_IDENTITY_SECRET the pseudonyms (and with them the statement ids) "
            "are those of this run only",
            err=True,
        )
    return assemble_without_config(raw, plugin_files, "command line")


def check_readable(name: str) -> None:
    """Checks that a file can be read, before any other is processed. Raises click.UsageError."""
    if name == "-":
        return
    if Path(name).is_dir():
        raise click.UsageError(f"{name}: is a directory; name the files in it: {name}/*")
    if not os.access(name, os.R_OK):  # checked without opening it: it may be a pipe
        reason = os.strerror(errno.EACCES if Path(name).exists() else errno.ENOENT)
        raise click.UsageError(f"{name}: {reason}")


def read_logs(files: tuple[str, ...], console: Console, stack: ExitStack) -> Iterator[LineBlock]:
    """Yields the lines of all files in blocks, with a progress bar on a terminal."""
    progress = stack.enter_context(
        Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=console, transient=True, disable=not console.is_terminal or "-" in files,
        )
    )  # fmt: skip
    for name in files:
        stream: BinaryIO = open_log(name)
        with stream:
            size = Path(name).stat().st_size if name != "-" else None
            task = progress.add_task(name, total=size)
            raw = stored_stream(stream)
            for block in read_event_blocks(stream, name):
                yield block
                if size is not None and raw.seekable():  # a named pipe has no position
                    progress.update(task, completed=raw.tell())
            progress.update(task, completed=size or 0)
