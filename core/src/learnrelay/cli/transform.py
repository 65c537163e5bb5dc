"""``learnrelay transform``: events in, statements out."""

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

from ..assembly import Assembly, assemble, assemble_from
from ..config.fields import did_you_mean, quoted
from ..documents import read_events
from ..errors import EventError, TransformError
from ..events import event_from_line
from ..lines import Line, open_log
from ..pipeline import Outcome, Pipeline, State
from ..plugins.discovery import installed
from ..resolvers.courses import unknown_course
from ..standards import Written
from ..tally import Tally, in_words
from . import complete_standards, config_option
from .output import print_tally

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
    help="Standard to say it in; repeatable.",
)
@config_option()
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Statements go here, not to standard output.")
@click.option("-e", "--errors", type=click.Path(dir_okay=False), help="One JSON record here for each line that failed.")
@click.option("--root-url", metavar="URL", help="Address of the platform, where there is no --config.")
@click.option("--validate", is_flag=True, help="Check each statement against its standard's schema; slower.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def command(
    files: tuple[str, ...], wanted: tuple[str, ...], config_path: str | None, output: str | None, errors: str | None,
    root_url: str | None, validate: bool, as_json: bool,
) -> None:  # fmt: skip
    r"""Turn events into statements.

    FILES hold one event a line, in either shape, with or without the logger's prefix; or are JSON documents, of one
    event or an array of them, written over several lines. Plain, gzip or zstd; ``-`` or nothing is standard input.
    Statements are written as JSON lines. A summary on standard error accounts for every line or event.

    \b
    Exit codes: 0 nothing failed; 1 something failed; 2 usage or configuration.

    \b
    Examples:
      learnrelay transform --standard NAME tracking.log > statements.jsonl
      zcat old.log.gz | learnrelay transform --config relay.toml --errors failed.jsonl
    """
    if output is not None and Path(output).resolve() in {Path(name).resolve() for name in files if name != "-"}:
        raise click.UsageError(f"--output {output} is one of the files to read")
    for name in files:
        _readable(name)
    assembly = _assembly(config_path, wanted, root_url)
    names = [name for name in assembly.standards if not wanted or name in wanted]
    for name in wanted:
        if name not in assembly.standards:
            raise click.BadParameter(f"{name} is not enabled in {config_path}", param_hint="--standard")
    console = Console(stderr=True)
    run = _Run(assembly, names, validate)
    with ExitStack() as stack:
        out = stack.enter_context(Path(output).open("wb")) if output else sys.stdout.buffer
        failed = stack.enter_context(Path(errors).open("wb")) if errors else None
        for line in _lines(files or ("-",), console, stack):
            for statement in run.take(line):
                out.write(statement + b"\n")
            for record in run.failures:
                if failed is not None:
                    failed.write(orjson.dumps(record) + b"\n")
                elif run.tally.failures <= SHOWN_FAILURES:
                    console.print(f"{record['file']}:{record['line']}: {record['reason']}", markup=False)
            run.failures.clear()
        out.flush()
    if failed is None and run.tally.failures > SHOWN_FAILURES:
        hidden = run.tally.failures - SHOWN_FAILURES
        console.print(f"... and {hidden:,} more; --errors FILE writes a record for each", markup=False)
    if as_json:
        click.echo(orjson.dumps(run.tally.as_json(), option=orjson.OPT_INDENT_2).decode(), err=True)
    else:
        print_tally(run.tally, console)
    sys.exit(1 if run.tally.failures else 0)


class _Run:
    """One run over many lines: statements as bytes, failures as records, everything counted."""

    def __init__(self, assembly: Assembly, standards: list[str], validate: bool) -> None:
        self.pipeline = Pipeline(assembly.plan)
        self.tally = Tally.of(standards)
        self.failures: list[dict[str, Any]] = []
        self._unknown_course = unknown_course(assembly.courses)
        self._schemas = {name: assembly.standards[name].schema() for name in standards} if validate else {}

    def take(self, line: Line) -> Iterator[bytes]:
        """The statements of a line."""
        try:
            if line.problem:
                raise EventError(line.problem)
            event = event_from_line(line.content)
        except EventError as error:
            self.tally.count_unreadable(error.reason)
            self._fail(line, "", error)
            return
        outcomes = [o for o in self.pipeline.process(event) if o.standard in self.tally.standards or not o.standard]
        for outcome in outcomes:
            if outcome.state is State.TRANSFORMED:
                try:
                    yield from [self._checked(outcome, statement) for statement in outcome.statements]
                except EventError as error:
                    error.event_name, error.event_id = event.name, event.id
                    outcome.state, outcome.reason, outcome.error = State.FAILED, error.reason, error
            if outcome.state is State.FAILED and outcome.error is not None:
                self._fail(line, outcome.standard, outcome.error, in_words(outcome))
        self.tally.count(outcomes)
        if any(outcome.state is State.TRANSFORMED for outcome in outcomes) and (unknown := self._unknown_course(event)):
            self.tally.unknown_courses += 1
            self._fail(line, "", unknown)

    def _checked(self, outcome: Outcome, statement: Written) -> bytes:
        schema = self._schemas.get(outcome.standard)
        if schema is not None and (problems := schema.validate(statement.parsed)):
            path, messages = next(iter(problems.items()))
            raise TransformError(f"the statement is not valid: {path}: {_first(messages)}")
        return statement.content

    def _fail(self, line: Line, standard: str, error: EventError, reason: str = "") -> None:
        self.failures.append({"file": line.source, "line": line.number, **error.as_record(standard, reason)})


def _first(messages: Any) -> str:
    """The first message of marshmallow's nested ones."""
    while isinstance(messages, (dict, list)):
        messages = next(iter(messages.values() if isinstance(messages, dict) else messages))
    return str(messages)


def _assembly(config_path: str | None, wanted: tuple[str, ...], root_url: str | None) -> Assembly:
    if config_path is not None:
        return assemble(Path(config_path))
    known = sorted({info.name for info in installed() if info.kind == "standards"})
    there = ", ".join(known) or "none is installed: pip install the package of one"
    if not wanted:
        raise click.UsageError(f"say --standard NAME ({there}) or --config FILE")
    for name in wanted:
        if name not in known:
            hint = f"no installed plugin brings {quoted([name])} ({there}){did_you_mean(name, known)}"
            raise click.BadParameter(hint, param_hint="--standard")
    raw: dict[str, Any] = {
        "platform": {"root_url": root_url or "http://localhost:18000"},
        "plugins": {"enabled": [f"{name}.*" for name in wanted]},
        "identity": {"provider": "keyed", "secret": "env:LEARNRELAY_IDENTITY_SECRET"},
    }
    if not os.environ.get("LEARNRELAY_IDENTITY_SECRET"):
        raw["identity"]["secret"] = secrets.token_hex(32)
        click.echo(
            "note: without --config or LEARNRELAY_IDENTITY_SECRET the pseudonyms (and with them the statement ids) "
            "are those of this run only",
            err=True,
        )
    return assemble_from(raw, Path("command line"))


def _readable(name: str) -> None:
    """Find out, before anything is said of another file, whether one can be read. Raises click.UsageError."""
    if name == "-":
        return
    if Path(name).is_dir():
        raise click.UsageError(f"{name}: is a directory; name the files in it: {name}/*")
    if not os.access(name, os.R_OK):  # asked without opening it: it may be a pipe
        reason = os.strerror(errno.EACCES if Path(name).exists() else errno.ENOENT)
        raise click.UsageError(f"{name}: {reason}")


def _lines(files: tuple[str, ...], console: Console, stack: ExitStack) -> Iterator[Line]:
    """All lines of all files, with a progress bar on a terminal."""
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
            raw = getattr(stream, "fileobj", stream)
            for line in read_events(stream, name):
                yield line
                if line.number % 500 == 0 and size is not None:
                    progress.update(task, completed=raw.tell())
            progress.update(task, completed=size or 0)
