"""Runs a plugin in a process of its own, and prepares the directory and configuration that it finds there."""

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
from random import SystemRandom
from typing import Any

import orjson

SCRIPT = Path(__file__).with_name("inside") / "main.py"


def _draw_word() -> str:
    letters = zip(_RANDOM.choices("bdfgklmnprstv", k=3), _RANDOM.choices("aeiou", k=3), strict=True)
    return "".join(map("".join, letters))


_RANDOM = SystemRandom()
EXAMPLE_ROOT_URL = "https://learn.harbour-college.net"
"""Address in the sample values of sources: `ROOT_URL` takes its place."""
ROOT_URL = f"https://{_draw_word()}.{_draw_word()}-college.net"
"""Address of the platform, drawn anew for each run: a plugin cannot know it."""
OTHER_ROOT_URLS = (
    "https://localhost:8443",
    "https://campus.example/learning/lms",
    "https://www.lms.xn--kbenhavn-54a.example",
)
"""Addresses of other forms, as platforms have them."""
COURSES = "courses.csv"
TITLED_COURSE = f"{_draw_word()}-{_RANDOM.randrange(2020, 2040)}"
TITLE = f"{_draw_word().capitalize()} by the Stars"
SECRETS_OF_ENVIRONMENT = {
    name: f"{_draw_word()}{_RANDOM.randrange(10**9, 10**10)}"
    for name in ("LRS_PASSWORD", "LEARNRELAY_IDENTITY_SECRET", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "API_TOKEN")
}
"""Secrets that a worker's environment has: none may be in an output."""
OTHER_TITLES = ("Navigation", "x", "航海", "Zoë & co: “Part 2” of 3 / 4")
"""Titles of courses of other forms."""
TEST_PREFIXES = ("PYTEST", "CI", "TOX", "COV", "HYPOTHESIS", "LEARNRELAY", "GITHUB", "GITLAB", "PYTHON")
"""Prefixes of environment variables that reveal a test or configure Python: plugins' processes do not get them."""

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
"""The learners of samples, with e-mail addresses for settings of standards that use them.

The last learner is the first one again, with another id and another name.
"""

KNOWN_LEARNERS = {"provider": "table", "path": LEARNERS}
"""The identity provider that knows these learners."""

LEARNER_ALIASES = ((470_113, 470_913), ("lantern", "lanterna"))
"""Ids and names that belong to one learner, by the identity provider's table."""

CARRIER = "carrier"
"""Name of the small standard, and prefix of its only family, that carry the events of plugins without a standard.

The name of a source too, with which standards are checked if no source is installed.
"""

OPEN_DESTINATION = "north"
"""Name of a destination for which only the plugin can deny an event."""


def build_destination(**more: Any) -> dict[str, Any]:
    """Builds a destination section that gets all statements of the carrier."""
    return {"standard": CARRIER, "url": "https://lrs.harbour-college.net/statements", "scope": "all", **more}


_CARRIER_SOURCE = """
from hashlib import blake2b

import marshmallow
import orjson

from learnrelay import (
    Facts, Family, Fields, Judgement, Request, Source, Standard, UserRef, Who,
    hookimpl, judge_status, optional, required,
)
from learnrelay.config.fields import Section
from learnrelay.kinds import identifier, moment, text


class Settings(Section):
    pass


class Statement(marshmallow.Schema):
    class Meta:
        unknown = marshmallow.INCLUDE

    id = marshmallow.fields.String(required=True)
    when = marshmallow.fields.String(required=True)


class Carrier(Standard):
    name = "carrier"
    settings_schema = Settings

    def framer(self, platform):
        def make_frame(learner, who, course_id, session):
            digest = session and platform.digest(session)
            return {"learner": learner.pseudonym, "course": course_id, "session": digest if who.owns_session else None}

        return make_frame

    def composer(self, transformer, platform, event):
        def compose(facts, frame, parts):
            shared = {"when": facts.time_text, "what": event, **frame, **transformer.constants}
            several = parts if isinstance(parts, list) else [parts]
            return [
                {"id": blake2b(orjson.dumps([shared, own]), digest_size=16).hexdigest(), **shared, **own}
                for own in several
            ]

        return compose

    def encode(self, batch, now):
        return Request(b"[" + b",".join(batch) + b"]", {"Content-Type": "application/json"})

    def judge(self, answer):
        return Judgement(judge_status(answer.status))

    def learners(self, statement):
        return [statement["learner"]]

    def schema(self):
        return Statement()


class Plugin:
    @hookimpl
    def register_standards(self, register):
        register(Carrier)


class CarrierFacts(Facts):
    moment = required("timestamp", kind=moment)
    time_text = required("timestamp", kind=text)
    user_id = optional("context.user_id", kind=identifier, reason="turned into a pseudonym")
    username = optional("context.username", kind=text, reason="turned into a pseudonym")
    course_id = optional("context.course_id", kind=text)
    session = optional("context.session", kind=text, reason="turned into a digest")

    who_reads = ("user_id", "username")

    @staticmethod
    def who(user_id, username):
        return Who(UserRef(user_id, username)) if user_id or username else None


class CarrierSource(Source):
    name = "carrier"
    facts = CarrierFacts


class SourcePlugin:
    @hookimpl
    def register_sources(self, register):
        register(CarrierSource)


standard = Plugin()
source = SourcePlugin()
family = Family("carrier.events")


class Nothing(Fields):
    pass


@family.maps(*EVENTS, reads=Nothing)
def carried(nothing, platform):
    return {"did": "something"}
"""


class PluginProcessError(Exception):
    """Reports that the plugin's process ended, hung, or broke the protocol."""


class Workspace:
    """Manages the directory that plugins' processes share: a course table, learners, and the installed carrier."""

    def __init__(self, events: Sequence[str] = ("probe",)) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="learnrelay-"))
        (self.path / LEARNERS).write_text(_LEARNERS)
        self.write_courses(TITLED_COURSE)
        self.installed = self.path / "site"
        info = self.installed / "learnrelay_carrier-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: learnrelay-carrier\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            "[learnrelay.sources.v1]\ncarrier = learnrelay_carrier:source\n"
            "[learnrelay.standards.v1]\ncarrier = learnrelay_carrier:standard\n"
            "[learnrelay.families.v1]\ncarrier.events = learnrelay_carrier:family\n"
        )
        self.write_carrier(events)

    def write_courses(self, *courses: str, title: str = TITLE) -> None:
        """Writes the table of courses: all have one title."""
        titled = "".join(f"{course},{title}\n" for course in courses)
        (self.path / COURSES).write_text(f"course_id,title\n{titled}")

    def write_carrier(self, events: Sequence[str]) -> None:
        """Writes the carrier so that it maps these events."""
        source = f"EVENTS = {tuple(events)!r}\n{_CARRIER_SOURCE}"
        (self.installed / "learnrelay_carrier.py").write_text(source)

    def build_configuration(
        self, enabled: Sequence[str], source: str, files: Sequence[str] = (), **sections: Any
    ) -> dict[str, Any]:
        """Builds a parsed configuration that enables these plugins and reads events with this source."""
        return {
            "platform": {"root_url": ROOT_URL, "source": source},
            "plugins": {"enabled": list(enabled), "files": list(files)},
            "identity": {"provider": "keyed", "secret": SECRET},
            "courses": {"provider": "table", "path": COURSES},
            **sections,
        }

    def close(self) -> None:
        """Removes the directory."""
        shutil.rmtree(self.path, ignore_errors=True)


def _clean_environment() -> dict[str, str]:
    """Copies this process's environment without variables that reveal a test."""
    return {key: value for key, value in os.environ.items() if not key.upper().startswith(TEST_PREFIXES)}


def worker_environment(workspace: Workspace, **more: str) -> dict[str, str]:
    """Builds the environment of a worker."""
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {
        **_clean_environment(),
        "PYTHONPATH": os.pathsep.join([*(str(Path(path).absolute()) for path in paths), str(workspace.installed)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(workspace.path),
        **SECRETS_OF_ENVIRONMENT,
        **more,
    }


def at_exit(function: Callable[[], object]) -> None:
    """Registers a function for the end of this process, also in workers of a pool, where `atexit` does not run."""
    Finalize(None, function, exitpriority=0)


class ForkServer:
    """Runs a process that has imported the core and no plugin; it forks plugins' processes, which start at once.

    They inherit its hash seed. It is asked without waiting for its answers, because it takes a while to start.
    """

    def __init__(self, seed: int) -> None:
        self._control, there = socket.socketpair()
        self._request_count = 0
        self._answers: list[int] = []
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter and script
            [sys.executable, "-P", str(SCRIPT), str(there.fileno())],
            pass_fds=[there.fileno()],
            stdin=subprocess.DEVNULL,
            env={**_clean_environment(), "PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        there.close()
        at_exit(self.close)

    def fork(self, descriptors: Sequence[int]) -> int:
        """Has a process forked that reads the first descriptor, answers on the second, prints to the third.

        Returns the number of the request, for `end`.
        """
        return self._request(0, descriptors)

    def end(self, request: int) -> None:
        """Kills the process that was forked on a request. Raises PluginProcessError."""
        self._answer_to(self._request(self._answer_to(request), ()))

    def _request(self, child: int, descriptors: Sequence[int]) -> int:
        with suppress(OSError):  # without the server, there is no answer
            socket.send_fds(self._control, [child.to_bytes(4, "big")], descriptors)
        self._request_count += 1
        return self._request_count - 1

    def _answer_to(self, request: int) -> int:
        while len(self._answers) <= request:
            answer = b""
            with suppress(OSError):
                answer = self._control.recv(4)
            if not answer:
                raise PluginProcessError("not checked: the fork server has ended")
            self._answers.append(int.from_bytes(answer, "big"))
        return self._answers[request]

    def close(self) -> None:
        """Ends the server; processes that it has forked live until their pipes are closed."""
        self._control.close()
        self._process.kill()
        self._process.wait()


@lru_cache
def _fork_server(_owner: int, seed: int) -> ForkServer:
    return ForkServer(seed)


MAIN_SEED, OTHER_SEED = 1, 4242
"""Hash seeds: of the process in which most checks run, and of one in which all differs that must make no difference."""


def start_early(*seeds: int) -> None:
    """Starts fork servers, which takes a while, before anybody asks for them."""
    for seed in seeds:
        _fork_server(os.getpid(), seed)


class PluginProcess:
    """Represents a plugin's process and the two pipes to it."""

    def __init__(
        self, workspace: Workspace, roots: Sequence[str], seed: int, is_traced: bool = False, texts: Sequence[str] = (),
        host_modules: Sequence[str] = (), **env: str,
    ) -> None:  # fmt: skip
        self.ended = ""
        """Why it is unusable, once it hung or ended by itself."""
        there, self._to = os.pipe()
        self._from, back = os.pipe()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as the process
        self._fork_server = _fork_server(os.getpid(), seed)
        self._fork_request = self._fork_server.fork([there, back, self._output.fileno()])
        os.close(there)
        os.close(back)
        self._send("start", roots=list(roots), is_traced=is_traced, texts=list(texts), host_modules=list(host_modules),
                   directory=str(workspace.path), environment=worker_environment(workspace, **env))  # fmt: skip
        self._unanswered = ["start"]

    def ask(self, operation: str, **arguments: Any) -> Any:
        """Runs an operation in the process and returns its answer. Raises PluginProcessError."""
        self.begin(operation, **arguments)
        return self.finish()

    def begin(self, operation: str, **arguments: Any) -> None:
        """Begins an operation, whose answer `finish` returns. Raises PluginProcessError."""
        if self.ended:
            raise PluginProcessError(f"not checked: {self.ended}")
        self._send(operation, **arguments)
        self._unanswered.append(operation)

    def finish(self) -> Any:
        """Waits for all operations, and returns the answer to the last one. Raises PluginProcessError."""
        answer = None
        while self._unanswered:
            answer = self._receive(self._unanswered.pop(0))
        return answer

    def read_output(self) -> str:
        """Returns everything that the process has printed so far."""
        self._output.seek(0)
        return self._output.read().decode("utf-8", "replace")

    def close(self) -> None:
        """Ends the process."""
        for descriptor in (self._to, self._from):
            with suppress(OSError):
                os.close(descriptor)
        with suppress(PluginProcessError):  # without its fork server, it ends because its pipes are closed
            self._fork_server.end(self._fork_request)
        self._output.close()

    def _send(self, operation: str, **arguments: Any) -> None:
        message = orjson.dumps({"do": operation, "with": arguments})
        rest = memoryview(len(message).to_bytes(4, "big") + message)
        try:
            while rest:
                rest = rest[os.write(self._to, rest) :]
        except BrokenPipeError:
            reason = f"not checked: {self.ended}" if self.ended else f"the plugin's process ended before {operation}"
            raise PluginProcessError(reason) from None

    def _receive(self, operation: str) -> Any:
        deadline = time.monotonic() + TIMEOUT
        size = int.from_bytes(self._read(4, deadline, operation), "big")
        try:
            response = orjson.loads(self._read(size, deadline, operation))
        except orjson.JSONDecodeError:
            raise PluginProcessError(
                f"the plugin's process answered {operation} with something other than JSON"
            ) from None
        if not isinstance(response, Mapping) or "raised" in response:
            raise PluginProcessError(
                str(response.get("raised", "no answer")) if isinstance(response, Mapping) else "no answer"
            )
        return response["answer"]

    def _read(self, size: int, deadline: float, operation: str) -> bytes:
        parts: list[bytes] = []
        while size:
            ready, _, _ = select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                self.ended = f"the plugin hangs: no answer to {operation} within {TIMEOUT:.0f} s"
                raise PluginProcessError(self.ended)
            part = os.read(self._from, size)
            if not part:
                self.ended = f"the plugin's process ended during {operation}"
                raise PluginProcessError(self.ended)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
