"""Running events through the real assembly and pipeline."""

from __future__ import annotations

import logging
import math
import pkgutil
import sys
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson

import learnrelay.openedx
from learnrelay.assembly import assemble_from
from learnrelay.errors import ConfigurationError, NotJsonError, UnreadableEventError
from learnrelay.events import event_from_line, event_from_mapping
from learnrelay.pipeline import Pipeline
from learnrelay.plugins.plan import Plan, Step

from .description import Description
from .guard import Guard
from .observer import Observer
from .snapshot import Records, Snapshot

_NOTHING = nullcontext()

for _module in pkgutil.iter_modules(learnrelay.openedx.__path__, "learnrelay.openedx."):
    import_module(_module.name)


class Worker:
    """Answers requests. One instance lives as long as the process."""

    def __init__(
        self, roots: list[str], candidates: dict[str, list[Any]], texts: list[str], observed: bool = False
    ) -> None:
        self.description = Description(candidates, texts)
        self.records = Records()
        self.snapshot = Snapshot()
        self.guard = Guard(roots)
        self.observer = Observer(roots)
        self.observed = observed
        self.assembly: Any = None
        self.pipeline: Any = None

    # --- start-up -----------------------------------------------------------------------------------------

    def assemble(self, raw: dict[str, Any], path: str) -> dict[str, Any]:
        """Load what the operator's file enables and describe it."""
        self.guard.phase = "import"
        try:
            with self.watching(importing=True):
                self.assembly = assemble_from(raw, Path(path))
        except ConfigurationError as error:
            return {"problems": [f"{problem.key}: {problem.reason}" for problem in error.problems]}
        finally:
            self.guard.phase = ""
        self.pipeline = Pipeline(_looked_through(self.assembly.plan), remember=False)
        for name, destination in self.assembly.config.destinations.items():
            self.snapshot.take_settings(f"destinations.{name}", destination)
        for steps in self.assembly.plan.steps.values():
            for step in steps:
                self.snapshot.take_object("learnrelay.Site", step.site)
        return self.description.of(self.assembly)

    # --- events -------------------------------------------------------------------------------------------

    def run(self, events: list[list[Any]], debug: bool = False) -> dict[str, Any]:
        """Outcomes of events, each ``[shape, event]`` with shape ``object`` or ``line``.

        Equal outcomes are written once: ``texts`` holds them, ``index`` names one for each event.
        """
        texts: dict[bytes, int] = {}
        index, changed = [], []
        logging.getLogger("learnrelay").setLevel(logging.DEBUG if debug else logging.WARNING)
        self.records.forget()
        for number, (shape, raw) in enumerate(events):
            text, same = self.one(shape, raw)
            index.append(texts.setdefault(text, len(texts)))
            if not same:
                changed.append(number)
        return {"texts": [text.decode() for text in texts], "index": index, "changed": changed,
                "records": self.records.told(), "guard": self.heard()}  # fmt: skip

    def one(self, shape: str, raw: Any) -> tuple[bytes, bool]:
        """The outcome of one event as JSON, and whether the source event is as it was."""
        try:
            event = event_from_line(raw.encode()) if shape == "line" else event_from_mapping(raw)
        except UnreadableEventError as error:
            return orjson.dumps([{"state": "unreadable", "reason": error.reason}]), True
        before = orjson.dumps(event.body)
        self.guard.phase = "event"
        try:
            with self.watching():
                outcomes = self.pipeline.process(event)
        except Exception as error:
            return orjson.dumps([{"state": "crashed", "reason": type(error).__name__}]), True
        finally:
            self.guard.phase = ""
        return orjson.dumps([_told(outcome) for outcome in outcomes]), orjson.dumps(event.body) == before

    def threads(self, events: list[list[Any]]) -> dict[str, Any]:
        """The outcomes of the same events when eight threads run them at once."""
        answers: list[list[bytes]] = [[] for _ in events]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)

        def work(offset: int) -> None:
            for step in range(len(events)):
                number = (step * (2 * offset + 1) + offset) % len(events)
                answers[number].append(self.one(*events[number])[0])

        workers = [threading.Thread(target=work, args=(offset,)) for offset in range(8)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        sys.setswitchinterval(interval)
        return {"different": [n for n, found in enumerate(answers) if len(set(found)) > 1],
                "texts": [found[0].decode() if found else "" for found in answers]}  # fmt: skip

    def watching(self, importing: bool = False) -> AbstractContextManager[None]:
        """Watch each step, if this is the process for that."""
        return self.observer.watching(importing) if self.observed else _NOTHING

    def observations(self, files: list[str]) -> dict[str, Any]:
        """Code of these files that never ran; and ``[what, file:line]`` where clock or chance were asked."""
        return {"unreached": self.observer.unreached(files), "asked": [list(one) for one in self.observer.heard]}

    def heard(self) -> list[list[str]]:
        """What the guard noted since the last time."""
        seen, self.guard.seen = list(self.guard.seen), {}
        return [list(one) for one in seen]

    def logged(self) -> list[str]:
        """What was logged since the last time."""
        told = self.records.told()
        self.records.forget()
        return told

    def untouched(self) -> list[str]:
        """Parts of the host that are no longer what they were."""
        return self.snapshot.changed()


def _looked_through(plan: Plan) -> Plan:
    """The plan with a look at what mappings and enrichers say: a number that is not finite would go out as null."""

    def look(said: Any) -> Any:
        if not _finite(said):
            raise NotJsonError("it says a number that is not finite: JSON has none, it becomes null")
        return said

    def seen(step: Step) -> Step:
        return replace(step, prepare=lambda said: step.prepare(look(said)) if step.prepare else look(said))

    def heard(enrich: Any) -> Any:
        return lambda *arguments: look(enrich(*arguments))

    return replace(
        plan,
        steps={event: tuple(map(seen, steps)) for event, steps in plan.steps.items()},
        enrichers=tuple((name, heard(enrich)) for name, enrich in plan.enrichers),
    )


def _finite(said: Any) -> bool:
    if isinstance(said, float):
        return math.isfinite(said)
    if isinstance(said, (dict, list, tuple)):
        return all(map(_finite, said.values() if isinstance(said, dict) else said))
    return True


def _told(outcome: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"standard": outcome.standard, "state": outcome.state.name}
    if outcome.reason or outcome.error is not None:
        told["reason"] = outcome.reason if type(outcome.reason) is str else repr(type(outcome.reason))
    if outcome.error is not None:
        told["error"] = [type(outcome.error).__name__, str(outcome.error.path), _mentions(outcome.error)]
    if outcome.destinations or outcome.denied:
        told["destinations"], told["denied"] = list(outcome.destinations), dict(outcome.denied)
    if isinstance(outcome.error, NotJsonError):
        told["state"] = "NO_JSON"
    if outcome.statements:
        told["statements"] = [statement.content.decode() for statement in outcome.statements]
    if outcome.own:
        told["own"] = {name: [one.content.decode() for one in own] for name, own in outcome.own.items()}
    return told


def _mentions(error: Any) -> str:
    """What an error would show beyond its reason: arguments, notes, cause. Event name and id are the core's own."""
    shown = [*error.args, *getattr(error, "__notes__", ())]
    shown += [
        f"{key}={value!r}" for key, value in vars(error).items() if key not in ("event_id", "event_name", "reason")
    ]
    return " ".join(str(one) for one in shown)
