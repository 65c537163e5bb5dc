"""Holding a plugin at arm's length: its process, what to send it, and the small world that it finds there."""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import orjson

from .samples import CANDIDATES, WELL_KNOWN

SCRIPT = Path(__file__).with_name("inside") / "main.py"

ROOT_URL = "https://learn.harbour-college.net"
TITLED_COURSE = "course-v1:Harbour+SAIL+2026"
TESTING = ("PYTEST", "CI", "TOX", "COV", "HYPOTHESIS", "LEARNRELAY", "GITHUB", "GITLAB", "PYTHON")
"""Environment variables that start so tell a process that it is tested, or steer Python: they are not handed on."""

TIMEOUT = 60.0
"""Seconds that a process has for one answer."""

SECRET, OTHER_SECRET = "a secret of the harness, no one else's", "a third secret of the harness"
LEARNERS = "learners.csv"
_LEARNERS = (
    "user_id,username,external_id,email\n"
    + "".join(
        f"{user_id},{name},0b6e3a52-91c4-4d7f-8a10-5f2e7c9d{number:04d},learner{number}@harbour-college.net\n"
        for number, (user_id, name) in enumerate(
            ((470_113, "lantern"), (470_217, "compass"), (70_113, "anchor"), (70_217, "sextant")), 1
        )
    )
    + "470913,lanterna,0b6e3a52-91c4-4d7f-8a10-5f2e7c9d0001,learner1@harbour-college.net\n"
)
"""The learners of samples, with e-mail addresses: for settings of standards that tell them.

The last one is the first one again, with another id and another name.
"""

KNOWN_LEARNERS = {"provider": "table", "path": LEARNERS}
"""The identity provider that knows them."""

TWINS = ((470_113, 470_913), ("lantern", "lanterna"))
"""Ids and names of who is one learner to the identity provider."""

CARRIER = "carrier"
"""Name of the small standard, and of its only family, that carry the events of plugins which bring no standard."""

OPEN = "north"
"""A destination that no rule keeps anything from, but the plugin."""


def destination(**more: Any) -> dict[str, Any]:
    """A destination of the operator's file that gets all that the carrier says."""
    return {"standard": CARRIER, "url": "https://lrs.harbour-college.net/statements", "scope": "all", **more}


_CARRIER_SOURCE = """
from hashlib import blake2b

import marshmallow
import orjson

from learnrelay import Family, Fields, Judgement, Request, Standard, hookimpl, judge_status, optional, required
from learnrelay.config.fields import Section
from learnrelay.kinds import text


class Settings(Section):
    pass


class Statement(marshmallow.Schema):
    class Meta:
        unknown = marshmallow.INCLUDE

    id = marshmallow.fields.String(required=True)
    when = marshmallow.fields.String(required=True)


class Common(Fields):
    name = required("name")
    when = required("timestamp", kind=text)
    course = optional("context.course_id", kind=text)


class Carrier(Standard):
    name = "carrier"
    common = Common
    settings_schema = Settings

    def composer(self, transformer, site):
        def compose(common, said):
            told = {"when": common.when, "what": common.name, "course": common.course, **transformer.constants}
            several = said if isinstance(said, list) else [said]
            return [
                {"id": blake2b(orjson.dumps([told, one]), digest_size=16).hexdigest(), **told, **one}
                for one in several
            ]

        return compose

    def encode(self, batch, now):
        return Request(b"[" + b",".join(batch) + b"]", {"Content-Type": "application/json"})

    def judge(self, answer):
        return Judgement(judge_status(answer.status))

    def schema(self):
        return Statement()


class Plugin:
    @hookimpl
    def register_standards(self, register):
        register(Carrier)


standard = Plugin()
family = Family("carrier.events")


class Nothing(Fields):
    pass


@family.maps(*EVENTS, reads=Nothing)
def carried(nothing, site):
    return {"did": "something"}
"""


class DiedError(Exception):
    """The plugin's process ended, hung, or did not answer as agreed."""


class World:
    """The directory that plugins' processes share: a course table, an identity, and the carrier, really installed."""

    def __init__(self, events: Sequence[str] = ("probe",)) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="learnrelay-"))
        (self.path / LEARNERS).write_text(_LEARNERS)
        (self.path / "courses.csv").write_text(f"course_id,title\n{TITLED_COURSE},Sailing by the Stars\n")
        self.installed = self.path / "site"
        info = self.installed / "learnrelay_carrier-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: learnrelay-carrier\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            "[learnrelay.standards.v1]\ncarrier = learnrelay_carrier:standard\n"
            "[learnrelay.families.v1]\ncarrier.events = learnrelay_carrier:family\n"
        )
        self.carry(events)

    def carry(self, events: Sequence[str]) -> None:
        """Let the carrier map these events."""
        source = f"EVENTS = {tuple(events)!r}\n{_CARRIER_SOURCE}"
        (self.installed / "learnrelay_carrier.py").write_text(source)

    def configuration(self, enabled: Sequence[str], **sections: Any) -> dict[str, Any]:
        """An operator's file that enables these plugins, as parsed."""
        return {
            "platform": {"root_url": ROOT_URL},
            "plugins": {"enabled": list(enabled)},
            "identity": {"provider": "keyed", "secret": SECRET},
            "courses": {"provider": "table", "path": "courses.csv"},
            **sections,
        }

    def close(self) -> None:
        """Remove the directory."""
        shutil.rmtree(self.path, ignore_errors=True)


def _usual() -> dict[str, str]:
    """Our environment, without what tells of a test."""
    return {key: value for key, value in os.environ.items() if not key.upper().startswith(TESTING)}


def environment(world: World, **more: str) -> dict[str, str]:
    """A worker's environment."""
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {
        **_usual(),
        "PYTHONPATH": os.pathsep.join([*(str(Path(path).absolute()) for path in paths), str(world.installed)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(world.path),
        **more,
    }


def at_exit(function: Callable[[], object]) -> None:
    """Call a function when this process ends, a worker of a pool as well: `atexit` has nothing to say there."""
    Finalize(None, function, exitpriority=0)


class Nursery:
    """A process that has imported the core and no plugin, and forks the processes of plugins: they start at once.

    They have its hash seed, and what else of the environment the interpreter looks at when it starts.
    """

    def __init__(self, **env: str) -> None:
        self._control, there = socket.socketpair()
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and script
            [sys.executable, "-P", str(SCRIPT), str(there.fileno())],
            pass_fds=[there.fileno()],
            stdin=subprocess.DEVNULL,
            env={**_usual(), **env},
        )
        there.close()
        at_exit(self.close)

    def fork(self, descriptors: Sequence[int]) -> int:
        """The number of a new process: it reads the first descriptor, answers to the second, prints to the third.

        Raises DiedError.
        """
        return self._asked(0, descriptors)

    def end(self, child: int) -> None:
        """Kill a process that was forked. Raises DiedError."""
        self._asked(child, ())

    def _asked(self, child: int, descriptors: Sequence[int]) -> int:
        told = b""
        with suppress(OSError):
            socket.send_fds(self._control, [child.to_bytes(4, "big")], descriptors)
            told = self._control.recv(4)
        if not told:
            raise DiedError("not checked: the process that starts others has ended")
        return int.from_bytes(told, "big")

    def close(self) -> None:
        """End it; processes that it has forked live on until their pipes are closed."""
        self._control.close()
        self._process.kill()
        self._process.wait()


@lru_cache
def _nursery(_owner: int, **env: str) -> Nursery:
    return Nursery(**env)


class Process:
    """A plugin's process and the two pipes to it."""

    def __init__(
        self, world: World, roots: Sequence[str], seed: int, observed: bool = False, texts: Sequence[str] = (),
        **env: str,
    ) -> None:  # fmt: skip
        self.ended = ""
        """What became of it, once it hung or ended by itself."""
        there, self._to = os.pipe()
        self._from, back = os.pipe()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
        self._nursery = _nursery(os.getpid(), PYTHONHASHSEED=str(seed), PYTHONDONTWRITEBYTECODE="1", **env)
        self._child = self._nursery.fork([there, back, self._output.fileno()])
        os.close(there)
        os.close(back)
        self._send("start", roots=list(roots), candidates={"*": CANDIDATES, **WELL_KNOWN}, observed=observed,
                   texts=list(texts), directory=str(world.path), environment=environment(world, **env))  # fmt: skip
        self._started = False

    def ask(self, operation: str, **arguments: Any) -> Any:
        """Do something there. Raises DiedError."""
        if not self._started:
            self._started = True
            self._receive("start")
        self._send(operation, **arguments)
        return self._receive(operation)

    def output(self) -> str:
        """Everything that was printed so far."""
        self._output.seek(0)
        return self._output.read().decode("utf-8", "replace")

    def close(self) -> None:
        """End the process."""
        for descriptor in (self._to, self._from):
            with suppress(OSError):
                os.close(descriptor)
        with suppress(DiedError):  # where its nursery is gone, it has heard by the pipes
            self._nursery.end(self._child)
        self._output.close()

    def _send(self, operation: str, **arguments: Any) -> None:
        told = orjson.dumps({"do": operation, "with": arguments})
        rest = memoryview(len(told).to_bytes(4, "big") + told)
        try:
            while rest:
                rest = rest[os.write(self._to, rest) :]
        except BrokenPipeError:
            reason = f"not checked: {self.ended}" if self.ended else f"its process ended before it could {operation}"
            raise DiedError(reason) from None

    def _receive(self, operation: str) -> Any:
        deadline = time.monotonic() + TIMEOUT
        size = int.from_bytes(self._read(4, deadline, operation), "big")
        try:
            told = orjson.loads(self._read(size, deadline, operation))
        except orjson.JSONDecodeError:
            raise DiedError(f"the process answered {operation} with something else than JSON") from None
        if not isinstance(told, Mapping) or "raised" in told:
            raise DiedError(str(told.get("raised", "no answer")) if isinstance(told, Mapping) else "no answer")
        return told["answer"]

    def _read(self, size: int, deadline: float, operation: str) -> bytes:
        parts: list[bytes] = []
        while size:
            ready, _, _ = select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                self.ended = f"it hangs: no answer to {operation} within {TIMEOUT:.0f} s"
                raise DiedError(self.ended)
            part = os.read(self._from, size)
            if not part:
                self.ended = f"its process ended in the middle of {operation}"
                raise DiedError(self.ended)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
