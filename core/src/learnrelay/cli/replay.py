"""Implements ``learnrelay replay``, which runs logs through the pipeline, to destinations or into files."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click
import orjson
from rich.console import Console

from ..assembly.assemble import Assembly, assemble
from ..config.fields import did_you_mean
from ..errors import LearnrelayError
from ..private_files import open_private, warn_about_folder
from ..replay import Checkpoint, EventSelection, FileOutputOptions, LogFile, ReplayRunner, ReplaySpec, Shard, find_logs
from ..replay.checkpoint import STATE_DIRECTORY, ReplayTotals
from ..replay.log_files import is_same_file
from ..replay.output_files import prepare_output
from ..replay.progress import ProgressDisplay
from ..replay.selection import NOT_SELECTED
from ..replay.spec import log_key
from ..replay.stored import StoredReplay
from ..storage.stores import is_url
from . import config_option
from .output import describe_failures, print_json, print_outcome_counts, print_table

if TYPE_CHECKING:
    from ..replay.celery_shards import CeleryReplay

SHOWN_FAILURES = 10


def _moment(ctx: click.Context, param: click.Parameter, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("expected a date, or a date with time, such as 2026-09-01T12:00:00Z") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _size(ctx: click.Context, param: click.Parameter, text: str) -> int:
    parts = re.fullmatch(r"(\d+)\s*([kmg]i?)?b?", text.lower())
    size = int(parts[1]) * _UNITS[parts[2] or ""] if parts else 0
    if not 2**16 <= size <= 2**40:
        raise click.BadParameter("expected a size from 64KiB on, such as 64MB")
    return size


def _shard(ctx: click.Context, param: click.Parameter, text: str) -> Shard:
    try:
        return Shard.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


@click.command()
@click.argument("files", nargs=-1, required=True)
@config_option(required=True)
@click.option("--to", "to", multiple=True, metavar="NAME", help="Destination; repeatable.")
@click.option("-s", "--standard", "standards", multiple=True, metavar="NAME", help="Output standard; repeatable.")
@click.option(
    "-o", "--output", metavar="DIR", help="Directory or URL (s3://…) for files of statements, instead of destinations."
)
@click.option(
    "--split", callback=_size, default="16MiB", show_default=True, metavar="SIZE",
    help="Chunk size: the part of a log that is processed as a whole, and becomes one file of --output.",
)  # fmt: skip
@click.option("--by-day", is_flag=True, help="Sort the files of --output into folders by day of the events (UTC).")
@click.option(
    "--compress", type=click.Choice(["gzip", "zstd", "none"]), default="gzip", show_default=True,
    help="Compression of the files of --output.",
)  # fmt: skip
@click.option(
    "--since", callback=_moment, metavar="TIME", help="Start time: only events from then on (UTC without a zone)."
)
@click.option("--until", callback=_moment, metavar="TIME", help="End time: only earlier events.")
@click.option(
    "--event", "events", multiple=True, metavar="NAME", help="Event name or glob, such as video.*; repeatable."
)
@click.option("--course", "courses", multiple=True, metavar="ID", help="Course id; repeatable.")
@click.option("--dry-run", is_flag=True, help="Run the pipeline without sending, writing or recording progress.")
@click.option("--processes", type=click.IntRange(1), help="Worker processes.  [default: one for each core]")
@click.option(
    "--shard", callback=_shard, default="1/1", metavar="K/N",
    help="Shard K of N, such as 2/8, for running N shards in N places.",
)  # fmt: skip
@click.option(
    "--celery-shards", type=click.IntRange(1, 9999), metavar="N",
    help="Number of shards for Celery workers of learnrelay.replay.celery_app; waits for them.",
)  # fmt: skip
@click.option("--ordered", is_flag=True, help="Send the lines of each file in their order, one batch after the other.")
@click.option("--rate", "rates", multiple=True, metavar="[NAME=]N", help="Statements per second; repeatable.")
@click.option("--concurrency", "requests", multiple=True, metavar="[NAME=]N", help="Concurrent requests; repeatable.")
@click.option(
    "--state", metavar="DIR", help=f"State folder (checkpoints).  [default: {STATE_DIRECTORY} beside the config file]"
)
@click.option("--again", is_flag=True, help="Ignore the checkpoint and start over.")
@click.option(
    "-e", "--errors", type=click.Path(dir_okay=False), help="File for a JSON record of each line that failed."
)
@click.option("--json", "as_json", is_flag=True, help="Output the summary as JSON, on standard output.")
def command(
    files: tuple[str, ...], config_path: str, to: tuple[str, ...], standards: tuple[str, ...], output: str | None,
    split: int, by_day: bool, compress: Any, since: datetime | None, until: datetime | None, events: tuple[str, ...],
    courses: tuple[str, ...], dry_run: bool, processes: int | None, shard: Shard, celery_shards: int | None,
    ordered: bool, rates: tuple[str, ...], requests: tuple[str, ...], state: str | None, again: bool,
    errors: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Run logs through the pipeline, to the destinations or into files.

    FILES are names, globs and URLs of logs: plain, gzip or zstd, local or in any store that fsspec can read. All cores
    work on them. Finished chunks are remembered: a replay that was stopped or killed continues when it is started
    again with the same arguments. Nothing is lost, and a consumer that understands ids stores nothing twice. The ids
    are those of the live events. To use several machines, give each a shard.

    \b
    Exit codes: 0 nothing failed; 1 something failed; 2 usage or configuration;
    130 stopped by Ctrl-C; 143 stopped by SIGTERM.

    \b
    Examples:
      learnrelay replay --config relay.toml --dry-run 'logs/tracking.log-2026*'
      learnrelay replay --config relay.toml --to main --rate 500 'logs/tracking.log-2026*'
      learnrelay replay --config relay.toml --output s3://bucket/statements --by-day s3://logs/*.gz
      learnrelay replay --config relay.toml --shard 2/8 'logs/*'
    """  # noqa: D301  # click's mark for a paragraph that is not to be filled
    if celery_shards and (shard.count > 1 or processes or dry_run):
        raise click.UsageError("--celery-shards goes without --shard, --processes and --dry-run")
    if output is not None and (rates or requests):
        raise click.UsageError("--rate and --concurrency are for destinations; --output sends nothing")
    for option, given in (("--output", output), ("--errors", errors), ("--state", state)):
        if given == "":
            raise click.BadParameter("is empty; is a variable of the shell not set?", param_hint=option)
    config = Path(config_path)
    assembly = assemble(config)
    spec = _spec(
        config, assembly, to, standards,
        output=_file_output(output, compress, by_day), selection=EventSelection(since, until, events, courses),
        dry_run=dry_run, ordered=ordered, chunk=split, shard=shard, rates=rates, requests=requests,
    )  # fmt: skip
    console = Console(stderr=True)
    try:
        report = partial(console.print, markup=False, highlight=False, soft_wrap=True)
        log_files = find_logs(files, report, log_key(assembly), errors)
        if spec.output is not None and not dry_run:
            prepare_output(spec.output, log_files)
    except LearnrelayError as error:
        raise click.UsageError(str(error)) from None
    if errors and is_same_file(errors, config_path):
        raise click.BadParameter(f"{errors} is the operator's file", param_hint="--errors")
    with ExitStack() as stack:
        directory = Path(state) if state else config.parent / STATE_DIRECTORY
        if dry_run:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        runner: ReplayRunner | CeleryReplay
        if celery_shards:
            stored = StoredReplay.of(spec, assembly, celery_shards, log_files)
            runner = _celery_replay(stored, directory, assembly, again)
            failed = stack.enter_context(open_private(errors)) if errors else None
        else:
            checkpoint = stack.enter_context(Checkpoint(directory, spec.checkpoint_name(assembly)))
            failed = stack.enter_context(open_private(errors)) if errors else None
            if again:
                checkpoint.forget()
            runner = ReplayRunner(
                spec, log_files, checkpoint, processes or os.cpu_count() or 1,
                verbose=logging.getLogger().isEnabledFor(logging.INFO),
            )  # fmt: skip
        warn_about_folder(directory)
        stack.enter_context(_stopped_by_signals())
        display = ProgressDisplay(console, runner.bytes_total(), runner.bytes_done())
        try:
            with display:
                runner.run(display)
        finally:
            totals = runner.totals()
            records = runner.failures()
            _write_failures(records, failed, console) if failed else _show_failures(records, console)
            summary = _summary(totals, log_files, display, runner.unread)
            print_json(summary) if as_json else _print(totals, summary, console)
            stopped = sys.exc_info()[0] is not None
            if stopped and not dry_run:
                console.print("stopped; the same command goes on from here", markup=False)
            if not stopped and not as_json:
                _remark(totals, display.lines, console)
    sys.exit(1 if totals.failures or runner.unread else 0)


def _celery_replay(stored: StoredReplay, directory: Path, assembly: Assembly, again: bool) -> CeleryReplay:
    try:
        from ..replay.celery_shards import CeleryReplay, make_shard_app
    except ImportError:
        raise click.UsageError("--celery-shards needs: pip install 'learnrelay[celery]'") from None
    return CeleryReplay(stored, directory, make_shard_app(assembly.config.delivery), again)


def _file_output(url: str | None, compression: Any, by_day: bool) -> FileOutputOptions | None:
    if url is None:
        return None
    return FileOutputOptions(url if is_url(url) else str(Path(url).absolute()), compression, by_day)


def _spec(config: Path, assembly: Assembly, to: tuple[str, ...], standards: tuple[str, ...], **spec: Any) -> ReplaySpec:
    """Returns the spec, with defaults for destinations and standards. Raises BadParameter, UsageError."""
    destinations = assembly.config.destinations
    for wanted, known, option in ((to, destinations, "--to"), (standards, assembly.standards, "--standard")):
        for name in wanted:
            if name not in known:
                hint = did_you_mean(name, list(known)) or f"; there are: {', '.join(known) or 'none'}"
                raise click.BadParameter(f"{config} has no {name}{hint}", param_hint=option)
    if not to and spec["output"] is None:
        to = tuple(
            name for name, destination in destinations.items() if not standards or destination.standard in standards
        )
        if not to and not spec["dry_run"]:
            raise click.UsageError(f"{config} has no destinations for this; --output DIR writes files instead")
    served = {destinations[name].standard for name in to} or set(assembly.standards)
    chosen = tuple(name for name in assembly.standards if name in served and (not standards or name in standards))
    if not chosen:
        raise click.UsageError(f"no destination of --to takes {', '.join(standards)}")
    _check_selection(spec["selection"], assembly, chosen)
    spec["rates"] = _limits(spec["rates"], to, "--rate")
    spec["requests"] = {name: int(most) for name, most in _limits(spec["requests"], to, "--concurrency").items()}
    return ReplaySpec(config, to, chosen, **spec)


def _check_selection(selection: EventSelection, assembly: Assembly, standards: tuple[str, ...]) -> None:
    """Raises BadParameter where nothing can be selected. Which courses there are, only the logs know."""
    mapped = [
        event
        for event, mappings in assembly.plan.mappings.items()
        if any(mapping.standard in standards for mapping in mappings)
    ]
    is_open = any(mapping.standard in standards for mapping in assembly.plan.others)
    for pattern in selection.events:
        if not is_open and not any(fnmatchcase(event, pattern) for event in mapped):
            hint = did_you_mean(pattern, mapped) or "; learnrelay plugins --events shows what is"
            raise click.BadParameter(f"{pattern} is not mapped by any enabled plugin{hint}", param_hint="--event")
    if selection.since and selection.until and selection.since >= selection.until:
        raise click.BadParameter("expected a time after --since", param_hint="--until")


def _limits(given: tuple[str, ...], to: tuple[str, ...], option: str) -> dict[str, float]:
    """Reads ``N`` for all destinations, ``NAME=N`` for one. Raises BadParameter."""
    shape, least, wanted = _NUMBERS[option]
    common: dict[str, float] = {}
    own: dict[str, float] = {}
    for text in given:
        name, sign, number = text.rpartition("=")
        if not re.fullmatch(shape, number) or float(number) < least or (sign and not name):
            raise click.BadParameter(f"expected {wanted}, or NAME=number, found {text!r}", param_hint=option)
        if name and name not in to:
            hint = did_you_mean(name, list(to)) or f"; there are: {', '.join(to)}"
            raise click.BadParameter(f"{name} is no destination of this replay{hint}", param_hint=option)
        (own if name else common).update(dict.fromkeys([name] if name else to, float(number)))
    return common | own


_NUMBERS = {
    "--rate": (r"[0-9]{1,9}(\.[0-9]+)?", 0.001, "a number from 0.001"),
    "--concurrency": (r"[0-9]{1,4}", 1, "a whole number from 1 to 9999"),
}
"""Option → how its numbers are written, the least, and both in words."""


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Makes SIGTERM stop the replay like Ctrl-C, with an exit code of its own."""

    def stop(number: int, _: object) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _write_failures(records: Iterator[dict[str, Any]], file: IO[bytes], console: Console) -> None:
    try:
        for record in records:
            file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
        file.flush()
    except OSError as error:
        console.print(f"{file.name}: {error.strerror}; not all records are there", markup=False, soft_wrap=True)


def _show_failures(records: Iterator[dict[str, Any]], console: Console) -> None:
    located = (
        {**record, "line": record["line"] or f"chunk {record['chunk']}, line {record['line_of_chunk']}"}
        for record in records
    )
    lines = describe_failures(located)
    for line in islice(lines, SHOWN_FAILURES):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if next(lines, None) is not None:
        console.print("... and more; --errors FILE writes a record for each", markup=False)


def _summary(
    totals: ReplayTotals, log_files: Sequence[LogFile], display: ProgressDisplay, unread: Sequence[str]
) -> dict[str, Any]:
    return {
        "files": len(log_files),
        "unread": list(unread),
        **totals.tally.as_json(),
        "destinations": totals.delivered,
        "this_run": {"lines": display.lines, "seconds": round(display.seconds, 3)},
    }


def _print(totals: ReplayTotals, summary: Mapping[str, Any], console: Console) -> None:
    print_outcome_counts(totals.tally, console)
    words = sorted({what for counts in totals.delivered.values() for what in counts})
    if words:
        console.print()
        rows = [[name, *(f"{counts.get(what, 0):,}" for what in words)] for name, counts in totals.delivered.items()]
        print_table(["statements", *words], sorted(rows), console)
    lines, seconds = summary["this_run"].values()
    speed = f"{lines:,} lines in {seconds:,.1f} s, {lines / max(seconds, 0.001):,.0f} a second"
    console.print(f"\n{speed}", markup=False, highlight=False)


def _remark(totals: ReplayTotals, lines: int, console: Console) -> None:
    """Prints remarks on a summary that may surprise."""
    if not lines and totals.tally.lines:
        console.print("all chunks were done before; --again does them again", markup=False)
    if all(counts.skipped[NOT_SELECTED] and not counts.transformed for counts in totals.tally.standards.values()):
        console.print("nothing that is mapped was selected; are --since, --until and --course right?", markup=False)
