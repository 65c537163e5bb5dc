"""A replay on many machines: its units are Celery tasks, and what the workers say of them comes back as messages.

A task carries names, places and counts: which chunk of which log, and what is asked. What comes back is what was
counted and which lines failed, never a value of an event. Every machine reads the logs itself and has the operator's
file. Nothing depends on the broker's care: a unit that nothing is heard of is asked for again, and one that is done
twice gives the same twice, with the same ids.
"""

from __future__ import annotations

import multiprocessing
import queue
import socket
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import OperationalError
from kombu.simple import SimpleQueue

from ..assembly import Assembly, assemble
from ..config.models import Delivery, Provider
from ..delivery.celery_engine import make_app
from ..errors import LearnrelayError
from .asked import Asked, HaltedError, Output, ReplayError
from .checkpoint import Done
from .conductor import FALLS, Conductor, Watch
from .limits import LANES, Limits
from .segments import clear_passing
from .selection import Selection
from .sources import Source
from .target import Target
from .worker import ENDED, FAILED, FINISHED, HALTED, UNREAD, Setting, Unit, Worker, target_of

QUEUE = "learnrelay-replay"
TASK = "learnrelay.replay"

_AHEAD = 32
"""Tasks that are made before the first of them is done."""
_LIFE = 20.0
"""Seconds that a task waits for a worker before it is void, and made again while somebody still wants it."""
_BEAT, _SILENCE = 3.0, 15.0
"""Seconds between two words of a worker, and without any before its unit is asked for again."""
_UNHEARD = 1000
"""Words that may lie unheard before a worker takes it that nobody listens any more."""
_LOOK = 0.2
_BEATING = -1  # a word like those of `worker`: still at it


def fleet_app(settings: Delivery) -> Celery:
    """The Celery application of both sides. Raises OutboxError where there is no broker."""
    app = make_app(settings)
    app.conf.update(task_default_queue=QUEUE, task_acks_late=False)  # the conductor sees to what is lost
    return app


def _words(name: str) -> Queue:
    """Where a conductor hears its workers. A broker that can lets it vanish when nobody uses it."""
    return Queue(name, expires=600.0, routing_key=name)  # type: ignore[no-untyped-call]


def fingerprint(assembly: Assembly, asked: Asked) -> str:
    """Equal where everything is equal that decides about the output: secrets and tables too, by what they give."""
    config = assembly.config
    told: list[object] = [asked.key(assembly)]
    told += sorted({step.site.digest("replay") for steps in assembly.plan.steps.values() for step in steps})
    told += [_contents(provider) for provider in (config.identity, config.courses)]
    return blake2b(repr(told).encode(), digest_size=16).hexdigest()


def _contents(provider: Provider) -> list[str]:
    """Digests of the files that a provider is set to read."""
    named = (Path(value) for _, value in sorted(provider.settings.items()) if isinstance(value, str))
    return [blake2b(path.read_bytes(), digest_size=16).hexdigest() for path in named if _is_file(path)]


def _is_file(path: Path) -> bool:
    with suppress(OSError, ValueError):
        return path.is_absolute() and path.is_file()
    return False


# --- the side that asks ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Pending:
    """A unit that is asked for. ``started``: some worker has it. ``finished``: chunks of it that are done."""

    unit: Unit
    lost_at: float
    started: bool = False
    falls: int = 0
    unread: bool = False
    finished: set[int] = field(default_factory=set)


class Fleet(Conductor):
    """Conducts a replay whose workers are anywhere."""

    def conduct(self, watch: Watch) -> None:
        """Have it done by workers anywhere."""
        assembly = assemble(self.asked.config)
        broker = _Broker(fleet_app(assembly.config.delivery), f"{QUEUE}-{self.checkpoint.token}", watch)
        told = {"asked": _as_json(self.asked), "key": fingerprint(assembly, self.asked), "words": broker.name}
        told["token"] = self.checkpoint.token
        units = self.units()
        pending: dict[str, _Pending] = {}
        with broker:
            while True:
                while len(pending) < _AHEAD and (unit := next(units, None)) is not None:
                    # by its size too: what was said of it before the command was killed is not about more lines
                    pending[f"{unit.file}-{unit.first}-{unit.source.size}"] = _Pending(unit, 0.0)
                if not pending:
                    break
                now = time.monotonic()
                for key, one in pending.items():
                    if one.lost_at < now:
                        self._ask(broker, {**told, "name": key}, one, watch)
                for key, word, *rest in broker.hear():
                    if (known := pending.get(key)) is not None and self._take(watch, known, word, *rest):
                        del pending[key]
                watch.look()
        if self.asked.output is not None:
            clear_passing(self.asked.output, self.checkpoint.token)

    def _ask(self, broker: _Broker, told: dict[str, Any], one: _Pending, watch: Watch) -> None:
        """Have a unit done, again if it was asked for before."""
        path = one.unit.source.path
        if one.started:
            one.falls += 1
            if one.falls == FALLS:
                raise ReplayError(f"{path}: workers fall silent over chunk {one.unit.first}, again and again")
            watch.trouble(f"{path}: the worker of chunk {one.unit.first} has fallen silent; asking again")
        elif one.lost_at:
            broker.wonder()
        one.started = False
        if one.unit.whole:
            one.unit = replace(one.unit, done=self.checkpoint.progress(one.unit.source).chunks)
        sent = broker.send({**told, "unit": {**asdict(one.unit), "done": sorted(one.unit.done)}})
        one.lost_at = time.monotonic() + _LIFE + _BEAT if sent else 0.0

    def _take(self, watch: Watch, one: _Pending, word: int, *rest: Any) -> bool:
        """What is said about a unit; true when that is over."""
        one.started, one.lost_at = True, time.monotonic() + _SILENCE
        if word == FINISHED:
            done = Done(**{**rest[0], "failures": b64decode(rest[0]["failures"])})
            self._hear(watch, word, done)
            one.finished.add(done.number)
            one.falls = 0
        elif word == ENDED:
            if one.unread or self._is_done(one):
                return True
            one.lost_at = 0.001  # a word was lost on its way: all over again
        elif word != _BEATING:
            one.unread = one.unread or word == UNREAD
            self._hear(watch, word, *rest)
        return False

    def _is_done(self, one: _Pending) -> bool:
        if one.unit.whole:
            return self.checkpoint.progress(one.unit.source).complete
        return one.unit.first in one.finished


class _Broker:
    """The conductor's line to the broker, made anew when it breaks."""

    def __init__(self, app: Celery, name: str, watch: Watch) -> None:
        self.name = name
        self._app = app
        self._watch = watch
        self._line: tuple[Any, Any] | None = None
        self._complained = self._wondered = False
        connection = app.connection_for_write()
        self._trouble = (*connection.connection_errors, *connection.channel_errors, OperationalError, OSError)

    def __enter__(self) -> _Broker:
        with self._whole():
            self._open()[1].clear()  # what a run that was killed left unheard
        return self

    def __exit__(self, *error: object) -> None:
        if self._line is not None:
            with suppress(Exception):
                self._line[1].consumer.cancel()
                self._line[1].queue.delete()
        self._drop()
        self._app.close()

    def send(self, told: dict[str, Any]) -> bool:
        """Make a task, if the broker is there."""
        with self._whole():
            self._app.send_task(TASK, kwargs=told, expires=_LIFE, retry=False, connection=self._open()[0])
            return True
        return False

    def hear(self) -> Iterator[list[Any]]:
        """What has come; waits a moment for it."""
        with self._whole():
            words = self._open()[1]
            with suppress(queue.Empty):
                yield words.get(timeout=_LOOK).payload
                while True:
                    yield words.get(block=False).payload

    def wonder(self) -> None:
        """Nobody takes a task."""
        if not self._wondered:
            self._watch.trouble("no worker has taken a task for a while: do enough run, with clocks that are right?")
        self._wondered = True

    def _open(self) -> tuple[Any, Any]:
        if self._line is None:
            connection = self._app.connection_for_write()
            connection.connect()
            self._line = (connection, SimpleQueue(connection, _words(self.name), no_ack=True))  # type: ignore[no-untyped-call]
        return self._line

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            with suppress(Exception):
                line[0].release()

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Trouble with the broker is said once and waited out."""
        try:
            yield
        except self._trouble as error:
            self._drop()
            if not self._complained:
                self._watch.trouble(f"the broker is not reached ({type(error).__name__}); waiting for it")
            self._complained = True
            time.sleep(1.0)
        else:
            if self._complained:
                self._watch.trouble("the broker is reached again")
            self._complained = False


def _done_as_json(done: Done) -> dict[str, Any]:
    return {**asdict(done), "failures": b64encode(done.failures).decode()}


def _as_json(asked: Asked) -> dict[str, Any]:
    selection = asked.selection
    window = {
        name: at.isoformat() if at else None for name, at in (("since", selection.since), ("until", selection.until))
    }
    return {**asdict(asked), "config": "", "selection": {**asdict(selection), **window}}


# --- the side that works --------------------------------------------------------------------------------


def serve(app: Celery, config: Path) -> None:
    """Make ``app`` a worker. Each of its processes assembles the operator's file for itself, once."""
    hand: list[_Hand] = []

    def do(asked: dict[str, Any], key: str, words: str, token: str, name: str, unit: dict[str, Any]) -> None:
        mouth = _Letters(app, words, name)
        try:
            with mouth:
                if not hand:
                    hand.append(_Hand(assemble(config)))
                hand[0].do(_asked(asked, config), key, token, unit, mouth)
            mouth.say(ENDED)
        except _NobodyListensError:
            return
        except HaltedError as error:
            mouth.say(HALTED, f"{socket.gethostname()}: {error}")
        except (LearnrelayError, OSError) as error:
            mouth.say(FAILED, f"{socket.gethostname()}: {error}")
        except Exception as error:
            mouth.say(FAILED, f"{socket.gethostname()}: a worker failed ({type(error).__name__})")
            raise

    app.task(name=TASK)(do)


class _Hand:
    """A process of a worker. What it has made for a replay (connections among it) serves the next unit too."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly = assembly
        self._mouth: _Letters
        self._names: dict[int, str] = {}
        self._made: tuple[tuple[str, str], Target, Worker] | None = None

    def say(self, word: int, *rest: Any) -> None:
        """Say it for the unit that is at hand."""
        self._mouth.say(word, *rest)

    def do(self, asked: Asked, key: str, token: str, unit: dict[str, Any], mouth: _Letters) -> None:
        """Do a unit. Raises HaltedError where this machine must not, ReplayError and others where it cannot."""
        self._mouth = mouth
        work = Unit(**{**unit, "source": Source(**unit["source"]), "done": frozenset(unit["done"])})
        self._names[work.file] = work.name
        if self._made is None or self._made[0] != (key, token):
            self._made = (key, token), *self._make(asked, key, token)
        _, target, worker = self._made
        try:
            worker.do(work)
            target.rest()
        except BaseException:
            self._made = None
            raise

    def _make(self, asked: Asked, key: str, token: str) -> tuple[Target, Worker]:
        if self._made is not None:
            self._made[1].close()
            self._made = None
        if fingerprint(self._assembly, asked) != key:
            raise HaltedError("this worker's operator's file, secrets, tables or plugins are not those of who asks")
        context = multiprocessing.get_context("spawn")
        limits = {name: Limits(context) for name in asked.to}
        lanes = dict.fromkeys(asked.to, 1 if asked.ordered else LANES)
        target = target_of(Setting(asked, token, self._names, limits, lanes, verbose=False), self._assembly, self)
        return target, Worker(asked, self._assembly, target, self)


def _asked(told: Mapping[str, Any], config: Path) -> Asked:
    selection = told["selection"]
    since, until = (at and datetime.fromisoformat(at) for at in (selection["since"], selection["until"]))
    chosen = Selection(since, until, tuple(selection["events"]), tuple(selection["courses"]))
    output = Output(**told["output"]) if told["output"] else None
    asked = Asked(**{**told, "config": config, "output": output, "selection": chosen})
    return replace(asked, to=tuple(asked.to), standards=tuple(asked.standards))


class _NobodyListensError(ReplayError):
    """The conductor is gone: what would come of the work is asked for again by another one."""


class _Letters:
    """Says to the conductor what a worker says, and that it is still at it, from any thread."""

    def __init__(self, app: Celery, words: str, unit: str) -> None:
        self._app = app
        self._queue = _words(words)
        self._unit = unit
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._unheard = False

    def __enter__(self) -> _Letters:
        self._beat()
        threading.Thread(target=self._keep_beating, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()

    def say(self, word: int, *rest: Any) -> None:
        """Send a word. Raises ReplayError where nobody listens; what kombu raises where the broker is away."""
        if self._unheard:
            raise _NobodyListensError("nobody listens")
        if word == UNREAD:
            rest = (f"{socket.gethostname()}: {rest[0]}",)
        told = [self._unit, word, *(_done_as_json(one) if isinstance(one, Done) else one for one in rest)]
        with self._lock, self._app.producer_pool.acquire(block=True) as producer:
            producer.publish(
                told, routing_key=self._queue.name, declare=[self._queue], delivery_mode="transient",
                retry=True, retry_policy={"max_retries": 5, "interval_start": 1, "interval_max": 5},
            )  # fmt: skip

    def _keep_beating(self) -> None:
        while not self._over.wait(_BEAT):
            with suppress(Exception):  # the broker comes back, or the unit is another worker's soon
                self._beat()

    def _beat(self) -> None:
        self.say(_BEATING)
        with self._app.pool.acquire(block=True) as connection, connection.channel() as channel:
            self._unheard = self._queue(channel).queue_declare().message_count > _UNHEARD  # type: ignore[no-untyped-call]
