"""The Caliper schemas: events as data, properties of the messages, agreement with the published material."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnrelay_caliper.schema import envelope_schema, event_schema
from learnrelay_caliper.schema.tables import EVENT, METRICS, ROLES, STATUSES, VERSIONS, Vocabulary
from services import reference_folder

Json = Any
Place = tuple[str | int, ...]

HERE = Path(__file__).parent / "events"
CONTEXTS = {version: vocabulary.context for version, vocabulary in VERSIONS.items()}
# Types of which 1.1 knows everything that their base event says.
ALSO_1_1 = {
    *("Event", "AnnotationEvent", "AssessmentEvent", "AssessmentItemEvent", "AssignableEvent", "ForumEvent"),
    *("GradeEvent", "MediaEvent", "MessageEvent", "NavigationEvent", "SessionEvent", "ThreadEvent"),
    *("ToolUseEvent", "ViewEvent"),
}


def read(name: str) -> list[Json]:
    data: list[Json] = json.loads((HERE / name).read_text())
    return data


def bases() -> dict[tuple[str, str], Json]:
    """Returns the base events by version and type."""
    events = {(v, event["type"]): event for event in read("base.json") for v in VERSIONS if version_of(event) == v}
    for name in sorted(ALSO_1_1):
        event = {**events["1.2", name], "@context": CONTEXTS["1.1"]}
        del event["profile"]
        events["1.1", name] = event
    return events


def version_of(event: Json) -> str:
    return next(version for version, context in CONTEXTS.items() if event["@context"] == context)


BASES = bases()


def walk(value: Json, path: Place = ()) -> Iterator[tuple[Place, Json]]:
    """Yields every place below `value`, with what stands there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield (*path, key), child
        yield from walk(child, (*path, key))


def changed(event: Json, path: Place, value: Json) -> Json:
    """Returns a copy with another value at a place."""
    event = copy.deepcopy(event)
    parent = event
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return event


def split(path: str) -> Place:
    return tuple(int(key) if key.isdecimal() else key for key in path.split("."))


def built(case: Json) -> tuple[str, Json]:
    """Builds version and event of a case: its base, with other values (`set`) and without some (`drop`)."""
    version = case.get("version", "1.2")
    event = BASES[version, case["base"]]
    for path, value in case.get("set", {}).items():
        event = changed(event, split(path), value)
    for path in case.get("drop", []):
        *parents, last = split(path)
        event = copy.deepcopy(event)
        parent = event
        for key in parents:
            parent = parent[key]
        del parent[last]
    return version, event


def paths(errors: Json, path: Place = ()) -> list[Place]:
    """Returns the places that the messages are about."""
    if isinstance(errors, list):
        return [path]
    return [place for key, inner in errors.items() for place in paths(inner, (*path, key))]


def entity(vocabulary: Vocabulary, name: str, whole: bool) -> Json:
    """Returns an object of a type, whole or with what is required; the objects inside it have what is required."""
    return {
        key: name if key == "type" else sample(vocabulary, notation.removesuffix("!"))
        for key, notation in vocabulary.properties(name).items()
        if whole or notation.endswith("!")
    }


def sample(vocabulary: Vocabulary, kind: str) -> Json:
    if kind.startswith("["):
        return [sample(vocabulary, kind[1:-1])]
    name = kind.partition("|")[0]
    return SAMPLES[kind] if kind in SAMPLES else entity(vocabulary, SUBTYPE.get(name, name), whole=False)


SAMPLES: dict[str, Json] = {
    "string": "moss",
    "integer": 3,
    "decimal": 2.5,
    "boolean": False,
    "DateTime": "2025-03-04T08:15:30.250Z",
    "Duration": "PT1M",
    "object": {"https://example.org/x": 0},
    "IRI": "https://campus.example.org/x",
    "role": "Learner",
    "status": "Active",
    "metric": "WordsRead",
}
SUBTYPE = {"Entity": "Agent"}


def entities(version: str) -> list[str]:
    return [name for name, above in VERSIONS[version].lineage.items() if "Entity" in above]


def whole_entities() -> Iterator[tuple[str, Json]]:
    """Yields a generic event about an entity of each type that has all its properties."""
    for version, vocabulary in VERSIONS.items():
        for name in entities(version):
            yield version, changed(BASES[version, "Event"], ("object",), entity(vocabulary, name, whole=True))


GOOD = [
    *(pytest.param(version, event, id=f"{version} {name}") for (version, name), event in BASES.items()),
    *(pytest.param(*built(case), id=f"{case['base']}: {case['why']}") for case in read("good.json")),
    *(pytest.param(v, event, id=f"{v} {event['object']['type']}") for v, event in whole_entities()),
]
BAD = [pytest.param(*built(case), split(case["at"]), id=f"{case['base']}: {case['why']}") for case in read("bad.json")]


@pytest.mark.parametrize(("version", "event"), GOOD)
def test_valid_events(version: str, event: Json) -> None:
    assert event_schema(version).validate(event) == {}


@pytest.mark.parametrize(("version", "event", "at"), BAD)
def test_an_invalid_event_is_refused_at_the_place_of_the_fault_only(version: str, event: Json, at: Place) -> None:
    assert paths(event_schema(version).validate(event)) == [at]


# --- what holds at every place of every event ---


PLACES = [(version, event, path) for (version, _), event in BASES.items() for path, _ in walk(event)]


def test_null_is_refused_wherever_it_stands() -> None:
    for version, event, path in PLACES:
        assert paths(event_schema(version).validate(changed(event, path, None))) == [path]


def test_an_unknown_property_is_refused_outside_of_free_objects() -> None:
    for version, event, path in PLACES:
        if isinstance(path[-1], str) and "messageParameters" not in path:
            stranger = (*path[:-1], "colour")
            assert paths(event_schema(version).validate(changed(event, stranger, "red"))) == [stranger]


def test_a_message_never_contains_the_value() -> None:
    for version, event, path in PLACES:
        for value in ("s3cret", ["s3cret"], {"id": "s3cret", "type": "s3cret", "name": ["s3cret"]}):
            assert "s3cret" not in str(event_schema(version).validate(changed(event, path, value)))


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.datetimes()
    | st.from_regex(r"[PT0-9.:ZYMDHS-]+"),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["id", "type", "items"]) | st.text() | st.integers(), inner)
        | st.tuples(inner)
        | st.frozensets(st.text())
    ),
    max_leaves=6,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PLACES), anything)
def test_whatever_stands_somewhere_validate_answers(place: tuple[str, Json, Place], value: Json) -> None:
    version, event, path = place
    event = changed(event, path, value)
    assert isinstance(event_schema(version).validate(event), dict)
    assert isinstance(envelope_schema(version).validate({"data": [event]}), dict)


@settings(deadline=None)
@given(anything)
def test_whatever_is_given_validate_answers(value: Json) -> None:
    for schema in (event_schema(), envelope_schema()):
        assert schema.validate(value)


@pytest.mark.parametrize(
    ("path", "value", "at"),
    [
        ("extensions", {"a": {1: "one"}}, "extensions.a"),
        ("extensions", {"a": [float("nan")]}, "extensions.a.0"),
        ("extensions", {"a": {"b": ("tuple",)}}, "extensions.a.b"),
        ("generated.scoreGiven", float("inf"), "generated.scoreGiven"),
        ("generated", {"score"}, "generated"),
    ],
)
def test_what_json_cannot_represent_is_refused(path: str, value: Json, at: str) -> None:
    event = changed(BASES["1.2", "GradeEvent"], split(path), value)
    assert paths(event_schema().validate(event)) == [split(at)]


def test_a_number_may_be_large() -> None:
    event = changed(BASES["1.2", "GradeEvent"], ("generated", "maxScore"), 10**400)
    assert event_schema().validate(event) == {}


def test_endless_nesting_is_refused() -> None:
    inner: Json = {}
    for _ in range(5000):
        inner = {"id": "_:x", "type": "Page", "isPartOf": inner}
    assert event_schema().validate(changed(BASES["1.2", "Event"], ("object",), inner))


def test_another_version_is_refused() -> None:
    for schema in (event_schema, envelope_schema):
        with pytest.raises(ValueError, match=r"1\.1, 1\.2"):
            schema("1.0")


# --- envelopes ---


def envelope(version: str, *data: Json) -> Json:
    return {
        "sensor": "https://campus.example.org/sensor",
        "sendTime": "2025-03-04T08:16:00.000Z",
        "dataVersion": CONTEXTS[version],
        "data": list(data),
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_an_envelope_holds_events_and_entity_descriptions(version: str) -> None:
    event = BASES[version, "MediaEvent"]
    person = {"@context": CONTEXTS[version], **event["actor"], "name": "Lea"}
    schema = envelope_schema(version)
    assert schema.validate(envelope(version, event)) == {}
    assert schema.validate(envelope(version, person, event, person)) == {}

    assert paths(schema.validate(envelope(version))) == [("data",)]
    assert paths(schema.validate(envelope(version, event, event["actor"]))) == [("data", 1, "@context")]
    assert paths(schema.validate(envelope(version, event, event["actor"]["id"]))) == [("data", 1)]
    other = next(context for context in CONTEXTS.values() if context != CONTEXTS[version])
    assert paths(schema.validate(envelope(version, {**event, "@context": other}))) == [("data", 0, "@context")]
    selector = {"@context": CONTEXTS[version], "type": "TextPositionSelector", "start": 1, "end": 2}
    assert paths(schema.validate(envelope(version, selector))) == [("data", 0, "type")]
    fault = changed(event, ("target", "currentTime"), "1:30")
    assert paths(schema.validate(envelope(version, event, fault))) == [("data", 1, "target", "currentTime")]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sensor", ""),
        ("sendTime", "2025-03-04T08:16:00Z"),
        ("dataVersion", "http://purl.imsglobal.org/ctx/caliper/v1p0"),
        ("data", {}),
        ("data", None),
        ("id", "urn:uuid:5b1d7c52-0f6e-4a3c-9c41-000000000001"),
    ],
)
def test_an_envelope_has_its_four_properties_and_no_other(key: str, value: Json) -> None:
    valid = envelope("1.2", BASES["1.2", "Event"])
    assert paths(envelope_schema().validate({**valid, key: value})) == [(key,)]
    if key in valid:
        del valid[key]
        assert paths(envelope_schema().validate(valid)) == [(key,)]


# --- agreement with the published material ---


def folder(version: str) -> str:
    return f"v{version.replace('.', 'p')}"


OURS_FOR = {
    "term": "string",
    "urn:uuid": "event id",
    "profile term": "profile",
    "Role term": "role",
    "Metric term": "metric",
}


def notation_of(published: Json) -> str:
    """Writes a row of the published tables in our notation."""
    if published.get("not_allowed"):
        return ""
    types: list[str] = published["types"]
    array = types[0].startswith("array<")
    names = [types[0][len("array<") : -1]] if array else types
    notation = "|".join(OURS_FOR.get(name, name) for name in names)
    return f"{f'[{notation}]' if array else notation}{'!' if published['required'] else ''}"


@pytest.mark.parametrize("version", VERSIONS)
def test_types_agree_with_the_published_tables(version: str) -> None:
    vocabulary = VERSIONS[version]
    published = json.loads((reference_folder() / "specs" / f"caliper_types_{folder(version)}.json").read_text())

    assert set(entities(version)) == set(published["entities"])
    for name, row in published["entities"].items():
        assert vocabulary.types[name].supertypes == tuple(row["supertypes"]), name
        expected = {key: notation_of(inner) for key, inner in row["own_properties"].items()}
        if name == "Membership":
            expected["status"] = "status"
        assert vocabulary.types[name].own == expected, name
    for name, row in published["non_entity_types"].items():
        assert vocabulary.types[name].own == {key: notation_of(p) for key, p in row["properties"].items()}
    assert set(vocabulary.types) == {*published["entities"], *published["non_entity_types"]}

    base = {key: notation_of(row) for key, row in published["event_base_properties"].items()}
    base.pop("profile", None)
    assert {"@context": "context!", **base} == {**EVENT, "type": "string!", "action": "string!"}
    assert set(published["terms"]["membership_status"]) == set(STATUSES)
    assert set(published["terms"].get("membership_roles", ROLES)) == set(ROLES)
    assert set(published["terms"].get("metrics", METRICS)) == set(METRICS)


# Where the text of the specification says more (or other) than the tables, by property and action.
NARROWED_IN_THE_TEXT = {
    ("AnnotationEvent", "generated"): {"Annotation"},
    ("AssessmentItemEvent", "generated"): {"Response"},
    ("FeedbackEvent", "generated"): {"Rating", "Comment"},
    ("QuestionnaireItemEvent", "generated"): {"Response"},
    ("SessionEvent", "actor"): {"Person", "SoftwareApplication"},
    ("SessionEvent", "object"): {"Session", "SoftwareApplication"},
}


@pytest.mark.parametrize("version", VERSIONS)
def test_events_agree_with_the_published_tables(version: str) -> None:
    vocabulary = VERSIONS[version]
    published = json.loads((reference_folder() / "specs" / f"caliper_types_{folder(version)}.json").read_text())
    assert set(vocabulary.events) == set(published["events"])
    assert set(published.get("actions", vocabulary.actions)) == set(vocabulary.actions)
    for name, row in published["events"].items():
        ours = vocabulary.events[name]
        actions = vocabulary.actions if row["actions"] == "any" else row["actions"]
        actions = {action.replace("UnRead", "Unread") for action in actions}
        assert set(ours.actions) == actions.union(row.get("deprecated_actions", ())), name
        if version == "1.2":
            assert set(ours.profiles) == set(row["profiles"]), name
        for action in ours.actions:
            narrowed = EVENT | ours.properties(action)
            for key, published_property in row["narrowed"].items():
                if (name, key) in NARROWED_IN_THE_TEXT:
                    assert set(published_property["types"]) - {"IRI"} == NARROWED_IN_THE_TEXT[name, key]
                    continue
                required = published_property["required"] or action in published_property.get(
                    "required_for_actions", ()
                )
                assert narrowed[key] == notation_of({**published_property, "required": required}), (name, action, key)
            extra = {key for key, notation in narrowed.items() if notation != EVENT[key] and key not in row["narrowed"]}
            assert not extra, (name, action, extra)


def officially_unknown(event: Json) -> bool:
    """Tells whether the official schemas lack it: a plain Entity, and Epub… types, spelt epub… there."""
    name: str = event["object"]["type"]
    return name == "Entity" or name.startswith("Epub")


@pytest.mark.parametrize(("version", "event"), GOOD)
def test_valid_events_pass_the_official_schemas(
    officially_valid: Callable[[str, Json], bool], version: str, event: Json
) -> None:
    assert officially_valid(version, event) is not officially_unknown(event)


other_values = st.sampled_from([5, True, "moss", "https://example.org/", [], ["moss"], {"type": "Page"}])


@settings(max_examples=400, deadline=None)
@given(place=st.sampled_from(PLACES), value=other_values)
def test_what_the_official_schemas_refuse_is_refused(
    officially_valid: Callable[[str, Json], bool], place: tuple[str, Json, Place], value: Json
) -> None:
    version, event, path = place
    if path != ("type",):
        event = changed(event, path, value)
        assert officially_valid(version, event) or event_schema(version).validate(event)


def test_published_pairs() -> None:
    """The expected events that are not Caliper are refused where they go wrong; the others are accepted."""
    refused = {
        "edx.ui.lms.link_clicked": [("object", "type")],  # Webpage
        "problem_check(server)": [("generated", "type")],  # a wrapped score
    }
    pairs = {
        path.stem: json.loads(path.read_text()) for path in (reference_folder() / "pairs" / "caliper").glob("*.json")
    }
    errors = {name: paths(event_schema().validate(pair["expected"])) for name, pair in pairs.items()}
    assert {name: places for name, places in errors.items() if places} == refused
