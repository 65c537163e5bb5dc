"""Whatever an event holds, it becomes a valid statement, or an error or a skip that says why. Nothing else."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden_files import read_goldens
from learnrelay.pipeline.run import Pipeline
from learnrelay_xapi.schema import statement_schema
from mutations import Judge, places, put
from openedx_events import event_from_mapping

SCHEMA = statement_schema()
EVENTS = [event_from_mapping(golden["event"]).body for golden in read_goldens("xapi")]
IN_IDS = {
    "course_id", "id", "problem_id", "module_id", "usage_key", "block_id", "exam_content_id", "attempt_code",
    "target_url", "current_url", "referer", "wind_2_1",
}  # fmt: skip
"""Keys of what becomes a part of ids."""


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory, relay_in: Callable[..., Pipeline]) -> Pipeline:
    """Returns a pipeline with the keyed provider, which knows everybody: every event gets as far as a statement."""
    keyed = {"provider": "keyed", "secret": "a secret of the tests"}
    return relay_in(tmp_path_factory.mktemp("mutations"), identity=keyed)


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """Silences the log: a warning for each of a hundred thousand events would only take time."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


class StatementJudge(Judge):
    """Validates statements, and that nothing in them is empty."""

    def shape(self, statement: dict[str, Any]) -> dict[str, Any]:
        return statement | {"id": ""}

    def check(self, statement: dict[str, Any], about: Any) -> None:
        assert SCHEMA.validate(statement) == {}, about
        assert not list(empties(statement)), about


@pytest.mark.slow
def test_our_goldens_mutated(pipeline: Pipeline) -> None:
    StatementJudge(pipeline).mutate_all(EVENTS)


def test_the_reference_samples_mutated(reference: Path, pipeline: Pipeline) -> None:
    judge = StatementJudge(pipeline)
    samples = [json.loads(file.read_text("utf-8")) for file in sorted((reference / "events" / "raw").glob("*.json"))]
    mapped = [sample for sample in samples if isinstance(sample, dict) and sample.get("name") in pipeline.plan.mappings]
    assert len(mapped) > 70
    for sample in mapped:
        judge.mutate(event_from_mapping(sample).body)


WRITTEN = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | WRITTEN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WRITTEN, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=400)
@given(data=st.data(), body=st.sampled_from(EVENTS))
def test_any_json_in_any_place(pipeline: Pipeline, data: st.DataObject, body: dict[str, Any]) -> None:
    mutated = copy.deepcopy(body)
    for path in data.draw(st.lists(st.sampled_from(list(places(body))), min_size=1, max_size=4)):
        put(mutated, path, data.draw(JSON))
    StatementJudge(pipeline)(mutated, "any JSON")


SCHEMES = st.sampled_from(["", "https://", "//", "http:", "mailto:", "block-v1:", "i4x://", "course-v1:"])
IDS = [(body, path) for body in EVENTS for path in places(body) if path[-1] in IN_IDS]


@settings(max_examples=400)
@given(number=st.integers(0, len(IDS) - 1), scheme=SCHEMES, text=WRITTEN)
def test_any_text_in_any_id(pipeline: Pipeline, number: int, scheme: str, text: str) -> None:
    body, path = IDS[number]
    mutated = copy.deepcopy(body)
    put(mutated, path, scheme + text)
    StatementJudge(pipeline)(mutated, "any text")


def empties(statement: Any, path: str = "") -> Iterator[str]:
    """Paths of objects, arrays and texts that say nothing, answers apart."""
    if statement in ({}, [], "", None):
        yield path
    members = (
        statement.items()
        if isinstance(statement, dict)
        else enumerate(statement)
        if isinstance(statement, list)
        else ()
    )
    for key, inner in members:
        yield from empties(inner, f"{path}.{key}")
