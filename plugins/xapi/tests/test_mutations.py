"""Whatever an event holds, it becomes a valid statement, or an error or a skip that says why. Nothing else."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnrelay.errors import InvalidFieldError, MissingFieldError, UnreadableEventError
from learnrelay.events import event_from_mapping
from learnrelay.openedx.common import NOBODY, UNKNOWN_LEARNER
from learnrelay.pipeline import Pipeline, State
from learnrelay_xapi.schema import statement_schema

REMOVED = object()
IN_PLACE: tuple[Any, ...] = (
    REMOVED, None, "", "some text", " ", '"%\\u00e4 <\U0001f426>\n', 0, -1, 3.5, 1e308, 2**60, True, False,
    [], ["a", None], [[]], {}, {"a": 1}, {"": [{}]},
)  # fmt: skip
SCHEMA = statement_schema()
GOLDENS = Path(__file__).parent / "goldens"
EVENTS = [
    event_from_mapping(golden["event"]).body
    for file in sorted(GOLDENS.glob("*.json"))
    if file.stem != "names"
    for golden in json.loads(file.read_text("utf-8"))
]
IN_IDS = {
    "course_id", "id", "problem_id", "module_id", "usage_key", "block_id", "exam_content_id", "attempt_code",
    "target_url", "current_url", "referer", "wind_2_1",
}  # fmt: skip
"""Keys of what becomes a part of ids."""

Path_ = tuple[Any, ...]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory, relay_in: Callable[..., Pipeline]) -> Pipeline:
    """Anyone is known to the keyed provider, so that every event gets as far as a statement."""
    keyed = {"provider": "keyed", "secret": "a secret of the tests"}
    return relay_in(tmp_path_factory.mktemp("mutations"), identity=keyed)


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """A warning for each of a hundred thousand events would only take time."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def places(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """The paths of everything below the root."""
    for key, inner in members(value):
        yield (*path, key)
        yield from places(inner, (*path, key))


def members(value: Any) -> Iterable[tuple[Any, Any]]:
    """Keys, or positions, with what they hold."""
    return value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()


class Judge:
    """Runs events and validates each statement, save those that differ from a valid one in their id only."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.valid: set[str] = set()
        self.states: dict[State, int] = {}

    def __call__(self, event: Any, about: str) -> None:
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
            key = json.dumps(statement | {"id": ""})
            if key not in self.valid:
                assert SCHEMA.validate(statement) == {}, about
                assert not list(empties(statement)), about
                self.valid.add(key)


def test_our_goldens_mutated(pipeline: Pipeline) -> None:
    judge = Judge(pipeline)
    for body in EVENTS:
        mutate(body, judge)
    assert judge.states[State.TRANSFORMED] > judge.states[State.FAILED] > judge.states[State.SKIPPED] > 0


def test_the_reference_samples_mutated(reference: Path, pipeline: Pipeline) -> None:
    judge = Judge(pipeline)
    samples = [json.loads(file.read_text("utf-8")) for file in sorted((reference / "events" / "raw").glob("*.json"))]
    mapped = [sample for sample in samples if isinstance(sample, dict) and sample.get("name") in pipeline.plan.steps]
    assert len(mapped) > 70
    for sample in mapped:
        mutate(event_from_mapping(sample).body, judge)


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
    Judge(pipeline)(mutated, "any JSON")


SCHEMES = st.sampled_from(["", "https://", "//", "http:", "mailto:", "block-v1:", "i4x://", "course-v1:"])
IDS = [(body, path) for body in EVENTS for path in places(body) if path[-1] in IN_IDS]


@settings(max_examples=400)
@given(number=st.integers(0, len(IDS) - 1), scheme=SCHEMES, text=WRITTEN)
def test_any_text_in_any_id(pipeline: Pipeline, number: int, scheme: str, text: str) -> None:
    body, path = IDS[number]
    mutated = copy.deepcopy(body)
    put(mutated, path, scheme + text)
    Judge(pipeline)(mutated, "any text")


def mutate(body: dict[str, Any], judge: Judge) -> None:
    """Put everything wrong in every place, one at a time."""
    judge(body, body["name"])
    for path in places(body):
        if path == ("name",):
            continue
        for value in IN_PLACE:
            mutated = copy.deepcopy(body)
            put(mutated, path, value)
            judge(mutated, f"{body['name']}: {'.'.join(map(str, path))} = {value!r}")


def put(body: Any, path: Path_, value: Any) -> None:
    """Set, or remove, what is at a path; paths that an earlier mutation took away are passed over."""
    *way, last = path
    for key in way:
        if not (isinstance(body, dict) and key in body) and not (isinstance(body, list) and key in range(len(body))):
            return
        body = body[key]
    if value is not REMOVED and isinstance(body, (dict, list)):
        if isinstance(body, dict) or last in range(len(body)):
            body[last] = value
    elif isinstance(body, (dict, list)):
        del body[last]


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
