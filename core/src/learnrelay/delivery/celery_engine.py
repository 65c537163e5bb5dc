"""Runs the drains as Celery tasks. A task names a destination to drain, and nothing else.

No statement and no credential is ever in the broker, and nothing is lost with it: each worker sweeps the outbox every
`SWEEP_INTERVAL` seconds for queues that have something due.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any

from celery import Celery, bootsteps
from celery.signals import worker_process_shutdown, worker_shutdown
from kombu.pools import ProducerPool

from .. import forks
from ..config.models import Delivery, Destination, Telemetry
from ..config.secrets import Secret
from ..errors import OutboxError
from ..logs import ThrottledLogger, escape
from ..outbox.clocks import ClockGuard
from ..outbox.looks import QueueLooks, claim_check
from ..outbox.outbox import Outbox
from .alerts import AlertMonitor, run_maintenance, warn_about_orphans
from .drain import IMMEDIATELY, Drainer
from .engine import MAINTENANCE_INTERVAL, Engine, MakeSink, QueueWorker, WorkerFactories
from .leases import LeaseKeeper

if TYPE_CHECKING:
    from .telemetry import MetricExporter, SpanExporter

log = logging.getLogger("learnrelay.delivery")

QUEUE = "learnrelay"
TASK = "learnrelay.drain"
SWEEP_INTERVAL = 10.0
"""Seconds between two sweeps of a worker."""

_TASK_SECONDS = 5.0  # a task drains for so long before others have their turn; a warm shutdown waits for it
_DEBOUNCE = 0.05  # seconds in which calls for the same destination become one request
_DEFERRED_CEILING = 60.0  # seconds for which a deferred event that failed waits at most
_NO_TELEMETRY = Telemetry()
_SPANS_PATIENCE = 1.0  # seconds for which a process of the pool that is replaced waits for the collector
_BROKER_PATIENCE = 5.0  # seconds for the broker to answer how many tasks it holds


def make_app(settings: Delivery) -> Celery:
    """Makes the Celery application for ``settings.broker``, configured for short tasks that may be lost or repeated."""
    if settings.broker is None:
        raise OutboxError("delivery.broker: the celery engine needs the URL of a broker")
    app = Celery(QUEUE, broker=settings.broker.reveal(), set_as_current=False)
    app.conf.update(
        # Names of destinations are all that travels: JSON, and nothing that could be executed.
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_default_queue=QUEUE,
        # A lost task is made again by the sweep: it needs no disk, and no copy in memory that outlives its use.
        task_default_delivery_mode="transient",
        # A killed worker's task goes to another one at once instead of with the next sweep.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        # One task a process: none waits behind a slow destination while another process is idle.
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        worker_hijack_root_logger=False,
        broker_transport_options=_make_transport_options(settings.broker),
    )
    return app


def _make_transport_options(broker: Secret) -> dict[str, Any]:
    """Returns the options for Redis, where kombu hands a silent worker's task on after ``visibility_timeout``.

    The default is an hour, checked every 100 s. A task here takes seconds, so a minute is enough; longer tasks (a
    consumer that answers slowly) may run twice: the leases keep them apart.
    """
    if not broker.reveal().startswith(("redis", "valkey", "sentinel")):
        return {}
    return {
        "visibility_timeout": 60,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_connect_timeout": 5,
        "socket_timeout": 30,
    }


def describe_broker_error(error: BaseException) -> str:
    """Says why a broker cannot be used, in words that hold no address: an error's own text may."""
    errors = [error]
    while (cause := errors[-1].__cause__) is not None:  # kombu wraps what the client of the broker raised
        errors.append(cause)
    names = [type(error).__name__ for error in errors]
    for name, text in zip(names, map(str, errors), strict=True):
        if name in ("AccessRefused", "AuthenticationError", "NoPermissionError"):
            return f"refuses the user name or the password ({name})"
        if name == "NotAllowed":
            return f"has no such virtual host, or refuses it to this user ({name})"
        if name == "ResponseError" and "DB index" in text:
            return f"has no database of the number at the end of the address ({name})"
        if name == "TimeoutError":
            return f"does not answer in time ({names[0]})"
    return f"not reached ({names[0]})"


class CeleryEngine(Engine):
    """Makes tasks for the workers, on the emitting side. Delivers nothing itself.

    A queue has at most one task in the broker that no worker has begun. Where no worker delivers, no worker can raise
    an alert either: so one of the emitting processes checks the alerts twice a minute.
    """

    def __init__(self, settings: Delivery, outbox: Outbox, queues: Iterable[str] = ()) -> None:
        self._app = make_app(settings)
        # Celery's own pools are shared with other applications, and outlive a fork.
        connections = self._app.connection_for_write().Pool(limit=1)
        self._producers: Any = ProducerPool(connections, limit=1, Producer=self._app.amqp.Producer)  # type: ignore[no-untyped-call]
        self._outbox = outbox
        self._monitor = AlertMonitor(outbox, queues)
        self._looks: dict[str, QueueLooks] = {}
        self._check_at = 0.0
        self._requested: set[str] = set()
        self._signal = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="learnrelay-celery", daemon=True)
        self._failure_logged = False

    def start(self) -> None:
        """Starts the thread that talks to the broker."""
        self._thread.start()

    def wake(self, destination: str, arrivals: int = 1) -> None:
        """Requests a task from the thread: emit() never waits for the broker, nor fails with it."""
        with self._signal:
            self._requested.add(destination)
            self._signal.notify()

    def stop(self, timeout: float = 30.0) -> None:
        """Makes the requested tasks, if the broker takes them in time; the workers' sweep finds the rest."""
        with self._signal:
            self._stopped = True
            self._signal.notify()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._signal:
                self._signal.wait_for(lambda: self._requested or self._stopped, MAINTENANCE_INTERVAL)
                requested, self._requested = self._requested, set()
                if self._stopped and not requested:
                    break
            for destination in sorted(requested):
                self._publish(destination)
            self._check_alerts()
            with self._signal:
                self._signal.wait_for(lambda: self._stopped, _DEBOUNCE)
        self._producers.force_close_all()
        self._producers.connections.force_close_all()
        self._app.close()

    def _check_alerts(self) -> None:
        if self._stopped or time.monotonic() < self._check_at:
            return
        self._check_at = time.monotonic() + MAINTENANCE_INTERVAL
        try:
            if claim_check(self._outbox, MAINTENANCE_INTERVAL):
                self._monitor.check()
        except OutboxError as error:  # emit() raises it too
            log.debug("alerts: %s", error)

    def _publish(self, destination: str) -> None:
        looks = self._looks.setdefault(destination, QueueLooks(self._outbox, destination))
        try:
            if not looks.request_task():
                return
        except OutboxError as error:
            log.debug("destination %s: no task sent (%s), the sweep sends it", destination, error)
            return
        try:
            with forks.no_fork(), self._producers.acquire(block=True) as producer:
                self._app.send_task(TASK, args=[destination], retry=False, producer=producer)
        except Exception as error:  # whatever kombu's transports raise: the sweep makes the task instead
            with suppress(OutboxError):
                looks.cancel_request()
            if not self._failure_logged:
                log.warning("broker: %s; the workers' own sweep delivers", describe_broker_error(error))
            self._failure_logged = True
        else:
            if self._failure_logged:
                log.warning("broker: reached again")
            self._failure_logged = False


def configure_worker(
    app: Celery,
    outbox: Outbox,
    destinations: Mapping[str, Destination],
    make_sink: MakeSink,
    internal_queues: WorkerFactories | None = None,
    listen: tuple[str, int] | None = None,
    telemetry: Telemetry = _NO_TELEMETRY,
) -> None:
    """Makes ``app`` a worker: adds the task that drains a queue, and the sweep that makes tasks.

    ``listen``: where one worker of a host answers Prometheus; when it is gone, another takes over. ``telemetry``: the
    worker itself sends metrics, and each process of its pool the spans of its batches.

    The pool may fork at any time, so the worker's own threads work under `no_fork`.
    """
    factories = internal_queues or {}
    workers: dict[str, QueueWorker] = {}
    keeper = LeaseKeeper(outbox.settings.lease)
    errors = ThrottledLogger(log)
    looks = {name: QueueLooks(outbox, name) for name in [*factories, *destinations]}
    spans = _ProcessSpans(telemetry)
    metrics: list[MetricExporter] = []

    def send_task(destination: str, _number: int = 1) -> None:
        try:
            if looks[destination].request_task():
                app.send_task(TASK, args=[destination], retry=False)
        except Exception as error:  # database, or whatever kombu's transports raise: the sweep makes the task instead
            log.debug("destination %s: no task sent (%s), the sweep sends it", destination, type(error).__name__)

    def make_worker(name: str) -> QueueWorker:
        if name in factories:
            return factories[name](keeper, send_task)
        return Drainer(outbox, destinations[name], make_sink(destinations[name]), keeper)

    def drain(task: Any, destination: str) -> None:
        if destination not in looks:
            log.warning("destination %s: named by a task, but not in this worker's file", escape(str(destination)))
            return
        spans.start()
        if destination not in workers:  # made in the process that uses it: pools do not survive a fork
            workers[destination] = make_worker(destination)
        next_wake, until = IMMEDIATELY, time.monotonic() + _TASK_SECONDS
        try:
            looks[destination].record()
            while time.monotonic() < until:
                next_wake = workers[destination].step()
                if next_wake.seconds > 0:
                    break
            # The sweep makes the tasks of paused destinations, emit() those of new statements.
            if next_wake.seconds == 0:
                send_task(destination)
            elif next_wake.partial_batch and looks[destination].plan_task(next_wake.seconds):
                task.apply_async(args=[destination], countdown=next_wake.seconds)
        except OutboxError as error:
            errors(f"destination {destination}: {error}; the sweep tries again")

    def close(**_: object) -> None:
        for worker in workers.values():
            worker.close()
        spans.stop()

    def close_all(**_: object) -> None:
        close()  # where the worker has no other process: --pool solo, threads
        for exporter in metrics:
            exporter.stop()

    class Sweep(bootsteps.StartStopStep):  # type: ignore[misc]
        """Makes a task for each queue that has something due, and runs the maintenance, beside the worker."""

        requires = ("celery.worker.components:Pool",)

        def __init__(self, worker: Any, **_: object) -> None:
            self._stopped = threading.Event()
            self._monitor = AlertMonitor(outbox, looks)
            self._clock_guards = [
                *(ClockGuard(outbox, name, destination.retry.ceiling) for name, destination in destinations.items()),
                *(ClockGuard(outbox, name, _DEFERRED_CEILING) for name in factories),
            ]

        def start(self, worker: Any) -> None:
            threading.Thread(target=self._run, name="learnrelay-sweep", daemon=True).start()
            if telemetry.endpoint is not None:
                from .telemetry import MetricExporter

                metrics.append(MetricExporter(outbox, [*factories, *destinations], telemetry))

        def stop(self, worker: Any) -> None:
            self._stopped.set()

        def _run(self) -> None:
            not_exposed = listen
            with forks.no_fork():
                warn_about_orphans(outbox, destinations)
            for number in count():  # the first sweep at once: for what a worker that died has left
                with forks.no_fork():
                    if not_exposed and _expose_metrics(
                        outbox, [*factories, *destinations], not_exposed, first=number == 0
                    ):
                        not_exposed = None
                    self._sweep()
                if self._stopped.wait(SWEEP_INTERVAL):
                    return

        def _sweep(self) -> None:
            try:
                outbox.take_in(SWEEP_INTERVAL / 2)
            except OutboxError as error:
                errors(f"sweep: {error}")
            try:
                for guard in self._clock_guards:
                    guard.check()
                due = []
                for name, queue_looks in looks.items():
                    if outbox.queue(name).is_idle():
                        queue_looks.record_if_due()
                    else:
                        due.append(name)
                # Those that are in the broker already may have been lost with it, so their number is what counts.
                if due and _count_tasks(app) < len(looks):
                    for name in due:
                        app.send_task(TASK, args=[name], retry=False)
            except Exception as error:  # database or broker: both come back
                reason = error if isinstance(error, OutboxError) else f"broker: {describe_broker_error(error)}"
                errors(f"sweep: {reason}; next one in {SWEEP_INTERVAL:g} s")
            run_maintenance(outbox, self._monitor)

    app.task(name=TASK, bind=True)(drain)
    app.steps["worker"].add(Sweep)
    worker_process_shutdown.connect(close, weak=False)  # of a process of the pool
    worker_shutdown.connect(close_all, weak=False)  # of the worker itself, when its pool has ended


class _ProcessSpans:
    """Exports the spans of the process that drains: the exporter's thread does not survive the fork of a pool."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._exporter: SpanExporter | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begins to export with the first task of this process."""
        if self._telemetry.endpoint is None or not self._telemetry.traces:
            return
        with self._lock:
            if self._exporter is None:
                from .telemetry import SpanExporter

                self._exporter = SpanExporter(self._telemetry)

    def stop(self) -> None:
        """Exports what is left."""
        with self._lock:
            if self._exporter is not None:
                self._exporter.stop(_SPANS_PATIENCE)
                self._exporter = None


def _count_tasks(app: Celery) -> int:
    """Counts the tasks in the broker that no worker has taken. Raises what kombu's transports raise."""
    with app.connection_for_write(connect_timeout=_BROKER_PATIENCE) as connection, connection.channel() as channel:
        try:
            return int(channel.queue_declare(QUEUE, passive=True).message_count)
        except connection.channel_errors:
            return 0  # there is no such queue yet, or Redis has removed it with its last task


def _expose_metrics(outbox: Outbox, queues: Iterable[str], listen: tuple[str, int], *, first: bool) -> bool:
    """Exposes the metrics; any worker's are those of all, so one of them is enough. False: try again."""
    try:
        from .metrics import expose_metrics

        server, _ = expose_metrics(outbox, queues, listen)
    except ImportError:
        log.error('metrics.listen: needs the library "prometheus_client": pip install "learnrelay[metrics]"')
    except OSError as error:
        if first:
            log.warning(
                "metrics.listen: not at %s:%d (%s), tried again; another worker is there, perhaps",
                *listen,
                error.strerror,
            )
        return False
    else:
        answer: Any = server.get_app()

        def answer_without_fork(environ: Any, start_response: Any) -> Iterable[bytes]:
            with forks.no_fork():
                body: list[bytes] = answer(environ, start_response)
            return body

        server.set_app(answer_without_fork)
    return True
