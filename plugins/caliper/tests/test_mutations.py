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

from learnrelay.errors import InvalidFieldError, MissingFieldError, UnreadableEventError
from learnrelay.events import event_from_mapping
from learnrelay.openedx.common import NOBODY, UNKNOWN_LEARNER
from learnrelay.pipeline import Pipeline, State
from learnrelay_caliper.schema import event_schema

REMOVED = object()
IN_PLACE: tuple[Any, ...] = (
    REMOVED, None, "", " ", "some text", '"%\\u00e4 <\U0001f426>\n', 0, -1, 3.5, 1e308, 2**60, True, [], ["a", None],
    {}, {"a": 1}, {"": [{}]},
)  # fmt: skip
SCHEMA = event_schema()
EVENTS = [
    event_from_mapping(golden["event"]).body
    for file in sorted((Path(__file__).parent / "goldens").glob("*.json"))
    if file.stem != "names"
    for golden in json.loads(file.read_text("utf-8"))
]

Place = tuple[Any, ...]


@pytest.fixture(scope="module")
def anyone(relay_with: Callable[..., Pipeline]) -> Pipeline:
    """The keyed provider knows everybody, so that every event gets as far as it can."""
    return relay_with(identity={"provider": "keyed", "secret": "a secret of the tests"})


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """A warning for each event that fails would only take time."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def places(value: Any, path: Place = ()) -> Iterator[Place]:
    """The paths of everything below a value."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in members:
        yield (*path, key)
        yield from places(inner, (*path, key))


def put(body: Any, path: Place, value: Any) -> None:
    """Put a value in a place, or remove what is there; nothing where the place is gone."""
    try:
        for key in path[:-1]:
            body = body[key]
        if value is REMOVED:
            del body[path[-1]]
        else:
            body[path[-1]] = value
    except (KeyError, IndexError, TypeError):
        return


class Judge:
    """Runs events; validates each that they become, save those that differ from a valid one in their id only."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.valid: set[str] = set()
        self.states: dict[State, int] = {}

    def __call__(self, event: Any, about: Any) -> None:
        try:
            source = event_from_mapping(event)
        except UnreadableEventError:
            return
        (outcome,) = self.pipeline.process(source)
        self.states[outcome.state] = self.states.get(outcome.state, 0) + 1
        if outcome.state is State.FAILED:
            assert isinstance(outcome.error, (MissingFieldError, InvalidFieldError)), f"{about}: {outcome.error}"
            assert outcome.error.path.startswith(("data.", "context.", "timestamp")), f"{about}: {outcome.error}"
            assert outcome.error.event_name == source.name
        elif outcome.state is State.SKIPPED:
            assert outcome.reason in (NOBODY, UNKNOWN_LEARNER), about
        for statement in [one.parsed for one in outcome.statements]:
            key = json.dumps({**statement, "id": "", "eventTime": statement["eventTime"][-5:]})
            if key not in self.valid:
                assert SCHEMA.validate(statement) == {}, about
                self.valid.add(key)


def mutate(body: dict[str, Any], judge: Judge) -> None:
    for path in list(places(body)):
        if path == ("name",):
            continue
        for value in IN_PLACE:
            mutated = copy.deepcopy(body)
            put(mutated, path, value)
            judge(mutated, (body["name"], path, value))


def test_our_goldens_mutated(anyone: Pipeline) -> None:
    judge = Judge(anyone)
    for body in EVENTS:
        mutate(body, judge)
    assert judge.states[State.TRANSFORMED] > judge.states[State.FAILED] > judge.states[State.SKIPPED] > 0


def test_the_reference_samples_mutated(reference: Path, anyone: Pipeline) -> None:
    judge = Judge(anyone)
    samples = [json.loads(file.read_text("utf-8")) for file in sorted((reference / "events" / "raw").glob("*.json"))]
    mapped = [sample for sample in samples if isinstance(sample, dict) and sample.get("name") in anyone.plan.steps]
    assert len(mapped) > 70
    for sample in mapped:
        mutate(event_from_mapping(sample).body, judge)


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
    Judge(anyone)(mutated, "any JSON")
