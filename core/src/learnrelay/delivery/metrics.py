"""The outbox's figures for Prometheus (extra ``metrics``).

Every figure of learnrelay is read from the outbox when it is asked for. So it does not matter which process is
scraped: each one tells the same of all processes and hosts that share the outbox, and one of them is enough. Labels
are names of the operator's file and reasons, of which there are a bounded number; none has a value of an event.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from ..errors import OutboxError
from .figures import LATENCY, REQUEST, Figures
from .outbox import Outbox, Status

if TYPE_CHECKING:
    from threading import Thread
    from wsgiref.simple_server import WSGIServer

log = logging.getLogger("learnrelay.delivery")

_GAUGES = {
    "waiting": "Deliveries that wait.",
    "due": "Of these, those that could be sent now.",
    "leased": "Of these, those that are being sent.",
    "dead": "Dead letters: deliveries that were given up.",
}
_COUNTERS = {
    "accepted": "Deliveries that were taken into the outbox.",
    "duplicates": "Deliveries that were there already.",
    "delivered": "Deliveries that the consumer has.",
    "retried": "Deliveries that were sent in vain and went back to the queue.",
    "dropped": "Deliveries that were removed: by an operator, by retention, because a learner is forgotten.",
}
_TIMINGS = {
    LATENCY: "From the learner's action (the event's time) to the consumer's answer.",
    REQUEST: "One request, whatever its answer.",
}


class OutboxCollector(Collector):
    """Reads the outbox for each scrape. Register it wherever you expose metrics already."""

    def __init__(self, outbox: Outbox, destinations: Iterable[str]) -> None:
        """``destinations``: those of the operator's file; they are told also when nothing has ever come."""
        self._outbox = outbox
        self._destinations = tuple(destinations)

    def collect(self) -> Iterator[Metric]:
        """All families. When the database fails, ``learnrelay_outbox_up`` is 0 and alone."""
        try:
            status = list(self._outbox.status(self._destinations).values())
            figures = Figures.read(self._outbox)
        except OutboxError as error:
            log.error("metrics: %s", error)
            yield _up(0)
            return
        yield _up(1)
        yield from self._of_destinations(status)
        yield from _timings(figures)
        yield from _outcomes(figures)

    def _of_destinations(self, status: list[Status]) -> Iterator[Metric]:
        now = self._outbox.clock()
        for name, words in _GAUGES.items():
            yield _gauge(name, words, [(one, getattr(one, name)) for one in status])
        for name, words in _COUNTERS.items():
            counter = CounterMetricFamily(f"learnrelay_{name}", words, labels=["destination"])
            for one in status:
                counter.add_metric([one.destination], getattr(one, name))
            yield counter
        yield _gauge(
            "oldest_age_seconds", "Age of the oldest delivery that waits.", [(s, s.oldest_age or 0.0) for s in status]
        )
        yield _gauge(
            "failing_seconds",
            "For how long the destination has been failing; 0 when it is well.",
            [(one, 0.0 if one.failing_since is None else max(0.0, now - one.failing_since)) for one in status],
        )
        yield _gauge(
            "halted", "1 when the destination refuses us (credentials, address).", [(s, int(s.halted)) for s in status]
        )


def _up(value: int) -> Metric:
    return GaugeMetricFamily("learnrelay_outbox_up", "1 when the outbox's database answers.", value=value)


def _gauge(name: str, words: str, values: Iterable[tuple[Status, float]]) -> Metric:
    gauge = GaugeMetricFamily(f"learnrelay_{name}", words, labels=["destination"])
    for status, value in values:
        gauge.add_metric([status.destination], value)
    return gauge


def _timings(figures: Figures) -> Iterator[Metric]:
    for what, words in _TIMINGS.items():
        family = HistogramMetricFamily(f"learnrelay_{what}_seconds", words, labels=["destination"])
        for (destination, timed), histogram in sorted(figures.timings.items(), key=lambda item: item[0]):
            if timed == what:
                buckets = [
                    ("+Inf" if math.isinf(bound) else f"{bound:g}", number) for bound, number in histogram.by_doubling()
                ]
                family.add_metric([destination], buckets, histogram.seconds)
        yield family


def _outcomes(figures: Figures) -> Iterator[Metric]:
    read = CounterMetricFamily("learnrelay_events", "Events and lines that were read.")
    unreadable = CounterMetricFamily("learnrelay_unreadable", "Of these, those that are no event.", labels=["reason"])
    became = CounterMetricFamily(
        "learnrelay_outcomes",
        "What became of the readable events, for each standard: together they are all of them.",
        labels=["standard", "outcome", "reason"],
    )
    statements = CounterMetricFamily("learnrelay_statements", "Statements that were made.", labels=["standard"])
    denied = CounterMetricFamily(
        "learnrelay_denied", "Transformed events that a destination may not have.", labels=["destination", "reason"]
    )
    read.add_metric([], figures.outcomes["", "read", ""])
    for (subject, outcome, reason), number in sorted(figures.outcomes.items()):
        match outcome:
            case "read":
                continue
            case "unreadable":
                unreadable.add_metric([reason], number)
            case "statements":
                statements.add_metric([subject], number)
            case "denied":
                denied.add_metric([subject, reason], number)
            case _:
                became.add_metric([subject, outcome, reason], number)
    yield from (read, unreadable, became, statements, denied)


def expose(outbox: Outbox, destinations: Iterable[str], listen: tuple[str, int]) -> tuple[WSGIServer, Thread]:
    """Answer Prometheus at ``listen`` from a thread, until the server's ``shutdown()``. Raises OSError.

    Beside the outbox's figures there are those of this process alone, under the names that they always have
    (``process_…``, ``python_info``).
    """
    registry = CollectorRegistry()
    registry.register(OutboxCollector(outbox, destinations))
    PlatformCollector(registry=registry)
    ProcessCollector(registry=registry)
    host, port = listen
    return start_http_server(port, host, registry)
