"""What is promised of forgetting: the learner's statements, all of them and no others, and not without asking."""

from __future__ import annotations

import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from learnrelay import Relay, UserRef
from learnrelay.assembly.assemble import assemble
from learnrelay.cli import cli
from learnrelay.lookups.objections import Objections
from learnrelay.outbox.queue import DeadLettered
from services import postgres_schema

PEOPLE = """user_id,username,external_id
1,ann,42
2,bob,43
3,cem,1001
"""
SECRETS = {"SECRET": "Kd7wq2Lmz9Xv4bTn", "OTHER": "Hb5rj8Pxc3Gf6yWs"}
COURSE = "course-v1:Harbour+SAIL+2026"


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


def write_config(
    directory: Path,
    identity: Mapping[str, str] | None = None,
    plugins: str = '"xapi.*", "caliper.*"',
    destinations: Mapping[str, str] | None = None,
) -> Path:
    """Writes an operator's file; ``destinations``: name → standard, or ``standard/own``."""
    lines = ['[platform]\nroot_url = "https://learn.example.org"', f"[plugins]\nenabled = [{plugins}]", "[identity]"]
    lines += [f'{key} = "{value}"' for key, value in (identity or KEYED).items()]
    lines += ['[delivery]\ndatabase = "sqlite:///outbox.db"']
    for name, of in ({"lrs": "xapi", "store": "caliper"} if destinations is None else destinations).items():
        standard, _, own = of.partition("/")
        lines += [f'[destinations.{name}]\nstandard = "{standard}"\nurl = "http://127.0.0.1:1/"\nscope = "all"']
        lines += ['pseudonyms = "own"'] if own else []
    (directory / "people.csv").write_text(PEOPLE, encoding="utf-8")
    file = directory / "relay.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


KEYED = {"provider": "keyed", "secret": "env:SECRET"}
TABLE = {"provider": "table", "path": "people.csv", "secret": "env:SECRET"}


def event(user: int, second: float, name: str = "edx.video.played", username: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "timestamp": f"2026-03-02T09:42:{int(second) % 60:02}.{int(second * 10) % 10}00000+00:00",
        "data": {"id": "0a1b", "code": "html5", "currentTime": 42, "duration": 1001},
        "context": {"user_id": user, "course_id": COURSE, "session": f"s{user}", "username": username},
    }


def emit(file: Path, users: Mapping[int, int]) -> None:
    """Stores so many events of each user, in both standards where both are enabled."""
    with Relay.from_file(file) as relay:
        for user, number in users.items():
            for n in range(number):
                assert relay.emit(event(user, n / 10))[0].statements


def run(command: str, file: Path, *arguments: str) -> Result:
    done = CliRunner().invoke(cli, [command, "--config", str(file), *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def stored(file: Path) -> list[Any]:
    """All statements that wait for destinations of whatever name."""
    with closing(sqlite3.connect(file.with_name("outbox.db"))) as database:
        rows = database.execute("SELECT payload FROM learnrelay_statement ORDER BY key").fetchall()
    return [json.loads(payload) for (payload,) in rows]


def number_removed(done: Result) -> int:
    return sum(int(number) for number in re.findall(r": (\d+) statements removed", done.output))


# --- exactly the learner's ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("user", "external"), [(1, "42"), (3, "1001")])
def test_short_ids_are_no_seconds(user: int, external: str, tmp_path: Path) -> None:
    file = write_config(tmp_path, TABLE)
    emit(file, {1: 3, 2: 3, 3: 3})
    done = run("forget", file, "--user-id", str(user))
    assert (done.exit_code, done.output) == (0, f"{external} (xapi, caliper): 6 statements removed\n")
    left = stored(file)
    assert len(left) == 12
    assert {str(row["actor"]) for row in left if external in json.dumps(row["actor"])} == set()


@pytest.mark.parametrize("word", ["https", "42", "learn.example.org"])
def test_words_that_identify_nobody_are_refused(word: str, tmp_path: Path) -> None:
    file = write_config(tmp_path)
    emit(file, {1: 3})
    done = run("forget", file, "--pseudonym", word, "--user-id", "1", "--yes")
    assert done.exit_code == 2
    assert f"no statement in the outbox names a learner {word}; nothing was removed" in done.output
    assert len(stored(file)) == 6


@pytest.mark.parametrize("command", ["forget", "object"])
def test_an_id_and_a_name_of_two_learners_are_refused(command: str, tmp_path: Path) -> None:
    file = objecting(tmp_path, TABLE)
    emit(file, {1: 2, 2: 2})
    done = run(command, file, "--user-id", "1", "--username", "bob")
    assert done.exit_code == 2
    assert "those of two learners in the table; nothing was changed" in done.output
    assert (len(stored(file)), (tmp_path / "objections.txt").read_text()) == (8, "")
    assert run(command, file, "--user-id", "1", "--username", "ann").exit_code == 0


# --- asked for before ----------------------------------------------------------------------------------------


def test_more_than_a_handful_is_asked_for(tmp_path: Path) -> None:
    file = write_config(tmp_path, TABLE)
    emit(file, {1: 51, 2: 50})
    silent = run("forget", file, "--user-id", "1")
    assert silent.exit_code == 2
    assert "remove 102 statements for good (102 of 42)?" in silent.output
    assert "use --yes; nothing was removed" in silent.output
    assert number_removed(run("forget", file, "--user-id", "2")) == 100
    assert number_removed(run("forget", file, "--user-id", "1", "--yes")) == 102
    assert stored(file) == []


def test_a_pseudonym_that_was_typed_is_asked_for(tmp_path: Path) -> None:
    file = write_config(tmp_path, TABLE)
    emit(file, {1: 1, 2: 1})
    assert run("forget", file, "--pseudonym", "42").exit_code == 2
    assert len(stored(file)) == 4
    assert number_removed(run("forget", file, "--pseudonym", "42", "--yes")) == 2
    unknown = run("forget", file, "--pseudonym", "0a7e2d8e-27a5-4c8e-8e51-0a3a3d7c9b11")
    assert (unknown.exit_code, number_removed(unknown)) == (0, 0), "it has the form of one, and none is there"


@pytest.mark.parametrize(
    ("answer", "code", "left"), [(b"y\n", 0, 0), pytest.param(b"n\n", 2, 2, marks=pytest.mark.slow)]
)
def test_the_answer_on_a_terminal_counts(answer: bytes, code: int, left: int, tmp_path: Path) -> None:
    file = write_config(tmp_path, TABLE)
    emit(file, {1: 1})
    ours, terminal = pty.openpty()
    os.write(ours, answer)
    done = subprocess.run(
        [sys.executable, "-m", "learnrelay", "forget", "--config", file, "--pseudonym", "42"],
        stdin=terminal, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    os.close(ours)
    os.close(terminal)
    assert (done.returncode, len(stored(file))) == (code, left), done.stderr
    assert "remove 2 statements for good (2 of 42)?" in done.stderr


# --- whatever the present file says ---------------------------------------------------------------------------


def changes() -> Iterator[Any]:
    """Yields the file under which statements were stored, and what is another in the present file."""
    own, both = {"lrs": "xapi", "partner": "xapi/own", "store": "caliper/own"}, '"xapi.*", "caliper.*"'
    standard = {name: of.removesuffix("/own") for name, of in own.items()}
    for provider, identity in (("keyed", KEYED), ("table", TABLE)):
        for change, before, now, plugins in (
            ("destinations taken out", own, {"lrs": "xapi"}, '"xapi.*"'),
            ("own to standard", own, standard, both),
            ("standard to own", standard, own, both),
            ("a standard is disabled", own, {}, '"caliper.*"'),
        ):
            marks = [pytest.mark.slow] if provider == "table" else []
            yield pytest.param(identity, before, identity, now, plugins, id=f"{provider}: {change}", marks=marks)
    shared = {**KEYED, "pseudonyms": "shared"}
    yield pytest.param(shared, own, KEYED, own, both, id="shared to per-standard")
    yield pytest.param(KEYED, own, shared, own, both, id="per-standard to shared")


@pytest.mark.parametrize(("identity", "destinations", "later", "left", "plugins"), list(changes()))
def test_all_spaces_are_found(
    identity: Any, destinations: Any, later: Any, left: Any, plugins: str, tmp_path: Path
) -> None:
    file = write_config(tmp_path, identity, destinations=destinations)
    emit(file, {1: 3, 2: 3})
    before = len(stored(file))
    write_config(tmp_path, later, plugins, left)
    done = run("forget", file, "--user-id", "1")
    assert done.exit_code == 0, done.output
    assert len(stored(file)) == before / 2, done.output
    assert number_removed(done) == before / 2, "each pseudonym is printed with its statements"


def test_it_says_which_pseudonym_is_which(tmp_path: Path) -> None:
    file = write_config(tmp_path, destinations={"lrs": "xapi", "partner": "xapi/own", "store": "caliper"})
    emit(file, {1: 2})
    *lines, note = run("forget", file, "--user-id", "1").output.splitlines()
    assert note.endswith("give --username too")
    assert sorted(line.partition(" ")[2] for line in lines) == [
        "(caliper): 2 statements removed", "(xapi): 2 statements removed", "(xapi/partner): 2 statements removed",
    ]  # fmt: skip


@pytest.mark.parametrize("later", [{**KEYED, "secret": "env:OTHER"}, TABLE])
def test_what_an_other_identity_named_is_not_passed_over(later: Any, tmp_path: Path) -> None:
    file = write_config(tmp_path)
    emit(file, {1: 3, 2: 1})
    write_config(tmp_path, later)
    done = run("forget", file, "--user-id", "1")
    assert (done.exit_code, number_removed(done)) == (1, 0)
    assert "8 statements were stored under another identity provider or secret (from 20" in done.output
    assert "--former-secret with the secret of that time, by a copy of the file" in done.output
    assert len(stored(file)) == 8
    if later is not TABLE:
        done = run("forget", file, "--user-id", "1", "--former-secret", "env:SECRET")
        assert (done.exit_code, number_removed(done), len(stored(file))) == (0, 6, 2), done.output
    assert (
        "environment variable NOTHING is not set"
        in run("forget", file, "--user-id", "1", "--former-secret", "env:NOTHING").output
    )


def test_what_is_removed_cannot_be_read_in_the_file(tmp_path: Path) -> None:
    file = write_config(tmp_path, TABLE | {"path": "people.csv"})
    (tmp_path / "people.csv").write_text(PEOPLE.replace(",42", ",hush-hush-42"), encoding="utf-8")
    with Relay.from_file(file) as relay:
        for n in range(300):
            relay.emit(event(1, n / 10))
            relay.emit(event(2, n / 10))
        done = run("forget", file, "--user-id", "1", "--yes")  # while another process has it open
        assert (done.exit_code, number_removed(done)) == (0, 600)
        readable = {name.name for name in tmp_path.glob("outbox.db*") if b"hush-hush" in name.read_bytes()}
        assert readable == set()
    assert len(stored(file)) == 600


def with_delivery(file: Path, keys: str) -> None:
    """Adds keys of ``[delivery]`` to an operator's file."""
    file.write_text(file.read_text(encoding="utf-8").replace("[delivery]", f"[delivery]\n{keys}"), encoding="utf-8")


def test_what_a_full_outbox_leaves_in_the_spool_is_searched(tmp_path: Path) -> None:
    file = write_config(tmp_path, TABLE, destinations={"lrs": "xapi"})
    with_delivery(file, 'full = "spool"\nlimit = 5\nwait = "100ms"\nengine = "none"')
    emit(file, {2: 5, 1: 3, 3: 40})
    assert len(stored(file)) == 5
    done = run("forget", file, "--user-id", "1")
    assert (done.exit_code, done.output) == (0, "42 (xapi, caliper): 3 statements removed\n")
    assert len(stored(file)) == 45, "all were searched"


def test_events_under_another_key_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, other = (Fernet.generate_key().decode() for _ in range(2))
    file = write_config(tmp_path, TABLE)
    monkeypatch.setenv("KEY", key)
    with_delivery(file, 'pipeline = "worker"\nengine = "celery"\nbroker = "redis://127.0.0.1:1/"\nkey = "env:KEY"')
    with Relay.from_file(file) as relay:
        for user in (1, 2):
            assert relay.emit(event(user, 1)) == []
    monkeypatch.setenv("KEY", other)
    done = run("forget", file, "--user-id", "1")
    assert done.exit_code == 1
    assert (
        "2 deferred events could not be looked at: no key of env:KEY opens it: add the key that it was sealed with "
        "behind the others" in done.output
    )
    monkeypatch.setenv("KEY", f"{other} {key}")
    done = run("forget", file, "--user-id", "1")  # at once: nothing waits for its next try
    assert (done.exit_code, number_removed(done)) == (0, 2), done.output
    assert len(stored(file)) == 2


def test_deferred_events_without_a_key_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_config(tmp_path, TABLE)
    monkeypatch.setenv("KEY", Fernet.generate_key().decode())
    with_delivery(file, 'pipeline = "worker"\nengine = "celery"\nbroker = "redis://127.0.0.1:1/"\nkey = "env:KEY"')
    with Relay.from_file(file) as relay:
        relay.emit(event(1, 1))
    done = run("forget", write_config(tmp_path, TABLE), "--user-id", "1")
    assert done.exit_code == 1
    assert "1 deferred events could not be looked at: delivery.key, their key, is not set" in done.output


@pytest.mark.parametrize("secret", [{}, {"secret": "env:SECRET"}], ids=["without a secret", "with a secret"])
@pytest.mark.parametrize(
    ("before", "now", "former"),
    [
        ("1,ann,42,ann@a.example", "1,ann,4200,ann@a.example", "42"),
        ("1,ann,42,ann@a.example", "1,ann,42,ann@b.example", "mailto:ann@a.example"),
    ],
    ids=["external id", "e-mail address"],
)
def test_a_learner_whom_the_table_names_otherwise_now_is_not_passed_over(
    secret: Mapping[str, str], before: str, now: str, former: str, tmp_path: Path
) -> None:
    file = write_config(tmp_path, {"provider": "table", "path": "people.csv", **secret}, destinations={"lrs": "xapi"})
    if "@" in former:
        file.write_text(file.read_text(encoding="utf-8") + '\n[xapi]\nactor = "mbox"\n', encoding="utf-8")
    header, others = "user_id,username,external_id,email\n", "\n2,bob,43,bob@a.example\n"
    (tmp_path / "people.csv").write_text(header + before + others, encoding="utf-8")
    emit(file, {1: 3, 2: 1})
    (tmp_path / "people.csv").write_text(header + now + others, encoding="utf-8")
    done = run("forget", file, "--user-id", "1", "--username", "ann")
    assert (done.exit_code, number_removed(done)) == (1, 0)
    assert "3 statements name learners whom the table does not have" in done.output
    assert "ann@" not in done.output
    done = run("forget", file, "--user-id", "1", "--username", "ann", "--pseudonym", former, "--yes")
    assert (done.exit_code, number_removed(done), len(stored(file))) == (0, 3, 1), done.output


def test_forgetting_on_postgres(tmp_path: Path) -> None:
    """The statements that wait, the dead letters, the deferred events and the spool, for each destination."""
    with postgres_schema() as url:
        file = write_config(tmp_path, destinations={"lrs": "xapi", "partner": "xapi/own", "store": "caliper"})
        file.write_text(file.read_text(encoding="utf-8").replace("sqlite:///outbox.db", url), encoding="utf-8")
        with_delivery(file, f'spool = "{tmp_path}/spool"')
        emit(file, {1: 3, 2: 3})
        with Relay.from_file(file) as relay:
            queue = relay.outbox.queue("partner")
            claim = queue.claim(2)
            queue.settle(claim, [DeadLettered(row, "HTTP 400") for row in claim.rows])
        with_delivery(file, 'intake = "spool"\nengine = "none"')
        emit(file, {1: 5, 2: 5})  # two more of each
        done = run("forget", file, "--user-id", "1")
        assert (done.exit_code, number_removed(done)) == (0, 15), done.output
        assert "VACUUM FULL" in done.output
        with Relay.from_file(file) as relay:
            status = relay.outbox.status()
            with relay.outbox.database.transaction(write=False) as transaction:
                ((left,),) = transaction.execute("SELECT COUNT(*) FROM learnrelay_statement")
        assert {name: of.waiting + of.dead for name, of in status.items()} == {"lrs": 5, "partner": 5, "store": 5}
        assert left == 15
        again = run("forget", file, "--user-id", "1")
        assert (again.exit_code, number_removed(again)) == (0, 0)


# --- objections -----------------------------------------------------------------------------------------------


def objecting(directory: Path, identity: Mapping[str, str] = KEYED, **more: Any) -> Path:
    (directory / "objections.txt").touch(0o600)
    return write_config(directory, {**identity, "objections": "objections.txt"}, **more)


def outcomes(relay: Relay, raw: Mapping[str, Any]) -> set[str]:
    return {outcome.reason or outcome.state.value for outcome in relay.emit(raw)}


@pytest.mark.parametrize("identity", [KEYED, TABLE])
def test_nothing_is_said_of_who_objected(identity: Any, tmp_path: Path) -> None:
    file = objecting(tmp_path, identity, destinations={"lrs": "xapi", "partner": "xapi/own", "store": "caliper"})
    emit(file, {1: 3, 2: 3})
    with Relay.from_file(file) as relay:  # runs meanwhile
        done = run("forget", file, "--user-id", "1", "--username", "ann", "--and-object")
        assert done.exit_code == 0, done.output
        assert "added to the list of objections" in done.output
        assert number_removed(done) == 9
        by_name = {**event(1, 1), "context": {"username": "ann", "course_id": COURSE}}
        assert outcomes(relay, event(1, 1)) == outcomes(relay, by_name) == {"the learner objected"}
        assert outcomes(relay, event(2, 1)) == {"transformed"}
        assert run("object", file, "--user-id", "1", "--remove").exit_code == 0
        relay.assembly.objections._look_at = 0.0  # type: ignore[union-attr]  # a second later
        assert outcomes(relay, event(1, 1)) == outcomes(relay, by_name) == {"transformed"}


def test_staff_who_objected_are_not_named(tmp_path: Path) -> None:
    file = objecting(tmp_path, destinations={"lrs": "xapi", "partner": "xapi/own"})
    reset = event(2, 1, "edx.grades.problem.state_deleted")
    reset["data"] = {"user_id": "1", "problem_id": "block-v1:Harbour+SAIL+2026+type@problem+block@wind"}
    with Relay.from_file(file) as relay:
        assert outcomes(relay, reset) == {"transformed"}
        named = [statement["context"]["instructor"]["account"]["name"] for statement in stored(file)]
        assert len(set(named)) == 2, "a pseudonym for each space"
        assert number_removed(run("forget", file, "--user-id", "2", "--and-object")) == 2
        assert outcomes(relay, reset) == {"transformed"}
    assert [statement["context"].get("instructor") for statement in stored(file)] == [None, None]


def test_staff_who_objected_are_not_the_actor(tmp_path: Path) -> None:
    file = objecting(tmp_path, destinations={"store": "caliper"})
    reset = event(2, 1, "edx.grades.problem.state_deleted")
    reset["data"] = {"user_id": "1", "problem_id": "block-v1:Harbour+SAIL+2026+type@problem+block@wind"}
    with Relay.from_file(file) as relay:
        assert outcomes(relay, reset) == {"transformed"}
        assert [statement["actor"]["type"] for statement in stored(file)] == ["Person"]
        assert number_removed(run("forget", file, "--user-id", "2", "--and-object")) == 1
        assert outcomes(relay, reset) == {"transformed"}
    assert [statement["actor"]["type"] for statement in stored(file)] == ["SoftwareApplication"]


def test_events_that_wait_for_the_pipeline_are_covered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", Fernet.generate_key().decode())
    file = objecting(tmp_path)
    deferred = '[delivery]\npipeline = "worker"\nengine = "celery"\nbroker = "redis://127.0.0.1:1/"\nkey = "env:KEY"'
    file.write_text(file.read_text(encoding="utf-8").replace("[delivery]", deferred), encoding="utf-8")
    with Relay.from_file(file) as relay:
        for user in (1, 2, 1):
            assert relay.emit(event(user, 1)) == []
        run("object", file, "--user-id", "1")
    with Relay.from_file(file) as relay:
        assert relay.process_deferred() == 0
    assert len(stored(file)) == 2


def test_the_list_names_nobody_and_counts_in_replay_and_transform(tmp_path: Path) -> None:
    file = objecting(tmp_path)
    assert run("object", file, "--user-id", "40177", "--username", "ann_lovelace").output == "added to the list\n"
    assert run("object", file, "--user-id", "40177").output == "is on the list already\n"
    listed = tmp_path / "objections.txt"
    content = listed.read_text(encoding="utf-8")
    assert not {"40177", "ann_lovelace"} & set(re.split(r"\W", content))
    assert listed.stat().st_mode & 0o777 == 0o600
    log = tmp_path / "tracking.log"
    rows = [event(40177, 1), event(2, 1), {**event(1, 2), "context": {"username": "ann_lovelace", "course_id": COURSE}}]
    log.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    done = run("transform", file, "--json", str(log))
    assert done.exit_code == 0
    assert done.output.count('"the learner objected": 2') == 2, "both standards"
    other_host = tmp_path / "other"
    other_host.mkdir()
    objecting(other_host)
    (other_host / "objections.txt").write_text(content, encoding="utf-8")
    run("replay", other_host / "relay.toml", "--output", str(tmp_path / "out"), "--compress", "none",
        "--processes", "1", str(log))  # fmt: skip
    written = "".join(name.read_text(encoding="utf-8") for name in (tmp_path / "out").rglob("*.jsonl"))
    assert len(written.splitlines()) == 2


def test_a_list_that_cannot_be_compared_stops_everything(tmp_path: Path) -> None:
    file = objecting(tmp_path)
    run("object", file, "--user-id", "7")
    write_config(tmp_path, {**KEYED, "secret": "env:OTHER", "objections": "objections.txt"})
    for command in (("transform", "--json", "/dev/null"), ("object", "--list"), ("forget", "--user-id", "7")):
        done = CliRunner().invoke(cli, [command[0], "--config", str(file), *command[1:]])
        assert "1 learners are on the list under another secret (key id" in str(done.exception), command
    (tmp_path / "objections.txt").unlink()
    done = CliRunner().invoke(cli, ["check", "--config", str(file)])
    assert "install -m 600 /dev/null" in done.output + str(done.exception)
    write_config(tmp_path, {"provider": "table", "path": "people.csv", "objections": "people.csv"})
    done = CliRunner().invoke(cli, ["object", "--config", str(file), "--list"])
    assert "identity.objections: needs a secret under [identity]" in str(done.exception)


def test_the_list_is_shown_and_is_asked_for(tmp_path: Path) -> None:
    file = objecting(tmp_path)
    assert run("object", file, "--list", "--user-id", "7").exit_code == 1
    run("object", file, "--user-id", "7")
    run("object", file, "--user-id", "8")
    assert "2 on the list" in run("object", file, "--list").output
    assert run("object", file, "--list", "--user-id", "7").exit_code == 0
    assert run("object", file, "--user-id", "9", "--remove").exit_code == 1
    assert run("object", file).exit_code == 2
    assert "names no list of objections" in run("object", write_config(tmp_path), "--list").output


def test_whoever_is_taken_off_the_list_is_off_it(tmp_path: Path) -> None:
    """A learner who was added by id, and then by id and name, has two lines, which have digests in common."""
    file = objecting(tmp_path)
    run("object", file, "--user-id", "7")
    run("object", file, "--user-id", "7", "--username", "ann")
    run("object", file, "--user-id", "8", "--username", "bob")
    listed = tmp_path / "objections.txt"
    lines = listed.read_text(encoding="utf-8").splitlines()
    date, key, *digests = lines[0].split()
    line = f" {date}  {key}\t{' '.join(reversed(digests))} "
    by_hand = "\n".join(["# of the data protection officer", line, *lines[1:]])
    listed.write_text(by_hand, encoding="utf-8")
    done = run("object", file, "--username", "ann", "--remove")
    assert (done.exit_code, done.stdout) == (0, "taken off the list\n")
    assert listed.read_text(encoding="utf-8").splitlines() == ["# of the data protection officer", lines[2]]
    for known_by in (("--user-id", "7"), ("--username", "ann")):
        assert run("object", file, "--list", *known_by).exit_code == 1


@pytest.mark.parametrize(
    ("known_by", "hint"),
    [
        (("--user-id", "7"), "events without the user's id may not be recognised: give --username too\n"),
        (("--username", "ann"), "events without the user's name may not be recognised: give --user-id too\n"),
        (("--user-id", "7", "--username", "ann"), ""),
    ],
)
def test_who_is_put_on_the_list_by_half_is_said(known_by: tuple[str, ...], hint: str, tmp_path: Path) -> None:
    """With keyed pseudonyms, nobody can tell whose name an event has that has no id."""
    done = run("object", objecting(tmp_path), *known_by)
    assert (done.exit_code, done.stdout, done.stderr) == (0, "added to the list\n", hint)


def test_who_may_still_be_on_the_list_by_another_name_is_said(tmp_path: Path) -> None:
    file = objecting(tmp_path)
    run("object", file, "--user-id", "7")
    run("object", file, "--username", "ann")
    done = run("object", file, "--user-id", "7", "--remove")
    assert done.exit_code == 0
    assert "if the learner was added by name too, give --username as well" in done.output
    assert run("object", file, "--username", "ann", "--list").exit_code == 0
    run("object", file, "--user-id", "7")
    done = run("object", file, "--username", "ann", "--user-id", "7", "--remove")
    assert (done.exit_code, done.output) == (0, "taken off the list\n")
    assert "0 on the list" in run("object", file, "--list").output


def test_who_objects_while_another_is_taken_off_the_list_is_on_it(tmp_path: Path) -> None:
    file = objecting(tmp_path)

    def open_list() -> Objections:
        objections = assemble(file).objections
        assert objections is not None
        return objections

    coming, leaving = ([UserRef(str(number)) for number in numbers] for numbers in (range(30), range(100, 130)))
    adding, removing = open_list(), open_list()
    assert all(map(removing.add, leaving))
    with ThreadPoolExecutor(2) as pool:
        added, removed = pool.submit(list, map(adding.add, coming)), pool.submit(list, map(removing.remove, leaving))
        assert all(added.result()) and all(removed.result())
    known = open_list()
    assert all(map(known.includes, coming)) and not any(map(known.includes, leaving))


def test_the_list_keeps_owner_and_mode(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to give a file to another user")
    file = objecting(tmp_path)
    run("object", file, "--user-id", "7")
    listed = tmp_path / "objections.txt"
    os.chown(listed, 65_534, 65_533)
    listed.chmod(0o640)
    assert run("object", file, "--user-id", "7", "--remove").exit_code == 0
    about = listed.stat()
    assert (about.st_uid, about.st_gid, about.st_mode & 0o777) == (65_534, 65_533, 0o640)
    assert listed.read_text(encoding="utf-8") == ""
