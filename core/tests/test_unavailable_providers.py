"""Providers that do not answer: events wait, titles are left out, and the provider is named, never a mapping."""

from __future__ import annotations

import json
import logging
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from command_server import COMMAND
from delivery.consumer import Consumer
from installation import Installation
from learnrelay import Learner, Relay, Unavailable, UserRef
from learnrelay.errors import ProviderError, ProviderUnavailableError
from learnrelay.lookups.courses import unknown_course
from learnrelay.lookups.guards import LONGEST_PAUSE, GuardedCourses, GuardedIdentity, ProviderGuard
from learnrelay.outbox.queue import DEFERRED
from learnrelay.outbox.statistics import Statistics
from learnrelay.pipeline.run import OutcomeState
from plain import PLAIN_SOURCE, event, line
from relay_files import relay_toml

KEY = Fernet.generate_key().decode()

DIRECTORY = '''
import sqlite3
import urllib.error
import urllib.request
from uuid import NAMESPACE_URL, uuid5

from learnrelay import CourseProvider, IdentityProvider, Learner, hookimpl
from learnrelay.config.fields import Section, Text


class DirectorySettings(Section):
    url = Text(required=True)


class AcmeDirectory(IdentityProvider):
    """Asks a server for the learner."""

    name = "acme_directory"
    settings_schema = DirectorySettings

    def __init__(self, settings):
        self._url = settings["url"]

    def learner(self, user, space):
        if user.user_id == "13":
            raise ValueError(f"no good: {user.user_id} {user.username}")
        if user.user_id == "14":
            return "a text"
        try:
            with urllib.request.urlopen(f"{self._url}/{user.user_id}", timeout=5) as answer:
                return Learner(answer.read().decode())
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def digest(self, value, space):
        return str(uuid5(NAMESPACE_URL, space + value))


class CatalogueSettings(Section):
    path = Text(required=True)


class AcmeCatalogue(CourseProvider):
    """Asks a database for the title."""

    name = "acme_catalogue"
    settings_schema = CatalogueSettings

    def __init__(self, settings):
        self._path = settings["path"]

    def title(self, course_id):
        with sqlite3.connect(self._path) as db:
            row = db.execute("SELECT title FROM course WHERE id = ?", (course_id,)).fetchone()
        return row and row[0]

    def knows(self, course_id):
        return self.title(course_id) is not None


@hookimpl
def register_identity_providers(register):
    register(AcmeDirectory)


@hookimpl
def register_course_providers(register):
    register(AcmeCatalogue)
'''

TITLED = """

class CourseFields(Fields):
    course = required("context.course_id", kind=text)


titled_family = Family("plain.titled")


@titled_family.maps("titled", reads=CourseFields, did="open")
def titled(fields: CourseFields, platform: Platform) -> Parts:
    return {"what": fields.course, "title": platform.course_title(fields.course)}


plugin = PlainPlugin()
"""

COURSE = "course-v1:Harbour+SAIL+2026"


class Directory:
    """An HTTP server that gives each user a pseudonym, and that a test can take away and bring back."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.start()

    def start(self) -> None:
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                requests.append(self.path)
                body = f"pseudonym-of-{self.path.rpartition('/')[2]}".encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/users"


@pytest.fixture
def directory() -> Iterator[Directory]:
    made = Directory()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The plain standard with a family that puts out titles, and providers that ask a server and a database."""
    made = Installation(tmp_path_factory.mktemp("providers"))
    families = {"plain.watching": "acme_plain:family", "plain.titled": "acme_plain:titled_family"}
    made.install(
        "acme-plain",
        {"learnrelay.standards.v1": {"plain": "acme_plain:plugin"}, "learnrelay.families.v1": families},
        PLAIN_SOURCE.read_text(encoding="utf-8") + TITLED,
    )
    made.install("acme-directory", {"learnrelay.resolvers.v1": {"acme_directory": "acme_directory"}}, DIRECTORY)
    return made


@pytest.fixture
def here(site: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the packages of the installation plugins of this process."""
    monkeypatch.syspath_prepend(str(site.site))
    monkeypatch.setenv("KEY", KEY)


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def write_config(tmp_path: Path, directory: Directory, url: str = "http://127.0.0.1:9/", **delivery: object) -> Path:
    path = tmp_path / "relay.toml"
    text = relay_toml(
        ["plain.*", "acme_directory"], {"main": {"url": url}}, delivery={"database": "sqlite:///outbox.db", **delivery}
    ).replace('provider = "keyed"\nsecret = "env:SECRET"', f'provider = "acme_directory"\nurl = "{directory.url}"')
    path.write_text(text, encoding="utf-8")
    return path


def with_catalogue(config: Path, catalogue: Path) -> Path:
    text = config.read_text(encoding="utf-8") + f'[courses]\nprovider = "acme_catalogue"\npath = "{catalogue}"\n'
    config.write_text(text, encoding="utf-8")
    return config


def fill_catalogue(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE course (id TEXT, title TEXT)")
        db.execute("INSERT INTO course VALUES (?, 'Sailing')", (COURSE,))


# --- a live event ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pipeline", ["emit", "worker"])
def test_an_event_waits_for_the_directory_and_is_counted_once(
    pipeline: str, here: None, tmp_path: Path, directory: Directory
) -> None:
    consumer = Consumer()
    config = write_config(tmp_path, directory, consumer.url, key="env:KEY", pipeline=pipeline)
    directory.stop()
    with Relay.from_file(config) as relay:
        assert relay.emit(event()) == []
        wait_until(lambda: relay.outbox.status([DEFERRED])[DEFERRED].paused != "")
        status = relay.outbox.status([DEFERRED])[DEFERRED]
        assert status.waiting == 1
        assert status.paused == "identity provider acme_directory is unavailable (URLError)"
        assert not Statistics.read(relay.outbox).outcomes, "it is counted when it is processed"
        directory.start()
        wait_until(lambda: len(consumer.stored) == 1)
        wait_until(lambda: relay.outbox.status([DEFERRED])[DEFERRED].paused == "")
        counts = Statistics.read(relay.outbox).outcomes
        assert (counts["", "read", ""], counts["plain", "transformed", ""]) == (1, 1)
        (statement,) = consumer.stored.values()
        assert statement["who"] == "pseudonym-of-4711"
    consumer.stop()


def test_what_waits_is_sealed_and_shown_by_status(
    here: None, site: Installation, tmp_path: Path, directory: Directory
) -> None:
    config = write_config(tmp_path, directory, key="env:KEY")
    directory.stop()
    with Relay.from_file(config) as relay:
        relay.emit(event(username="ada.lovelace"))
        wait_until(lambda: relay.outbox.status([DEFERRED])[DEFERRED].paused != "")
    assert b"ada.lovelace" not in b"".join(path.read_bytes() for path in tmp_path.glob("outbox.db*"))
    shown = site.run("status", "--config", config, KEY=KEY, COLUMNS="200").stdout.decode()
    assert "unavailable: identity provider acme_directory is unavailable (URLError)" in shown


def test_many_events_that_wait_all_come_through(here: None, tmp_path: Path, directory: Directory) -> None:
    config = write_config(tmp_path, directory, key="env:KEY")
    directory.stop()
    relay = Relay.from_file(config)
    relay._started = True  # nothing runs by itself
    for number in range(150):
        timestamp = f"2026-03-02T09:{number // 60:02}:{number % 60:02}Z"
        assert relay.emit(event(user_id=number + 100) | {"timestamp": timestamp}) == []

    def process_all() -> int:
        with relay.outbox.database.transaction() as transaction:
            transaction.change("UPDATE learnrelay_delivery SET next_attempt = 0")
        return relay.process_deferred()

    for _ in range(3):
        assert process_all() == 150
    directory.start()
    wait_until(lambda: process_all() == 0)
    status = relay.outbox.status([DEFERRED])
    assert (status[DEFERRED].waiting, status["main"].waiting) == (0, 150)
    relay.close()


def test_without_a_key_the_event_fails_with_the_name_of_the_provider(
    here: None, tmp_path: Path, directory: Directory, caplog: pytest.LogCaptureFixture
) -> None:
    config = write_config(tmp_path, directory)
    directory.stop()
    with Relay.from_file(config) as relay:
        (outcome,) = relay.emit(event())
        assert outcome.state is OutcomeState.FAILED
        assert outcome.reason == "identity provider acme_directory is unavailable (URLError)"
        assert any(warning.startswith("delivery.key: is missing") for warning in relay.assembly.config.warnings)
        for _ in range(20):
            relay.emit(event())
    assert caplog.text.count("identity provider acme_directory is unavailable (URLError)") == 1


@pytest.mark.parametrize(("user", "fault"), [(13, "raised ValueError"), (14, "gave an unexpected str")])
def test_a_defect_of_a_provider_fails_the_event_and_blames_the_provider(
    user: int, fault: str, here: None, tmp_path: Path, directory: Directory, caplog: pytest.LogCaptureFixture
) -> None:
    with Relay.from_file(write_config(tmp_path, directory, key="env:KEY")) as relay:
        (outcome,) = relay.emit(event(user_id=user, username="ada.lovelace"))
        assert outcome.state is OutcomeState.FAILED
        assert outcome.reason == f"identity provider acme_directory {fault}"
        (fine,) = relay.emit(event())
        assert fine.state is OutcomeState.TRANSFORMED, "others are not held up"
    assert "ada.lovelace" not in caplog.text


# --- titles ---------------------------------------------------------------------------------------------------


def test_a_title_that_cannot_be_had_is_left_out_and_not_remembered(
    here: None, tmp_path: Path, directory: Directory, caplog: pytest.LogCaptureFixture
) -> None:
    catalogue = tmp_path / "catalogue.db"
    config = with_catalogue(write_config(tmp_path, directory, key="env:KEY"), catalogue)
    catalogue.touch()
    with caplog.at_level(logging.ERROR), Relay.from_file(config) as relay:
        (outcome,) = relay.emit(event("titled"))
        assert outcome.state is OutcomeState.TRANSFORMED
        assert outcome.statements[0].parsed.get("title") is None
        assert "course provider acme_catalogue is unavailable (OperationalError): titles are left out" in caplog.text
        fill_catalogue(catalogue)
        time.sleep(1.1)
        (outcome,) = relay.emit(event("titled"))
        assert outcome.statements[0].parsed["title"] == "Sailing"


def test_a_course_of_which_nobody_can_tell_is_recorded(here: None, tmp_path: Path, directory: Directory) -> None:
    catalogue = tmp_path / "catalogue.db"
    with Relay.from_file(with_catalogue(write_config(tmp_path, directory, key="env:KEY"), catalogue)) as relay:
        unknown = unknown_course(relay.assembly.courses)
        source = relay.assembly.source.event_from_mapping(event("titled"))
        assert "course provider acme_catalogue is unavailable" in str(unknown(source))
        fill_catalogue(catalogue)
        time.sleep(1.1)
        assert unknown(source) is None


# --- commands -------------------------------------------------------------------------------------------------


def test_transform_fails_and_names_the_provider(site: Installation, tmp_path: Path, directory: Directory) -> None:
    config = write_config(tmp_path, directory)
    directory.stop()
    done = site.run("transform", "--config", config, "--errors", tmp_path / "errors", stdin=line(event()) * 3)
    assert done.returncode == 1
    (reason,) = {json.loads(record)["reason"] for record in (tmp_path / "errors").read_bytes().splitlines()}
    assert reason == "identity provider acme_directory is unavailable (URLError)"


def replay_command(config: Path, tmp_path: Path, *options: str) -> list[str | Path]:
    return ["replay", "--config", config, "--output", tmp_path / "out", "--processes", "1", *options, tmp_path / "log"]


def test_a_replay_waits_for_the_directory(site: Installation, tmp_path: Path, directory: Directory) -> None:
    config = write_config(tmp_path, directory)
    (tmp_path / "log").write_bytes(line(event()) * 2)
    directory.stop()
    command = [COMMAND, *replay_command(config, tmp_path)]
    with subprocess.Popen(command, env=site.environment(), stderr=subprocess.PIPE) as process:
        assert process.stderr
        waits = b"look-ups: identity provider acme_directory is unavailable (URLError); waiting for it"
        assert any(waits in line for line in process.stderr)
        directory.start()
        rest = process.stderr.read()
    assert process.returncode == 0, rest
    assert b"look-ups: recovered" in rest


@pytest.mark.slow
def test_a_replay_that_waits_too_long_ends_and_the_next_run_goes_on(
    site: Installation, tmp_path: Path, directory: Directory
) -> None:
    config = write_config(tmp_path, directory)
    (tmp_path / "log").write_bytes(line(event()) * 2)
    directory.stop()
    done = site.run(*replay_command(config, tmp_path))
    assert done.returncode == 1
    assert b"identity provider acme_directory is unavailable (URLError), for 20 s: nothing is lost" in done.stderr
    directory.start()
    done = site.run(*replay_command(config, tmp_path, "--json"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["read"] == 2


def test_forget_says_which_provider_does_not_answer(site: Installation, tmp_path: Path, directory: Directory) -> None:
    config = write_config(tmp_path, directory)
    directory.stop()
    done = site.run("forget", "--config", config, "--user-id", "4711")
    assert done.returncode == 1
    assert b"identity provider acme_directory is unavailable (URLError)" in done.stderr


# --- the guard ------------------------------------------------------------------------------------------------


class LibraryError(Exception):
    """As a library defines it."""


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (Unavailable(), ProviderUnavailableError),
        (ConnectionRefusedError(), ProviderUnavailableError),
        (TimeoutError(), ProviderUnavailableError),
        (sqlite3.OperationalError("no such table"), ProviderUnavailableError),
        (LibraryError(), ProviderUnavailableError),
        (KeyError("x"), ProviderError),
        (ValueError("x"), ProviderError),
        (StopIteration(), ProviderError),
        (SyntaxError(), ProviderError),
    ],
)
def test_what_waiting_can_cure_and_what_not(raised: Exception, expected: type[Exception]) -> None:
    def ask() -> None:
        raise raised

    with pytest.raises(ProviderError) as caught:
        ProviderGuard("identity provider x", "events wait").call(ask, type(None))
    assert type(caught.value) is expected


def unavailable_after(error: Exception, **how: Any) -> Callable[[], None]:
    def ask() -> None:
        try:
            raise error
        except Exception as caught:
            if how:
                raise Unavailable from how["cause"]
            raise Unavailable from caught

    return ask


def plainly_unavailable() -> None:
    raise Unavailable


@pytest.mark.parametrize(
    ("ask", "named"),
    [
        (plainly_unavailable, "Unavailable"),
        (unavailable_after(ConnectionResetError()), "ConnectionResetError"),
        (unavailable_after(KeyError(), cause=TimeoutError()), "TimeoutError"),
        (unavailable_after(KeyError(), cause=None), "Unavailable"),
    ],
)
def test_a_reason_names_what_the_provider_met_and_nothing_of_its_caller(ask: Any, named: str) -> None:
    """The caller asks while it handles a KeyError of its cache."""
    guard = ProviderGuard("identity provider x", "events wait")
    try:
        raise KeyError("of the cache")
    except KeyError:
        with pytest.raises(ProviderUnavailableError, match=rf"\({named}\)"):
            guard.call(ask, type(None))


def test_the_pause_grows_and_ends_with_the_first_answer() -> None:
    now = 1000.0
    asked: list[float] = []
    answers = False

    def learner(user: UserRef) -> Learner:
        asked.append(now)
        if not answers:
            raise Unavailable("of user 4711") from ConnectionResetError()
        return Learner("a")

    guard = ProviderGuard("identity provider x", "events wait", lambda: now)
    for _ in range(1000):
        with pytest.raises(ProviderUnavailableError) as caught:
            guard.call(learner, Learner, UserRef("1"))
        assert str(caught.value) == "identity provider x is unavailable (ConnectionResetError)"
        now += 0.125
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert pauses[:5] == [1.0, 2.0, 4.0, 8.0, 16.0]
    answers = True
    now += LONGEST_PAUSE
    assert guard.call(learner, Learner, UserRef("1")) == Learner("a")
    answers = False
    with pytest.raises(ProviderUnavailableError):
        guard.call(learner, Learner, UserRef("1"))
    now += 1.0
    number = len(asked)
    with pytest.raises(ProviderUnavailableError):
        guard.call(learner, Learner, UserRef("1"))
    assert len(asked) == number + 1, "after an answer it begins with the shortest pause again"


def test_a_guarded_provider_answers_everything_that_its_provider_answers() -> None:
    for guarded in (GuardedIdentity, GuardedCourses):
        asked_per_event = vars(guarded.__base__).keys() - {"knows_addresses", "own_spaces"}  # asked at start-up
        methods = {name for name in asked_per_event if callable(getattr(guarded, name)) and name[0] != "_"}
        assert methods <= vars(guarded).keys()
