"""Runs events through the real assembly and pipeline."""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson

from learnrelay.assembly.assemble import assemble_from
from learnrelay.errors import (
    ConfigurationError,
    InvalidFieldError,
    NotJsonError,
    PluginError,
    UnreadableEventError,
)
from learnrelay.events import Shape, SourceEvent
from learnrelay.facts import Who
from learnrelay.pipeline.plan import Composing, MappingPlan, Plan
from learnrelay.pipeline.run import Pipeline
from learnrelay.plugins.discovery import PluginState, installed, load
from learnrelay.plugins.registry import collect
from learnrelay.plugins.single_files import load_file

from .audit_hook import AuditHook
from .auth_operations import invent_settings
from .describer import AssemblyDescriber
from .snapshot import HostSnapshot, LogCapture
from .step_tracer import StepTracer

_NO_TRACING = nullcontext()

THREADS = 8
THREADED_EVENTS, THREADED_SECONDS = 6_000, 2.0
"""Events that the threads handle together, and the processor time after which they stop.

A buffer that they share is rarely seen.
"""


class PipelineRunner:
    """Answers requests. One instance lives as long as the process."""

    def __init__(self, roots: list[str], texts: list[str], host_modules: list[str], is_traced: bool = False) -> None:
        known = set(sys.modules)
        for module in host_modules:
            import_module(module)
        self.describer = AssemblyDescriber(texts)
        self.log_capture = LogCapture()
        self.snapshot = HostSnapshot(_packages_of(host_modules, sys.modules.keys() - known))
        self.audit_hook = AuditHook(roots)
        self.step_tracer = StepTracer(roots)
        self.is_traced = is_traced
        self.assembly: Any = None
        self.pipeline: Any = None

    # --- start-up -----------------------------------------------------------------------------------------

    def assemble(self, raw: dict[str, Any], path: str) -> dict[str, Any]:
        """Loads what the configuration enables, and describes it."""
        if self.is_traced:
            installed()  # remembers what it reads, which takes long while each step is traced
        self.audit_hook.phase = "import"
        try:
            with self.tracing(importing=True):
                self.assembly = assemble_from(raw, Path(path))
        except ConfigurationError as error:
            return {"problems": [f"{problem.key}: {problem.reason}" for problem in error.problems]}
        finally:
            self.audit_hook.phase = ""
        self.pipeline = Pipeline(_with_finite_numbers(self.assembly.plan), caching=False)
        for name, destination in self.assembly.config.destinations.items():
            self.snapshot.watch_settings(f"destinations.{name}", destination)
        for mapping in self.assembly.plan.list_mappings():
            for composing in (mapping.shared, *mapping.own.values()):
                self.snapshot.watch_object("learnrelay.Platform", composing.platform)
                self.snapshot.watch_object("learnrelay.Platform", composing.platform.for_mappings)
        self.snapshot.watch_object("the source", self.assembly.source)
        return self.describer.describe(self.assembly)

    def list_file_plugins(self, path: str) -> dict[str, Any]:
        """Imports a single-file plugin. Returns name, kind and version of each plugin in it, or its ``problem``."""
        try:
            return {"plugins": [[info.name, info.kind, info.version] for info, _ in load_file(Path(path))]}
        except PluginError as error:
            return {"problem": str(error)}

    def invent_auth_settings(self, scheme: str) -> dict[str, Any]:
        """Loads an auth scheme, and invents settings for the keys that it requires; none for one that does not load."""
        self.audit_hook.phase = "import"
        try:
            with self.tracing(importing=True):
                infos = [info for info in installed() if (info.kind, info.name) == ("auth", scheme)]
                registry = collect([(info, load(info)) for info in infos])
        except PluginError:  # the assembly reports it
            return {}
        finally:
            self.audit_hook.phase = ""
        schemes = registry.auth_schemes
        return invent_settings(schemes[scheme].settings_schema()) if scheme in schemes else {}

    def list_rivals(self, family: str, events: list[str]) -> list[list[str]]:
        """Lists the events that other installed families of the standard map too, each with the family's origin."""
        rivals = []
        for info in installed():
            is_rival = info.kind == "families" and info.standard == family.partition(".")[0] and info.name != family
            if not is_rival or info.state is not PluginState.DISABLED:
                continue
            try:
                registry = collect([(info, load(info))])
            except PluginError:  # whoever checks that family learns of it
                continue
            mapped = {event for transformer in registry.transformers for event in transformer.events}
            rivals += [[event, f"{info.name} of {info.origin}"] for event in events if event in mapped]
        return rivals

    # --- events -------------------------------------------------------------------------------------------

    def run(self, events: list[list[Any]], debug: bool = False) -> dict[str, Any]:
        """Returns the outcomes of events, each ``[shape, event]`` with shape ``object`` or ``line``.

        Equal outcomes are written once: ``texts`` holds them, ``index`` refers to one for each event.
        """
        texts: dict[bytes, int] = {}
        index, changed = [], []
        logging.getLogger("learnrelay").setLevel(logging.DEBUG if debug else logging.WARNING)
        self.log_capture.clear()
        for number, (shape, raw) in enumerate(events):
            text, same = self.run_event(shape, raw)
            index.append(texts.setdefault(text, len(texts)))
            if not same:
                changed.append(number)
        return {"texts": [text.decode() for text in texts], "index": index, "changed": changed,
                "records": self.log_capture.texts(), "actions": self.audit_findings()}  # fmt: skip

    def read_event(self, shape: str, raw: Any) -> SourceEvent:
        """Reads an event with the source. Raises UnreadableEventError."""
        source = self.assembly.source
        if shape == "line":
            event: SourceEvent = source.event_from_line(raw.encode())
        else:
            event = source.event_from_mapping(as_mapping(raw, source.shape))
        return event

    def read(self, events: list[list[Any]]) -> list[dict[str, Any]]:
        """Reads events; returns for each its body and id, or ``unreadable`` with the error's text, or ``raised``."""
        answers: list[dict[str, Any]] = []
        for shape, raw in events:
            try:
                event = self.read_event(shape, raw)
                answers.append({"body": event.body, "id": event.id})
            except UnreadableEventError as error:
                answers.append({"unreadable": _error_text(error) + f" {error}"})
            except Exception as error:
                answers.append({"raised": type(error).__name__})
        return answers

    def facts(self, events: list[list[Any]]) -> list[str]:
        """Returns the facts of events and whom they are about, as text; of an error its class."""
        return [self._facts_of(shape, raw) for shape, raw in events]

    def _facts_of(self, shape: str, raw: Any) -> str:
        declared = self.assembly.source.facts
        try:
            facts = self.read_event(shape, raw).facts
            values = {name: getattr(facts, name) for name in declared.declared}
        except Exception as error:
            return type(error).__name__
        try:
            who = declared.who(*(values[name] for name in declared.who_reads))
        except InvalidFieldError as error:
            return f"{values!r} {error.path}"
        except Exception as error:
            return f"who raises {type(error).__name__}"
        if who is not None and not isinstance(who, Who):
            return f"who returns {type(who).__name__}"
        named = who and (who.user.user_id, who.user.username, who.owns_session)
        return f"{values!r} {named!r}"

    def run_event(self, shape: str, raw: Any) -> tuple[bytes, bool]:
        """Returns the outcome of one event as JSON, and whether the source event is unchanged."""
        try:
            event = self.read_event(shape, raw)
        except UnreadableEventError as error:
            return orjson.dumps([{"state": "unreadable", "reason": error.reason}]), True
        before = orjson.dumps(event.body)
        self.audit_hook.phase = "event"
        try:
            with self.tracing():
                outcomes = self.pipeline.process(event)
        except Exception as error:
            return orjson.dumps([{"state": "crashed", "reason": type(error).__name__}]), True
        finally:
            self.audit_hook.phase = ""
        return orjson.dumps([_outcome_as_data(outcome) for outcome in outcomes]), orjson.dumps(event.body) == before

    def run_in_threads(self, events: list[list[Any]]) -> dict[str, Any]:
        """Returns the outcomes of the same events when eight threads run them at once, some thousand times."""
        answers: list[set[bytes]] = [set() for _ in events]
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        rounds = max(1, THREADED_EVENTS // (THREADS * max(1, len(events))))
        deadline = time.process_time() + THREADED_SECONDS

        def work(offset: int) -> None:
            for step in range(rounds * len(events)):
                number = (step * (2 * offset + 1) + offset) % len(events)
                answers[number].add(self.run_event(*events[number])[0])
                if step >= len(events) and time.process_time() > deadline:
                    return

        threads = [threading.Thread(target=work, args=(offset,)) for offset in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
        return {"different": [n for n, outcomes in enumerate(answers) if len(outcomes) > 1],
                "texts": [next(iter(outcomes)).decode() if outcomes else "" for outcomes in answers]}  # fmt: skip

    def tracing(self, importing: bool = False) -> AbstractContextManager[None]:
        """Traces each step, if this process is started for that."""
        return self.step_tracer.tracing(importing) if self.is_traced else _NO_TRACING

    def trace_findings(self, files: list[str]) -> dict[str, Any]:
        """Returns code of these files that never ran, and ``[what, file:line]`` of calls of clock and chance."""
        return {
            "unreached": self.step_tracer.find_unreached(files),
            "impure_calls": [list(call) for call in self.step_tracer.impure_calls],
        }

    def audit_findings(self) -> list[list[str]]:
        """Returns what the audit hook noted since the last call."""
        findings, self.audit_hook.actions = list(self.audit_hook.actions), {}
        return [list(finding) for finding in findings]

    def take_log_records(self) -> list[str]:
        """Returns what was logged since the last call."""
        texts = self.log_capture.texts()
        self.log_capture.clear()
        return texts

    def host_changes(self) -> list[str]:
        """Returns the names of parts of the host that have changed."""
        return self.snapshot.find_changes()


def as_mapping(event: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Writes an event in the canonical shape under the first keys of a raw shape."""
    keys = {
        "name": shape.name[0], "timestamp": shape.timestamp[0], "data": shape.data[0], "context": shape.context,
    }  # fmt: skip
    return {keys.get(key, key): value for key, value in event.items()}


def _packages_of(modules: list[str], imported: Collection[str]) -> set[str]:
    """Returns those of the imported modules that lie in the packages of these modules."""
    tops = {module.partition(".")[0] for module in modules}
    return {name for name in imported if name.partition(".")[0] in tops}


def _with_finite_numbers(plan: Plan) -> Plan:
    """Wraps mappings and enrichers of a plan so that a number that is not finite raises instead of becoming null."""

    def require_finite(parts: Any) -> Any:
        if not _is_finite(parts):
            raise NotJsonError("a number is not finite: JSON has no such number, and would hold null")
        return parts

    def with_checked_parts(composing: Composing) -> Composing:
        prepare = composing.prepare
        return replace(
            composing, prepare=lambda parts: prepare(require_finite(parts)) if prepare else require_finite(parts)
        )

    def with_checked_mapping(mapping: MappingPlan) -> MappingPlan:
        own = {name: with_checked_parts(composing) for name, composing in mapping.own.items()}
        return replace(mapping, shared=with_checked_parts(mapping.shared), own=own)

    def with_checked_result(enrich: Any) -> Any:
        return lambda *arguments: require_finite(enrich(*arguments))

    return replace(
        plan,
        mappings={event: tuple(map(with_checked_mapping, mappings)) for event, mappings in plan.mappings.items()},
        others=tuple(map(with_checked_mapping, plan.others)),
        enrichers=tuple((name, with_checked_result(enrich)) for name, enrich in plan.enrichers),
    )


def _is_finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, (dict, list, tuple)):
        return all(map(_is_finite, value.values() if isinstance(value, dict) else value))
    return True


def _outcome_as_data(outcome: Any) -> dict[str, Any]:
    data: dict[str, Any] = {"standard": outcome.standard, "state": outcome.state.name}
    if outcome.reason or outcome.error is not None:
        data["reason"] = outcome.reason if type(outcome.reason) is str else repr(type(outcome.reason))
    if outcome.error is not None:
        data["error"] = [type(outcome.error).__name__, str(outcome.error.path), _error_text(outcome.error)]
    if outcome.destinations or outcome.denied:
        data["destinations"], data["denied"] = list(outcome.destinations), dict(outcome.denied)
    if outcome.not_added:
        data["not_added"] = list(outcome.not_added)
    if isinstance(outcome.error, NotJsonError):
        data["state"] = "NO_JSON"
    if outcome.statements:
        data["statements"] = [statement.content.decode() for statement in outcome.statements]
    if outcome.own:
        data["own"] = {name: [statement.content.decode() for statement in own] for name, own in outcome.own.items()}
    return data


def _error_text(error: Any) -> str:
    """Returns what an error would show beyond its reason: arguments, notes. Event name and id are the core's own."""
    shown = [*error.args, *getattr(error, "__notes__", ())]
    shown += [
        f"{key}={value!r}" for key, value in vars(error).items() if key not in ("event_id", "event_name", "reason")
    ]
    return " ".join(str(part) for part in shown)
