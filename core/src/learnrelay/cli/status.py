"""Implements ``learnrelay status``, which shows queues, latencies and outcomes of events."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..assembly.assemble import assemble
from ..config.models import Config
from ..errors import OutboxError
from ..logs import escape
from ..times import describe_span
from . import config_option, json_option
from .output import print_json, print_line, print_table, print_table_in_parts

if TYPE_CHECKING:
    from ..outbox import Outbox, Status
    from ..outbox.rates import RateMeter
    from ..outbox.spool_reader import SpoolStatus

_WATCH_INTERVAL = 2.0


@dataclass(frozen=True, slots=True)
class StatusReading:
    """Holds what the outbox says at one moment. ``rows``: per destination, what ``--json`` prints."""

    statuses: Mapping[str, Status]
    rows: Mapping[str, Mapping[str, Any]]
    spool: SpoolStatus
    refusals: Mapping[str, tuple[int, float]]
    low_disk: str
    now: float


@click.command()
@config_option(required=True)
@click.option(
    "--alert",
    is_flag=True,
    help="Exit with 1 where a limit of [delivery.alerts] is passed, or events were not stored; for cron.",
)
@click.option(
    "--watch",
    "interval",
    is_flag=False,
    flag_value=_WATCH_INTERVAL,
    type=click.FloatRange(0.1),
    metavar="[SECONDS]",
    help=f"Show it again every so many seconds, until Ctrl-C.  [default: {_WATCH_INTERVAL:g}]",
)
@json_option
def command(config_path: str, alert: bool, interval: float | None, as_json: bool) -> None:
    r"""Show the queue, the deliveries and the latency of each destination, and the outcomes of events.

    \b
    rate      statements a second that were delivered in the last minute, with --watch
    conflicts the consumer has these statements already, with other content
    p50, p99  latency from the time of the event to the answer of the consumer, for 50 and for 99 of 100
              statements, at most 9 % off; without events that were older than an hour when they were emitted
    since     for how long the destination has been failing, or statements have been waiting with no worker
    next try  when the consumer is asked again; learnrelay resume NAME asks at once
    events    read = unreadable + transformed + not mapped + skipped + failed, for each standard

    Below the tables: what the spool of this machine still holds, the events that emit() could not store, and plugins
    that are left out, [plugins] on_error = "skip".

    All figures count from the creation of the outbox, for all processes and hosts that share it. Columns without any
    value are left out; a narrow terminal shows the table in parts. With --alert, the limits that are passed are listed
    on standard error.
    """
    from ..outbox import Outbox

    if interval is not None and (alert or as_json):
        raise click.UsageError("--watch is for people: leave out --alert and --json")
    config = assemble(Path(config_path)).config
    outbox = Outbox.look(config.delivery)
    try:
        if interval is not None:
            _watch(config, outbox, interval)
            return
        reading = _read(config, outbox)
    finally:
        outbox.close()
    if as_json:
        _print_as_json(config, reading)
    else:
        _print_reading(config, reading)
    if alert:
        messages = list(_list_alerts(config, reading))
        for message in messages:
            print_line(message, err=True)
        sys.exit(1 if messages else 0)


def _read(config: Config, outbox: Outbox) -> StatusReading:
    from ..outbox.statistics import LATENCY, REQUEST, Statistics

    statuses = outbox.status(tuple(config.destinations))
    statistics = Statistics.read(outbox)
    rows: dict[str, dict[str, Any]] = {}
    for name, status in statuses.items():
        rows[name] = {
            **asdict(status),
            "latency": statistics.timing(name, LATENCY),
            "request": statistics.timing(name, REQUEST),
        }
        if name in config.destinations:
            rows[name]["address"] = config.destinations[name].address
            rows[name]["events"] = statistics.events(config.destinations[name].standard, name)
    return StatusReading(
        statuses,
        rows,
        outbox.read_spool_status(),
        outbox.read_refusals(),
        outbox.database.find_low_disk(),
        outbox.clock(),
    )


def _watch(config: Config, outbox: Outbox, interval: float) -> None:
    """Shows the tables again and again: in place on a terminal that can, one below the other elsewhere."""
    from ..outbox.rates import RateMeter

    console, rates = Console(), RateMeter()
    try:
        if not console.is_terminal or console.is_dumb_terminal:
            while True:
                click.echo(_draw(config, outbox, rates, console))
                time.sleep(interval)
        with Live(console=console, auto_refresh=False, screen=True) as live:
            while True:
                live.update(Text.from_ansi(_draw(config, outbox, rates, console)), refresh=True)
                time.sleep(interval)
    except KeyboardInterrupt:
        return


def _draw(config: Config, outbox: Outbox, rates: RateMeter, screen: Console) -> str:
    """Returns what is shown at this moment; where the database fails, why."""
    text = io.StringIO()
    # A terminal has a width, whatever it can do; escapes are for those that understand them.
    console = Console(
        file=text,
        force_terminal=screen.is_terminal,
        width=screen.width,
        color_system=None if screen.is_dumb_terminal else "auto",
    )
    console.print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC; stop with Ctrl-C\n", highlight=False)
    try:
        reading = _read(config, outbox)
    except OutboxError as error:
        console.print(escape(f"error: {error}"), markup=False, highlight=False)
    else:
        rates.add(time.monotonic(), {name: status.delivered for name, status in reading.statuses.items()})
        _print_reading(config, reading, console, rates)
    return text.getvalue()


def _print_as_json(config: Config, reading: StatusReading) -> None:
    from ..outbox.queue import SPOOL

    internal: dict[str, dict[str, Any]] = {
        SPOOL: asdict(reading.spool) if reading.spool.segments else {},
        "(not stored)": {reason: number for reason, (number, _) in reading.refusals.items()},
        "(left out)": dict(config.left_out),
    }
    print_json({**reading.rows, **{name: values for name, values in internal.items() if values}})


def _list_alerts(config: Config, reading: StatusReading) -> Iterator[str]:
    from ..delivery.alerts import INTAKE, find_conditions, find_refusals, find_spool_conditions
    from ..outbox.queue import SPOOL

    limits = config.delivery.alerts
    for name, status in reading.statuses.items():
        yield from (f"{name}: {message}" for _, message in find_conditions(status, limits, reading.now))
    yield from (f"{INTAKE}: {message}" for _, message in find_refusals(reading.refusals, reading.now))
    if reading.low_disk:
        yield f"{INTAKE}: {reading.low_disk}"
    yield from (f"{SPOOL}: {message}" for _, message in find_spool_conditions(reading.spool, limits))


def _print_reading(
    config: Config, reading: StatusReading, console: Console | None = None, rates: RateMeter | None = None
) -> None:
    from ..outbox.store import utc

    console, spool = console or Console(), reading.spool
    _print_queues(reading, console, rates)
    if outcomes := list(_outcomes(config, reading.rows)):
        console.print()
        print_table(["events", "outcome", "number"], outcomes, console)
    lines = [reading.low_disk] if reading.low_disk else []
    if spool.damaged:
        lines.append(f"spool of this machine: {spool.damaged:,} damaged files are kept; the log says of which segment")
    if spool.segments:
        files = f"{spool.segments:,} file{'s' * (spool.segments != 1)}"
        lines.append(
            f"spool of this machine: {spool.bytes:,} bytes in {files} still to be taken in, the oldest is "
            f"{describe_span(spool.oldest_age)} old"
        )
    for reason, (number, latest) in reading.refusals.items():
        lines.append(f"not stored: {number:,} events, because {reason}, the last {utc(latest):%Y-%m-%d %H:%M} UTC")
    for name, cause in config.left_out.items():
        lines.append(f"left out: {name}, because it does not load: {cause}")
    for line in lines:
        console.print(escape(line), markup=False, highlight=False, soft_wrap=True)


def _print_queues(reading: StatusReading, console: Console, rates: RateMeter | None) -> None:
    """Prints the table of queues, without the columns that are empty in all rows."""
    from ..outbox.rates import describe_rate
    from ..outbox.status_words import describe_next_try, describe_since, describe_state

    if not reading.statuses:
        console.print("the file has no destination")
        return
    statuses, rows, now = reading.statuses.values(), reading.rows.values(), reading.now
    columns = {
        "destination": list(reading.statuses),
        "waiting": [f"{status.waiting:,}" for status in statuses],
        "oldest": [describe_span(status.oldest_age) for status in statuses],
        "rate": [describe_rate(rates.rate_of(name)) if rates else "" for name in reading.statuses],
        "delivered": [f"{status.delivered:,}" for status in statuses],
        "retried": [f"{status.retried:,}" if status.retried else "" for status in statuses],
        "dead": [f"{status.dead:,}" for status in statuses],
        "conflicts": [f"{status.conflicts:,}" if status.conflicts else "" for status in statuses],
        "p50": [describe_span(row["latency"]["p50"]) for row in rows],
        "p99": [describe_span(row["latency"]["p99"]) for row in rows],
        "state": [str(describe_state(status)) for status in statuses],
        "since": [describe_since(status, now) for status in statuses],
        "next try": [describe_next_try(status, now) for status in statuses],
        "goes to": [row.get("address", "") for row in rows],
    }
    shown = {name: values for name, values in columns.items() if any(values)}
    print_table_in_parts(list(shown), list(zip(*shown.values(), strict=True)), console)


def _outcomes(config: Config, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[list[str]]:
    """Yields the rows of the second table: the events, each standard once, then what each destination was denied."""
    seen: set[str] = set()
    for name, destination in config.destinations.items():
        events = rows[name]["events"]
        if not events["read"]:
            return
        if not seen:  # what is no event is none for any standard
            yield ["", "read", f"{events['read']:,}"]
            for reason, number in events["unreadable"].items():
                yield ["", f"unreadable: {reason}", f"{number:,}"]
        if destination.standard not in seen:
            seen.add(destination.standard)
            for outcome in ("transformed", "not_mapped"):
                yield [destination.standard, outcome.replace("_", " "), f"{events[outcome]:,}"]
            for outcome in ("skipped", "failed", "not_added"):
                for reason, number in events[outcome].items():
                    yield [destination.standard, f"{outcome.replace('_', ' ')}: {reason}", f"{number:,}"]
        for reason, number in events["denied"].items():
            yield [name, f"denied: {reason}", f"{number:,}"]
