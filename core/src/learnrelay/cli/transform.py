"""Implements ``learnrelay transform``, which turns events into statements, without delivering them."""

from __future__ import annotations

import errno
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..assembly.assemble import Assembly, assemble
from ..config.fields import did_you_mean, quoted
from ..errors import BlankLineError, EventError, GluedEventsError, TransformError
from ..events import SourceEvent
from ..lookups.courses import unknown_course
from ..pipeline.outcome_counts import BLANK_LINE, OutcomeCounts, in_words
from ..pipeline.run import Outcome, OutcomeState, Pipeline
from ..plugins.discovery import installed
from ..private_files import open_private
from ..reading.documents import read_event_blocks
from ..reading.lines import LineBlock, open_log, stored_stream, too_long
from . import PLACEHOLDER_ROOT_URL, complete_standards, config_option, plugin_option, source_option
from .output import describe_failures, print_outcome_counts
from .without_config import assemble_without_config

SHOWN_FAILURES = 10


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
@click.option("--validate", is_flag=True, help="Validate each statement against the schema of its standard; slower.")
@click.option("--json", "as_json", is_flag=True, help="Output the summary as JSON.")
def command(
    files: tuple[str, ...], wanted: tuple[str, ...], config_path: str | None, plugin_files: tuple[str, ...],
    enrichers: tuple[str, ...], output: str | None, errors: str | None, root_url: str | None, source: str | None,
    validate: bool, as_json: bool,
) -> None:  # fmt: skip
    r"""Turn events into statements, on standard output or in a file.

    FILES hold one event a line, in any shape of the source, with or without a logger's prefix, or are JSON documents of
    one event or an array, over several lines. They may be plain, gzip or zstd; ``-`` or nothing means standard input.
    Statements are written as JSON lines. A summary on standard error counts every line by outcome.

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
    with ExitStack() as stack:
        out = stack.enter_context(open_private(output)) if output else sys.stdout.buffer
        failed = stack.enter_context(open_private(errors)) if errors else None
        for block in read_logs(files or ("-",), console, stack):
            out.writelines(run.transform(block))
            if not run.failures:
                continue
            if failed is not None:
                failed.writelines(orjson.dumps(record) + b"\n" for record in run.failures)
            elif run.tally.failures <= SHOWN_FAILURES:
                for failure in describe_failures(run.failures):
                    console.print(failure, markup=False, highlight=False, soft_wrap=True)
            run.failures.clear()
        out.flush()
    if failed is None and run.tally.failures > SHOWN_FAILURES:
        hidden = run.tally.failures - SHOWN_FAILURES
        console.print(f"... and {hidden:,} more; --errors FILE writes a record for each", markup=False)
    if as_json:
        click.echo(orjson.dumps(run.tally.as_json(), option=orjson.OPT_INDENT_2).decode(), err=True)
    else:
        print_outcome_counts(run.tally, console)
    sys.exit(1 if run.tally.failures else 0)


class _Run:
    """Transforms lines into statements, and collects failures and counts."""

    def __init__(self, assembly: Assembly, standards: list[str], validate: bool) -> None:
        self.pipeline = Pipeline(assembly.plan.narrow(standards))
        self._event_from_line = assembly.source.event_from_line
        self.tally = OutcomeCounts.of(standards, assembly.source.shape.request_prefix)
        self.failures: list[dict[str, Any]] = []
        self._number = 0  # of the last line
        self._unknown_course = unknown_course(assembly.courses)
        self._schemas = {name: assembly.standards[name].schema() for name in standards} if validate else {}

    def transform(self, block: LineBlock) -> list[bytes]:
        """Returns the statements of a block as JSON, each with a line end."""
        statements: list[bytes] = []
        read, process, tally = self._event_from_line, self.pipeline.process, self.tally
        standards, unknown_course = tally.standards, self._unknown_course
        transformed, not_mapped = OutcomeState.TRANSFORMED, OutcomeState.NOT_MAPPED
        number = self._number
        first = block.number or number + 1
        glued = 0  # events behind the first of a line
        for number, line in enumerate(block.lines(), first):
            contents = [line]
            for content in contents:  # which grows, where events are glued together in one line
                try:
                    if block.problem or content is None:
                        raise EventError(block.problem or too_long())
                    event = read(content)
                except BlankLineError:
                    for counts in standards.values():
                        counts.count(BLANK_LINE)
                    continue
                except GluedEventsError as error:
                    contents += error.lines
                    glued += len(error.lines) - 1
                    continue
                except EventError as error:
                    tally.unreadable[error.reason] += 1
                    self._fail(block, number, "", error)
                    continue
                is_transformed = False
                for outcome in process(event):
                    if outcome.state is transformed and (not self._schemas or self._is_valid(outcome, event)):
                        is_transformed = True
                        for statement in outcome.statements:
                            statements.append(statement.content + b"\n")
                        standards[outcome.standard].count(outcome)
                    elif outcome.state is not_mapped:
                        tally.count_unmapped(outcome.event)
                    else:
                        for counts in [standards[outcome.standard]] if outcome.standard else standards.values():
                            counts.count(outcome)
                        if outcome.error is not None:
                            self._fail(block, number, outcome.standard, outcome.error, in_words(outcome))
                if is_transformed and (unknown := unknown_course(event)) is not None:
                    tally.unknown_courses += 1
                    self._fail(block, number, "", unknown)
        tally.complete(tally.lines + number - first + 1 + glued)
        self._number = number
        return statements

    def _is_valid(self, outcome: Outcome, event: SourceEvent) -> bool:
        """Validates an outcome's statements with the schema of their standard; it fails if one is not valid."""
        for statement in outcome.statements:
            if problems := self._schemas[outcome.standard].validate(statement.parsed):
                path, messages = next(iter(problems.items()))
                error = TransformError(f"the statement is not valid: {path}: {_first(messages)}")
                error.event_name, error.event_id = event.shown_name, event.id
                outcome.state, outcome.reason, outcome.error = OutcomeState.FAILED, error.reason, error
                return False
        return True

    def _fail(self, block: LineBlock, number: int, standard: str, error: EventError, reason: str = "") -> None:
        self.failures.append({"file": block.source, "line": number, **error.as_record(standard, reason)})


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
