"""``learnrelay void``: on request, once, and only where the standard knows how."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from command_server import run_command
from learnrelay.assembly.assemble import assemble
from learnrelay.outbox import Outbox
from relay_files import relay_toml
from single_files import POLLS, ROWS

VOIDING = """
    def void(self, statement_id, platform):
        if "/" not in statement_id:
            raise ValueError("is no id of a row")
        row = {"id": "void/" + statement_id, "event": "void", "who": platform.space}
        return SerializedStatement(row["id"], to_json(row))

    def schema(self):"""
SHEETS = """
from learnrelay import hookimpl
from learnrelay.config.fields import Section
from learnrelay.sinks import Repeats, Sink, SinkAnswer, Verdict


class Sheets(Sink):
    name = "sheets"
    settings_schema = Section
    repeats = Repeats.BY_STATEMENT
    takes_voids = False

    @classmethod
    def describe(cls, settings):
        return "sheets"

    def send(self, batch):
        return SinkAnswer(Verdict.STORED)


@hookimpl
def register_sinks(register):
    register(Sheets)
"""
IDS = ["2026-03-02/poll.answered/a", "2026-03-02/poll.answered/b"]


def write_config(folder: Path, *, knows: bool = True, files: Sequence[str] = (), **keys: Any) -> Path:
    standard = ROWS.replace("\n    def schema(self):", VOIDING) if knows else ROWS
    names = "from learnrelay import SerializedStatement, to_json\n"
    (folder / "standard.py").write_text(names + standard, encoding="utf-8")
    (folder / "polls.py").write_text(POLLS, encoding="utf-8")
    address = {} if "sink" in keys else {"url": "https://main.example.org"}
    destination = {"standard": "rows", **address, **keys}
    config = folder / "relay.toml"
    delivery = {"database": "sqlite:///outbox.db"}
    text = relay_toml([], {"main": destination}, ["standard.py", "polls.py", *files], delivery=delivery)
    config.write_text(text, encoding="utf-8")
    return config


def void(config: Path, *arguments: Any, stdin: str = "") -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "SECRET": "Kd7wq2Lmz9Xv4bTn", "NO_COLOR": "1"}
    done = run_command(("void", "--config", config, *arguments), environment, config.parent, stdin.encode())
    assert b"Traceback" not in done.stderr
    return done


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "Kd7wq2Lmz9Xv4bTn")


@pytest.fixture
def config(tmp_path: Path, secret: None) -> Path:
    """Returns an operator's file whose outbox has its tables."""
    config = write_config(tmp_path)
    Outbox.open(assemble(config).config.delivery).close()
    return config


def stored(config: Path) -> list[dict[str, Any]]:
    outbox = Outbox.look(assemble(config).config.delivery)
    with outbox.database.transaction(write=False) as transaction:
        rows = transaction.execute(
            """SELECT s.payload FROM learnrelay_statement AS s
            JOIN learnrelay_delivery AS d ON d.key = s.key WHERE d.destination = 'main' ORDER BY s.key"""
        )
    outbox.close()
    return [json.loads(payload) for (payload,) in rows]


def test_each_id_is_voided_once(config: Path, tmp_path: Path) -> None:
    done = void(config, "main", *IDS, IDS[0], "--yes")
    assert (done.returncode, done.stdout.decode()) == (0, "2 voiding statements put into the outbox for main\n")
    assert [row["id"] for row in stored(config)] == [f"void/{statement_id}" for statement_id in IDS]
    (tmp_path / "ids.txt").write_text("\n".join([*IDS, "", "2026-03-02/poll.answered/c\n"]), encoding="utf-8")
    done = void(config, "main", "--file", "ids.txt", "--yes")
    assert "1 voiding statements put into the outbox for main; 2 are in the outbox already" in done.stdout.decode()
    assert len(stored(config)) == 3
    assert void(config, "main", "--file", "-", "--yes", stdin=IDS[1]).returncode == 0
    assert len(stored(config)) == 3


def test_a_file_of_ids_may_begin_with_a_byte_order_mark(config: Path, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text(f"\ufeff{IDS[0]}\r\n", encoding="utf-8")  # as PowerShell writes it
    assert void(config, "main", "--file", "ids.txt", "--yes").returncode == 0
    assert [row["id"] for row in stored(config)] == [f"void/{IDS[0]}"]
    assert void(config, "main", "--file", "-", "--yes", stdin=f"\ufeff{IDS[1]}\n").returncode == 0
    assert [row["id"] for row in stored(config)] == [f"void/{statement_id}" for statement_id in IDS]


def test_a_sink_that_takes_no_voiding_statements_gets_none(tmp_path: Path, secret: None) -> None:
    (tmp_path / "sheets.py").write_text(SHEETS, encoding="utf-8")
    config = write_config(tmp_path, sink="sheets", files=["sheets.py"])
    Outbox.open(assemble(config).config.delivery).close()
    done = void(config, "main", IDS[0], "--yes")
    assert done.returncode == 2
    assert b"main is fed by sheets, which takes no voiding statements: remove what is wrong there" in done.stderr
    assert stored(config) == []


def test_nothing_is_voided_without_a_yes(config: Path) -> None:
    done = void(config, "main", IDS[0])
    assert done.returncode == 2
    assert b"void 1 statements at main for good? There is no terminal to ask: use --yes" in done.stderr
    assert stored(config) == []


def test_one_wrong_id_voids_none_and_is_not_repeated(config: Path) -> None:
    done = void(config, "main", "--file", "-", "--yes", stdin=f"{IDS[0]}\nhush-hush\n")
    assert done.returncode == 2
    assert b"-:2: is no id of a row" in done.stderr
    assert b"1 of 2 ids cannot be voided; nothing was done" in done.stderr
    assert b"hush" not in done.stderr
    assert stored(config) == []


def test_wrong_use(config: Path, tmp_path: Path) -> None:
    assert b"expected ids" in void(config, "main", "--yes").stderr
    assert b"has no destination mian; did you mean" in void(config, "mian", IDS[0], "--yes").stderr
    config = write_config(tmp_path, knows=False)
    done = void(config, "main", IDS[0], "--yes")
    assert done.returncode == 2
    assert b"main gets rows, which knows no voiding" in done.stderr


def test_a_destination_with_pseudonyms_of_its_own(tmp_path: Path, secret: None) -> None:
    config = write_config(tmp_path, pseudonyms="own")
    Outbox.open(assemble(config).config.delivery).close()
    assert void(config, "main", IDS[0], "--yes").returncode == 0
    assert [row["who"] for row in stored(config)] == ["rows/main"]
