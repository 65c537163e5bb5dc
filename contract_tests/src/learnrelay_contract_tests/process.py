"""The process in which a plugin lives while it is judged.

It is run as a script, imports nothing of the harness, and looks like a worker of an operator: a plugin that
wants to behave only when it is tested finds nothing to tell it by. It runs what it is sent through the real
assembly and pipeline and says what came out; all judging is done elsewhere, out of the plugin's reach.

Requests and answers are JSON objects with four bytes of length before them, on two pipes of their own.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import orjson

STACK = "walks the call stack"
NETWORK = "uses the network"
FILES = "uses files or the operating system"
WATCHED = {
    "open": FILES, "os.": FILES, "shutil.": FILES, "tempfile.": FILES, "glob.": FILES, "pathlib.": FILES,
    "fcntl.": FILES, "mmap.": FILES, "sqlite3.": FILES, "syslog.": FILES,
    "socket.": NETWORK, "urllib.": NETWORK, "http.": NETWORK, "ftplib.": NETWORK, "smtplib.": NETWORK,
    "subprocess.": "starts a process", "pty.": "starts a process", "webbrowser.": "starts a process",
    "sys._getframe": STACK, "sys._current_frames": STACK, "sys._current_exceptions": STACK, "object.__getattr__": STACK,
    "gc.": "searches the memory", "ctypes.": "reads memory",
    "sys.settrace": "watches the interpreter", "sys.setprofile": "watches the interpreter",
    "sys.addaudithook": "watches the interpreter", "sys.monitoring": "watches the interpreter",
    "object.__setattr__": "changes functions or classes", "object.__delattr__": "changes functions or classes",
    "pickle.find_class": "runs made-up code", "marshal.": "runs made-up code", "code.__new__": "runs made-up code",
    "exec": "runs made-up code", "compile": "runs made-up code", "builtins.input": "reads the terminal",
    "time.sleep": "sleeps", "signal.": "changes the process", "_thread.start": "starts a thread",
}  # fmt: skip
"""Audit events (prefix → what the plugin does, in words)."""

AT_IMPORT = {FILES, NETWORK, STACK, "starts a process", "searches the memory", "reads memory",
             "watches the interpreter", "starts a thread", "sleeps", "changes the process"}  # fmt: skip
BLOCKED = ("socket.connect", "socket.sendto", "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn",
           "os.kill", "os.remove", "os.rmdir", "os.rename", "shutil.rmtree")  # fmt: skip
FRAME_ATTRIBUTES = {"tb_frame", "gi_frame", "cr_frame", "ag_frame"}


class Guard:
    """An audit hook that notes what a plugin's code does besides computing. There is no way to take it off."""

    def __init__(self, roots: list[str]) -> None:
        import learnrelay

        self.roots = tuple(roots)
        self.core = str(Path(learnrelay.__file__).parent) + os.sep
        self.stdlib = str(Path(os.__file__).parent) + os.sep
        self.phase = ""
        self.seen: dict[tuple[str, str, str], None] = {}
        self._busy = threading.local()
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Called by the interpreter for every audit event."""
        if not self.phase or event == "import" or getattr(self._busy, "now", False):
            return
        what = next((words for prefix, words in WATCHED.items() if event.startswith(prefix)), None)
        if what is None or (self.phase == "import" and what not in AT_IMPORT):
            return
        if event.startswith("object.__getattr__") and arguments[-1] not in FRAME_ATTRIBUTES:
            return
        self._busy.now = True
        try:
            place = self.culprit(sys._getframe(1), event)
        finally:
            self._busy.now = False
        if place is not None:
            self.seen.setdefault((self.phase, what, f"{event} at {place}"))
            if event.startswith(BLOCKED):
                raise PermissionError(f"{what}: the contract forbids it")

    def culprit(self, frame: FrameType | None, event: str) -> str | None:
        """The plugin's file and line that caused an event; None where the core or an import did."""
        first = True
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith("<frozen importlib"):
                return None
            if file.startswith(self.stdlib) and "site-packages" not in file:
                borrowed = Path(file).name in ("inspect.py", "traceback.py", "gc.py", "pdb.py", "bdb.py")
                if first and event in ("sys._getframe", "object.__getattr__", "exec", "compile") and not borrowed:
                    return None  # collections, enum, typing, logging look at their caller
                frame, first = frame.f_back, False
                continue
            if file.startswith((self.core, "<extractor of ")):
                return None
            if file == __file__:
                return None
            if self.phase == "event" or file.startswith(self.roots):
                place = f"{Path(file).name}:{frame.f_lineno}"
                return place if self.phase == "event" or self.importing(frame) else None
            frame, first = frame.f_back, False
        return None

    def importing(self, frame: FrameType | None) -> bool:
        """Whether a module is being imported; else the core has called, to configure or register something."""
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith("<frozen importlib"):
                return True
            if file.startswith(self.core):
                return False
            frame = frame.f_back
        return False


class Snapshot:
    """What the host consists of, to see whether a plugin has changed it."""

    def __init__(self) -> None:
        self.known: list[tuple[str, Any, str, Any]] = []
        for name, module in list(sys.modules.items()):
            ours = name.partition(".")[0] == "learnrelay"
            if ours or name in (
                "builtins",
                "orjson",
                "json",
                "logging",
                "hashlib",
                "hmac",
                "uuid",
                "datetime",
                "pluggy",
            ):
                self._take(name, module)
                for key, value in list(vars(module).items()):
                    if isinstance(value, type) and value.__module__ == name:
                        self._take(f"{name}.{key}", value)
        self.audit = (sys.gettrace(), sys.getprofile(), threading.active_count())

    def _take(self, name: str, holder: Any) -> None:
        for key, value in list(vars(holder).items()):
            if key in ("__builtins__", "_abc_impl", "__warningregistry__", "_", "__annotations__", "_cache", "_hooks"):
                continue
            self.known.append((name, holder, key, value))
            code = getattr(value, "__code__", None)
            if code is not None:
                self.known.append((f"{name}.{key}", value, "__code__", code))
            elif name.startswith("learnrelay.") and isinstance(value, (dict, list, set)):
                self.known.append((name, holder, f"{key}()", (value, _content(value))))

    def take_object(self, name: str, holder: Any) -> None:
        """Watch the attributes of an object too."""
        self.known.append((name, holder, "__dict__()", (vars(holder), _content(vars(holder)))))

    def changed(self) -> list[str]:
        """Names of what is no longer what it was."""
        found = []
        for name, holder, key, value in self.known:
            if key.endswith("()"):
                same = _content(value[0]) == value[1]
            elif isinstance(holder, (type, ModuleType)):
                same = vars(holder).get(key, _GONE) is value
            else:
                same = getattr(holder, key, _GONE) is value
            if not same:
                found.append(f"{name}.{key.removesuffix('()')}")
        if (sys.gettrace(), sys.getprofile()) != self.audit[:2]:
            found.append("sys (trace or profile function)")
        if threading.active_count() > self.audit[2]:
            found.append("threading (a thread is running)")
        return sorted(set(found))


_GONE = object()


def _content(value: Any) -> Any:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    return {key if isinstance(value, dict) else id(item): id(item) for key, item in pairs}


class Records:
    """Every log record that is made, wherever it goes."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        make = logging.getLogRecordFactory()

        def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = make(*args, **kwargs)
            if len(self.seen) < 10_000:
                try:
                    text = record.getMessage()
                except Exception:
                    text = f"{record.msg!r} {record.args!r}"
                if record.exc_info and record.exc_info[1] is not None:
                    text += f" {record.exc_info[1]!r}"
                self.seen.append(f"{record.name}: {text}")
            return record

        logging.setLogRecordFactory(factory)
        logging.getLogger().addHandler(logging.NullHandler())
        logging.getLogger().setLevel(logging.DEBUG)
        logging.getLogger("learnrelay").setLevel(logging.WARNING)


class Worker:
    """Answers requests. One instance lives as long as the process."""

    def __init__(self, roots: list[str], candidates: dict[str, list[Any]]) -> None:
        import pkgutil

        import learnrelay.assembly
        import learnrelay.openedx
        import learnrelay.pipeline

        for found in pkgutil.iter_modules(learnrelay.openedx.__path__, "learnrelay.openedx."):
            __import__(found.name)
        from learnrelay import kinds

        self.kinds = {id(getattr(kinds, name)): name for name in vars(kinds) if not name.startswith("_")}
        self.candidates = candidates
        self.containers = {id(kind) for kind in kinds.TAKES_CONTAINERS}
        self.records = Records()
        self.snapshot = Snapshot()
        self.guard = Guard(roots)
        self.assembly: Any = None
        self.pipeline: Any = None

    # --- start-up -----------------------------------------------------------------------------------------

    def assemble(self, raw: dict[str, Any], path: str) -> dict[str, Any]:
        """Load what the operator's file enables and describe it."""
        from learnrelay.assembly import assemble_from
        from learnrelay.errors import ConfigurationError
        from learnrelay.pipeline import Pipeline

        self.guard.phase = "import"
        try:
            self.assembly = assemble_from(raw, Path(path))
        except ConfigurationError as error:
            return {"problems": [f"{problem.key}: {problem.reason}" for problem in error.problems]}
        finally:
            self.guard.phase = ""
        self.pipeline = Pipeline(self.assembly.plan)
        for steps in self.assembly.plan.steps.values():
            for step in steps:
                self.snapshot.take_object("learnrelay.Site", step.site)
        return self.describe()

    def describe(self) -> dict[str, Any]:
        """What is enabled, as JSON."""
        from learnrelay.plugins.discovery import State, load

        registry = self.assembly.registry
        stages, samples = [], {}
        for info in self.assembly.plugins:
            if info.state is not State.ACTIVE:
                continue
            plugin = load(info)
            given = vars(plugin).get("samples", ()) if hasattr(plugin, "__dict__") else ()
            samples[info.name] = [dict(one) for one in given if isinstance(one, Mapping)]
            for hook in ("filter_event", "enrich_statement", "route_event"):
                function = getattr(plugin, hook, None)
                if hasattr(function, "learnrelay_impl"):
                    reads = getattr(function, "learnrelay_reads", None)
                    stages.append({"plugin": info.name, "hook": hook, "fields": self.fields(reads) if reads else []})
        return {
            "plugins": [
                {"name": i.name, "kind": i.kind, "distribution": i.distribution, "version": i.version}
                for i in self.assembly.plugins
                if i.state is State.ACTIVE
            ],
            "transformers": [
                {
                    "name": transformer.name, "family": transformer.family, "standard": transformer.standard,
                    "events": list(transformer.events), "fields": self.fields(transformer.reads),
                }
                for transformer in registry.transformers
            ],
            "mapped": sorted(f"{standard}:{event}" for standard, event in self.assembly.table),
            "standards": {name: self.fields(one.common) for name, one in self.assembly.standards.items()},
            "scopes": {
                key: {"fields": self.fields(scope.reads), "origin": registry.origin_of(scope),
                      "examples": list(getattr(scope, "examples", ()))}
                for key, scope in registry.scopes.items()
            },
            "stages": stages,
            "samples": samples,
            "identity_providers": list(registry.identity_providers),
            "course_providers": list(registry.course_providers),
        }  # fmt: skip

    def fields(self, reads: Any) -> list[dict[str, Any]]:
        """A declaration. ``plain`` is False where the class keeps its declaration in an unusual way."""
        declared = reads.__dict__.get("declared")
        if type(reads) is not type or type(declared) is not dict:
            return [{"name": "?", "paths": [], "kind": "?", "plain": False}]
        return [
            {
                "name": name, "paths": list(field.paths), "needed": field.needed, "reason": field.reason,
                "kind": self.kinds.get(id(field.kind), "custom"), "container": id(field.kind) in self.containers,
                "examples": [one for one in field.examples if _is_json(one)] or self.taken(field),
                "entries": self.fields(field.entries) if field.entries is not None else None, "plain": True,
            }
            for name, field in declared.items()
        ]  # fmt: skip

    def taken(self, field: Any) -> list[Any]:
        """Values that a kind of the plugin's own takes: nobody else knows them."""
        if id(field.kind) in self.kinds or field.entries is not None:
            return []
        found = []
        for value in [*self.candidates.get(field.paths[0].rpartition(".")[2], ()), *self.candidates["*"]]:
            with suppress(Exception):  # what raises is not taken
                if field.kind(value) is not None:
                    found.append(value)
        return found[:2]

    # --- events -------------------------------------------------------------------------------------------

    def run(self, events: list[list[Any]], debug: bool = False) -> dict[str, Any]:
        """Outcomes of events, each ``[shape, event]`` with shape ``object`` or ``line``.

        Equal outcomes are written once: ``texts`` holds them, ``index`` names one for each event.
        """
        texts: dict[bytes, int] = {}
        index, changed = [], []
        logging.getLogger("learnrelay").setLevel(logging.DEBUG if debug else logging.WARNING)
        self.records.seen.clear()
        for number, (shape, raw) in enumerate(events):
            text, same = self.one(shape, raw)
            index.append(texts.setdefault(text, len(texts)))
            if not same:
                changed.append(number)
        return {"texts": [text.decode() for text in texts], "index": index, "changed": changed,
                "records": self.records.seen[:500], "guard": self.heard()}  # fmt: skip

    def one(self, shape: str, raw: Any) -> tuple[bytes, bool]:
        """The outcome of one event as JSON, and whether the source event is as it was."""
        from learnrelay.errors import UnreadableEventError
        from learnrelay.events import event_from_line, event_from_mapping

        try:
            event = event_from_line(raw.encode()) if shape == "line" else event_from_mapping(raw)
        except UnreadableEventError as error:
            return orjson.dumps([{"state": "unreadable", "reason": error.reason}]), True
        before = orjson.dumps(event.body)
        self.guard.phase = "event"
        try:
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

    def heard(self) -> list[list[str]]:
        """What the guard noted since the last time."""
        seen, self.guard.seen = list(self.guard.seen), {}
        return [list(one) for one in seen]

    def untouched(self) -> list[str]:
        """Parts of the host that are no longer what they were."""
        return self.snapshot.changed()

    def accepted(self, scope: str, values: list[Any]) -> list[str]:
        """For each value the name of the exception with which a scope refuses it; empty where it makes sense."""
        from learnrelay.routing import ScopeRule

        made = self.assembly.registry.scopes[scope]
        found = []
        for value in values:
            try:
                ScopeRule(made(), value)
                found.append("")
            except Exception as error:
                found.append(type(error).__name__)
        return found

    # --- a standard's protocol and schema -----------------------------------------------------------------

    def validate(self, standard: str, statements: list[str]) -> list[Any]:
        """The problems of each statement by the standard's own schema; empty for a valid one."""
        schema = self.assembly.standards[standard].schema()
        found = []
        for text in statements:
            try:
                found.append(_plain(schema.validate(orjson.loads(text))))
            except Exception as error:
                found.append({"_schema": [f"the schema raised {type(error).__name__}"]})
        return found

    def encode(self, standard: str, batch: list[str], moment: str) -> dict[str, Any]:
        """A request, its body as text."""
        from datetime import datetime

        try:
            request = self.assembly.standards[standard].encode(
                [one.encode() for one in batch], datetime.fromisoformat(moment)
            )
            return {"body": request.body.decode(), "headers": dict(request.headers)}
        except Exception as error:
            return {"raised": type(error).__name__}

    def judge(self, standard: str, answers: list[list[Any]]) -> list[list[str]]:
        """Verdict and reason for each answer ``[status, headers, body]``."""
        from learnrelay import Answer, Judgement

        found = []
        for status, headers, body in answers:
            try:
                told = self.assembly.standards[standard].judge(Answer(status, headers, body.encode()))
                sound = isinstance(told, Judgement)
                found.append([told.verdict.name, told.reason] if sound else ["?", type(told).__name__])
            except Exception as error:
                found.append(["raised", type(error).__name__])
        return found

    def probe(self, standard: str) -> dict[str, str]:
        """Headers of the probe."""
        return dict(self.assembly.standards[standard].probe())

    # --- providers ----------------------------------------------------------------------------------------

    def learners(self, users: list[list[str | None]], spaces: list[str]) -> list[Any]:
        """Pseudonym of each user in each space; a text that starts with ``!`` is the exception's name."""
        from learnrelay import Learner, UserRef

        identity = _provider(self.assembly, "identity")
        found = []
        for user_id, username in users:
            for space in spaces:
                try:
                    told = identity.learner(UserRef(user_id, username), space)
                    sound = told is None or isinstance(told, Learner)
                    found.append((told and told.pseudonym) if sound else f"!{type(told).__name__}")
                except Exception as error:
                    found.append(f"!{type(error).__name__}")
        return found

    def digests(self, values: list[str], spaces: list[str]) -> list[str]:
        """Digest of each value in each space."""
        identity = _provider(self.assembly, "identity")
        return [_try(identity.digest, value, space) for value in values for space in spaces]

    def titles(self, courses: list[str]) -> list[str | None]:
        """Title of each course."""
        provider = _provider(self.assembly, "courses")
        return [_try(provider.title, course) for course in courses]


def _try(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        told = function(*arguments)
    except Exception as error:
        return f"!{type(error).__name__}"
    return told if told is None or isinstance(told, str) else f"!{type(told).__name__}"


def _provider(assembly: Any, name: str) -> Any:
    from learnrelay.assembly import COURSE_PROVIDERS, IDENTITY_PROVIDERS

    own = assembly.registry.identity_providers if name == "identity" else assembly.registry.course_providers
    known = {**(IDENTITY_PROVIDERS if name == "identity" else COURSE_PROVIDERS), **own}
    chosen = getattr(assembly.config, name)
    return known[chosen.name](chosen.settings)


def _told(outcome: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"standard": outcome.standard, "state": outcome.state.name}
    if outcome.reason or outcome.error is not None:
        told["reason"] = outcome.reason if type(outcome.reason) is str else repr(type(outcome.reason))
    if outcome.error is not None:
        told["error"] = [type(outcome.error).__name__, str(outcome.error.path), _mentions(outcome.error)]
    if outcome.destinations or outcome.denied:
        told["destinations"], told["denied"] = list(outcome.destinations), dict(outcome.denied)
    try:
        if outcome.statements:
            told["statements"] = [orjson.dumps(statement).decode() for statement in outcome.statements]
        if outcome.own:
            told["own"] = {name: [orjson.dumps(one).decode() for one in own] for name, own in outcome.own.items()}
    except TypeError:
        told["state"], told["reason"] = "NO_JSON", "the statement cannot be written as JSON"
    return told


def _mentions(error: Any) -> str:
    """What an error would show beyond its reason: arguments, notes, cause. Event name and id are the core's own."""
    shown = [*error.args, *getattr(error, "__notes__", ())]
    shown += [
        f"{key}={value!r}" for key, value in vars(error).items() if key not in ("event_id", "event_name", "reason")
    ]
    return " ".join(str(one) for one in shown)


def _is_json(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def _plain(problems: Any) -> Any:
    return orjson.loads(orjson.dumps(problems, default=str, option=orjson.OPT_NON_STR_KEYS))


def _requests(source: Any) -> Iterator[dict[str, Any]]:
    while head := source.read(4):
        yield orjson.loads(source.read(int.from_bytes(head, "big")))


def main(source_fd: int, target_fd: int) -> None:
    """Serve requests until the pipe closes."""
    this = sys.modules["__main__"]  # keeps the globals of these functions alive
    sys.argv[:] = ["learnrelay", "worker"]
    other = ModuleType("__main__")
    other.__file__ = str(Path(sys.executable).parent / "learnrelay")
    sys.modules["__main__"] = other
    with os.fdopen(source_fd, "rb") as source, os.fdopen(target_fd, "wb") as target:
        worker: Worker | None = None
        for request in _requests(source):
            operation, arguments = request["do"], request.get("with", {})
            try:
                if operation == "start":
                    worker, answer = Worker(**arguments), None
                else:
                    answer = getattr(worker, operation)(**arguments)
                told = orjson.dumps({"answer": answer})
            except BaseException as error:
                told = orjson.dumps({"raised": f"{type(error).__name__} in {operation}"})
            target.write(len(told).to_bytes(4, "big") + told)
            target.flush()
    assert this is not other


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
