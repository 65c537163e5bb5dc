"""Exposes the outbox's metrics to Prometheus (extra ``metrics``).

All values are read from the outbox at each scrape. So it does not matter which process is scraped: each one gives the
same for all processes and hosts that share the outbox, and one of them is enough. What is said of the spool is about
the machine of the scraped process. Labels are names of the configuration file and reasons, of which there are a bounded
number; none holds a value of an event.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from ..errors import OutboxError
from ..outbox.outbox import Outbox, Status
from ..outbox.spool_reader import SpoolStatus
from ..outbox.statistics import LATENCY, REQUEST, Statistics

if TYPE_CHECKING:
    from threading import Thread
    from wsgiref.simple_server import WSGIServer

log = logging.getLogger("learnrelay.delivery")

_GAUGES = {
    "waiting": "Deliveries that wait.",
    "due": "Waiting deliveries that could be sent now.",
    "leased": "Waiting deliveries that are being sent.",
    "dead": "Dead letters: deliveries that were given up.",
    "conflicts": "Statements that the consumer has already, with other content.",
}
_COUNTERS = {
    "accepted": "Deliveries that the outbox accepted.",
    "duplicates": "Deliveries that the outbox had already.",
    "delivered": "Deliveries that the consumer has.",
    "retried": "Deliveries that were sent in vain and went back to the queue.",
    "dropped": "Deliveries that were deleted: by an operator, by retention, because a learner is forgotten.",
}
_TIMINGS = {
    LATENCY: "From the learner's action (the event's time) to the consumer's answer.",
    REQUEST: "One request, whatever its answer.",
}


class OutboxCollector(Collector):
    """Reads the outbox at each scrape. Register it wherever you expose metrics already."""

    def __init__(self, outbox: Outbox, destinations: Iterable[str]) -> None:
        """Takes the ``destinations`` of the configuration file; they are included also when nothing has ever come."""
        self._outbox = outbox
        self._destinations = tuple(destinations)

    def collect(self) -> Iterator[Metric]:
        """Yields all metric families. When the database fails, ``learnrelay_outbox_up`` alone, with 0."""
        try:
            statuses = list(self._outbox.status(self._destinations).values())
            statistics = Statistics.read(self._outbox)
            refusals = self._outbox.read_refusals()
            spool = self._outbox.read_spool_status()
        except OutboxError as error:
            log.error("metrics: %s", error)
            yield _make_up_gauge(0)
            return
        yield _make_up_gauge(1)
        yield from self._collect_destinations(statuses)
        yield from _collect_timings(statistics)
        yield from _collect_outcomes(statistics)
        yield from _collect_not_stored(refusals, spool)

    def _collect_destinations(self, statuses: list[Status]) -> Iterator[Metric]:
        now = self._outbox.clock()
        for name, text in _GAUGES.items():
            yield _make_gauge(name, text, [(status, getattr(status, name)) for status in statuses])
        for name, text in _COUNTERS.items():
            counter = CounterMetricFamily(f"learnrelay_{name}", text, labels=["destination"])
            for status in statuses:
                counter.add_metric([status.destination], getattr(status, name))
            yield counter
        yield _make_gauge(
            "oldest_age_seconds", "Age of the oldest delivery that waits.", [(s, s.oldest_age or 0.0) for s in statuses]
        )
        yield _make_gauge(
            "unattended_seconds",
            "For how long statements have been waiting while no worker looked at the queue; 0 when one does.",
            [(s, s.unattended or 0.0) for s in statuses],
        )
        yield _make_gauge(
            "failing_seconds",
            "For how long the destination has been failing; 0 when it is not.",
            [(s, 0.0 if s.failing_since is None else max(0.0, now - s.failing_since)) for s in statuses],
        )
        yield _make_gauge(
            "halted",
            "1 when the destination refuses us (credentials, address).",
            [(s, int(s.halted)) for s in statuses],
        )


def _make_up_gauge(value: int) -> Metric:
    return GaugeMetricFamily("learnrelay_outbox_up", "1 when the outbox's database answers.", value=value)


def _make_gauge(name: str, text: str, values: Iterable[tuple[Status, float]]) -> Metric:
    gauge = GaugeMetricFamily(f"learnrelay_{name}", text, labels=["destination"])
    for status, value in values:
        gauge.add_metric([status.destination], value)
    return gauge


def _collect_timings(statistics: Statistics) -> Iterator[Metric]:
    for what, text in _TIMINGS.items():
        family = HistogramMetricFamily(f"learnrelay_{what}_seconds", text, labels=["destination"])
        for (destination, timed), histogram in sorted(statistics.timings.items(), key=lambda item: item[0]):
            if timed == what:
                buckets = [
                    ("+Inf" if math.isinf(bound) else f"{bound:g}", number) for bound, number in histogram.by_doubling()
                ]
                family.add_metric([destination], buckets, histogram.seconds)
        yield family


def _collect_outcomes(statistics: Statistics) -> Iterator[Metric]:
    read = CounterMetricFamily("learnrelay_events", "Events and lines that were read.")
    unreadable = CounterMetricFamily("learnrelay_unreadable", "Lines that are no event.", labels=["reason"])
    outcomes = CounterMetricFamily(
        "learnrelay_outcomes",
        "Outcomes of the readable events, for each standard: together they are all events.",
        labels=["standard", "outcome", "reason"],
    )
    statements = CounterMetricFamily("learnrelay_statements", "Statements that were made.", labels=["standard"])
    denied = CounterMetricFamily(
        "learnrelay_denied", "Transformed events that a destination may not have.", labels=["destination", "reason"]
    )
    not_added = CounterMetricFamily(
        "learnrelay_not_added", "Parts of enrichers that stood in a statement already.", labels=["standard", "part"]
    )
    read.add_metric([], statistics.outcomes["", "read", ""])
    for (subject, outcome, reason), number in sorted(statistics.outcomes.items()):
        match outcome:
            case "read":
                continue
            case "unreadable":
                unreadable.add_metric([reason], number)
            case "statements":
                statements.add_metric([subject], number)
            case "denied":
                denied.add_metric([subject, reason], number)
            case "not added":
                not_added.add_metric([subject, reason], number)
            case _:
                outcomes.add_metric([subject, outcome, reason], number)
    yield from (read, unreadable, outcomes, statements, denied, not_added)


def _collect_not_stored(refusals: Mapping[str, tuple[int, float]], spool: SpoolStatus) -> Iterator[Metric]:
    # without the reasons: a series that first appears with the first loss would not be seen to increase
    yield CounterMetricFamily(
        "learnrelay_not_stored",
        "Events that emit() could not store.",
        value=sum(number for number, _ in refusals.values()),
    )
    yield GaugeMetricFamily(
        "learnrelay_spool_bytes", "Bytes in this machine's spool that no worker has taken in.", value=spool.bytes
    )
    yield GaugeMetricFamily(
        "learnrelay_spool_oldest_age_seconds",
        "Age of the oldest file in this machine's spool that no worker has taken in.",
        value=spool.oldest_age or 0.0,
    )


def render_metrics(outbox: Outbox, destinations: Iterable[str]) -> bytes:
    """Returns the outbox's metrics as Prometheus reads them."""
    registry = CollectorRegistry()
    registry.register(OutboxCollector(outbox, destinations))
    return generate_latest(registry)


def expose_metrics(outbox: Outbox, destinations: Iterable[str], listen: tuple[str, int]) -> tuple[WSGIServer, Thread]:
    """Answers Prometheus at ``listen`` from a thread, until the server's ``shutdown()``. Raises OSError.

    Beside the outbox's metrics there are those of this process, under their usual names (``process_…``,
    ``python_info``).
    """
    registry = CollectorRegistry()
    registry.register(OutboxCollector(outbox, destinations))
    PlatformCollector(registry=registry)
    ProcessCollector(registry=registry)
    host, port = listen
    return start_http_server(port, host, registry)
