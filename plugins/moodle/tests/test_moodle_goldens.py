"""Goldens: what becomes of a row, as whole statements of both standards. `README.md` says how to change them."""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from golden_files import to_text
from learnrelay.assembly.assemble import Assembly
from learnrelay.pipeline.run import OutcomeState, Pipeline
from learnrelay_caliper.schema import event_schema
from learnrelay_contract_tests.endpoints import check_event, check_statement
from learnrelay_moodle import __version__
from learnrelay_xapi.schema import statement_schema
from moodle_goldens import HERE, STANDARDS, golden_files, line_of, read_goldens
from services import reference_folder

sys.path.insert(0, str(HERE.parents[1] / "caliper" / "tests"))

from official_schemas import official_schemas

NAMES = json.loads((HERE / "names.json").read_text("utf-8"))


def problems_of(standard: str, statement: dict[str, Any], version: str = "1.2") -> list[Any]:
    """Returns what the schema of a standard and the reference endpoint have against a statement."""
    if standard == "caliper":
        return [*event_schema(version).validate(statement).items(), *check_event(statement, version)]
    return [*statement_schema("1.0.3").validate(statement).items(), *check_statement(statement)]


def outcomes_of(assembly: Assembly, row: dict[str, Any], version: str = "1.2") -> dict[str, Any]:
    """Returns the statements in each standard, validated twice, or why there are none."""
    outcomes: dict[str, Any] = {}
    for outcome in Pipeline(assembly.plan).process(assembly.source.event_from_line(line_of(row))):
        if outcome.state is OutcomeState.TRANSFORMED:
            given: Any = [statement.parsed for statement in outcome.statements]
            for statement in given:
                assert not (problems := problems_of(outcome.standard, statement, version)), (row, problems)
        else:
            where = f"{outcome.error.path}: " if outcome.error else ""
            given = f"{outcome.state.value}: {where}{outcome.reason}"
        outcomes |= dict.fromkeys([outcome.standard] if outcome.standard else STANDARDS, given)
    return outcomes


def shortened(value: Any) -> Any:
    """Puts names in the place of what recurs (`names.json`); the version is left open."""
    if isinstance(value, str):
        value = value.replace(f"learnrelay-moodle@{__version__}", "learnrelay-moodle@…")
    elif isinstance(value, dict):
        value = {key: shortened(inner) for key, inner in value.items()}
    elif isinstance(value, list):
        value = [shortened(item) for item in value]
    return next((name for name, meant in NAMES.items() if value == meant), value)


@pytest.mark.parametrize("file", golden_files(), ids=lambda file: file.parent.name)
def test_goldens(assembly: Assembly, gradebook_assembly: Assembly, file: Path) -> None:
    assembly = gradebook_assembly if file.parent.name == "gradebook" else assembly
    entries = json.loads(file.read_text("utf-8"))
    if os.environ.get("LEARNRELAY_REGENERATE"):
        entries = [
            {"title": golden["title"], "row": golden["row"], **shortened(outcomes_of(assembly, golden["row"]))}
            for golden in entries
        ]
        file.write_text(to_text(entries) + "\n", "utf-8")
    for golden in entries:
        given = shortened(outcomes_of(assembly, golden["row"]))
        assert given == {standard: golden[standard] for standard in STANDARDS}, golden["title"]


def test_every_mapped_name_has_a_golden(assembly: Assembly) -> None:
    for standard in STANDARDS:
        shown = {golden["row"]["eventname"] for golden in read_goldens() if isinstance(golden[standard], list)}
        mapped = {name for (of, name) in assembly.table if of == standard}
        assert len(mapped) >= 60
        assert shown == mapped


def test_fields_are_declared_once_for_both_standards(assembly: Assembly) -> None:
    standards: dict[str, set[str]] = defaultdict(set)
    for (standard, name), mapping in assembly.table.items():
        standards[name].add(standard)
        folder = mapping.family.partition(".")[2].removeprefix("moodle_")
        assert mapping.reads.__module__ == f"learnrelay_moodle.{folder}.fields", mapping.family
    assert {frozenset(of) for of in standards.values()} == {frozenset(STANDARDS)}


def test_older_and_newer_versions_of_the_standards(assemble: Callable[..., Assembly]) -> None:
    """Every golden is valid in Caliper 1.1 and xAPI 2.0 too, and is about the same things."""
    older = assemble(caliper={"version": "1.1"}, xapi={"version": "2.0"})
    for golden in read_goldens():
        if golden["row"]["eventname"] == r"\core\event\user_graded":
            continue
        for outcome in Pipeline(older.plan).process(older.source.event_from_line(line_of(golden["row"]))):
            for number, statement in enumerate(outcome.statements):
                parsed = statement.parsed
                assert parsed["id"] == golden[outcome.standard][number]["id"]
                if outcome.standard == "caliper":
                    assert not problems_of("caliper", parsed, "1.1"), golden["title"]
                else:
                    assert statement_schema("2.0").validate(parsed) == {}, golden["title"]


@pytest.mark.slow
@pytest.mark.parametrize("version", ["1.2", "1.1"])
def test_goldens_pass_the_official_schemas(assemble: Callable[..., Assembly], version: str) -> None:
    is_valid = official_schemas(reference_folder())
    relays = {
        grades: assemble(caliper={"version": version}, moodle={"grades": grades})
        for grades in ("activities", "gradebook")
    }
    seen = set()
    for golden in read_goldens():
        of_gradebook = golden["row"]["eventname"] == r"\core\event\user_graded"
        relay = relays["gradebook" if of_gradebook else "activities"]
        for outcome in Pipeline(relay.plan).process(relay.source.event_from_line(line_of(golden["row"]))):
            for statement in outcome.statements if outcome.standard == "caliper" else ():
                assert is_valid(version, statement.parsed), golden["title"]
                seen.add(outcome.event)
    assert seen == {name for (standard, name) in relays["activities"].table if standard == "caliper"}
