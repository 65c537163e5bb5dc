"""The rules against the reference pack: which expected outputs are faulty, and 1EdTech's own schemas."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from referencing import Registry
from referencing.jsonschema import DRAFT4

from learnrelay_contract_tests.endpoints import check_event, check_statement
from services import reference_folder

# The known faults of the mapper that wrote the pack: start of the file's name to the paths of its faults.
XAPI_FAULTS = {
    "problem_check(server,multiple_questions": {
        "object.objectType",  # GroupActivity
        "context.contextActivities.parent[0].objectType",
    },
    "edx.special_exam.": {"context.contextActivities.grouping[0].id"},  # a code that is no IRI
}
CALIPER_FAULTS = {
    "edx.ui.lms.link_clicked": {"object.type"},  # Webpage
    "problem_check(server)": {"generated.type"},  # the Score is wrapped
}


def expected(standard: str) -> Iterator[tuple[str, Any]]:
    for path in sorted((reference_folder() / "pairs" / standard).glob("*.json")):
        outputs = json.loads(path.read_text())["expected"]
        for output in outputs if isinstance(outputs, list) else [outputs]:
            yield path.name, output


def paths(problems: list[str]) -> set[str]:
    return {problem.split(": ")[0] for problem in problems}


def known(faults: dict[str, set[str]], name: str) -> set[str]:
    return next((fault_paths for start, fault_paths in faults.items() if name.startswith(start)), set())


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
def test_of_the_expected_statements_the_known_ones_are_faulty_and_no_others(version: str) -> None:
    seen: dict[str, set[str]] = {start: set() for start in XAPI_FAULTS}
    for name, statement in expected("xapi"):
        fault_paths = paths(check_statement(statement, version))
        assert fault_paths <= known(XAPI_FAULTS, name), name
        assert bool(fault_paths) == bool(known(XAPI_FAULTS, name)), name
        for start in (start for start in seen if name.startswith(start)):
            seen[start] |= fault_paths
    assert seen == XAPI_FAULTS


def test_of_the_expected_caliper_events_the_known_ones_are_faulty_and_no_others() -> None:
    faults = {name: paths(check_event(event)) for name, event in expected("caliper")}
    assert faults == {name: known(CALIPER_FAULTS, name) for name in faults}
    assert len(faults) > 20


@pytest.fixture(scope="module")
def schemas() -> dict[str, jsonschema.Draft4Validator]:
    folder = reference_folder() / "specs" / "caliper_schema_v1p2"
    documents = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    registry = Registry().with_resources(
        (name, DRAFT4.create_resource(document)) for name, document in documents.items()
    )
    return {name: jsonschema.Draft4Validator(document, registry=registry) for name, document in documents.items()}


def test_what_the_schemas_refuse_the_rules_refuse(schemas: dict[str, jsonschema.Draft4Validator]) -> None:
    """Each expected event, and each with one of its values replaced or removed."""
    refused = 0
    for _, event in expected("caliper"):
        for variant in (event, *variants(event)):
            kind = variant.get("type")
            validator = schemas.get(kind) if isinstance(kind, str) else None
            if validator is not None and not validator.is_valid(variant):
                refused += 1
                assert check_event(variant), variant
    assert refused > 100


def variants(value: Any) -> Iterator[Any]:
    """Copies of a document outside its extensions, each with one value replaced or one property removed."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "extensions":
                continue
            rest = {name: other for name, other in value.items() if name != key}
            yield rest
            wrongs: list[Any] = [None, 7, "text", [], {}, {"id": "https://example.org/1", "type": "Comment"}]
            for wrong in wrongs:
                yield {**rest, key: wrong}
            for changed in variants(item):
                yield {**rest, key: changed}
