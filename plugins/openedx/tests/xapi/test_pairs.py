"""Against the statements of event-routing-backends: equal, save the corrections listed here and in
docs/xapi-corrections.md. The ids of ``statement_ids = "erb"`` are equal to the byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from learnrelay.pipeline.run import Pipeline
from learnrelay.reading.lines import Line
from learnrelay_openedx.erb.statement_comparison import ComparedStream, StreamComparison
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.schema import statement_schema
from openedx_events import SOURCE, event_from_mapping

ROOT = "http://localhost:18000"
EVERYONE = "32e08e30-f8ae-4ce2-94a8-c2bfe38a70cb"
ABSENT = "(absent)"

# Path (a number is any index) → (ERB's value, ours) → is it the correction that we mean?
TRANSFORMER_VERSION = SOURCE.terms["transformer_version"]
EVERYWHERE: dict[str, Callable[[Any, Any], bool]] = {
    "version": lambda erb, ours: (erb, ours) == ("1.0.3", "1.0.0"),
    f"context.extensions.{TRANSFORMER_VERSION}": lambda erb, ours: ours.startswith("learnrelay-openedx@"),
}
_ATTEMPT_ID = f"definition.extensions.{v.ATTEMPT_ID}"
_BLOCK_ADDRESS: dict[str, Callable[[Any, Any], bool]] = {"object.id": lambda erb, ours: ours == f"{ROOT}/xblock/{erb}"}
_EXAM = _BLOCK_ADDRESS | {
    "context.contextActivities.grouping.0.id": lambda erb, ours: ours == f"urn:uuid:{erb.lower()}"
}
_NAMED: dict[str, Callable[[Any, Any], bool]] = {
    "object.definition.name.en": lambda erb, ours: erb == ABSENT and bool(ours)
}
_WITH_QUESTIONS: dict[str, Callable[[Any, Any], bool]] = _NAMED | {
    "object.objectType": lambda erb, ours: (erb, ours) == ("GroupActivity", "Activity"),
    "context.contextActivities.parent.0.objectType": lambda erb, ours: (erb, ours) == ("GroupActivity", "Activity"),
    f"object.{_ATTEMPT_ID}": lambda erb, ours: erb == ABSENT and ours > 0,  # read in log lines too
    f"context.contextActivities.parent.0.{_ATTEMPT_ID}": lambda erb, ours: erb == ABSENT and ours > 0,
}
_NO_EMPTY_EXTENSIONS = {"object.definition.extensions": lambda erb, ours: (erb, ours) == ({}, ABSENT)}
CORRECTIONS = {
    "edx.course.grade.now_passed": _NO_EMPTY_EXTENSIONS,
    "edx.course.grade.passed.first_time": _NO_EMPTY_EXTENSIONS,
    "edx.grades.problem.submitted": _NAMED,
    "edx.problem.completed(proposed)": _BLOCK_ADDRESS,
    "edx.special_exam.practice.attempt.created": _EXAM,
    "edx.special_exam.proctored.attempt.submitted": _EXAM,
    "edx.special_exam.timed.attempt.created": _EXAM,
    "edx.special_exam.timed.attempt.submitted": _EXAM,
    "problem_check(server)": _NAMED,
    "problem_check(server,multiple_questions,correct)": _WITH_QUESTIONS,
    "problem_check(server,multiple_questions,incorrect)": _WITH_QUESTIONS,
    "video_hide_cc_menu": {f"result.extensions.{v.CC_ENABLED}": lambda erb, ours: (erb, ours) == (False, ABSENT)},
}


@pytest.fixture
def pairs(reference: Path) -> dict[str, dict[str, Any]]:
    files = sorted((reference / "pairs" / "xapi").glob("*.json"))
    assert len(files) >= 48
    return {file.stem: json.loads(file.read_text("utf-8")) for file in files}


@pytest.fixture
def pipeline(pairs: dict[str, dict[str, Any]], relay_with: Callable[..., Pipeline]) -> Pipeline:
    """Returns the pipeline of the pairs."""
    return make_pipeline(pairs, relay_with)


def make_pipeline(pairs: dict[str, dict[str, Any]], relay_with: Callable[..., Pipeline], **settings: Any) -> Pipeline:
    """Returns a pipeline in which all users are one person and all courses have one title, as in the pairs."""
    named = [(key, value) for pair in pairs.values() for key, value in members(pair["raw"])]
    return relay_with(
        learners={
            *((str(value), "", EVERYONE, "") for key, value in named if key == "user_id" and value),
            *(("", value, EVERYONE, "") for key, value in named if key == "username" and value),
        },
        courses={value: "Demonstration Course" for key, value in named if key == "course_id" and value},
        root_url=ROOT,
        language="en",
        statement_ids="erb",
        session_ids="plain",
        **settings,
    )


def test_the_pairs(pairs: dict[str, dict[str, Any]], pipeline: Pipeline) -> None:
    corrected: dict[str, set[str]] = {}
    for name, pair in pairs.items():
        (outcome,) = pipeline.process(event_from_mapping(pair["raw"]))
        expected = pair["expected"] if isinstance(pair["expected"], list) else [pair["expected"]]
        for erb, ours in zip(expected, [statement.parsed for statement in outcome.statements], strict=True):
            assert statement_schema().validate(ours) == {}, name
            corrections = EVERYWHERE | CORRECTIONS.get(name, {})
            for path, theirs, own in differences(erb, ours):
                assert path in corrections and corrections[path](theirs, own), f"{name}: {path}: {theirs!r}, {own!r}"
                corrected.setdefault(name, set()).add(path)
    for name, corrections in CORRECTIONS.items():  # a correction that no longer occurs leaves the table
        assert corrected[name] >= corrections.keys(), name


def test_erb_ids_are_equal_to_the_byte(pairs: dict[str, dict[str, Any]], pipeline: Pipeline) -> None:
    for name, pair in pairs.items():
        (outcome,) = pipeline.process(event_from_mapping(pair["raw"]))
        expected = pair["expected"] if isinstance(pair["expected"], list) else [pair["expected"]]
        ours = [statement.parsed for statement in outcome.statements]
        assert [s["id"] for s in ours] == [s["id"] for s in expected], name
        referred = [s["context"].get("statement") for s in ours]
        assert referred == [s["context"].get("statement") for s in expected], name


def test_the_form_of_erb(pairs: dict[str, dict[str, Any]], relay_with: Callable[..., Pipeline]) -> None:
    pipeline = make_pipeline(pairs, relay_with, compatible_with="erb")
    for name, pair in pairs.items():
        (outcome,) = pipeline.process(event_from_mapping(pair["raw"]))
        expected = pair["expected"] if isinstance(pair["expected"], list) else [pair["expected"]]
        for erb, ours in zip(expected, [statement.parsed for statement in outcome.statements], strict=True):
            assert statement_schema().validate(ours) == {}, name
            assert ours["id"] == erb["id"], name
            theirs, own = dict(leaves(erb)), dict(leaves(ours))
            for path in theirs.keys() | own.keys():
                left, right = theirs.get(path, ABSENT), own.get(path, ABSENT)
                corrections = EVERYWHERE | CORRECTIONS.get(name, {})
                usual_path = path.replace(".en-US", ".en")
                assert left == right or corrections[usual_path](left, right), f"{name}: {path}: {left!r}, {right!r}"


def test_compare_names_every_correction(pairs: dict[str, dict[str, Any]], pipeline: Pipeline) -> None:
    streams: tuple[list[Line], list[Line]] = ([], [])
    for pair in pairs.values():
        (outcome,) = pipeline.process(event_from_mapping(pair["raw"]))
        expected = pair["expected"] if isinstance(pair["expected"], list) else [pair["expected"]]
        streams[0].extend(Line("ours", 1, statement.content) for statement in outcome.statements)
        streams[1].extend(Line("theirs", 1, json.dumps(statement).encode()) for statement in expected)
    comparison = StreamComparison(ComparedStream("ours"), ComparedStream("theirs"))
    comparison.compare(*streams)
    assert comparison.is_equivalent, comparison.rows
    assert comparison.corrected == comparison.ours.statements - comparison.ours.repeated


def differences(erb: dict[str, Any], ours: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yields (path, ERB's value, ours) where the two do not mean the same."""
    theirs = {path.replace(".en-US", ".en"): value for path, value in leaves(erb)}  # ERB writes both for one language
    own = dict(leaves(ours))
    for path in sorted(theirs.keys() | own.keys()):
        left, right = theirs.get(path, ABSENT), own.get(path, ABSENT)
        if meaning(path, left) != meaning(path, right):
            yield path, left, right


def meaning(path: str, value: Any) -> Any:
    """Normalises a leaf for comparison: instants, lengths in seconds, JSON texts parsed."""
    if value == ABSENT:
        return value
    if path == "timestamp":
        return datetime.fromisoformat(value)
    if path == "result.duration":
        duration = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?", value)
        assert duration
        hours, minutes, seconds = (float(part or 0) for part in duration.groups())
        return hours * 3600 + minutes * 60 + seconds
    if path == "result.response" and value[:1] in "[{":
        return json.loads(value)
    return value


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yields (dotted path, value) of all that has nothing below it, empty objects included."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}.{index}")
    else:
        yield path, value


def members(value: Any) -> Iterator[tuple[str, Any]]:
    """Yields (key, value) of all objects, at any depth."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield key, inner
        yield from members(inner)
