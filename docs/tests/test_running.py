"""The procedures of docs/running.md, done as the page says: restoring a backup, a new secret, the receivers."""

from __future__ import annotations

import csv
import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from learnrelay import Relay
from learnrelay.cli import cli
from learnrelay_contract_tests.endpoints import ReferenceLrs
from relay_files import relay_toml

PAGE = (Path(__file__).parents[1] / "running.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEARNRELAY_CONFIG", "relay.toml")
    Path("identity").write_text("Kd7wq2Lmz9Xv4bTn")


def write_file(url: str, **identity: str) -> None:
    text = relay_toml(
        ["xapi.video"],
        {"main": {"standard": "xapi", "url": url}},
        platform={"source": "openedx"},
        identity={"secret": "file:identity", **identity},
        delivery={"database": "sqlite:///outbox.db", "engine": "none"},
    )
    Path("relay.toml").write_text(text, encoding="utf-8")


def emit(*users: int) -> list[str]:
    """Emits an event of each user, and returns the names of the learners in its statements."""
    names = []
    with Relay.from_file("relay.toml") as relay:
        for user in users:
            event: dict[str, Any] = {
                "name": "edx.video.played",
                "timestamp": f"2026-03-02T09:42:{user:02}+00:00",
                "data": {"id": "0a1b", "code": "html5", "currentTime": 42, "duration": 1001},
                "context": {"user_id": user, "course_id": "course-v1:Harbour+SAIL+2026"},
            }
            for outcome in relay.emit(event):
                names += [json.loads(s.content)["actor"]["account"]["name"] for s in outcome.statements]
    return names


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == code, done.output
    return done.output


def shell(command: str) -> None:
    subprocess.run(["sh", "-ec", command], check=True, timeout=60)


def lines_of(beginning: str) -> str:
    """Returns the indented lines of the page from the one that begins so, up to the next empty line."""
    block = re.search(rf"^ {{4,}}{re.escape(beginning)}.*?(?=\n\n)", PAGE, re.MULTILINE | re.DOTALL)
    assert block, f"docs/running.md shows no {beginning}"
    return "\n".join(line.strip() for line in block[0].splitlines())


def test_a_backup_is_restored_and_nothing_is_stored_twice() -> None:
    with ReferenceLrs() as lrs:
        write_file(lrs.url)
        emit(*range(5))
        run("backup", "backup.db")
        run("worker", "--until-empty")
        emit(5)
        run("worker", "--until-empty")
        commands = lines_of("systemctl stop").splitlines()
        for command in commands:
            if command.startswith(("rm", "cp outbox", "cp /")):
                shell(command.replace("/srv/backup/outbox-2026-03-04.db", "backup.db"))
        assert json.loads(run("status", "--json"))["main"]["waiting"] == 5
        run("worker", "--until-empty")
        assert (len(lrs.statements), lrs.duplicates) == (6, 5)


def test_a_new_secret_with_a_map_and_the_objections() -> None:
    with ReferenceLrs() as lrs:
        Path("objections.txt").touch(0o600)
        write_file(lrs.url, objections="objections.txt")
        run("object", "--user-id", "8")
        before = emit(7, 8)
        shell(lines_of("(umask 077; python3").replace("python3", sys.executable))
        Path("users.csv").write_text('user_id,username\n7,"ann, b"\n8,"say ""x"""\n')
        run(*lines_of("learnrelay pseudonyms --new-secret").split()[1:])
        run("worker", "--until-empty")

        shutil.move("identity.new", "identity")
        refused = CliRunner().invoke(cli, ["status"])
        assert "objections" in str(refused.exception), "nothing runs with the list of another secret"
        move, add = lines_of("mv objections.txt").splitlines()
        shell(move)
        with Path("map.csv").open(encoding="utf-8") as text:
            objected = {row["user_id"] for row in csv.DictReader(text) if row["objected"]}
        assert objected == {"8"}
        assert add.startswith("learnrelay object --user-id 7")
        run("object", "--user-id", "8")
        after = emit(7, 8)
        shell(lines_of('python3 -c "import csv;').replace("python3", sys.executable))
        pairs = [line.split(",") for line in Path("for-the-lrs.csv").read_text().splitlines()]
        assert [*before, *after] in pairs
        assert len(pairs) == 4, "each user is known by id and by name"
        assert before != after


def test_users_of_the_platform_keep_their_names_as_csv() -> None:
    command = lines_of("mysql --batch").replace("mysql --batch", "cat table #", 1)
    rows = [["user_id", "username"], ["7", 'ann, "b"'], ["8", "back\\slash"], ["9", '"x"']]
    Path("table").write_text("\n".join("\t".join(row).replace("\\", "\\\\") for row in rows) + "\n")
    command = command.replace(re.search(r"#.*?openedx", command)[0], "")  # type: ignore[index]
    shell(command.replace("python3", sys.executable))
    with Path("users.csv").open(encoding="utf-8", newline="") as text:
        assert [*csv.reader(text)] == rows


def test_a_reference_receiver_starts_as_shown(tmp_path: Path) -> None:
    (shown_command,) = re.findall(r"^ +(python -m \S+\.endpoints --standard xapi .*)$", PAGE, re.MULTILINE)
    command = shown_command.split()
    port = command.index("--port") + 1
    command[0], command[port] = sys.executable, "0"
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        listening = process.stdout.readline()
        url = listening.split()[-1]
        answer = requests.post(url, json=[], auth=("relay", "wrong"), timeout=30)
        line = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
    (shown,) = re.findall(r"```console\n(listening.*?)```", PAGE, re.DOTALL)
    assert re.fullmatch(r"listening on http://127\.0\.0\.1:\d+/xAPI/statements\n", listening)
    assert answer.status_code == 401
    assert re.match(r"\d\d:\d\d:\d\d POST /xAPI/statements 401 items=\d+ stored=0", line)
    assert rest.splitlines()[-1] == "stopped: 0 stored, 0 duplicates"
    assert re.search(r"^stopped: \d+ stored, \d+ duplicates$", shown, re.MULTILINE)
