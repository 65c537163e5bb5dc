"""Goldens: what becomes of an event, as whole Caliper events. `goldens/README.md` says how to change them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from learnrelay import Family
from learnrelay.events import event_from_mapping
from learnrelay.pipeline import Pipeline, State
from learnrelay_caliper import __version__
from learnrelay_caliper.schema import event_schema
from learnrelay_contract_tests.receivers import check_event

GOLDENS = Path(__file__).parent / "goldens"
FILES = sorted(file for file in GOLDENS.glob("*.json") if file.stem != "names")
NAMES = json.loads((GOLDENS / "names.json").read_text("utf-8"))
WIDTH = 116
FAILING = {
    golden["event"]["name"]
    for file in FILES
    for golden in json.loads(file.read_text("utf-8"))
    if str(golden["gives"]).startswith("failed")
}
"""Names of which a golden fails on purpose."""


def outcome_of(pipeline: Pipeline, event: dict[str, Any], version: str = "1.2") -> Any:
    """The events, validated twice, or why there are none."""
    (outcome,) = pipeline.process(event_from_mapping(event))
    if outcome.state is not State.TRANSFORMED:
        where = f"{outcome.error.path}: " if outcome.error else ""
        return f"{outcome.state.value}: {where}{outcome.reason}"
    said = [one.parsed for one in outcome.statements]
    for statement in said:
        assert event_schema(version).validate(statement) == {}
        assert check_event(statement, version) == []
    return said


def shortened(value: Any) -> Any:
    """With names in the place of what recurs (`goldens/names.json`); the version is left open."""
    for name, meant in NAMES.items():
        if value == meant:
            return name
        if isinstance(value, str) and isinstance(meant, str):
            value = value.replace(meant, name)
    if isinstance(value, str):
        return value.replace(f"learnrelay-caliper@{__version__}", "learnrelay-caliper@…")
    if isinstance(value, dict):
        return {key: shortened(inner) for key, inner in value.items()}
    return [shortened(item) for item in value] if isinstance(value, list) else value


def without_ids(outcome: Any) -> Any:
    return outcome if isinstance(outcome, str) else [event | {"id": ""} for event in outcome]


def goldens() -> Iterator[dict[str, Any]]:
    for file in FILES:
        yield from json.loads(file.read_text("utf-8"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_goldens(pipeline: Pipeline, file: Path) -> None:
    entries = json.loads(file.read_text("utf-8"))
    if os.environ.get("LEARNRELAY_REGENERATE"):
        for golden in entries:
            golden["gives"] = shortened(outcome_of(pipeline, golden["event"]))
        file.write_text(written(entries) + "\n", "utf-8")
    for golden in entries:
        assert shortened(outcome_of(pipeline, golden["event"])) == golden["gives"], golden["title"]
        for name in golden.get("also", []):
            others = shortened(outcome_of(pipeline, golden["event"] | {"name": name}))
            assert without_ids(others) == without_ids(golden["gives"]), name


def test_every_mapped_name_has_a_golden(pipeline: Pipeline) -> None:
    shown = {name for golden in goldens() for name in [golden["event"]["name"], *golden.get("also", [])]}
    assert set(pipeline.plan.steps) - shown == set()


def test_the_families_map_what_the_families_of_xapi_map() -> None:
    families: dict[str, dict[str, set[str]]] = {"xapi": {}, "caliper": {}}
    for point in entry_points(group="learnrelay.families.v1"):
        standard, _, name = point.name.partition(".")
        if standard in families and point.dist is not None and point.dist.name == f"learnrelay-{standard}":
            family: Family = point.load()
            events = {event for transformer in family.transformers for event in transformer.events}
            families[standard][name] = events
    assert families["caliper"] == (families["xapi"] or families["caliper"])
    assert len(set().union(*families["caliper"].values())) >= 68


def test_version_1_1_says_the_same_in_its_own_types(pipeline: Pipeline, relay_with: Callable[..., Pipeline]) -> None:
    """Every golden is valid in 1.1, and differs from 1.2 only where 1.1 knows less."""
    older = relay_with(version="1.1")
    seen = set()
    for golden in goldens():
        ours, theirs = outcome_of(pipeline, golden["event"]), outcome_of(older, golden["event"], "1.1")
        if isinstance(ours, str):
            assert theirs == ours
            continue
        for event, old in zip(ours, theirs, strict=True):
            assert "profile" not in old
            expected = {key: value for key, value in event.items() if key != "profile"}
            expected["@context"] = "http://purl.imsglobal.org/ctx/caliper/v1p1"
            if event["type"] in ("FeedbackEvent", "ResourceManagementEvent"):
                seen.add(event["type"])
                expected["type"] = "Event"
            if event.get("generated", {}).get("type") == "Rating":
                rating = event["generated"]
                selections = {key: rating[key] for key in ("selections",) if key in rating}
                seen.add(f"Rating with {len(selections)}")
                expected["generated"] = {
                    "id": rating["id"],
                    "type": "Annotation",
                    "annotator": rating["rater"],
                    "annotated": rating["rated"],
                } | ({"extensions": selections} if selections else {})
            assert old == expected, golden["title"]
    assert seen == {"FeedbackEvent", "ResourceManagementEvent", "Rating with 0", "Rating with 1"}


def flattened(thing: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """An event and what its resources are part of, each for itself: 1.1 lets validators try all types anew."""
    whole = {}
    for key, value in thing.items():
        inner = list(flattened(value)) if isinstance(value, dict) else [value]
        yield from inner[:-1]
        whole[key] = inner[-1]
        if key == "isPartOf" and isinstance(value, dict):
            yield inner[-1]
            whole[key] = value["id"]
    yield whole


@pytest.mark.parametrize("version", ["1.2", "1.1"])
def test_goldens_and_reference_samples_pass_the_official_schemas(
    officially_valid: Callable[[str, dict[str, Any]], bool],
    reference: Path,
    relay_with: Callable[..., Pipeline],
    version: str,
) -> None:
    pipeline = relay_with(version=version, identity={"provider": "keyed", "secret": "a secret of the tests"})
    files = [*(reference / "events" / "raw").glob("*.json"), *(reference / "pairs").glob("*/*.json")]
    samples = [json.loads(file.read_text("utf-8")) for file in files if file.stem != "INDEX"]
    events = [golden["event"] for golden in goldens()] + [sample.get("raw", sample) for sample in samples]
    seen = set()
    for event in events:
        for outcome in pipeline.process(event_from_mapping(event)):
            assert outcome.state is not State.FAILED or outcome.event in FAILING, outcome.error
            for statement in [one.parsed for one in outcome.statements]:
                for part in flattened(statement):
                    assert officially_valid(version, part), outcome.event
                assert check_event(statement, version) == [], outcome.event
                seen.add(outcome.event)
    assert seen == set(pipeline.plan.steps)


def written(value: Any, indent: int = 0, before: int = 0) -> str:
    """JSON in which what fits into a line stands in one; ``before``: characters in the line already."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + before <= WIDTH or not isinstance(value, (dict, list)):
        return line
    inner = " " * (indent + 2)
    if isinstance(value, list):
        members, brackets = [("", item) for item in value], "[]"
    else:
        members, brackets = [(f"{json.dumps(key, ensure_ascii=False)}: ", value[key]) for key in value], "{}"
    lines = [inner + key + written(item, indent + 2, indent + 2 + len(key)) for key, item in members]
    return brackets[0] + "\n" + ",\n".join(lines) + f"\n{' ' * indent}{brackets[1]}"
