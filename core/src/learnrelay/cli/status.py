"""Implements ``learnrelay status``, which shows queues, latencies and outcomes of events."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..assembly.assemble import assemble
from ..config.models import Config
from . import config_option, json_option
from .output import print_json, print_line, print_table

_UNATTENDED = 60.0  # seconds without a look of a worker after which the table says so


@click.command()
@config_option(required=True)
@click.option(
    "--alert",
    is_flag=True,
    help="Exit with 1 where a limit of [delivery.alerts] is passed, or events were not stored; for cron.",
)
@json_option
def command(config_path: str, alert: bool, as_json: bool) -> None:
    r"""Show the queue, the deliveries and the latency of each destination, and the outcomes of events.

    \b
    conflicts the consumer has these statements already, with other content
    p50, p99  latency from the time of the event to the answer of the consumer, for 50 and for 99 of 100
              statements, at most 9 % off; without events that were older than an hour when they were emitted
    since     for how long the destination has been failing, or statements have been waiting with no worker
    next try  when the consumer is asked again; learnrelay resume NAME asks at once
    events    read = unreadable + transformed + not mapped + skipped + failed, for each standard

    Below the tables: what the spool of this machine still holds, and the events that emit() could not store.

    All figures count from the creation of the outbox, for all processes and hosts that share it. Columns without any
    value are left out. With --alert, the limits that are passed are listed on standard error.
    """
    from ..delivery.alerts import INTAKE, find_conditions, find_refusals, find_spool_conditions
    from ..outbox import Outbox
    from ..outbox.queue import SPOOL
    from ..outbox.statistics import LATENCY, REQUEST, Statistics
    from ..outbox.store import utc

    config = assemble(Path(config_path)).config
    outbox = Outbox.look(config.delivery)
    try:
        statuses = outbox.status(tuple(config.destinations))
        statistics = Statistics.read(outbox)
        now = outbox.clock()
        spool, refusals = outbox.read_spool_status(), outbox.read_refusals()
    finally:
        outbox.close()
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
    if as_json:
        internal = {
            SPOOL: asdict(spool) if spool.segments else {},
            "(not stored)": {reason: number for reason, (number, _) in refusals.items()},
        }
        print_json(rows | {name: values for name, values in internal.items() if values})
    else:
        _print_queues(rows, now)
        if outcomes := list(_outcomes(config, rows)):
            click.echo()
            print_table(["events", "outcome", "number"], outcomes)
        if spool.damaged:
            print_line(
                f"spool of this machine: {spool.damaged:,} damaged files are kept; the log says of which segment"
            )
        if spool.segments:
            print_line(
                f"spool of this machine: {spool.bytes:,} bytes in {spool.segments:,} files are still to be taken in, "
                f"the oldest is {_span(spool.oldest_age)} old"
            )
        for reason, (number, latest) in refusals.items():
            print_line(f"not stored: {number:,} events, because {reason}, the last {utc(latest):%Y-%m-%d %H:%M} UTC")
    if alert:
        messages = [
            f"{name}: {message}"
            for name, status in statuses.items()
            for _, message in find_conditions(status, config.delivery.alerts, now)
        ]
        messages += [f"{INTAKE}: {message}" for _, message in find_refusals(refusals, now)]
        messages += [f"{SPOOL}: {message}" for _, message in find_spool_conditions(spool, config.delivery.alerts)]
        for message in messages:
            print_line(message, err=True)
        sys.exit(1 if messages else 0)


def _print_queues(rows: Mapping[str, Mapping[str, Any]], now: float) -> None:
    """Prints the table of queues, without the columns that are empty in all rows."""
    columns = {
        "destination": list(rows),
        "waiting": [f"{row['waiting']:,}" for row in rows.values()],
        "oldest": [_span(row["oldest_age"]) for row in rows.values()],
        "delivered": [f"{row['delivered']:,}" for row in rows.values()],
        "retried": [f"{row['retried']:,}" if row["retried"] else "" for row in rows.values()],
        "dead": [f"{row['dead']:,}" for row in rows.values()],
        "conflicts": [f"{row['conflicts']:,}" if row["conflicts"] else "" for row in rows.values()],
        "p50": [_span(row["latency"]["p50"]) for row in rows.values()],
        "p99": [_span(row["latency"]["p99"]) for row in rows.values()],
        "state": [_state(row) for row in rows.values()],
        "since": [_since(row, now) for row in rows.values()],
        "next try": [_next_try(row, now) for row in rows.values()],
        "goes to": [row.get("address", "") for row in rows.values()],
    }
    shown = {name: values for name, values in columns.items() if any(values)}
    print_table(list(shown), zip(*shown.values(), strict=True))


def _is_unattended(row: Mapping[str, Any]) -> bool:
    return not row["orphaned"] and (row["unattended"] or 0.0) >= _UNATTENDED


def _state(row: Mapping[str, Any]) -> str:
    if row["orphaned"]:
        return "not in the file"
    if _is_unattended(row):
        return "nobody delivers"
    if row["paused"]:
        return f"{'halted' if row['halted'] else 'unavailable'}: {row['paused']}"
    return "ok"


def _since(row: Mapping[str, Any], now: float) -> str:
    if _is_unattended(row):
        return _span(row["unattended"])
    if row["failing_since"] is None or row["failing_since"] > now:  # by a clock that is ahead
        return ""
    return _span(now - row["failing_since"])


def _next_try(row: Mapping[str, Any], now: float) -> str:
    if row["retry_at"] is None or _is_unattended(row):
        return ""
    return f"in {_span(row['retry_at'] - now)}" if row["retry_at"] > now else "now"


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


def _span(seconds: float | None) -> str:
    """Formats seconds for people: ``12 ms``, ``3.4 s``, ``17 min``, ``5.2 h``, ``3.1 d``."""
    if seconds is None:
        return ""
    for unit, length in (("d", 86_400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds * 1000:.3g} ms"
