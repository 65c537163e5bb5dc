"""``learnrelay replay``: years of logs, to the destinations or into files."""

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
from typing import IO, Any

import click
import orjson
from rich.console import Console

from ..assembly import Assembly, assemble
from ..config.fields import did_you_mean
from ..errors import LearnrelayError
from ..replay import Asked, Checkpoint, Conductor, Output, Selection, Source, find
from ..replay.checkpoint import Totals
from ..replay.segments import prepare
from ..replay.selection import NOT_SELECTED
from ..replay.sources import is_url, same_file
from ..replay.watching import Watcher
from . import config_option
from .output import print_json, print_table, print_tally

SHOWN_FAILURES = 10
STATE = "learnrelay-replay"


def _moment(ctx: click.Context, param: click.Parameter, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter("expected a date, or a date with time, such as 2026-09-01T12:00:00Z") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _size(ctx: click.Context, param: click.Parameter, text: str) -> int:
    found = re.fullmatch(r"(\d+)\s*([kmg]i?)?b?", text.lower())
    size = int(found[1]) * _UNITS[found[2] or ""] if found else 0
    if not 2**16 <= size <= 2**40:
        raise click.BadParameter("expected a size from 64KiB on, such as 64MB")
    return size


_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


@click.command()
@click.argument("files", nargs=-1, required=True)
@config_option(required=True)
@click.option("--to", "to", multiple=True, metavar="NAME", help="Only to this destination; repeatable.")
@click.option("-s", "--standard", "standards", multiple=True, metavar="NAME", help="Only this standard; repeatable.")
@click.option("-o", "--output", metavar="DIR", help="Into files below this directory or URL (s3://…) instead.")
@click.option(
    "--split", callback=_size, default="16MiB", show_default=True, metavar="SIZE",
    help="So much of a log is done at a time, and becomes one file of --output.",
)  # fmt: skip
@click.option("--by-day", is_flag=True, help="Sort the files of --output into folders by the events' days (UTC).")
@click.option(
    "--compress", type=click.Choice(["gzip", "zstd", "none"]), default="gzip", show_default=True,
    help="How the files of --output are packed.",
)  # fmt: skip
@click.option(
    "--since", callback=_moment, metavar="TIME", help="Only events from this time on (UTC where it has no zone)."
)
@click.option("--until", callback=_moment, metavar="TIME", help="Only events before this time.")
@click.option(
    "--event", "events", multiple=True, metavar="NAME", help="Only this event, or such as video.*; repeatable."
)
@click.option("--course", "courses", multiple=True, metavar="ID", help="Only this course; repeatable.")
@click.option("--dry-run", is_flag=True, help="Do everything but send, write or remember.")
@click.option("--processes", type=click.IntRange(1), help="How many work at it.  [default: one for each core]")
@click.option("--fleet", is_flag=True, help="Leave the work to Celery workers of learnrelay.replay.celery_app.")
@click.option("--ordered", is_flag=True, help="Send the lines of each file in their order, one batch after the other.")
@click.option("--rate", "rates", multiple=True, metavar="[NAME=]N", help="At most N statements a second; repeatable.")
@click.option("--concurrency", "requests", multiple=True, metavar="[NAME=]N", help="At most N requests at once.")
@click.option("--state", metavar="DIR", help=f"What is done is kept here.  [default: {STATE} beside the config file]")
@click.option("--again", is_flag=True, help="Forget what is done, and do it again.")
@click.option("-e", "--errors", type=click.Path(dir_okay=False), help="One JSON record here for each line that failed.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON, on standard output.")
def command(
    files: tuple[str, ...], config_path: str, to: tuple[str, ...], standards: tuple[str, ...], output: str | None,
    split: int, by_day: bool, compress: Any, since: datetime | None, until: datetime | None, events: tuple[str, ...],
    courses: tuple[str, ...], dry_run: bool, processes: int | None, fleet: bool, ordered: bool, rates: tuple[str, ...],
    requests: tuple[str, ...], state: str | None, again: bool, errors: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Run whole logs through the pipeline, to the destinations or into files.

    FILES are names, globs and URLs of logs: plain, gzip or zstd, local or in any store that fsspec reaches. All cores
    work at them. What is done is remembered: stopped or killed at any moment and started again with the same
    arguments, it goes on where it was; nothing is missing, and nothing is stored twice by a consumer that understands
    ids. The ids are those that the live events had.

    \b
    Exit codes: 0 nothing failed; 1 something failed; 2 usage or configuration;
    130 stopped by Ctrl-C; 143 stopped by SIGTERM.

    \b
    Examples:
      learnrelay replay --config relay.toml --dry-run 'logs/tracking.log-2026*'
      learnrelay replay --config relay.toml --to main --rate 500 'logs/tracking.log-2026*'
      learnrelay replay --config relay.toml --output s3://bucket/statements --by-day s3://logs/*.gz
    """  # noqa: D301  # click's mark for a paragraph that is not to be filled
    if fleet and (rates or requests):
        raise click.UsageError("--rate and --concurrency are for one machine; of a fleet, start fewer workers")
    if output is not None and (rates or requests):
        raise click.UsageError("--rate and --concurrency are for destinations; --output sends nothing")
    for option, given in (("--output", output), ("--errors", errors), ("--state", state)):
        if given == "":
            raise click.BadParameter("is empty; is a variable of the shell not set?", param_hint=option)
    config = Path(config_path)
    assembly = assemble(config)
    asked = _asked(
        config, assembly, to, standards,
        output=Output(output if is_url(output) else str(Path(output).absolute()), compress, by_day) if output else None,
        selection=Selection(since, until, events, courses), dry_run=dry_run, ordered=ordered, chunk=split,
    )  # fmt: skip
    console = Console(stderr=True)
    try:
        sources = find(files, partial(console.print, markup=False, highlight=False, soft_wrap=True), errors)
        if asked.output is not None and not dry_run:
            prepare(asked.output, sources)
    except LearnrelayError as error:
        raise click.UsageError(str(error)) from None
    if errors and same_file(errors, config_path):
        raise click.BadParameter(f"{errors} is the operator's file", param_hint="--errors")
    most_statements = _limits(rates, asked.to, "--rate")
    most_requests = _limits(requests, asked.to, "--concurrency")
    with ExitStack() as stack:
        directory = Path(state) if state else config.parent / STATE
        if dry_run:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        checkpoint = stack.enter_context(Checkpoint(directory, asked.key(assembly)))
        failed = stack.enter_context(Path(errors).open("wb")) if errors else None
        if again:
            checkpoint.forget()
        stack.enter_context(_stopped_by_signals())
        conductor = (_fleet() if fleet else Conductor)(
            asked, sources, checkpoint,
            processes=processes or os.cpu_count() or 1,
            rates=most_statements,
            requests={name: int(most) for name, most in most_requests.items()},
            verbose=logging.getLogger().isEnabledFor(logging.INFO),
        )  # fmt: skip
        watcher = Watcher(console, sum(source.size for source in sources), conductor.done_before())
        try:
            with watcher:
                conductor.run(watcher)
        finally:
            totals = checkpoint.totals(sources, asked.standards)
            records = checkpoint.failures(sources)
            _write_failures(records, failed, console) if failed else _show_failures(records, console)
            summary = _summary(totals, sources, watcher, conductor.unread)
            print_json(summary) if as_json else _print(totals, summary, console)
            stopped = sys.exc_info()[0] is not None
            if stopped and not dry_run:
                console.print("stopped; the same command goes on from here", markup=False)
            if not stopped and not as_json:
                _remark(totals, watcher.lines, console)
    sys.exit(1 if totals.failures or conductor.unread else 0)


def _fleet() -> type[Conductor]:
    try:
        from ..replay.fleet import Fleet
    except ImportError:
        raise click.UsageError("--fleet needs: pip install 'learnrelay[celery]'") from None
    return Fleet


def _asked(config: Path, assembly: Assembly, to: tuple[str, ...], standards: tuple[str, ...], **asked: Any) -> Asked:
    """What is asked, with names for what was left open. Raises BadParameter, UsageError."""
    destinations = assembly.config.destinations
    for wanted, known, option in ((to, destinations, "--to"), (standards, assembly.standards, "--standard")):
        for name in wanted:
            if name not in known:
                hint = did_you_mean(name, list(known)) or f"; there are: {', '.join(known) or 'none'}"
                raise click.BadParameter(f"{config} has no {name}{hint}", param_hint=option)
    if not to and asked["output"] is None:
        to = tuple(name for name, one in destinations.items() if not standards or one.standard in standards)
        if not to and not asked["dry_run"]:
            raise click.UsageError(f"{config} has no destinations for this; --output DIR writes files instead")
    served = {destinations[name].standard for name in to} or set(assembly.standards)
    chosen = tuple(name for name in assembly.standards if name in served and (not standards or name in standards))
    if not chosen:
        raise click.UsageError(f"no destination of --to takes {', '.join(standards)}")
    _check_selection(asked["selection"], assembly, chosen)
    return Asked(config, to, chosen, **asked)


def _check_selection(selection: Selection, assembly: Assembly, standards: tuple[str, ...]) -> None:
    """Raises BadParameter where nothing can be selected. Which courses there are, only the logs know."""
    mapped = [
        event for event, steps in assembly.plan.steps.items() if any(step.standard in standards for step in steps)
    ]
    for pattern in selection.events:
        if not any(fnmatchcase(event, pattern) for event in mapped):
            hint = did_you_mean(pattern, mapped) or "; learnrelay plugins --events shows what is"
            raise click.BadParameter(f"{pattern} is not mapped by any enabled plugin{hint}", param_hint="--event")
    if selection.since and selection.until and selection.since >= selection.until:
        raise click.BadParameter("expected a time after --since", param_hint="--until")


def _limits(given: tuple[str, ...], to: tuple[str, ...], option: str) -> dict[str, float]:
    """``N`` for all destinations, ``NAME=N`` for one. Raises BadParameter."""
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
    """SIGTERM stops like Ctrl-C, with an exit code of its own."""

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
    for record in islice(records, SHOWN_FAILURES):
        line = "?" if record["line"] is None else record["line"]
        console.print(f"{record['file']}:{line}: {record['reason']}", markup=False, highlight=False, soft_wrap=True)
    if next(records, None) is not None:
        console.print("... and more; --errors FILE writes a record for each", markup=False)


def _summary(totals: Totals, sources: Sequence[Source], watcher: Watcher, unread: Sequence[str]) -> dict[str, Any]:
    return {
        "files": len(sources),
        "unread": list(unread),
        **totals.tally.as_json(),
        "destinations": totals.delivered,
        "this_run": {"lines": watcher.lines, "seconds": round(watcher.seconds, 3)},
    }


def _print(totals: Totals, summary: Mapping[str, Any], console: Console) -> None:
    print_tally(totals.tally, console)
    words = sorted({what for counts in totals.delivered.values() for what in counts})
    if words:
        console.print()
        rows = [[name, *(f"{counts.get(what, 0):,}" for what in words)] for name, counts in totals.delivered.items()]
        print_table(["statements", *words], sorted(rows), console)
    lines, seconds = summary["this_run"].values()
    console.print(f"\n{lines:,} lines in {seconds:,.1f} s, {lines / max(seconds, 0.001):,.0f} a second", markup=False)


def _remark(totals: Totals, lines: int, console: Console) -> None:
    """What an operator may wonder about."""
    if not lines and totals.tally.lines:
        console.print("all of it was done before; --again does it again", markup=False)
    told = totals.tally.standards.values()
    if all(one.skipped[NOT_SELECTED] and not one.transformed for one in told):
        console.print("nothing that is mapped was selected; are --since, --until and --course right?", markup=False)
