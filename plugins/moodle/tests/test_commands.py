"""The commands that read events without a file, where several platforms are installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from learnrelay.cli import explain, transform

LOG = Path(__file__).parents[3] / "examples" / "moodle.jsonl"


@pytest.mark.parametrize("by", ["option", "variable"])
def test_the_source_is_named_by_an_option_or_a_variable(by: str) -> None:
    options, environment = (["--source", "moodle"], {}) if by == "option" else ([], {"LEARNRELAY_SOURCE": "moodle"})
    done = CliRunner().invoke(transform.command, ["-s", "xapi", "--json", *options, str(LOG)], env=environment)
    assert done.exit_code == 0, done.output
    statements = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(statements) >= 90
    assert r'"\\core\\event\\dashboard_viewed": 1' in done.stderr


def test_an_event_is_explained(tmp_path: Path) -> None:
    (tmp_path / "row").write_bytes(LOG.read_bytes().splitlines()[0])
    done = CliRunner().invoke(explain.command, ["--source", "moodle", "--json", str(tmp_path / "row")])
    assert done.exit_code == 0, done.output
    (caliper, xapi) = sorted(json.loads(done.stdout)["standards"], key=lambda row: row["standard"])
    assert (xapi["state"], caliper["state"]) == ("transformed", "transformed")
