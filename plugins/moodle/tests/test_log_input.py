"""The input ``moodle`` on real servers: no row is lost and none comes twice, whatever commits late or dies."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, text

from delivery.consumer import Consumer
from learnrelay import ConfigurationError
from learnrelay.assembly.assemble import Assembly
from learnrelay.pipeline.run import Outcome, OutcomeState, Pipeline
from learnrelay_contract_tests.input_checks import check_input
from learnrelay_moodle.log_table import log_connection
from learnrelay_moodle.log_table.settled_ids import SettledIds
from learnrelay_moodle.rows import COLUMNS
from log_tables import SERVERS, MoodleDatabase, insert_of, moodle_database, read_all, viewed
from moodle_goldens import line_of
from relay_files import relay_toml


@pytest.fixture(scope="module", params=sorted(SERVERS))
def database(request: pytest.FixtureRequest) -> Iterator[MoodleDatabase]:
    """Returns the tables of a Moodle, on each server."""
    with moodle_database(request.param) as made:
        yield made


@pytest.fixture
def moodle(database: MoodleDatabase) -> MoodleDatabase:
    """Returns them with an empty log."""
    database.empty_log()
    return database


# --- ids that appear late -------------------------------------------------------------------------------


def test_a_row_that_is_committed_late_is_read_before_those_behind_it(moodle: MoodleDatabase) -> None:
    with closing(moodle.input(settle="1h")) as made, moodle.engine.connect() as late:
        made.open(None)
        moodle.add(viewed(1))
        with late.begin():
            late.execute(insert_of(viewed(2)), viewed(2))
            moodle.add(viewed(3), viewed(4))
            assert [row["id"] for row in read_all(made, 4, 0.3)] == [1]
            assert made.is_holding_back
        assert [row["id"] for row in read_all(made, 3)] == [2, 3, 4]
        assert made.read(0) is None
        assert not made.is_holding_back


def test_a_row_that_was_rolled_back_holds_up_for_the_settle_time(moodle: MoodleDatabase) -> None:
    with closing(moodle.input(settle="500ms")) as made, moodle.engine.connect() as undone:
        made.open(None)
        with undone.begin() as transaction:
            undone.execute(insert_of(viewed(1)), viewed(1))
            moodle.add(viewed(2))
            transaction.rollback()
        appeared = time.monotonic()
        assert [row["id"] for row in read_all(made, 1)] == [2]
        assert time.monotonic() - appeared > 0.3
        moodle.add(viewed(3))
        assert [row["id"] for row in read_all(made, 1)] == [3], "without a gap nothing waits"


def test_concurrent_writers_lose_nothing_and_repeat_nothing(moodle: MoodleDatabase) -> None:
    kept: list[int] = []

    def write(seed: int) -> None:
        rng = random.Random(seed)
        with moodle.engine.connect() as connection:
            for number in range(30):
                with connection.begin() as transaction:
                    row = viewed(100 * seed + number)
                    for _ in range(rng.randint(1, 3)):
                        connection.execute(insert_of(row), row)
                    time.sleep(rng.random() * 0.01)
                    if rng.random() < 0.2:
                        transaction.rollback()
                    else:
                        kept.append(1)

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    read: list[int] = []
    position = None
    for writer in writers:
        writer.start()
    rng = random.Random(7)
    while any(writer.is_alive() for writer in writers):  # opened again and again, as after kills
        with closing(moodle.input(settle="1s")) as made:
            made.open(position)
            read += [row["id"] for row in read_all(made, rng.randint(1, 80), 0.3)]
            position = read[-1] if read else None
    with moodle.engine.connect() as connection:
        there = list(connection.execute(text("SELECT id FROM mdl_logstore_standard_log ORDER BY id")).scalars())
    assert there != list(range(1, len(there) + 1)), "something was rolled back"
    with closing(moodle.input(settle="1s")) as made:
        made.open(position)
        read += [row["id"] for row in read_all(made, len(there) - len(read))]
        assert made.read(0) is None
    assert read == there


def test_what_was_seen_is_settled_after_the_settle_time() -> None:
    ids = SettledIds(10)
    assert ids.settled(0) == 0
    for now, largest in ((0, 5), (4, 7), (9.9, 9)):
        assert ids.is_look_due(now)
        ids.note(largest, now)
    assert not ids.is_look_due(10)
    assert [ids.settled(now) for now in (9.9, 10)] == [0, 5]
    ids.note(12, 20)
    assert ids.settled(20) == 9


# --- positions ------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_the_harness_finds_nothing(moodle: MoodleDatabase) -> None:
    moodle.add(*({**viewed(number), "id": number} for number in (1, 2, 3, 5)))
    with closing(moodle.input()) as made:
        made.open(None)
        expected = read_all(made, 4)
    assert [row["id"] for row in expected] == [1, 2, 3, 5]
    check_input(moodle.input, expected)


def test_it_may_begin_with_the_rows_to_come(moodle: MoodleDatabase) -> None:
    moodle.add(viewed(1), viewed(2))
    with closing(moodle.input(begin="end")) as made:
        made.open(None)
        assert made.lag() == 0
        moodle.add(viewed(3))
        assert [row["id"] for row in read_all(made, 1)] == [3]
        made.open(1)
        assert [row["id"] for row in read_all(made, 2)] == [2, 3]


def test_a_log_that_was_set_back_is_noticed(moodle: MoodleDatabase, caplog: pytest.LogCaptureFixture) -> None:
    moodle.add(viewed(1))
    with closing(moodle.input()) as made:
        made.open(40)
    assert "the log ends at id 1, before 40" in caplog.text


# --- what rows hold -------------------------------------------------------------------------------------


def test_marks_modules_and_learners_are_looked_up(moodle: MoodleDatabase) -> None:
    graded = {"grade_min": 0, "grade_max": 20, "grade_pass": 10}
    rows = [
        ({"eventname": r"\core\event\course_module_completion_updated", "contextinstanceid": 516}, {"module": "quiz"}),
        (
            {"eventname": r"\core\event\user_graded", "other": 'a:1:{s:6:"itemid";s:2:"77";}'},
            {"grade_itemtype": "mod", "grade_itemmodule": "quiz", "grade_cmid": 516, **graded},
        ),
        (
            {"eventname": r"\core\event\user_graded", "other": '{"itemid":79}'},
            {"grade_itemtype": "course", "grade_itemmodule": None, "grade_cmid": None}
            | {"grade_min": 0, "grade_max": 100, "grade_pass": 0},
        ),
        ({"eventname": r"\mod_quiz\event\attempt_graded", "objectid": 902}, {"grade": 13.33333, **graded}),
        ({"eventname": r"\mod_quiz\event\attempt_graded", "objectid": 903}, {}),  # the attempt was deleted
        (
            {"eventname": r"\mod_quiz\event\question_manually_graded", "other": '{"attemptid":902,"slot":4}'},
            {"relateduserid": 31},
        ),
        (
            {"eventname": r"\mod_assign\event\submission_graded", "objectid": 41},
            {"grade": 85, "grade_min": 0, "grade_max": 100, "grade_pass": 50},
        ),
        (
            {"eventname": r"\mod_assign\event\submission_graded", "objectid": 42},
            {"grade": None, "grade_min": 0, "grade_max": 100, "grade_pass": 50},
        ),
        ({"eventname": r"\core\event\competency_user_competency_rated", "objectid": 61}, {"competencyid": 45}),
        ({}, {}),
    ]
    written = [viewed(number, **columns) for number, (columns, _) in enumerate(rows)]
    moodle.add(*written)
    with closing(moodle.input()) as made:
        made.open(None)
        read = read_all(made, len(rows))
    for row, plain, (_, joined) in zip(read, written, rows, strict=True):
        of_table = {name: plain.get(name) for name in COLUMNS if name not in ("id", "ip")}
        assert {name: value for name, value in row.items() if name != "id"} == of_table | joined


def test_rows_say_the_same_as_those_of_an_export(moodle: MoodleDatabase, assembly: Assembly) -> None:
    rows = [
        viewed(1),
        viewed(2, eventname=r"\mod_quiz\event\attempt_graded", objectid=902, relateduserid=31, userid=40),
        viewed(3, eventname=r"\mod_forum\event\post_created", objectid=1801, other='{"discussionid":240,"forumid":29}'),
        viewed(4, origin=None),
    ]
    moodle.add(*rows)
    mark = {"grade": "13.33333", "grade_min": "0", "grade_max": "20.00000", "grade_pass": "10.00000"}
    pipeline = Pipeline(assembly.plan)

    def told(outcomes: list[Outcome]) -> list[Any]:
        return [(outcome.state, outcome.reason, [s.content for s in outcome.statements]) for outcome in outcomes]

    with closing(moodle.input()) as made:
        made.open(None)
        for number, (row, read) in enumerate(zip(rows, read_all(made, 4), strict=True), 1):
            exported = {**dict.fromkeys(COLUMNS), **row, "id": str(number), **(mark if number == 2 else {})}
            of_file = pipeline.process(assembly.source.event_from_line(line_of(exported)))
            assert told(pipeline.process(assembly.source.event_from_mapping(read))) == told(of_file)
            assert of_file[0].state is (OutcomeState.SKIPPED if number == 4 else OutcomeState.TRANSFORMED)


# --- what can be wrong ----------------------------------------------------------------------------------


def error_of(moodle: MoodleDatabase, **settings: Any) -> str:
    """Returns why the input cannot be opened or read."""
    with closing(moodle.input(**settings)) as made, pytest.raises(OSError) as raised:
        made.open(None)
        made.read(0)
    message = str(raised.value)
    assert raised.value.__suppress_context__
    assert "Kd7wq2Lmz9Xv4bTn" not in message
    return message


def test_a_wrong_prefix_is_named(moodle: MoodleDatabase) -> None:
    assert "is the key prefix that of config.php?" in error_of(moodle, prefix="m_")


def test_a_server_that_is_not_there_is_no_end(moodle: MoodleDatabase) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    url = make_url(moodle.url).set(port=port, password="Kd7wq2Lmz9Xv4bTn").render_as_string(hide_password=False)
    assert "the database does not answer" in error_of(moodle, database=url)


def test_a_server_that_falls_silent_is_given_up(moodle: MoodleDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_connection, "CALL_LIMIT", 0.5)
    moodle.add(viewed(1))
    with Relay(moodle.url) as relay, closing(moodle.input(database=relay.url)) as made:
        made.open(None)
        assert [row["id"] for row in read_all(made, 1)] == [1]
        relay.is_silent = True
        began = time.monotonic()
        with pytest.raises(OSError, match="the database does not answer"):
            made.read(0)
        assert time.monotonic() - began < 5
        made.close()
        relay.is_silent = False
        made.open(1)
        moodle.add(viewed(2))
        assert [row["id"] for row in read_all(made, 1)] == [2]


class Relay:
    """Passes connections on to a server, until it is silent."""

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.is_silent = False
        self._server = (parsed.host or "127.0.0.1", parsed.port or {"mysql": 3306}.get(parsed.get_backend_name(), 5432))
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = parsed.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            for here, there in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(here, there), daemon=True).start()

    def _pass_on(self, here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):  # the other direction has ended, and closed both
            while content := here.recv(65_536):
                if not self.is_silent:
                    there.sendall(content)
        there.close()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()


def test_a_table_of_a_module_that_is_gone_is_left_out(moodle: MoodleDatabase, caplog: pytest.LogCaptureFixture) -> None:
    moodle.add(viewed(1, eventname=r"\mod_assign\event\submission_graded", objectid=41))
    with moodle.without("assign_grades"), closing(moodle.input()) as made:
        made.open(None)
        (row,) = read_all(made, 1)
    assert "grade" not in row
    assert r"looked up for \mod_assign\event\submission_graded is not there" in caplog.text


def test_only_reading_is_possible(moodle: MoodleDatabase) -> None:
    with closing(moodle.input()) as made:
        made.open(None)
        assert made._connection is not None
        with pytest.raises(Exception, match=r"(?i)read.only"):
            made._connection.execute(text("DELETE FROM mdl_modules"))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "inputs.site.database: is missing"),
        ({"database": "sqlite:///moodle.db"}, "inputs.site.database: expected the address of Moodle's database"),
        ({"database": "mysql://h/m", "prefix": "mdl-"}, "inputs.site.prefix: expected $CFG->prefix"),
        ({"database": "mysql://h/m", "setle": "1m"}, "inputs.site.setle: unknown key"),
    ],
)  # fmt: skip
def test_a_wrong_key_is_found_at_start_up(assemble: Any, keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        assemble(inputs={"site": {"input": "moodle", **keys}})
    assert words in str(raised.value)


# --- a worker -------------------------------------------------------------------------------------------


class Site:
    """Runs a worker that reads a log and delivers to a consumer."""

    def __init__(self, directory: Path, moodle: MoodleDatabase, consumer: Consumer, settle: str) -> None:
        self._config = directory / "relay.toml"
        self._environment = {
            **os.environ, "NO_COLOR": "1", "SECRET": "Kd7wq2Lmz9Xv4bTn", "MOODLE_DATABASE": moodle.url,
        }  # fmt: skip
        batch = {"size": 20, "interval": "50ms"}
        text = relay_toml(
            ["xapi.moodle_activity"], {"main": {"standard": "xapi", "url": consumer.url, "batch": batch}},
            platform={"source": "moodle"}, moodle={"guest": "1"}, delivery={"database": "sqlite:///outbox.db"},
            **{"inputs.site": {"input": "moodle", "database": "env:MOODLE_DATABASE", "settle": settle}},
        )  # fmt: skip
        self._config.write_text(text, encoding="utf-8")

    def start(self, command: str, *options: str) -> subprocess.Popen[bytes]:
        """Starts a command."""
        program = str(Path(sys.executable).parent / "learnrelay")
        return subprocess.Popen(
            [program, command, "--config", str(self._config), *options],
            env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, command: str, *options: str) -> bytes:
        """Runs a command to its end."""
        process = self.start(command, *options)
        stdout, stderr = process.communicate(timeout=60)
        assert b"Traceback" not in stderr, stderr.decode()
        assert process.returncode == 0, stderr.decode()
        return stdout


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    """Returns a consumer that understands ids."""
    made = Consumer()
    yield made
    made.stop()


@pytest.mark.slow
@pytest.mark.parametrize("database", ["mariadb"], indirect=True)
def test_until_empty_waits_for_rows_behind_a_gap(moodle: MoodleDatabase, consumer: Consumer, tmp_path: Path) -> None:
    moodle.add(*({**viewed(number), "id": number} for number in (1, 2, 4)))
    site = Site(tmp_path, moodle, consumer, "2500ms")
    site.run("worker", "--until-empty")
    assert len(consumer.stored) == 3
    assert b"[moodle]" in site.run("check")


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_killed_workers_lose_nothing_and_read_nothing_twice(
    moodle: MoodleDatabase, consumer: Consumer, tmp_path: Path
) -> None:
    site, rng = Site(tmp_path, moodle, consumer, "200ms"), random.Random(11)
    written = 0
    for _ in range(3):
        rows = [viewed(written + number) for number in range(150)]
        moodle.add(*rows[:70])
        with moodle.engine.connect() as undone, undone.begin() as transaction:
            undone.execute(insert_of(rows[0]), rows[0])
            transaction.rollback()
        worker = site.start("worker")
        time.sleep(1 + rng.random())
        moodle.add(*rows[70:])
        time.sleep(rng.random() / 4)
        worker.kill()
        worker.communicate()
        written += len(rows)
    site.run("worker", "--until-empty")
    assert len(consumer.stored) == written
    status = json.loads(site.run("status", "--json"))["main"]
    assert status["events"]["read"] == written


def test_a_probe_tells_how_far_the_log_reaches_and_why_it_cannot_be_read(moodle: MoodleDatabase) -> None:
    moodle.add(viewed(1), viewed(2))
    assert moodle.input().probe().reason == "the log reaches id 2"
    with pytest.raises(OSError, match="Moodle's database: there is no such table"):
        moodle.input(prefix="other_").probe()
