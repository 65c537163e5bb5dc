"""Celery as the engine: its tasks say "drain destination D", the outbox keeps the promise.

Neither a statement nor a credential is ever in the broker, and nothing is lost with it: each worker looks into
the outbox every `SWEEP` seconds by itself.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

from celery import Celery, bootsteps
from celery.signals import worker_process_shutdown

from ..config.models import Delivery, Destination
from ..errors import OutboxError
from ..secrets import Secret
from ..standards import Standard
from .alerts import Watch, keep_house, tell_of_orphans
from .drain import AT_ONCE, Drainer
from .engine import Engine, Makers, Stepper
from .leases import LeaseKeeper
from .outbox import Outbox

log = logging.getLogger("learnrelay.delivery")

QUEUE = "learnrelay"
TASK = "learnrelay.drain"
SWEEP = 10.0
"""Seconds between a worker's own looks into the outbox, and the life of a task nobody took."""

_SLICE = 5.0  # seconds a task drains before others have their turn; also what a warm shutdown waits for
_CALM = 0.05  # seconds in which calls for the same destination become one task


def make_app(settings: Delivery) -> Celery:
    """A Celery application for ``settings.broker``, with the settings that this way of working wants."""
    if settings.broker is None:
        raise OutboxError("delivery.broker: the celery engine needs the URL of a broker")
    app = Celery(QUEUE, broker=settings.broker.reveal(), set_as_current=False)
    app.conf.update(
        # Names of destinations are all that travels: JSON, and nothing that could be executed.
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_default_queue=QUEUE,
        # A lost task is made again by the sweep: no disk for it, and no copy in memory that outlives its use.
        task_default_delivery_mode="transient",
        # A killed worker's task goes to another one at once instead of with the next sweep.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        # One task a process: none waits behind a slow destination while another process is idle.
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        worker_hijack_root_logger=False,
        broker_transport_options=_transport_options(settings.broker),
    )
    return app


def _transport_options(broker: Secret) -> dict[str, Any]:
    """Redis acknowledges nothing by itself: kombu hands a silent worker's task on after ``visibility_timeout``.

    Its defaults are an hour, looked at every 100 s. A task here lives seconds, so a minute is plenty; longer
    ones (a consumer that answers slowly) may well run twice: the leases keep them apart.
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


class CeleryEngine(Engine):
    """The emitting side: tells the workers what has come. Delivers nothing itself."""

    def __init__(self, settings: Delivery) -> None:
        self._app = make_app(settings)
        self._called: set[str] = set()
        self._signal = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="learnrelay-celery", daemon=True)
        self._complained = False

    def start(self) -> None:
        """Start the thread that talks to the broker."""
        self._thread.start()

    def wake(self, destination: str, arrivals: int = 1) -> None:
        """Have a task made, by a thread: emit() never waits for the broker, nor fails with it."""
        with self._signal:
            self._called.add(destination)
            self._signal.notify()

    def stop(self, timeout: float = 30.0) -> None:
        """Make the tasks that are called for, if the broker takes them in time; the sweep knows the rest."""
        with self._signal:
            self._stopped = True
            self._signal.notify()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._signal:
                self._signal.wait_for(lambda: self._called or self._stopped)
                called, self._called = self._called, set()
                if self._stopped and not called:
                    break
            for destination in sorted(called):
                self._publish(destination)
            with self._signal:
                self._signal.wait_for(lambda: self._stopped, _CALM)
        self._app.close()

    def _publish(self, destination: str) -> None:
        try:
            self._app.send_task(TASK, args=[destination], expires=SWEEP, retry=False)
        except Exception as error:  # whatever kombu's transports raise: the sweep does it instead
            if not self._complained:
                log.warning("broker: not reached (%s); the workers' own sweep delivers", type(error).__name__)
            self._complained = True
        else:
            if self._complained:
                log.warning("broker: reached again")
            self._complained = False


def serve(
    app: Celery,
    outbox: Outbox,
    destinations: Mapping[str, Destination],
    standards: Mapping[str, Standard],
    others: Makers | None = None,
    listen: tuple[str, int] | None = None,
) -> None:
    """Make ``app`` a worker: the task that drains a destination or another queue, and the sweep that calls for it.

    ``listen``: where one worker of a host answers Prometheus; when it is gone, another.

    The pool forks whenever it wants another process, and what a thread beside it holds at that moment (a lock of the
    broker's client, of SQLite, …) stays held in the child for ever: the child hangs, and with it the worker's end. So
    those threads work under ``no_fork``, and SQLite's connections, which must not be carried across, are closed.
    """
    no_fork = threading.RLock()

    def before_fork() -> None:
        no_fork.acquire()
        outbox.close()

    os.register_at_fork(before=before_fork, after_in_parent=no_fork.release, after_in_child=no_fork.release)
    makers = others or {}
    drainers: dict[str, Stepper] = {}
    keeper = LeaseKeeper(outbox.settings.lease)

    def call(destination: str, _number: int = 1) -> None:
        try:
            app.send_task(TASK, args=[destination], expires=SWEEP, retry=False)
        except Exception as error:  # whatever kombu's transports raise: the sweep does it instead
            log.debug("destination %s: not called for (%s), the sweep will", destination, type(error).__name__)

    def stepper(name: str) -> Stepper:
        if name in makers:
            return makers[name](keeper, call)
        return Drainer(outbox, destinations[name], standards[destinations[name].standard], keeper)

    def drain(task: Any, destination: str) -> None:
        if destination not in destinations and destination not in makers:
            log.warning("destination %s: asked for by a task, but not in this worker's file", destination)
            return
        if destination not in drainers:  # made in the process that uses it: pools do not survive a fork
            drainers[destination] = stepper(destination)
        rest, until = AT_ONCE, time.monotonic() + _SLICE
        while time.monotonic() < until:
            rest = drainers[destination].step()
            if rest.seconds > 0:
                break
        # What is paused is called for by the sweep, what is new by emit().
        if rest.seconds == 0 or rest.tail:
            task.apply_async(args=[destination], countdown=rest.seconds, expires=rest.seconds + SWEEP)

    def close(**_: object) -> None:
        for drainer in drainers.values():
            drainer.close()

    class Sweep(bootsteps.StartStopStep):  # type: ignore[misc]
        """Beside the worker: calls for each destination that has something due, and keeps house."""

        requires = ("celery.worker.components:Pool",)

        def __init__(self, worker: Any, **_: object) -> None:
            self._stopped = threading.Event()
            self._watch = Watch(outbox)

        def start(self, worker: Any) -> None:
            threading.Thread(target=self._run, name="learnrelay-sweep", daemon=True).start()

        def stop(self, worker: Any) -> None:
            self._stopped.set()

        def _run(self) -> None:
            unanswered = listen
            with no_fork:
                tell_of_orphans(outbox, destinations)
            for look in count():  # the first one at once: for what a worker that died has left
                with no_fork:
                    if unanswered and _expose(outbox, [*makers, *destinations], unanswered, no_fork, first=look == 0):
                        unanswered = None
                    self._sweep()
                if self._stopped.wait(SWEEP):
                    return

        def _sweep(self) -> None:
            try:
                due = [name for name in [*makers, *destinations] if not outbox.queue(name).at_rest()]
                for name in due:
                    app.send_task(TASK, args=[name], expires=SWEEP, retry=False)
            except Exception as error:  # database or broker: both come back
                log.warning("sweep: %s, next one in %g s", type(error).__name__, SWEEP)
            keep_house(outbox, self._watch)

    app.task(name=TASK, bind=True)(drain)
    app.steps["worker"].add(Sweep)
    worker_process_shutdown.connect(close, weak=False)


def _expose(
    outbox: Outbox, queues: Iterable[str], listen: tuple[str, int], no_fork: threading.RLock, *, first: bool
) -> bool:
    """Any worker's figures are those of all: it is enough that one of them answers. False: try again."""
    try:
        from .metrics import expose

        server, _ = expose(outbox, queues, listen)
    except ImportError:
        log.error('metrics.listen: needs the library "prometheus_client": pip install "learnrelay[metrics]"')
    except OSError as error:
        if first:
            words = "metrics.listen: not at %s:%d (%s), tried again; another worker is there, perhaps"
            log.warning(words, *listen, error.strerror)
        return False
    else:
        answer: Any = server.get_app()

        def answer_unforked(environ: Any, start_response: Any) -> Iterable[bytes]:
            with no_fork:
                text: list[bytes] = answer(environ, start_response)
            return text

        server.set_app(answer_unforked)
    return True
