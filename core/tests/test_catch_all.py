"""A mapping of every other event: off unless it is named, after named mappings, with what it declares alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from installation import Installation
from learnrelay.outbox.outgoing import CriticalEvents
from learnrelay.pipeline.outcome_counts import OutcomeCounts
from learnrelay.pipeline.run import MAX_NAMES, Pipeline
from learnrelay.privacy.data_map import derive_data_map
from learnrelay.privacy.pruning import compile_pruners
from relay_files import relay_toml
from single_files import POLLS, ROWS, assemble_files, problems_of, raw_event, statements_of

EVERY = '''
from learnrelay import Family, Fields, optional, required

family = Family("rows.every", critical=True)


class Row(Fields):
    name = required("name")
    org = optional("context.org_id")


@family.maps("*", reads=Row)
def row(row, platform):
    """Makes a row of an event."""
    return {"org": row.org, "length": len(row.name)}
'''
UNNAMED = EVERY.replace('    name = required("name")\n', "").replace(', "length": len(row.name)', "")
FILES = {"rows.py": ROWS, "polls.py": POLLS, "every.py": EVERY}
CONNECTION = {"standard": "rows", "url": "https://rows.example.org"}


def test_a_named_mapping_goes_before_it(tmp_path: Path) -> None:
    assembly = assemble_files(tmp_path, FILES)
    assert statements_of(assembly, raw_event()) == [{"event": "poll.answered", "question": "q1", "scale": 5}]
    other = raw_event("tide.turned", org_id="Harbour", secret="hush")
    assert statements_of(assembly, other) == [{"event": "tide.turned", "org": "Harbour", "length": 11}]


def test_the_name_reaches_the_standard_only_where_it_is_declared(tmp_path: Path) -> None:
    assembly = assemble_files(tmp_path, {"rows.py": ROWS, "every.py": UNNAMED})
    assert statements_of(assembly, raw_event("tide.turned")) == [{"event": "*", "org": None}]


def test_it_takes_what_another_standard_maps_and_counts_stay_right(tmp_path: Path) -> None:
    twice = ROWS.replace('name = "rows"', 'name = "lines"').replace("Rows", "Lines")
    every = EVERY.replace("rows.every", "lines.every")
    assembly = assemble_files(tmp_path, {"rows.py": ROWS, "lines.py": twice, "polls.py": POLLS, "every.py": every})
    pipeline, counts = Pipeline(assembly.plan), OutcomeCounts.of(["rows", "lines"])
    for name in ("poll.answered", "tide.turned", "tide.turned"):
        counts.count(pipeline.process(assembly.source.event_from_mapping(raw_event(name))))
    assert (counts.standards["rows"].transformed, counts.standards["rows"].not_mapped) == (1, 2)
    assert (counts.standards["lines"].transformed, counts.standards["lines"].not_mapped) == (3, 0)
    assert counts.unmapped == {}, "no name is without a mapping"
    narrow = Pipeline(assembly.plan.narrow(["rows"]))
    (outcome,) = narrow.process(assembly.source.event_from_mapping(raw_event("tide.turned")))
    assert outcome.standard == ""


def test_a_name_from_outside_forges_no_line_and_names_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In the log of an LMS, whose formatter escapes nothing, and in records of errors."""
    broken = EVERY.replace("len(row.name)", "[][0]")
    assembly = assemble_files(tmp_path, {"rows.py": ROWS, "every.py": broken})
    pipeline = Pipeline(assembly.plan)
    caplog.set_level("DEBUG", logger="learnrelay.pipeline")  # commands that ran before raise it
    for name in ("x\x1b[2J\nERROR forged\u202e", "/u/mira.k"):
        (outcome,) = pipeline.process(assembly.source.event_from_mapping(raw_event(name)))
        assert outcome.error is not None
        assert "mira.k" not in str(outcome.error.as_record())
    assert "ERROR forged" in caplog.text
    assert not re.search("[\x1b\u202e]|\nERROR forged|mira.k", caplog.text)


def test_names_without_end_take_no_memory_without_end(tmp_path: Path) -> None:
    assembly = assemble_files(tmp_path, {"rows.py": ROWS, "every.py": EVERY})
    pipeline = Pipeline(assembly.plan)
    for number in range(MAX_NAMES + 50):
        (outcome,) = pipeline.process(assembly.source.event_from_mapping(raw_event(f"tide.{number}")))
        assert outcome.statements[0].parsed["event"] == f"tide.{number}"
    assert len(pipeline._others_by_name.entries) == MAX_NAMES


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ({"event": "tide.turned"}, {"tide.turned"}),
        ({"event": "glob:tide.*"}, {"tide.turned", "tide.fell"}),
        ({"family": "rows.every"}, {"tide.turned", "tide.fell", "wind"}),
        ({"family": "rows.polls"}, {"poll.answered"}),
        ({"all": True, "deny": {"event": "glob:tide.*"}}, {"poll.answered", "wind"}),
        ({"all": True, "deny": {"family": "rows.every"}}, {"poll.answered"}),
    ],
)
def test_rules_on_names_and_families_hold_for_names_without_a_mapping(
    tmp_path: Path, scope: dict[str, Any], allowed: set[str]
) -> None:
    assembly = assemble_files(tmp_path, FILES, destinations={"main": {**CONNECTION, "scope": scope}})
    pipeline = Pipeline(assembly.plan)
    names = ("poll.answered", "tide.turned", "tide.fell", "wind")
    outcomes = {name: pipeline.process(assembly.source.event_from_mapping(raw_event(name)))[0] for name in names}
    assert {name for name, outcome in outcomes.items() if outcome.destinations} == allowed
    others = {row.event for row in derive_data_map(assembly) if row.destinations} - {"poll.answered"}
    assert others == ({"*"} if allowed - {"poll.answered"} else set())


def test_match_on_a_name_holds_for_names_without_a_mapping(tmp_path: Path) -> None:
    destination = {**CONNECTION, "scope": "all", "match": {"name": "glob:tide.*"}}
    assembly = assemble_files(tmp_path, FILES, destinations={"main": destination})
    pipeline = Pipeline(assembly.plan)
    for name, destinations in (("tide.turned", ("main",)), ("wind", ()), ("poll.answered", ())):
        (outcome,) = pipeline.process(assembly.source.event_from_mapping(raw_event(name)))
        assert outcome.destinations == destinations
    assert not [warning for warning in assembly.config.warnings if "name" in warning]


def test_the_data_map_has_a_row_of_its_own_and_grades_the_name(tmp_path: Path) -> None:
    rows = derive_data_map(assemble_files(tmp_path, FILES))
    (name,) = [row for row in rows if (row.event, row.source, row.output) == ("*", "name", "event")]
    assert (name.grade.value, name.family) == ("indirect", "rows.every")


def test_a_deferred_event_keeps_what_it_declares(tmp_path: Path) -> None:
    assembly = assemble_files(tmp_path, FILES)
    prune = compile_pruners(assembly.plan, assembly.registry, assembly.source.facts)["*"]
    body = assembly.source.event_from_mapping(raw_event("tide.turned", org_id="Harbour", secret="hush")).body
    kept = prune(body)
    assert (kept["name"], kept["context"]["org_id"]) == ("tide.turned", "Harbour")
    assert "secret" not in kept["context"]
    assert not kept["data"]


def test_its_statements_can_be_critical(tmp_path: Path) -> None:
    critical = CriticalEvents(assemble_files(tmp_path, FILES))
    assert ("rows", "tide.turned") in critical
    assert ("rows", "poll.answered") not in critical
    assert ("plain", "tide.turned") not in critical
    by_pattern = CriticalEvents(assemble_files(tmp_path, FILES, delivery={"critical": ["tide.*"]}))
    assert [("rows", name) in by_pattern for name in ("tide.turned", "wind", "poll.answered")] == [True, False, False]


def test_two_of_one_standard_are_a_conflict_that_prefer_settles(tmp_path: Path) -> None:
    files = {**FILES, "all.py": EVERY.replace("rows.every", "rows.all")}
    reason = problems_of(tmp_path, files)["plugins.prefer"]
    assert '[plugins.prefer] "rows:*" = "rows.every"' in reason
    plugins = {"files": list(files), "prefer": {"rows:*": "rows.all"}}
    assert assemble_files(tmp_path, files, plugins=plugins).table["rows", "*"].family == "rows.all"


@pytest.mark.slow
def test_a_glob_does_not_turn_it_on(installation: Installation, tmp_path: Path) -> None:
    points = {
        "learnrelay.standards.v1": {"rows": "acme_rows"},
        "learnrelay.families.v1": {"rows.every": "acme_rows:family"},
    }
    installation.install("acme-rows", points, ROWS + EVERY)
    config, event = tmp_path / "relay.toml", json.dumps(raw_event("tide.turned")).encode()
    secret = {"SECRET": "Kd7wq2Lmz9Xv4bTn"}
    config.write_text(relay_toml(["rows.*"]))
    done = installation.run("check", "--config", config, COLUMNS="300", **secret)
    assert 'maps every event only where its exact name is enabled: "rows.every"' in done.stderr.decode(), done.stderr
    assert installation.run("transform", "--config", config, stdin=event, **secret).stdout == b""
    config.write_text(relay_toml(["rows.every"]))
    done = installation.run("check", "--config", config, **secret)
    assert "rows.every maps every other name" in done.stdout.decode()
    row = json.loads(installation.run("transform", "--config", config, stdin=event, **secret).stdout)
    assert row["event"] == "tide.turned"
    assert installation.run("explain", stdin=event).stdout.decode().count("not mapped") == 1
    listed = installation.run("plugins", "--events", "--json")
    assert "*" in [row["event"] for row in json.loads(listed.stdout)]


def test_the_data_map_is_the_same_in_several_processes(tmp_path: Path) -> None:
    own = {"own": {**CONNECTION, "scope": "all", "pseudonyms": "own"}}
    assembly = assemble_files(tmp_path, FILES, destinations={"main": {**CONNECTION, "scope": "all"}, **own})
    rows = derive_data_map(assembly)
    assert {row.event for row in rows} == {"poll.answered", "*"}
    assert derive_data_map(assembly, processes=3) == rows
