"""Goldens: what becomes of an event, as whole Caliper events. `../README.md` says how to change them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from golden_files import ONE_STANDARD, golden_files, missing_golden, read_goldens, read_names, to_text
from learnrelay import Family
from learnrelay.pipeline.run import OutcomeState, Pipeline
from learnrelay_caliper.schema import event_schema
from learnrelay_contract_tests.endpoints import check_event
from learnrelay_openedx import __version__
from openedx_events import event_from_mapping

NAMES = read_names("caliper")
OLDER_ACTIONS = {
    "Declined": "Skipped", "Downloaded": "Retrieved", "Launched": "Used", "Saved": "Modified", "Uploaded": "Created",
}  # fmt: skip
"""Action of 1.2 → what it is in 1.1."""
PLAIN_IN_1_1 = {
    "FeedbackEvent", "QuestionnaireEvent", "QuestionnaireItemEvent", "ResourceManagementEvent", "SearchEvent",
}  # fmt: skip
NEAREST_IN_1_1: dict[str, tuple[str, tuple[str, ...]]] = {
    "LtiLink": ("DigitalResource", ()),
    "MultiselectResponse": ("Response", ("selections",)),
    "Questionnaire": ("DigitalResource", ("items",)),
    "QuestionnaireItem": ("DigitalResource", ()),
    "Rating": ("Annotation", ("selections",)),
    "SearchResponse": ("DigitalResource", ("searchTarget", "searchResultsItemCount")),
}
"""Type → its nearest in 1.1, and what that one lacks."""


def outcome_of(pipeline: Pipeline, event: dict[str, Any], version: str = "1.2") -> Any:
    """Returns the events, validated twice, or why there are none."""
    (outcome,) = pipeline.process(event_from_mapping(event))
    if outcome.state is not OutcomeState.TRANSFORMED:
        where = f"{outcome.error.path}: " if outcome.error else ""
        return f"{outcome.state.value}: {where}{outcome.reason}"
    statements = [statement.parsed for statement in outcome.statements]
    for statement in statements:
        assert event_schema(version).validate(statement) == {}
        assert check_event(statement, version) == []
    return statements


def shortened(value: Any) -> Any:
    """Puts names in the place of what recurs (`names.json`); the version is left open."""
    for name, meant in NAMES.items():
        if value == meant:
            return name
        if isinstance(value, str) and isinstance(meant, str):
            value = value.replace(meant, name)
    if isinstance(value, str):
        return value.replace(f"learnrelay-openedx@{__version__}", "learnrelay-openedx@…")
    if isinstance(value, dict):
        return {key: shortened(inner) for key, inner in value.items()}
    return [shortened(item) for item in value] if isinstance(value, list) else value


def without_ids(outcome: Any) -> Any:
    return outcome if isinstance(outcome, str) else [event | {"id": ""} for event in outcome]


@pytest.mark.parametrize("file", golden_files("caliper"), ids=lambda file: file.parent.name)
def test_goldens(pipeline: Pipeline, file: Path) -> None:
    entries = json.loads(file.read_text("utf-8"))
    if os.environ.get("LEARNRELAY_REGENERATE"):
        for golden in entries:
            golden["gives"] = shortened(outcome_of(pipeline, golden["event"]))
        file.write_text(to_text(entries) + "\n", "utf-8")
    for golden in entries:
        assert shortened(outcome_of(pipeline, golden["event"])) == golden["gives"], golden["title"]
        for name in golden.get("also", []):
            others = shortened(outcome_of(pipeline, golden["event"] | {"name": name}))
            assert without_ids(others) == without_ids(golden["gives"]), name


def test_every_mapped_name_has_a_golden(pipeline: Pipeline) -> None:
    assert not (problem := missing_golden("caliper", set(pipeline.plan.mappings))), problem


def test_the_families_map_what_the_families_of_xapi_map() -> None:
    events: dict[str, dict[str, set[str]]] = {"xapi": {}, "caliper": {}}
    groups = (entry_points(group=f"learnrelay.{kind}.v1") for kind in ("families", "optional_families"))
    for point in chain.from_iterable(groups):
        standard, _, name = point.name.partition(".")
        if point.dist is not None and point.dist.name == "learnrelay-openedx":
            family: Family = point.load()
            mapped = {event for transformer in family.transformers for event in transformer.events}
            if mapped := mapped - set(ONE_STANDARD):
                events[standard][name] = mapped
    assert events["caliper"] == events["xapi"]
    assert len(set().union(*events["caliper"].values())) >= 68


def test_version_1_1_has_the_same_content(pipeline: Pipeline, relay_with: Callable[..., Pipeline]) -> None:
    """Every golden is valid in 1.1, and differs from 1.2 only where 1.1 knows less."""
    older = relay_with(version="1.1")
    seen = set()
    for golden in read_goldens("caliper"):
        ours, theirs = outcome_of(pipeline, golden["event"]), outcome_of(older, golden["event"], "1.1")
        if isinstance(ours, str):
            assert theirs == ours
            continue
        for event, old in zip(ours, theirs, strict=True):
            assert "profile" not in old
            expected = {key: value for key, value in event.items() if key != "profile"}
            expected["@context"] = "http://purl.imsglobal.org/ctx/caliper/v1p1"
            expected["action"] = OLDER_ACTIONS.get(event["action"], event["action"])
            if event["type"] in PLAIN_IN_1_1:
                seen.add(event["type"])
                expected["type"] = "Event"
            for name in {"object", "generated", "target", "referrer"} & event.keys():
                expected[name] = entity_in_1_1(event[name])
                if event[name]["type"] == "Rating":
                    seen.add(f"Rating with {min(len(event[name].get('selections', ())), 1)}")
            assert old == expected, golden["title"]
    assert seen == {*PLAIN_IN_1_1, "Rating with 0", "Rating with 1"}


def entity_in_1_1(entity: Any) -> Any:
    """Returns an entity as 1.1 has it: of the nearest type, with what that type lacks as extensions."""
    if not isinstance(entity, dict) or (nearest := NEAREST_IN_1_1.get(entity["type"])) is None:
        return entity
    kind, lacking = nearest
    names = {"rater": "annotator", "rated": "annotated"}
    old = {names.get(key, key): value for key, value in entity.items() if key not in lacking}
    extensions = {key: entity[key] for key in lacking if key in entity}
    return {**old, "type": kind, **({"extensions": extensions} if extensions else {})}


def flattened(thing: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yields an event and what its resources are part of, each for itself: 1.1 lets validators try all types anew."""
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
    goldens = list(read_goldens("caliper"))
    failing = {golden["event"]["name"] for golden in goldens if str(golden["gives"]).startswith("failed")}
    events = [golden["event"] for golden in goldens] + [sample.get("raw", sample) for sample in samples]
    events += [golden["event"] | {"name": name} for golden in goldens for name in golden.get("also", [])]
    seen = set()
    for event in events:
        for outcome in pipeline.process(event_from_mapping(event)):
            assert outcome.state is not OutcomeState.FAILED or outcome.event in failing, outcome.error
            for statement in [event.parsed for event in outcome.statements]:
                for part in flattened(statement):
                    assert officially_valid(version, part), outcome.event
                assert check_event(statement, version) == [], outcome.event
                seen.add(outcome.event)
    assert seen == set(pipeline.plan.mappings)
