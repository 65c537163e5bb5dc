"""docs/scaling.md: its tables are those of the benchmark's figures, and divided relays make what one relay makes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks import capacity
from learnrelay import Relay
from learnrelay.cli import cli
from learnrelay_contract_tests.endpoints import ReferenceLrs
from relay_files import relay_toml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/scaling.md").read_text(encoding="utf-8")
RESULTS: dict[str, Any] = json.loads((ROOT / "benchmarks/results.json").read_text(encoding="utf-8"))


def test_the_tables_are_those_of_the_figures() -> None:
    assert set(re.findall(r"<!-- capacity: (\w+) -->", PAGE)) == set(capacity.TABLES)
    assert capacity.fill(PAGE, RESULTS) == PAGE, "docs/scaling.md: stale, run python -m benchmarks.capacity"


@pytest.mark.parametrize(
    "names",
    [
        ("outbox on PostgreSQL", "in, 1 a commit, 4 emitters", "server_us"),
        ("outbox on PostgreSQL", "in, 50 a commit", "server_us"),
        ("outbox on PostgreSQL", "out, 1 worker", "server_us"),
        ("outbox on PostgreSQL", "out, 1 worker", "client_us"),
        ("outbox", "outbox, 1 a commit", "statements_per_second"),
        ("delivery", "outbox and drain", "statements_per_second"),
        ("pipeline", "xAPI, without cache", "events_per_second"),
        ("room on PostgreSQL", "bytes"),
    ],
)
def test_another_figure_is_another_page(names: tuple[str, ...]) -> None:
    changed = json.loads(json.dumps(RESULTS))
    holder = changed
    for name in names[:-1]:
        holder = holder[name]
    holder[names[-1]] *= 2
    assert capacity.fill(PAGE, changed) != PAGE


def test_the_model_counts_as_the_page_says() -> None:
    assert capacity.both_ways(3000, 6000) == pytest.approx(2000)
    assert capacity.server_rate(300, 200, cores=4) == pytest.approx(8000)
    assert capacity.worker_rate(1000, answer=0.1, batch=100) == pytest.approx(500)
    rates = {load.name: load.rate for load in capacity.list_loads()}
    assert rates["exam, the beginning"] == pytest.approx(1_000_000 * 20 / 600)
    assert rates["exam, the rest"] == pytest.approx(1_000_000 * 100 / 6600)
    shorter = replace(capacity.ASSUMED, exam=3600.0)
    assert capacity.list_loads(shorter)[-1].rate == pytest.approx(1_000_000 * 100 / 3000)
    parts = capacity.list_parts(RESULTS)
    used = capacity.list_breaking(RESULTS, capacity.Load("", 100), tuple(parts))
    assert [share for share, _ in used] == sorted((100 / part.rate for part in parts.values()), reverse=True)


# --- dividing the learners --------------------------------------------------------------------------------


def choose_relay() -> Any:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)  # the page's own code is what is tested
    return names["choose_relay"]


def read_events() -> Iterator[dict[str, Any]]:
    for line in (ROOT / "examples/tracking.log").read_bytes().splitlines()[:400]:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event


def run_relays(folder: Path, relays: int, lrs: ReferenceLrs) -> list[set[str]]:
    """Delivers the log through so many relays, each with its own outbox; returns the learners of each."""
    (folder / "identity").write_text("Kd7wq2Lmz9Xv4bTn")
    learners: list[set[str]] = [set() for _ in range(relays)]
    choose = choose_relay()
    for number in range(relays):
        config = folder / f"relay-{number}.toml"
        config.write_text(
            relay_toml(
                ["xapi.*"],
                {"main": {"standard": "xapi", "url": lrs.url}},
                platform={"source": "openedx"},
                identity={"secret": "file:identity"},
                delivery={"database": f"sqlite:///{folder}/outbox-{relays}-{number}.db", "engine": "none"},
            )
        )
        with Relay.from_file(config) as relay:
            for event in read_events():
                if choose(event, relays) == number:
                    for outcome in relay.emit(event):
                        for statement in outcome.statements:
                            learners[number].add(json.dumps(json.loads(statement.content)["actor"]["account"]["name"]))
        done = CliRunner().invoke(cli, ["worker", "--until-empty", "--config", str(config)])
        assert done.exit_code == 0, done.output
    return learners


def test_divided_relays_make_what_one_relay_makes(tmp_path: Path) -> None:
    contents = []
    for relays in (1, 2, 3):
        with ReferenceLrs() as lrs:
            learners = run_relays(tmp_path, relays, lrs)
            assert all(learners), "each relay has learners"
            contents.append(lrs.statements)
            assert lrs.duplicates == 0
    assert len(contents[0]) > 30
    assert contents[0] == contents[1] == contents[2]


def test_another_number_of_relays_stores_nothing_twice(tmp_path: Path) -> None:
    with ReferenceLrs() as lrs:
        run_relays(tmp_path, 1, lrs)
        before = len(lrs.statements)
        run_relays(tmp_path, 3, lrs)
        assert len(lrs.statements) == before
        assert lrs.duplicates == before
