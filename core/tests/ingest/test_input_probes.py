"""`learnrelay check --connect` looks at inputs, and takes nothing from them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from installation import Installation
from learnrelay.core_inputs.files_input import FilesInput
from relay_files import relay_toml

AWAY = """
from learnrelay import Input, Unavailable, hookimpl
from learnrelay.config.fields import Section


class AwayInput(Input):
    name = "away"
    settings_schema = Section

    def open(self, position):
        raise AssertionError("a probe opens nothing")

    def read(self, timeout):
        raise AssertionError("a probe reads nothing")

    def probe(self):
        raise Unavailable("the ferry is away")


class BrokenInput(AwayInput):
    name = "broken"

    def probe(self):
        raise KeyError("Ada")


@hookimpl
def register_inputs(register):
    register(AwayInput)
    register(BrokenInput)
"""


def test_check_lists_what_inputs_find(plain_installation: Installation, tmp_path: Path) -> None:
    check = ("check", "--config", tmp_path / "relay.toml", "--connect")
    (tmp_path / "away.py").write_text(AWAY, "utf-8")
    (tmp_path / "tracking.log").write_text("{}\n", "utf-8")
    inputs = {
        "inputs.log": {"input": "files", "paths": ["tracking.log", "later.log*"]},
        "inputs.folder": {"input": "files", "paths": ["."]},
        "inputs.standard": {"input": "stdin"},
        "inputs.ferry": {"input": "away"},
        "inputs.raft": {"input": "broken"},
    }
    (tmp_path / "relay.toml").write_text(relay_toml(files=["away.py"], **inputs), "utf-8")
    checked = plain_installation.run(*check, "--json", SECRET="Kd7wq2Lmz9Xv4bTn")
    assert checked.returncode == 1, checked.stdout
    results = {row["name"]: (row["sound"], row["reason"]) for row in json.loads(checked.stdout)["inputs"]}
    assert results == {
        "log": (True, f"1 file, 3 bytes; not there yet: {tmp_path}/later.log*"),
        "folder": (False, f"{tmp_path}: is a directory, pipe or device"),
        "standard": (True, ""),
        "ferry": (False, "the ferry is away"),
        "raft": (False, "the input broken failed (KeyError)"),
    }
    words = plain_installation.run(*check, SECRET="Kd7wq2Lmz9Xv4bTn").stdout
    assert re.search(rb"ferry +NO +the ferry is away", words)
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_searched_is_no_missing_log(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir(0o000)
    with pytest.raises(PermissionError):
        FilesInput({"paths": (str(folder / "tracking.log*"),), "begin": "start"}, b"key").probe()
