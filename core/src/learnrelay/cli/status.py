"""``learnrelay status``: what waits where and since when, how long deliveries take, what became of events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..assembly import assemble
from ..config.models import Config
from . import config_option, json_option
from .output import print_json, print_table


@click.command()
@config_option(required=True)
@json_option
def command(config_path: str, as_json: bool) -> None:
    r"""Show, for each destination, what waits and since when, what was delivered, how long that takes, and why not.

    \b
    latency   from the learner's action (the event's time) to the consumer's answer; half of all statements
              stayed within p50, 99 of 100 within p99, at most 9 % off
    events    read = unreadable + transformed + not mapped + skipped + failed, for each standard

    All figures count since the outbox was made, for all processes and hosts that share it.
    """
    from ..delivery import Outbox
    from ..delivery.figures import LATENCY, REQUEST, Figures

    config = assemble(Path(config_path)).config
    outbox = Outbox.open(config.delivery)
    try:
        told = outbox.status(tuple(config.destinations))
        figures = Figures.read(outbox)
    finally:
        outbox.close()
    found: dict[str, dict[str, Any]] = {}
    for name, status in told.items():
        found[name] = {
            **asdict(status),
            "latency": figures.timing(name, LATENCY),
            "request": figures.timing(name, REQUEST),
        }
        if name in config.destinations:
            found[name]["events"] = figures.events(config.destinations[name].standard, name)
    if as_json:
        print_json(found)
        return
    print_table(
        ["destination", "waiting", "oldest", "delivered", "retried", "dead", "p50", "p99", "state"],
        [
            [
                name, f"{one['waiting']:,}", _span(one["oldest_age"]), f"{one['delivered']:,}", f"{one['retried']:,}",
                f"{one['dead']:,}", _span(one["latency"]["p50"]), _span(one["latency"]["p99"]), _state(one),
            ]
            for name, one in found.items()
        ],
    )  # fmt: skip
    if rows := list(_events(config, found)):
        click.echo()
        print_table(["events", "what became of them", "number"], rows)


def _state(one: Mapping[str, Any]) -> str:
    if one["orphaned"]:
        return "not in the file"
    if one["paused"]:
        return f"{'halted' if one['halted'] else 'unavailable'}: {one['paused']}"
    return "well"


def _events(config: Config, found: Mapping[str, Mapping[str, Any]]) -> Iterator[list[str]]:
    """Rows of the second table: each standard once, then what each destination was denied."""
    seen: set[str] = set()
    for name, destination in config.destinations.items():
        events = found[name]["events"]
        if not events["read"]:
            return
        if destination.standard not in seen:
            seen.add(destination.standard)
            yield [destination.standard, "read", f"{events['read']:,}"]
            for outcome in ("transformed", "not_mapped"):
                yield [destination.standard, outcome.replace("_", " "), f"{events[outcome]:,}"]
            for outcome in ("skipped", "failed", "unreadable"):
                for reason, number in events[outcome].items():
                    yield [destination.standard, f"{outcome}: {reason}", f"{number:,}"]
        for reason, number in events["denied"].items():
            yield [name, f"denied: {reason}", f"{number:,}"]


def _span(seconds: float | None) -> str:
    """Seconds for people: ``12 ms``, ``3.4 s``, ``17 min``, ``5.2 h``, ``3.1 d``."""
    if seconds is None:
        return ""
    for unit, length in (("d", 86_400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0)):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds * 1000:.3g} ms"
