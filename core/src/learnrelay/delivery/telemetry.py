"""Sends metrics and spans to a collector by OpenTelemetry (extra ``otel``): OTLP over HTTP.

The metrics are those that Prometheus reads (`learnrelay.delivery.metrics`), under the same names. The variables of
OpenTelemetry's SDK count too: ``OTEL_EXPORTER_OTLP_HEADERS`` for credentials, ``OTEL_SERVICE_NAME`` and others.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from prometheus_client.core import Metric as Family

from .. import forks
from ..config.models import Telemetry
from ..outbox.outbox import Outbox
from .metrics import OutboxCollector

_PATIENCE = 5  # seconds for an answer of the collector
_VERSION = version("learnrelay")
_SCOPE = InstrumentationScope("learnrelay", _VERSION)
_SINCE_ALWAYS = 0  # nanoseconds; the counts are those of the outbox, not of this process


class MetricExporter:
    """Exports metrics from a thread, until `stop`. A collector that is down holds nothing up, and is logged."""

    def __init__(self, outbox: Outbox, destinations: Iterable[str], telemetry: Telemetry) -> None:
        """Begins to export. ``telemetry``: with an endpoint."""
        self._collector = OutboxCollector(outbox, destinations)
        self._interval = telemetry.interval
        self._resource = _make_resource()
        self._exporter = OTLPMetricExporter(endpoint=_address(telemetry, "metrics"), timeout=_PATIENCE)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="learnrelay-telemetry", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Exports once more, as far as the collector answers within some seconds."""
        self._stopped.set()
        self._thread.join(_PATIENCE)
        self._exporter.shutdown(timeout_millis=0)

    def _run(self) -> None:
        while True:
            is_last = self._stopped.wait(self._interval)
            with forks.no_fork():  # the pool of a Celery worker forks beside this thread
                metrics = list(_convert(self._collector.collect(), time.time_ns()))
                scope = ScopeMetrics(_SCOPE, metrics, "")
                self._exporter.export(MetricsData([ResourceMetrics(self._resource, [scope], "")]))
            if is_last:
                return


class SpanExporter:
    """Exports the spans of this process, until `stop`. Made where the batches are sent: threads survive no fork."""

    def __init__(self, telemetry: Telemetry) -> None:
        """Sets up OpenTelemetry for this process. ``telemetry``: with an endpoint."""
        self._spans = BatchSpanProcessor(OTLPSpanExporter(endpoint=_address(telemetry, "traces"), timeout=_PATIENCE))
        provider = TracerProvider(resource=_make_resource(), shutdown_on_exit=False)
        provider.add_span_processor(self._spans)
        trace.set_tracer_provider(provider)

    def stop(self, patience: float = _PATIENCE) -> None:
        """Exports what is left, as far as the collector answers within ``patience`` seconds."""
        closer = threading.Thread(target=self._spans.shutdown, daemon=True)  # its end may take longer than ours may
        closer.start()
        closer.join(patience)


def stop_all(exporters: Iterable[MetricExporter | SpanExporter]) -> None:
    """Stops exporters at the same time."""
    threads = [threading.Thread(target=exporter.stop, daemon=True) for exporter in exporters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _address(telemetry: Telemetry, signal: str) -> str:
    return f"{(telemetry.endpoint or '').rstrip('/')}/v1/{signal}"


def _make_resource() -> Resource:
    """Describes this process. Variables of the environment count where nothing is given."""
    resource = Resource.create()
    if str(resource.attributes.get("service.name", "")).startswith("unknown_service"):
        resource = resource.merge(Resource({"service.name": "learnrelay"}))
    if "service.instance.id" not in resource.attributes:  # releases before 1.40 set none
        resource = resource.merge(Resource({"service.instance.id": str(uuid4())}))
    return resource.merge(Resource({"service.version": _VERSION}))


def _convert(families: Iterable[Family], now: int) -> Iterator[Metric]:
    """Turns metrics of Prometheus into those of OpenTelemetry. ``now``: nanoseconds since 1970."""
    for family in families:
        if family.type == "histogram":
            yield Metric(family.name, family.documentation, "s", _to_histogram(family, now))
            continue
        points = [
            NumberDataPoint(sample.labels, _SINCE_ALWAYS, now, float(sample.value))
            for sample in family.samples
            if not sample.name.endswith("_created")
        ]
        if family.type == "counter":
            yield Metric(family.name, family.documentation, "", Sum(points, AggregationTemporality.CUMULATIVE, True))
        else:
            yield Metric(family.name, family.documentation, "", Gauge(points))


def _to_histogram(family: Family, now: int) -> Histogram:
    cumulative: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    sums: dict[tuple[tuple[str, str], ...], float] = {}
    for sample in family.samples:
        labels = tuple((name, value) for name, value in sample.labels.items() if name != "le")
        if sample.name.endswith("_bucket"):
            cumulative.setdefault(labels, []).append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_sum"):
            sums[labels] = sample.value
    points = []
    for labels, buckets in cumulative.items():
        buckets.sort()
        counts = [round(number) for _, number in buckets]
        bounds = [bound for bound, _ in buckets if not math.isinf(bound)]
        largest = next((bound for bound, number in buckets if round(number) == counts[-1]), 0.0)
        points.append(
            HistogramDataPoint(
                attributes=dict(labels),
                start_time_unix_nano=_SINCE_ALWAYS,
                time_unix_nano=now,
                count=counts[-1],
                sum=sums.get(labels, 0.0),
                bucket_counts=[number - before for before, number in zip([0, *counts], counts, strict=False)],
                explicit_bounds=bounds,
                min=0.0,  # the outbox keeps no more than the buckets
                max=min(largest, bounds[-1]),
            )
        )
    return Histogram(points, AggregationTemporality.CUMULATIVE)
