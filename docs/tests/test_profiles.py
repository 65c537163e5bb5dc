"""The xAPI Profiles are what the specification asks for, and true: goldens are statements of their templates."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import golden_files
import moodle_goldens
from learnrelay.mapping import Transformer
from learnrelay.plugins.discovery import installed, load, optional_families, select
from learnrelay.plugins.registry import collect
from learnrelay_moodle import xapi_vocabulary as moodle
from learnrelay_openedx import xapi_vocabulary as openedx
from learnrelay_xapi.publishers import PUBLISHERS, publisher_of, questionable_verbs
from openedx_events import event_from_mapping

PROFILES = Path(__file__).parents[1] / "profiles"
PLATFORMS = ("openedx", "moodle")

Faults = Iterator[str]
Check = Callable[[Any], bool]


# --- the structure of a profile (xAPI Profiles 1.0, part two) -------------------------------------------


def is_iri(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+", value))


def is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def is_language_map(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(
        re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]+)*", tag) and is_text(text) for tag, text in value.items()
    )  # fmt: skip


def is_time(value: Any) -> bool:
    return isinstance(value, str) and bool(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", value)
    )


def is_list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and bool(value) and all(map(check, value))


def is_json_path(value: Any) -> bool:
    return isinstance(value, str) and bool(re.fullmatch(r"\$(\.\w+|\['[^']+'\]|\[\*\]|\[\d+\])+", value))


def is_json_schema(value: Any) -> bool:
    names = {"string", "number", "boolean", "array", "object"}
    schema = json.loads(value)
    return set(schema) == {"type"} and names.issuperset(
        [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    )


def is_object(value: Any) -> bool:
    return isinstance(value, dict) and bool(value)


PROFILE: dict[str, Check] = {
    "id": is_iri, "@context": lambda value: value == "https://w3id.org/xapi/profiles/context",
    "type": lambda value: value == "Profile", "conformsTo": lambda value: value == "https://w3id.org/xapi/profiles#1.0",
    "prefLabel": is_language_map, "definition": is_language_map, "versions": is_list_of(is_object), "author": is_object,
}  # fmt: skip
PROFILE_OPTIONAL: dict[str, Check] = {
    "seeAlso": is_iri, "concepts": is_list_of(is_object), "templates": is_list_of(is_object),
    "patterns": is_list_of(is_object),
}  # fmt: skip
MEMBER: dict[str, Check] = {
    "id": is_iri, "type": is_text, "inScheme": is_iri, "prefLabel": is_language_map, "definition": is_language_map,
}  # fmt: skip
CONCEPT_OPTIONAL: dict[str, dict[str, Check]] = {
    name: {"deprecated": lambda value: type(value) is bool, "context": is_iri, "schema": is_iri,
           "inlineSchema": is_json_schema, recommended: is_list_of(is_iri)}
    for name, recommended in [
        ("ContextExtension", "recommendedVerbs"), ("ResultExtension", "recommendedVerbs"),
        ("ActivityExtension", "recommendedActivityTypes"),
    ]
}  # fmt: skip
TEMPLATE_OPTIONAL: dict[str, Check] = {
    "deprecated": lambda value: type(value) is bool, "verb": is_iri, "objectActivityType": is_iri,
    **{f"context{place}ActivityType": is_list_of(is_iri) for place in ("Grouping", "Parent", "Other", "Category")},
    "attachmentUsageType": is_list_of(is_iri), "objectStatementRefTemplate": is_list_of(is_iri),
    "contextStatementRefTemplate": is_list_of(is_iri), "rules": is_list_of(is_object),
}  # fmt: skip
RULE_OPTIONAL: dict[str, Check] = {
    "selector": is_json_path, "presence": lambda value: value in ("included", "excluded", "recommended"),
    "any": is_list_of(lambda value: value is not None), "all": is_list_of(lambda value: value is not None),
    "none": is_list_of(lambda value: value is not None), "scopeNote": is_language_map,
}  # fmt: skip


def property_faults(
    value: dict[str, Any], required: dict[str, Check], optional: dict[str, Check], where: str
) -> Faults:
    """Yields what is missing, unknown or of another form."""
    yield from (f"{where} lacks {name}" for name in required if name not in value)
    for name, inner in value.items():
        check = required.get(name) or optional.get(name)
        if check is None:
            yield f"{where} has {name}"
        elif not check(inner):
            yield f"{where}: {name} is not what it should be"


def profile_faults(profile: dict[str, Any]) -> Faults:
    """Yields where a profile is not what the specification asks for."""
    yield from property_faults(profile, PROFILE, PROFILE_OPTIONAL, "the profile")
    author = {"type": lambda value: value in ("Organization", "Person"), "name": is_text}
    yield from property_faults(profile["author"], author, {"url": is_iri}, "the author")
    versions = [version["id"] for version in profile["versions"]]
    for version in profile["versions"]:
        needed = {"id": is_iri, "generatedAtTime": is_time}
        yield from property_faults(version, needed, {"wasRevisionOf": is_list_of(is_iri)}, version["id"])
    if sum("wasRevisionOf" not in version for version in profile["versions"]) != 1:
        yield "all versions but the first name those before them"
    concepts, templates = profile.get("concepts", []), profile.get("templates", [])
    for concept in concepts:
        optional = CONCEPT_OPTIONAL.get(concept["type"])
        if optional is None:
            yield f"{concept['id']} is of a type that is not checked"
        else:
            yield from property_faults(concept, MEMBER, optional, concept["id"])
        if "schema" in concept and "inlineSchema" in concept:
            yield f"{concept['id']} has two schemas"
    for template in templates:
        yield from property_faults(template, MEMBER, TEMPLATE_OPTIONAL, template["id"])
        if template["type"] != "StatementTemplate":
            yield f"{template['id']} is no template"
        for rule in template.get("rules", []):
            yield from property_faults(rule, {"location": is_json_path}, RULE_OPTIONAL, template["id"])
            if not {"presence", "any", "all", "none"} & set(rule):
                yield f"{template['id']} has a rule that asks for nothing"
    ids = [profile["id"], *versions, *(member["id"] for member in [*concepts, *templates])]
    yield from (f"{iri} stands twice" for iri in set(ids) if ids.count(iri) > 1)
    for member in [*concepts, *templates]:
        if member["inScheme"] != versions[0]:
            yield f"{member['id']} is of another version"


# --- statements of a template ---------------------------------------------------------------------------


def values_at(location: str, statement: Any) -> list[Any]:
    """Returns the values that a JSONPath finds."""
    values = [statement]
    for name, iri, index in re.findall(r"\.(\w+)|\['([^']+)'\]|(\[\*\])", location):
        if index:
            values = [item for value in values if isinstance(value, list) for item in value]
        else:
            values = [value[name or iri] for value in values if isinstance(value, dict) and (name or iri) in value]
    return values


def broken_rules(template: dict[str, Any], statement: dict[str, Any]) -> Faults:
    """Yields the locations at which a statement is not as its template has it."""
    own_type = statement["object"]["definition"]["type"]
    if own_type != template.get("objectActivityType", own_type):
        yield "$.object.definition.type"
    for place in ("parent", "grouping", "other", "category"):
        types = set(values_at(f"$.context.contextActivities.{place}[*].definition.type", statement))
        if not types.issuperset(template.get(f"context{place.capitalize()}ActivityType", ())):
            yield f"$.context.contextActivities.{place}"
    for rule in template.get("rules", []):
        values = values_at(rule["location"], statement)
        if not values:
            yield rule["location"]


def restored(value: Any, names: dict[str, Any]) -> Any:
    """Puts what recurs in goldens in the place of its name."""
    if isinstance(value, dict):
        return {key: restored(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [restored(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value


def golden_statements(platform: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields (event, statement) of all goldens of a platform."""
    if platform == "openedx":
        names = golden_files.read_names("xapi")
        goldens = [
            (event_from_mapping(g["event"]).name, g.get("also", []), g["gives"])
            for g in golden_files.read_goldens("xapi")
        ]
    else:
        names = json.loads((moodle_goldens.HERE / "names.json").read_text("utf-8"))
        goldens = [(g["row"]["eventname"], [], g["xapi"]) for g in moodle_goldens.read_goldens()]
    for event, also, gives in goldens:
        for statement in gives if isinstance(gives, list) else []:
            for name in (event, *also):
                yield name, restored(statement, names)


@pytest.fixture(scope="module", params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def profile(platform: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((PROFILES / f"{platform}.jsonld").read_text("utf-8"))
    return document


@pytest.fixture(scope="module")
def mappings(platform: str) -> list[Transformer]:
    plugins = installed()
    selected = select(plugins, ["xapi.*", *optional_families(plugins)])
    infos = [info for info in selected if info.distribution == f"learnrelay-{platform}"]
    return [each for each in collect([(info, load(info)) for info in infos]).transformers if each.standard == "xapi"]


def test_a_profile_has_the_structure_that_the_specification_asks_for(profile: dict[str, Any]) -> None:
    assert list(profile_faults(profile)) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda profile: profile.pop("conformsTo"), "the profile lacks conformsTo"),
        (lambda profile: profile["author"].update(type="Group"), "the author: type is not what it should be"),
        (lambda profile: profile["concepts"][0].update(definition={}), "definition is not what it should be"),
        (lambda profile: profile["concepts"][0].update(inScheme=profile["id"]), "is of another version"),
        (lambda profile: profile["concepts"][0].update(recommendedActivityTypes=["x:y"]), "has recommendedA"),
        (lambda profile: profile["templates"].append(profile["templates"][0]), "stands twice"),
        (lambda profile: profile["templates"][0].update(rules=[{"location": "$.result"}]), "asks for nothing"),
        (lambda profile: profile["templates"][0].update(rules=[{"location": "result", "presence": "included"}]),
         "location is not what it should be"),
        (lambda profile: profile["versions"][0].update(wasRevisionOf=["x:y"]), "all versions but the first"),
    ],
)  # fmt: skip
def test_the_check_of_the_structure_finds_what_is_wrong(change: Callable[[Any], Any], fault: str) -> None:
    profile = json.loads((PROFILES / "openedx.jsonld").read_text("utf-8"))
    change(profile)
    assert any(fault in found_fault for found_fault in profile_faults(profile))


def test_every_event_has_a_template(profile: dict[str, Any], mappings: list[Transformer]) -> None:
    events = {event for mapping in mappings for event in mapping.events}
    assert {template["prefLabel"]["en"].partition(": ")[0] for template in profile["templates"]} == events


def test_goldens_are_statements_of_their_templates(platform: str, profile: dict[str, Any]) -> None:
    number = 0
    for event, statement in golden_statements(platform):
        labels = (event, f"{event}: {statement['verb']['display']['en']}")
        templates = [
            template for template in profile["templates"]
            if template["prefLabel"]["en"] in labels and template["verb"] == statement["verb"]["id"]
        ]  # fmt: skip
        assert len(templates) == 1, labels
        assert list(broken_rules(templates[0], statement)) == [], event
        number += 1
    assert number > 100


def test_concepts_of_others_are_not_defined(profile: dict[str, Any]) -> None:
    assert [concept["id"] for concept in profile["concepts"] if publisher_of(concept["id"])] == []


PUBLISHED_BY_OPENEDX = {"ai-workflow-action", "attempt-completed", "attempt-started", "speed-from", "speed-to"}
"""Extensions of event-routing-backends and of the plug-in for workflows of AI."""


def test_an_extension_that_nobody_publishes_is_defined(platform: str) -> None:
    vocabulary = {"openedx": openedx, "moodle": moodle}[platform]
    published = PUBLISHED_BY_OPENEDX if platform == "openedx" else set()
    ours = {iri for iri in vars(vocabulary).values() if isinstance(iri, str) and "/extension/" in iri}
    ours = {iri for iri in ours if iri.startswith(vocabulary.PUBLISHER.prefixes)}
    assert {iri.rpartition("/")[2] for iri in ours} - published == {
        concept.id.rpartition("/")[2] for concept in vocabulary.CONCEPTS
    }, "define it in CONCEPTS"


def test_a_generic_verb_has_a_reason(platform: str, mappings: list[Transformer]) -> None:
    choices = {"openedx": openedx, "moodle": moodle}[platform].VERB_CHOICES
    questionable = set(questionable_verbs(mappings, PUBLISHERS))
    assert questionable - set(choices) == set(), "take a verb of a profile, or give a reason in VERB_CHOICES"
    assert set(choices) - questionable == set(), "a reason for nothing"
