"""Before an upgrade, as docs/replay.md tells it: what changes is listed, and voided where it was delivered."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from command_server import run_command
from learnrelay import Relay
from learnrelay_contract_tests.endpoints import ReferenceLrs
from relay_files import relay_toml

SECRET = "Kd7wq2Lmz9Xv4bTn"


def event(user: int, **context: Any) -> dict[str, Any]:
    return {
        "name": "edx.video.played",
        "timestamp": f"2026-03-02T09:42:{user:02}+00:00",
        "data": {"id": "0a1b", "code": "html5", "currentTime": 42, "duration": 1001},
        "context": {"user_id": user, "course_id": "course-v1:Harbour+SAIL+2026", **context},
    }


def test_what_an_upgrade_changes_is_voided_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: object, stdin: bytes = b"", code: int = 0) -> subprocess.CompletedProcess[bytes]:
        done = run_command(arguments, {**os.environ, "NO_COLOR": "1"}, tmp_path, stdin)
        assert done.returncode == code, done.stderr.decode()
        return done

    monkeypatch.setenv("SECRET", SECRET)
    events = [event(7, session="s" * 32), event(8)]
    (tmp_path / "tracking.log").write_text("".join(f"{json.dumps(raw)}\n" for raw in events), encoding="utf-8")
    with ReferenceLrs() as lrs:
        delivery = {"database": "sqlite:///outbox.db", "engine": "none"}
        for name, keys in (("old", {"session_ids": "plain"}), ("new", {"session_ids": "digest"})):
            main = {"standard": "xapi", "url": lrs.url}
            text = relay_toml(["xapi.video"], {"main": main}, delivery=delivery, xapi=keys)
            (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
        with Relay.from_file(tmp_path / "old.toml") as relay:
            delivered = [relay.emit(raw)[0].statements[0].id for raw in events]
        run("worker", "--config", "old.toml", "--until-empty")
        ids = run("diff", "old.toml", "new.toml", "tracking.log", "--to", "main", "--ids", code=1).stdout
        assert ids.decode().splitlines() == delivered[:1]
        for _ in range(2):  # the second time nothing is new to the LRS
            run("void", "--config", "new.toml", "main", "--file", "-", "--yes", stdin=ids)
            run("worker", "--config", "new.toml", "--until-empty")
            voiding = [statement for number, statement in lrs.statements.items() if number not in delivered]
            assert [statement["object"] for statement in voiding] == [
                {"objectType": "StatementRef", "id": delivered[0]}
            ]
            assert voiding[0]["verb"]["id"] == "http://adlnet.gov/expapi/verbs/voided"
        status = json.loads(run("status", "--config", "new.toml", "--json").stdout)
    assert [status["main"][key] for key in ("delivered", "conflicts", "dead")] == [4, 0, 0]
