"""Makes marshmallow schemas of Caliper data, version 1.2 and 1.1: events, entities, envelopes.

    >>> event_schema("1.2").validate({"type": "ViewEvent"})["actor"]
    ['is required']

`validate` answers with marshmallow's mapping from property (or index) to messages, nested as the data is and
empty for valid data. A message gives the reason, never the value.

Made for contract tests and `learnrelay transform --validate`, not for the path of an event. What the
specifications only recommend is accepted, with one exception: a property that is null or empty is an error.
The profile extensions of 1.1 (types with contexts of their own) are not part of these schemas.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from marshmallow import INCLUDE, RAISE, Schema, ValidationError, fields, validates_schema

from .tables import EVENT, VERSIONS, EventRow, Vocabulary
from .values import MESSAGES, VALUES, Array, Check, FreeObject, context_of, iri, one_of

__all__ = ["envelope_schema", "event_schema"]


def event_schema(version: str = "1.2") -> Schema:
    """Returns the schema of one event. Raises `ValueError` for a version other than `1.2` and `1.1`."""
    return _Event(_vocabulary(version))


def envelope_schema(version: str = "1.2") -> Schema:
    """Returns the schema of an envelope with events and entity descriptions ("Sensor API", section "Envelope").

    Raises `ValueError` for a version other than `1.2` and `1.1`.
    """
    vocabulary = _vocabulary(version)
    terms = {"data version": one_of((vocabulary.context,), f"is not {vocabulary.context}")}
    return _object(
        {
            "sensor": _field(vocabulary, "string!"),
            "sendTime": _field(vocabulary, "DateTime!"),
            "dataVersion": _field(vocabulary, "data version!", terms),
            "data": Array(_Described(vocabulary, ["Entity"]), required=True, error_messages=MESSAGES),
        }
    )


def _vocabulary(version: str) -> Vocabulary:
    if version not in VERSIONS:
        raise ValueError(f"the Caliper version must be one of {', '.join(VERSIONS)}")
    return VERSIONS[version]


class _Object(Schema):
    """Validates a JSON object with known properties."""

    error_messages = {"unknown": "is not a property of this type", "type": "is not an object"}  # noqa: RUF012

    class Meta:
        unknown = RAISE
        register = False

    def validate(self, data: Any, **options: Any) -> dict[str, list[str]]:
        """Messages by property; empty for valid data."""
        try:
            return super().validate(data, **options)
        except RecursionError:
            return {"_schema": ["is nested too deeply"]}


class _Event(_Object):
    """Validates an event by the schema of its type and action."""

    class Meta(_Object.Meta):
        unknown = INCLUDE

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.vocabulary = vocabulary

    @validates_schema(pass_original=True)
    def fits_its_type(self, data: Any, original: Mapping[str, Any], **_: Any) -> None:
        """Raises ValidationError with the messages of the schema for the event."""
        _event_schema_for(self.vocabulary, original).load(original)


class _Typed(fields.Raw):
    """Validates an object that names its type, or the identifier of one where the tables allow it."""

    described = False

    def __init__(self, vocabulary: Vocabulary, types: list[str], **options: Any) -> None:
        super().__init__(**options, error_messages=MESSAGES)
        self.vocabulary = vocabulary
        self.by_id = "IRI" in types
        self.types = frozenset(types) - {"IRI"}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) and self.by_id:
            iri(value)
            return value
        if not isinstance(value, dict):
            raise ValidationError("is neither an object nor an IRI" if self.by_id else "is not an object")
        if value.get("type") is None:
            raise ValidationError({"type": [MESSAGES["null" if "type" in value else "required"]]})
        name = value["type"]
        if not isinstance(name, str) or name not in self.vocabulary.types:
            raise ValidationError({"type": [f"is not a type of Caliper {self.vocabulary.version}"]})
        if self.vocabulary.lineage[name].isdisjoint(self.types):
            raise ValidationError({"type": [f"is not {' or '.join(sorted(self.types))} or a subtype"]})
        return _type_schema(self.vocabulary, name, self.described).load(value)


class _Described(_Typed):
    """Validates a member of an envelope's data: an event, or an entity with a context of its own."""

    described = True

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        name = value.get("type") if isinstance(value, dict) else None
        if isinstance(name, str) and name in self.vocabulary.events:
            return _event_schema_for(self.vocabulary, value).load(value)
        return super()._deserialize(value, attr, data, **kwargs)


def _event_schema_for(vocabulary: Vocabulary, event: Mapping[str, Any]) -> Schema:
    """Returns the schema of the event's type and action; where these are unknown, that of any event."""
    name, action = event.get("type"), event.get("action")
    if not isinstance(name, str) or name not in vocabulary.events:
        name = None
    if name is None or not isinstance(action, str) or action not in vocabulary.events[name].actions:
        action = None
    return _schema_of_type(vocabulary, name, action)


@cache
def _schema_of_type(vocabulary: Vocabulary, name: str | None, action: str | None) -> Schema:
    row = vocabulary.events[name] if name else EventRow(vocabulary.profiles, vocabulary.actions, {})
    terms = {
        "event type": one_of(vocabulary.events, f"is not an event type of Caliper {vocabulary.version}"),
        "action": one_of(row.actions, f"is not an action of {name or 'any event'}"),
        "profile": one_of(row.profiles, f"is not a profile of {name or 'any event'}"),
    }
    profile = {"profile": "profile"} if vocabulary.profiles else {}
    notations = EVENT | profile | row.properties(action)
    return _object({key: _field(vocabulary, notation, terms) for key, notation in notations.items() if notation})


@cache
def _type_schema(vocabulary: Vocabulary, name: str, described: bool) -> Schema:
    """Returns the schema of a type; described: with a context of its own, as a member of an envelope's data."""
    notations = {"@context": "context!" if described else "context"} | vocabulary.properties(name)
    return _object({key: _field(vocabulary, notation) for key, notation in notations.items()})


def _object(properties: Mapping[str, fields.Raw]) -> Schema:
    return _Object.from_dict({**properties})()


def _field(vocabulary: Vocabulary, notation: str, terms: Mapping[str, Check] = VALUES) -> fields.Raw:
    """Makes the field of a notation (see `tables`); `terms` are the checks that depend on the type of event."""
    kind = notation.removesuffix("!")
    required = kind != notation
    if kind.startswith("["):
        return Array(_field(vocabulary, kind[1:-1]), required=required, error_messages=MESSAGES)
    if kind == "object":
        return FreeObject(required=required, error_messages=MESSAGES)
    check = context_of(vocabulary.context) if kind == "context" else terms.get(kind, VALUES.get(kind))
    if check:
        return fields.Raw(required=required, error_messages=MESSAGES, validate=check)
    return _Typed(vocabulary, kind.split("|"), required=required)
