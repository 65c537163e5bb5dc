"""Whatever an event holds, it becomes valid Caliper, or an error or a skip that says why. Nothing else."""

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
from learnrelay_caliper.schema import event_schema
from mutations import Judge, places, put
from openedx_events import event_from_mapping

SCHEMA = event_schema()
EVENTS = [event_from_mapping(golden["event"]).body for golden in read_goldens("caliper")]


@pytest.fixture(scope="module")
def anyone(relay_with: Callable[..., Pipeline]) -> Pipeline:
    """Returns a pipeline with the keyed provider, which knows everybody: every event gets as far as it can."""
    return relay_with(identity={"provider": "keyed", "secret": "a secret of the tests"})


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """Silences the log: a warning for each event that fails would only take time."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


class EventJudge(Judge):
    """Validates Caliper events."""

    def shape(self, statement: dict[str, Any]) -> dict[str, Any]:
        return {**statement, "id": "", "eventTime": statement["eventTime"][-5:]}

    def check(self, statement: dict[str, Any], about: Any) -> None:
        assert SCHEMA.validate(statement) == {}, about


@pytest.mark.slow
def test_our_goldens_mutated(anyone: Pipeline) -> None:
    EventJudge(anyone).mutate_all(EVENTS)


def test_the_reference_samples_mutated(reference: Path, anyone: Pipeline) -> None:
    judge = EventJudge(anyone)
    samples = [json.loads(file.read_text("utf-8")) for file in sorted((reference / "events" / "raw").glob("*.json"))]
    mapped = [sample for sample in samples if isinstance(sample, dict) and sample.get("name") in anyone.plan.mappings]
    assert len(mapped) > 70
    for sample in mapped:
        judge.mutate(event_from_mapping(sample).body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(data=st.data(), body=st.sampled_from(EVENTS))
def test_any_json_in_any_place(anyone: Pipeline, data: st.DataObject, body: dict[str, Any]) -> None:
    mutated = copy.deepcopy(body)
    for path in data.draw(st.lists(st.sampled_from(list(places(body))), min_size=1, max_size=4)):
        if path != ("name",):
            put(mutated, path, data.draw(JSON))
    EventJudge(anyone)(mutated, "any JSON")
