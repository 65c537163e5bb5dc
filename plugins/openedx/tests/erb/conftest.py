"""Routers of invented sites, and the relay that is written for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from learnrelay.assembly.assemble import Assembly, assemble
from learnrelay_openedx.erb.import_command import import_erb

ROOT_URL = "https://campus.lagoon.example"
SECRET = "d0VNbbrXkSh4w2tJY8pQ"


@pytest.fixture
def import_routers(tmp_path: Path) -> Callable[..., Result]:
    """Returns a function that runs the command on a dump, with settings, and keeps what it wrote in relay.toml."""

    def run(routers: Any, settings: dict[str, Any] | None = None) -> Result:
        dump, file = tmp_path / "routers.json", tmp_path / "settings.json"
        dump.write_text(routers if isinstance(routers, str) else json.dumps(routers), "utf-8")
        file.write_text(json.dumps({"LMS_ROOT_URL": ROOT_URL, **(settings or {})}), "utf-8")
        result = CliRunner().invoke(import_erb, [str(dump), "--settings", str(file)], catch_exceptions=False)
        (tmp_path / "relay.toml").write_text(result.stdout, "utf-8")
        return result

    return run


@pytest.fixture
def assemble_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Result], Assembly]:
    """Returns a function that sets the variables that the command lists, and assembles the file that it wrote."""

    def run(result: Result) -> Assembly:
        for line in result.stderr.splitlines():
            variable, colon, _ = line.strip().partition(": ")
            if colon and variable.startswith("LEARNRELAY_"):
                is_address = variable == "LEARNRELAY_LMS_TABLES"
                monkeypatch.setenv(variable, f"sqlite:///{tmp_path}/lms.db" if is_address else SECRET)
        return assemble(tmp_path / "relay.toml")

    return run
