"""A replay on many machines: its chunks are Celery tasks, and their results are what the checkpoint keeps.

A task carries names, places and counts: which chunk of which log, and what is asked; its result is what was counted
and which lines failed, never a value of an event. Every machine reads the logs itself and has the operator's file.
A task that is lost is made again, one that runs twice does the same twice, with the same ids.
"""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from celery import Celery
from celery.result import AsyncResult

from ..assembly import Assembly, assemble
from ..config.models import Delivery
from ..delivery.celery_engine import make_app
from ..errors import LearnrelayError
from .asked import Asked, HaltedError, Output, ReplayError
from .checkpoint import Done
from .conductor import Conductor, Watch
from .limits import LANES, Limits
from .selection import Selection
from .sources import Source
from .worker import ADVANCED, FINISHED, UNREAD, Setting, Unit, Worker, target_of

QUEUE = "learnrelay-replay"
TASK = "learnrelay.replay"

_AHEAD = 64
"""Tasks that are made before the first of them is done."""
_LOST = 900.0
"""Seconds after which a task that nobody answers for is made again."""
_POLL = 0.1


def fleet_app(settings: Delivery) -> Celery:
    """The Celery application of both sides. Results lie in a Redis broker itself, else they come back as messages."""
    app = make_app(settings)
    broker = settings.broker.reveal() if settings.broker else ""
    app.conf.update(
        task_default_queue=QUEUE,
        task_ignore_result=False,
        result_backend=broker if broker.startswith(("redis", "rediss", "valkey", "sentinel")) else "rpc://",
        result_expires=86_400,
        result_serializer="json",
    )
    return app


# --- the side that asks ---------------------------------------------------------------------------------


class Fleet(Conductor):
    """Conducts a replay whose workers are anywhere."""

    def run(self, watch: Watch) -> None:
        """Do all that is not done. Raises ReplayError, HaltedError; may be interrupted at any moment."""
        assembly = assemble(self.asked.config)
        app = fleet_app(assembly.config.delivery)
        told = {"asked": _as_json(self.asked), "key": self.asked.key(assembly), "token": self.checkpoint.token}
        units = self.units()
        pending: dict[str, tuple[AsyncResult, Unit, float]] = {}

        def send(unit: Unit) -> None:
            result = app.send_task(TASK, kwargs={**told, "unit": {**asdict(unit), "done": sorted(unit.done)}})
            pending[result.id] = (result, unit, time.monotonic() + _LOST)

        try:
            while True:
                while len(pending) < _AHEAD and (unit := next(units, None)) is not None:
                    send(unit)
                if not pending:
                    return
                for key, (result, unit, lost_at) in list(pending.items()):
                    if result.ready():
                        del pending[key]
                        self._take(result, unit, watch)
                    elif time.monotonic() > lost_at:
                        del pending[key]
                        watch.trouble(f"{unit.source.path}: nothing is heard of chunk {unit.first}; asking again")
                        send(unit)
                watch.look()
                time.sleep(_POLL)
        finally:
            for result, _, _ in pending.values():
                result.forget()
            app.close()

    def _take(self, result: AsyncResult, unit: Unit, watch: Watch) -> None:
        try:
            answer = result.get(disable_sync_subtasks=False)
        except Exception as error:  # what a worker's code or its machine raised, by whatever name Celery gives it
            raise ReplayError(f"{unit.source.path}: a worker failed ({type(error).__name__})") from None
        finally:
            result.forget()
        for told in answer["done"]:
            self.checkpoint.finish(unit.source, Done(**told))
        watch.advanced(*answer["advanced"])
        for words in answer["unread"]:
            self.unread.append(words)
            watch.trouble(words)
        if answer["halted"]:
            raise HaltedError(answer["halted"])
        if answer["failed"]:
            raise ReplayError(answer["failed"])


def _as_json(asked: Asked) -> dict[str, Any]:
    selection = asked.selection
    window = {
        name: at.isoformat() if at else None for name, at in (("since", selection.since), ("until", selection.until))
    }
    return {**asdict(asked), "config": "", "selection": {**asdict(selection), **window}}


# --- the side that works --------------------------------------------------------------------------------


def serve(app: Celery, config: Path) -> None:
    """Make ``app`` a worker. Each of its processes assembles the operator's file for itself, once."""
    known: list[Assembly] = []

    def do(asked: dict[str, Any], key: str, token: str, unit: dict[str, Any]) -> dict[str, Any]:
        if not known:
            known.append(assemble(config))
        answer = _Answer()
        try:
            _do(known[0], _asked(asked, config), key, token, unit, answer)
        except HaltedError as error:
            answer.told["halted"] = str(error)
        except (LearnrelayError, OSError) as error:
            answer.told["failed"] = str(error)
        return answer.told

    app.task(name=TASK)(do)


def _do(assembly: Assembly, asked: Asked, key: str, token: str, unit: dict[str, Any], answer: _Answer) -> None:
    if asked.key(assembly) != key:
        raise ReplayError("a worker's operator's file or plugins are not those of the machine that asks")
    work = Unit(**{**unit, "source": Source(**unit["source"]), "done": frozenset(unit["done"])})
    context = multiprocessing.get_context("spawn")
    limits = {name: Limits(context) for name in asked.to}
    lanes = dict.fromkeys(asked.to, 1 if asked.ordered else LANES)
    setting = Setting(asked, token, {work.file: work.source.name}, limits, lanes, verbose=False)
    target = target_of(setting, assembly, answer)
    Worker(asked, assembly, target, answer).do(work)
    target.close()


def _asked(told: dict[str, Any], config: Path) -> Asked:
    selection = told["selection"]
    since, until = (at and datetime.fromisoformat(at) for at in (selection["since"], selection["until"]))
    chosen = Selection(since, until, tuple(selection["events"]), tuple(selection["courses"]))
    output = Output(**told["output"]) if told["output"] else None
    asked = Asked(**{**told, "config": config, "output": output, "selection": chosen})
    return replace(asked, to=tuple(asked.to), standards=tuple(asked.standards))


class _Answer:
    """Collects what a worker says; it all goes back at once."""

    def __init__(self) -> None:
        self.told: dict[str, Any] = {"done": [], "unread": [], "advanced": [0, 0, 0], "halted": "", "failed": ""}

    def say(self, word: int, *rest: Any) -> None:
        """Take a word of the worker."""
        if word == FINISHED:
            self.told["done"].append(asdict(rest[0]))
        elif word == UNREAD:
            self.told["unread"].append(rest[0])
        elif word == ADVANCED:
            self.told["advanced"] = [before + more for before, more in zip(self.told["advanced"], rest, strict=True)]
