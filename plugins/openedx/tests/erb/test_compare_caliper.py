"""`learnrelay compare` on Caliper events: departures by name, events that only we have, and no value of an event."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from learnrelay_openedx.erb.compare_command import compare

ROOT = "https://campus.example"
PROBLEM = {"id": f"{ROOT}/xblock/k", "type": "Assessment"}
LEARNER = {"id": f"{ROOT}/user/Wanda-Secretive", "type": "Person"}
ATTEMPT = {"id": f"{ROOT}/xblock/k/attempt", "type": "Attempt", "assignee": LEARNER["id"], "assignable": PROBLEM["id"]}
THEIRS: dict[str, Any] = {
    "@context": "http://purl.imsglobal.org/ctx/caliper/v1p2",
    "id": "urn:uuid:b52eb5c3-350f-45c2-9f03-aa642b7ad30d",
    "type": "AssessmentEvent",
    "action": "Submitted",
    "actor": LEARNER,
    "object": PROBLEM,
    "eventTime": "2026-03-02T09:00:00.250Z",
}
OURS = {**THEIRS, "id": "urn:uuid:f9a8c116-56b0-54cd-a42b-bdb89c3278ce", "eventTime": "2026-03-02T10:00:00.25+01:00"}
OURS |= {"generated": ATTEMPT}
GRADED = {
    **OURS, "id": "urn:uuid:666f99e6-eb43-5f0e-a72e-276ebb52634c", "type": "GradeEvent", "action": "Graded",
    "actor": {"id": ROOT, "type": "SoftwareApplication"}, "object": ATTEMPT, "generated": {"type": "Score"},
}  # fmt: skip
STATEMENT = {"id": "s", "verb": {"id": "v"}, "actor": {}, "object": {}, "timestamp": "2026-03-02T09:00:00.25+00:00"}


def run(directory: Path, ours: list[Any], theirs: list[Any], *options: str) -> Result:
    for name, stream in (("ours", ours), ("theirs", theirs)):
        lines = (line if isinstance(line, str) else json.dumps(line) for line in stream)
        (directory / name).write_text("\n".join(lines), "utf-8")
    result = CliRunner().invoke(compare, [str(directory / "ours"), str(directory / "theirs"), *options])
    assert "Secretive" not in result.output
    return result


def rows(result: Result) -> set[tuple[str, str, str]]:
    return {(row["kind"], row["verb"], row["what"]) for row in json.loads(result.stdout)["differences"]}


def changed(**members: Any) -> dict[str, Any]:
    return copy.deepcopy(THEIRS) | members


def test_departures_are_named_and_instants_compared(tmp_path: Path) -> None:
    result = run(tmp_path, [OURS], [THEIRS], "--json")
    submitted = "AssessmentEvent / Submitted"
    assert result.exit_code == 0
    assert rows(result) == {
        ("form", submitted, "eventTime"), ("correction", submitted, "id"),
        ("correction", submitted, "attempt and points of a submission"),
    }  # fmt: skip


def test_an_event_in_addition_is_a_departure_where_its_row_says_so(tmp_path: Path) -> None:
    result = run(tmp_path, [OURS, GRADED], [THEIRS], "--json")
    assert result.exit_code == 0
    assert ("correction", "GradeEvent / Graded", "attempt and points of a submission") in rows(result)
    of_another = {**GRADED, "object": {**ATTEMPT, "id": f"{ROOT}/xblock/other/attempt"}}
    result = run(tmp_path, [OURS, of_another], [THEIRS], "--json")
    assert (result.exit_code, ("only ours", "GradeEvent / Graded", "") in rows(result)) == (1, True)
    assert ("only theirs", "AssessmentEvent / Submitted", "") in rows(run(tmp_path, [], [THEIRS], "--json"))


def test_envelopes_lines_of_the_log_and_both_standards_in_one_stream(tmp_path: Path) -> None:
    log = f"2026-03-02 09:00:01,123 INFO 7 [caliper_tracking] [user 7] processor.py:55 - {json.dumps(THEIRS)}"
    envelope = {"sensor": ROOT, "sendTime": "2026-03-02T09:00:01.000Z", "dataVersion": "v", "data": [OURS]}
    assert run(tmp_path, [envelope, STATEMENT], [log, STATEMENT]).exit_code == 0
    assert run(tmp_path, [[envelope]], [[{**envelope, "data": [THEIRS]}]]).exit_code == 0
    assert run(tmp_path, [OURS], [{**envelope, "data": [THEIRS, 7]}]).exit_code == 2


@pytest.mark.parametrize(
    ("event", "path"),
    [
        (changed(actor={"id": "Secretive", "type": "Person"}), "actor.id"),
        (changed(object={**PROBLEM, "extensions": {"Secretive": "Wanda"}}), "object.extensions"),
        (changed(Secretive=1), '["(other keys)"]'),
        (changed(object=7), "object"),
        (changed(target=[1]), "target"),
        (changed(action="Secretive"), "action"),
    ],
)
def test_other_differences_are_counted_by_path(event: dict[str, Any], path: str, tmp_path: Path) -> None:
    result = run(tmp_path, [OURS], [event], "--json")
    assert result.exit_code == 1
    assert {what for kind, _, what in rows(result) if kind == "difference"} == {path}
    assert run(tmp_path, [event], [OURS]).exit_code == 1


def test_an_event_without_its_type_or_time_is_none(tmp_path: Path) -> None:
    for key in ("type", "action", "eventTime"):
        event = {name: value for name, value in THEIRS.items() if name != key}
        assert run(tmp_path, [OURS], [event]).exit_code == 2
    assert "(another type)" in run(tmp_path, [], [changed(type="Secretive")]).stdout
