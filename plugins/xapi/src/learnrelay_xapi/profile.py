"""Writes an xAPI Profile of what mappings say (xAPI Profiles 1.0, Document Structure Specification).

Concepts that others publish are named by their IRIs; those of the platform's package alone are defined (7.0: a profile
defines no concept of another).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from learnrelay import Transformer

from .publishers import verbs_of
from .vocabulary import Concept

Shape = Mapping[str, Mapping[str, Any]]
"""Path of a statement → ``types``, ``always``, perhaps ``constant``: a shape of ``contract.lock.json``."""

_CONTEXT = "https://w3id.org/xapi/profiles/context"
_CONFORMS_TO = "https://w3id.org/xapi/profiles#1.0"
_SCHEMA_TYPES = {"text": "string", "list": "array"}  # the others have the name of JSON Schema

_WITHOUT_RULE = re.compile(
    r"(id|version|timestamp|actor\..*|verb\..*|object\.(id|definition\.type)|.*\bobjectType|context\.contextActivities\.\w+)\Z"
)
"""Paths that every statement has, that depend on settings, or that the determining properties state."""
_CONTEXT_TYPE = re.compile(r"context\.contextActivities\.(parent|grouping|category|other)\[\]\.definition\.type\Z")
_LANGUAGE = re.compile(r"(.*\.definition\.(?:name|description))\..*\Z")
_EXTENSION = re.compile(r'(.*)\.extensions\["(.+?)"\]')
_KEY = re.compile(r'\["(.+?)"\]')


@dataclass(frozen=True, slots=True)
class Edition:
    """Describes a profile as a document.

    address: IRI of the profile. versions: IRI of each version → when it was made (ISO 8601), the present one first.
    page: address of a page about it.
    """

    address: str
    versions: Mapping[str, str]
    name: str
    definition: str
    page: str
    author: str


def make_profile(
    edition: Edition, transformers: Sequence[Transformer], shapes: Mapping[str, Shape], concepts: Iterable[Concept]
) -> dict[str, Any]:
    """Makes the profile: a definition of each concept, and a statement template for each event and verb.

    shapes: event → common shape of its statements.
    """
    present = next(iter(edition.versions))
    defined = {concept.id: concept for concept in concepts}
    profile: dict[str, Any] = {
        "@context": _CONTEXT,
        "id": edition.address,
        "type": "Profile",
        "conformsTo": _CONFORMS_TO,
        "prefLabel": {"en": edition.name},
        "definition": {"en": edition.definition},
        "seeAlso": edition.page,
        "versions": list(_versions(edition)),
        "author": {"type": "Organization", "name": edition.author},
    }
    if listed := [_extension(concept, present, transformers, shapes) for concept in defined.values()]:
        profile["concepts"] = listed
    profile["templates"] = [
        template for transformer in transformers for template in _templates(transformer, present, shapes)
    ]
    return profile


def _versions(edition: Edition) -> Iterator[dict[str, Any]]:
    addresses = list(edition.versions)
    for address, before in zip(addresses, [*addresses[1:], None], strict=True):
        revised = {"wasRevisionOf": [before]} if before else {}
        yield {"id": address, **revised, "generatedAtTime": edition.versions[address]}


def _extension(
    concept: Concept, version: str, transformers: Sequence[Transformer], shapes: Mapping[str, Shape]
) -> dict[str, Any]:
    """Defines an extension: where it stands, what type it has, and beside which verbs or types, as shapes have it."""
    uses = [
        (match[1], entry["types"], transformer)
        for transformer in transformers
        for event in transformer.events
        for path, entry in shapes.get(event, {}).items()
        if (match := _EXTENSION.fullmatch(path)) and match[2] == concept.id
    ]
    kinds = sorted({_kind_of(place) for place, _, _ in uses})
    if len(kinds) != 1:
        raise ValueError(f"{concept.id} stands in {' and '.join(kinds) or 'no statement'}")
    if kinds == ["ActivityExtension"]:
        types = {each.constants["activity"] for place, _, each in uses if place == "object.definition"}
        recommended = {"recommendedActivityTypes": sorted(types)}
    else:
        recommended = {"recommendedVerbs": sorted({verb.id for _, _, each in uses for verb in verbs_of(each)})}
    names = sorted({_SCHEMA_TYPES.get(name, name) for _, types, _ in uses for name in types})
    return {
        "id": concept.id,
        "type": kinds[0],
        "inScheme": version,
        "prefLabel": {"en": concept.name},
        "definition": {"en": concept.definition},
        **{key: values for key, values in recommended.items() if values},
        "inlineSchema": json.dumps({"type": names[0] if len(names) == 1 else names}),
    }


def _kind_of(place: str) -> str:
    if place.endswith("definition"):
        return "ActivityExtension"
    return {"context": "ContextExtension", "result": "ResultExtension"}[place]


def _templates(transformer: Transformer, version: str, shapes: Mapping[str, Shape]) -> Iterator[dict[str, Any]]:
    verbs = verbs_of(transformer)
    for event in transformer.events:
        shape = shapes.get(event, {})
        for verb in verbs:
            ending = f"/{verb.word.replace(' ', '-')}" if len(verbs) > 1 else ""
            template: dict[str, Any] = {
                "id": f"{version}#templates/{quote(event, safe='')}{ending}",
                "type": "StatementTemplate",
                "inScheme": version,
                "prefLabel": {"en": f"{event}: {verb.word}" if ending else event},
                "definition": {"en": transformer.about},
                "verb": verb.id,
                "objectActivityType": object_type(transformer, shape),
                **_context_types(shape),
            }
            if rules := list(_rules(shape)):
                template["rules"] = rules
            yield {key: value for key, value in template.items() if value is not None}


def object_type(transformer: Transformer, shape: Shape) -> str | None:
    """Returns the type of the objects of a mapping's statements; None where it differs from object to object."""
    entry = shape.get("object.definition.type")
    declared: str | None = transformer.constants.get("activity")
    return declared if entry is None else entry.get("constant")


def _context_types(shape: Shape) -> dict[str, list[str]]:
    """Returns the determining properties about activities of the context: types that all statements have there."""
    return {
        f"context{match[1].capitalize()}ActivityType": [entry["constant"]]
        for path, entry in shape.items()
        if entry["always"] and "constant" in entry and (match := _CONTEXT_TYPE.fullmatch(path))
    }


def _rules(shape: Shape) -> Iterator[dict[str, Any]]:
    """Yields a rule for each path that all statements have.

    None about its value: what is the same in all samples of the harness may differ in others.
    """
    locations = set()
    for path, entry in shape.items():
        is_determining = "constant" in entry and _CONTEXT_TYPE.fullmatch(path)
        if not entry["always"] or is_determining or _WITHOUT_RULE.fullmatch(path):
            continue
        text_of_platform = _LANGUAGE.fullmatch(path)
        location = json_path(text_of_platform[1] if text_of_platform else path)
        if location not in locations:
            locations.add(location)
            yield {"location": location, "presence": "included"}


def json_path(path: str) -> str:
    """Writes a path of a shape as a JSONPath.

    >>> json_path('context.contextActivities.parent[].id'), json_path('result.extensions["http://x.org/a"]')
    ('$.context.contextActivities.parent[*].id', "$.result.extensions['http://x.org/a']")
    """
    return "$." + _KEY.sub(r"['\1']", path.replace("[]", "[*]"))
