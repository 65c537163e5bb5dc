"""Profiles: what mappings say, as concepts and statement templates; publishers of verbs and types."""

from __future__ import annotations

from typing import Any

import pytest

from learnrelay import Fields, Transformer
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.profile import Edition, json_path, make_profile
from learnrelay_xapi.publishers import profile_of, publisher_of, questionable_verbs
from learnrelay_xapi.vocabulary import Concept, Verb

EDITION = Edition(
    address="https://example.org/profile",
    versions={
        "https://example.org/profile/2": "2026-05-01T00:00:00Z",
        "https://example.org/profile/1": "2026-04-01T00:00:00Z",
    },
    name="Boats",
    definition="What boats say.",
    page="https://example.org/boats",
    author="The authors",
)  # fmt: skip
KNOTS = "https://example.org/extension/knots"
CONCEPT = Concept(KNOTS, "knots", "The speed.")


def mapping(event: str, verb: Verb | tuple[Verb, ...], activity: str = v.RESOURCE) -> Transformer:
    def sail(fields: Fields, platform: Any) -> dict[str, Any]:
        """The boat sails."""
        return {}

    return Transformer("xapi", (event,), Fields, sail, {"verb": verb, "activity": activity})


def always(**more: Any) -> dict[str, Any]:
    return {"always": True, "types": ["text"], **more}


def profile(shape: dict[str, Any], verb: Verb | tuple[Verb, ...] = v.VIEWED) -> dict[str, Any]:
    shape = {f'context.extensions["{KNOTS}"]': always(types=["number"]), **shape}
    return make_profile(EDITION, [mapping("a boat", verb)], {"a boat": shape}, [CONCEPT])


def test_an_extension_is_defined_as_shapes_have_it() -> None:
    (concept,) = profile({})["concepts"]
    assert concept == {
        "id": KNOTS,
        "type": "ContextExtension",
        "inScheme": "https://example.org/profile/2",
        "prefLabel": {"en": "knots"},
        "definition": {"en": "The speed."},
        "recommendedVerbs": [v.VIEWED.id],
        "inlineSchema": '{"type": "number"}',
    }


def test_an_extension_of_an_activity_recommends_types() -> None:
    shape = {f'object.definition.extensions["{KNOTS}"]': always()}
    made = make_profile(EDITION, [mapping("a boat", v.VIEWED)], {"a boat": shape}, [CONCEPT])
    (concept,) = made["concepts"]
    assert (concept["type"], concept["recommendedActivityTypes"]) == ("ActivityExtension", [v.RESOURCE])
    assert "recommendedVerbs" not in concept


@pytest.mark.parametrize("more", [{f'result.extensions["{KNOTS}"]': always()}, None])
def test_an_extension_has_one_place(more: dict[str, Any] | None) -> None:
    with pytest.raises(ValueError, match=KNOTS):
        profile(more) if more else make_profile(EDITION, [mapping("a boat", v.VIEWED)], {}, [CONCEPT])


def test_a_template_has_what_all_statements_have() -> None:
    (template,) = profile({
        "id": always(),
        "version": always(constant="1.0.0"),
        "actor.account.name": always(),
        "object.id": always(),
        "object.definition.type": always(constant=v.RESOURCE),
        "object.definition.name.und": always(constant="Invented"),
        "object.definition.name.fr": always(constant="Invented"),
        "result.completion": always(types=["boolean"], constant=True),
        "result.duration": {"always": False, "types": ["text"]},
        "context.contextActivities.parent": always(types=["list"]),
        "context.contextActivities.parent[].id": always(constant="{root_url}/a"),
        "context.contextActivities.parent[].definition.type": always(constant=v.COURSE),
    })["templates"]  # fmt: skip
    assert template == {
        "id": "https://example.org/profile/2#templates/a%20boat",
        "type": "StatementTemplate",
        "inScheme": "https://example.org/profile/2",
        "prefLabel": {"en": "a boat"},
        "definition": {"en": "The boat sails."},
        "verb": v.VIEWED.id,
        "objectActivityType": v.RESOURCE,
        "contextParentActivityType": [v.COURSE],
        "rules": [
            {"location": f"$.context.extensions['{KNOTS}']", "presence": "included"},
            {"location": "$.object.definition.name", "presence": "included"},
            {"location": "$.result.completion", "presence": "included"},
            {"location": "$.context.contextActivities.parent[*].id", "presence": "included"},
        ],
    }


def test_a_mapping_of_several_verbs_has_a_template_for_each() -> None:
    templates = profile({}, (v.PASSED, v.WAS_ASSIGNED))["templates"]
    assert [template["verb"] for template in templates] == [v.PASSED.id, v.WAS_ASSIGNED.id]
    assert [template["id"].rpartition("/")[2] for template in templates] == ["passed", "was-assigned"]


def test_objects_of_several_types_have_none_in_the_template() -> None:
    (template,) = profile({"object.definition.type": always()})["templates"]
    assert "objectActivityType" not in template


def test_versions_name_those_before_them() -> None:
    assert profile({})["versions"] == [
        {
            "id": "https://example.org/profile/2",
            "wasRevisionOf": ["https://example.org/profile/1"],
            "generatedAtTime": "2026-05-01T00:00:00Z",
        },
        {"id": "https://example.org/profile/1", "generatedAtTime": "2026-04-01T00:00:00Z"},
    ]


def test_paths_are_json_paths() -> None:
    assert json_path("context.contextActivities.other[].id") == "$.context.contextActivities.other[*].id"
    assert json_path('result.extensions["http://x.org/a.b"]') == "$.result.extensions['http://x.org/a.b']"


def test_every_iri_of_the_vocabulary_has_a_publisher() -> None:
    iris = {value.id if isinstance(value, Verb) else value for name, value in vars(v).items() if name.isupper()}
    assert len(iris) > 100
    assert [iri for iri in iris if not iri.startswith("_") and publisher_of(iri) is None] == []


def test_a_profile_is_followed_where_it_has_a_template() -> None:
    followed = profile_of(v.PAUSED, v.VIDEO)
    assert followed is not None
    assert followed.name == "Video profile"
    assert profile_of(v.PAUSED, v.RESOURCE) is None
    assert profile_of(v.SKIPPED, v.VIDEO) is None


def test_generic_verbs_and_those_that_a_profile_lacks_are_questionable() -> None:
    mappings = [
        mapping("a", v.VIEWED), mapping("b", v.INTERACTED), mapping("c", v.PLAYED, v.VIDEO),
        mapping("d", (v.SEEKED, v.SKIPPED), v.VIDEO), mapping("e", v.INTERACTED, v.VIDEO),
    ]  # fmt: skip
    assert list(questionable_verbs(mappings)) == [
        (v.INTERACTED.id, v.RESOURCE), (v.SKIPPED.id, v.VIDEO), (v.INTERACTED.id, v.VIDEO),
    ]  # fmt: skip
