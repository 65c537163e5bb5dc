"""The page about inputs: its configuration is sound, its plugin works."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from learnrelay.assembly.assemble import assemble
from learnrelay.config.secrets import Secret

PAGE = (Path(__file__).parents[1] / "inputs.md").read_text(encoding="utf-8")
AUTHORS_PAGE = (Path(__file__).parents[1] / "plugins/input.md").read_text(encoding="utf-8")
HEAD = """
[platform]
root_url = "https://learn.example.org"
source = "openedx"
[plugins]
enabled = ["xapi.video"]
[identity]
provider = "keyed"
secret = "env:SECRET"
"""


def test_its_inputs_are_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "Kd7wq2Lmz9Xv4bTn")
    monkeypatch.setenv("LMS_TOKEN", "Zt8vPq3Ln6Wy1RkB5mXc")
    blocks = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "relay.toml").write_text(HEAD + "".join(blocks), encoding="utf-8")
    assert {name: config.input for name, config in assemble(tmp_path / "relay.toml").config.inputs.items()} == {
        "lms": "files",
        "web": "http",
    }


def test_its_input_reads_a_table_and_goes_on(tmp_path: Path) -> None:
    (source,) = re.findall(r"```python\n(.*?)```", AUTHORS_PAGE, flags=re.DOTALL)
    names: dict[str, Any] = {"__name__": "page"}
    exec(source, names)
    database = sqlite3.connect(tmp_path / "campus.db")
    database.execute("CREATE TABLE log (id INTEGER PRIMARY KEY, name TEXT)")
    database.executemany("INSERT INTO log (name) VALUES (?)", [("a",), ("b",), ("c",)])
    database.commit()
    table_input = names["TableInput"]({"database": Secret(str(tmp_path / "campus.db"))}, b"key")
    table_input.open(None)
    batch = table_input.read(0.01)
    assert [event["name"] for event in batch.events] == ["a", "b", "c"]
    assert table_input.read(0.01) is None
    table_input.close()
    table_input.open(batch.positions[0])
    assert [event["name"] for event in table_input.read(0.01).events] == ["b", "c"]
    table_input.close()
