"""Defines the schemas of an xAPI statement, from the smallest object to the whole.

Source: xAPI 1.0.3, "Data"; xAPI 2.0 (IEEE 9274.1.1). What parsed JSON cannot show, a key given twice,
is not judged, nor whether a time lies in the future: that depends on when one looks.
"""
# ruff: noqa: N815  the properties have the names that the specification gives them

import re
from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import Schema, ValidationError, validates_schema

from learnrelay_xapi.schema.values import (
    Array,
    Boolean,
    Choice,
    ComponentId,
    DurationValue,
    Extensions,
    Integer,
    Iri,
    Irl,
    LanguageMap,
    LanguageTag,
    MailtoIri,
    MediaType,
    NonEmpty,
    Number,
    Object,
    OneOrMore,
    Sha1,
    Sha2,
    StrictTimestamp,
    TextValue,
    Timestamp,
    Uri,
    Uuid,
    Version,
)
from learnrelay_xapi.vocabulary import VOIDED


class XapiObject(Schema):
    """Validates an object with a fixed set of properties; none of them may be null."""

    error_messages = {"unknown": "is no property of this object", "type": "must be an object"}  # noqa: RUF012


# Actors (1.0.3, Data 2.4.2)


class Account(XapiObject):
    homePage = Irl(required=True)
    name = NonEmpty(required=True)


class Actor(XapiObject):
    """Validates what Agents and Groups share."""

    name = TextValue()
    mbox = MailtoIri()
    mbox_sha1sum = Sha1()
    openid = Uri()
    account = Object(Account)

    @staticmethod
    def identifiers(actor: dict[str, Any]) -> set[str]:
        """Lists the inverse functional identifiers that are given."""
        return actor.keys() & {"mbox", "mbox_sha1sum", "openid", "account"}


class Agent(Actor):
    objectType = Choice("Agent")

    @validates_schema
    def _one_identifier(self, agent: dict[str, Any], **_: Any) -> None:
        if len(self.identifiers(agent)) != 1:
            raise ValidationError("must have exactly one of mbox, mbox_sha1sum, openid, account")


class Group(Actor):
    objectType = Choice("Group", required=True)
    member = Array(Object(Agent))

    @validates_schema
    def _identified_or_not(self, group: dict[str, Any], **_: Any) -> None:
        identifiers = self.identifiers(group)
        if len(identifiers) > 1:
            raise ValidationError("must have at most one of mbox, mbox_sha1sum, openid, account")
        if not identifiers and "member" not in group:
            raise ValidationError("is missing in a Group without identifier", "member")


# Verb (Data 2.4.3)


class VerbObject(XapiObject):
    id = Iri(required=True)
    display = LanguageMap()


# Activity (Data 2.4.4.1)


class Component(XapiObject):
    """Validates one choice, step or point of a scale of an interaction."""

    id = ComponentId(required=True)
    description = LanguageMap()


COMPONENTS_OF = {
    "choices": ("choice", "sequencing"),
    "scale": ("likert",),
    "source": ("matching",),
    "target": ("matching",),
    "steps": ("performance",),
}

_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_PAIR = r"[^\[\]]+\[\.\](?:(?!\[,\]).)+"
_PAIRS = rf"{_PAIR}(?:\[,\]{_PAIR})*"
RESPONSE_OF = {  # the other types have identifiers or free text
    "true-false": re.compile(r"true|false"),
    "matching": re.compile(_PAIRS, re.DOTALL),
    "performance": re.compile(rf"(?:\{{order_matters=(?:true|false)\}})?{_PAIRS}", re.DOTALL),
    "numeric": re.compile(rf"{_NUMBER}|(?:{_NUMBER})?\[:\](?:{_NUMBER})?"),
}


class Definition(XapiObject):
    """Validates the definition of an activity; for a question also how it is answered."""

    name = LanguageMap()
    description = LanguageMap()
    type = Iri()
    moreInfo = Irl()
    extensions = Extensions()

    interactionType = Choice(
        "true-false",
        "choice",
        "fill-in",
        "long-fill-in",
        "matching",
        "performance",
        "sequencing",
        "likert",
        "numeric",
        "other",
    )
    correctResponsesPattern = Array(TextValue())
    choices = Array(Object(Component))
    scale = Array(Object(Component))
    source = Array(Object(Component))
    target = Array(Object(Component))
    steps = Array(Object(Component))

    @validates_schema
    def _interaction_type(self, definition: dict[str, Any], **_: Any) -> None:
        """Rejects properties of an interaction without the interactionType that they belong to."""
        interaction_type = definition.get("interactionType")
        if interaction_type is None and definition.keys() & {*COMPONENTS_OF, "correctResponsesPattern"}:
            raise ValidationError("is missing beside other properties of an interaction", "interactionType")
        for name, types in COMPONENTS_OF.items():
            if name in definition and interaction_type not in types:
                raise ValidationError(f"stands only with interactionType {' or '.join(types)}", name)

    @validates_schema
    def _unique_components(self, definition: dict[str, Any], **_: Any) -> None:
        for name in COMPONENTS_OF:
            seen = set()
            for index, component in enumerate(definition.get(name, [])):
                if component["id"] in seen:
                    raise ValidationError({name: {index: {"id": ["must be unique in its list"]}}})
                seen.add(component["id"])

    @validates_schema
    def _responses(self, definition: dict[str, Any], **_: Any) -> None:
        form = RESPONSE_OF.get(definition.get("interactionType", "other"))
        for index, response in enumerate(definition.get("correctResponsesPattern", [])):
            if form and not form.fullmatch(response):
                message = "must have the form of a response to its interactionType"
                raise ValidationError({"correctResponsesPattern": {index: [message]}})


class Activity(XapiObject):
    objectType = Choice("Activity")
    id = Iri(required=True)
    definition = Object(Definition)


# Reference to another statement (Data 2.4.4.3)


class StatementRef(XapiObject):
    objectType = Choice("StatementRef", required=True)
    id = Uuid(required=True)


# Result (Data 2.4.5)


class Score(XapiObject):
    scaled = Number()
    raw = Number()
    min = Number()
    max = Number()

    @validates_schema
    def _bounds(self, score: dict[str, Any], **_: Any) -> None:
        if not -1 <= score.get("scaled", 0) <= 1:
            raise ValidationError("must lie between -1 and 1", "scaled")
        if "min" in score and "max" in score and score["min"] >= score["max"]:
            raise ValidationError("must be less than max", "min")
        if "raw" in score and "min" in score and score["raw"] < score["min"]:
            raise ValidationError("must not be less than min", "raw")
        if "raw" in score and "max" in score and score["raw"] > score["max"]:
            raise ValidationError("must not be more than max", "raw")


class Result(XapiObject):
    score = Object(Score)
    success = Boolean()
    completion = Boolean()
    response = TextValue()
    duration = DurationValue()
    extensions = Extensions()


# Context (Data 2.4.6)


class ContextActivitiesObject(XapiObject):
    parent = OneOrMore(Object(Activity))
    grouping = OneOrMore(Object(Activity))
    category = OneOrMore(Object(Activity))
    other = OneOrMore(Object(Activity))


class Context(XapiObject):
    registration = Uuid()
    instructor = Object(Agent, Group)
    team = Object(Group)
    contextActivities = Object(ContextActivitiesObject)
    revision = TextValue()
    platform = TextValue()
    language = LanguageTag()
    statement = Object(StatementRef)
    extensions = Extensions()


# Attachments (Data 2.4.11)


class Attachment(XapiObject):
    usageType = Iri(required=True)
    display = LanguageMap(required=True)
    description = LanguageMap()
    contentType = MediaType(required=True)
    length = Integer(required=True)
    sha2 = Sha2(required=True)
    fileUrl = Irl()


# Statements (Data 2.4.4.3, 2.1)


class Body(XapiObject):
    """Validates what Statements and SubStatements share."""

    actor = Object(Agent, Group, required=True)
    verb = Object(VerbObject, required=True)
    object = Object(Activity, Agent, Group, StatementRef, required=True)
    result = Object(Result)
    context = Object(Context)
    timestamp = Timestamp()
    attachments = Array(Object(Attachment))

    @validates_schema
    def _about_an_activity(self, body: dict[str, Any], **_: Any) -> None:
        if body["object"].get("objectType", "Activity") != "Activity":
            astray = body.get("context", {}).keys() & {"revision", "platform"}
            if astray:
                message = "stands only where the object is an Activity"
                raise ValidationError({"context": {name: [message] for name in astray}})


class SubStatement(Body):
    objectType = Choice("SubStatement", required=True)


class StatementSchema(Body):
    """Validates a statement of xAPI 1.0.3."""

    id = Uuid()
    object = Object(Activity, Agent, Group, StatementRef, SubStatement, required=True)
    stored = Timestamp()
    authority = Object(Agent, Group)
    version = Version("1.0.")

    @validates_schema
    def _voiding(self, statement: dict[str, Any], **_: Any) -> None:
        if statement["verb"]["id"] == VOIDED.id and statement["object"].get("objectType") != "StatementRef":
            raise ValidationError("must be a StatementRef where the verb is voided", "object")

    @validates_schema
    def _authority_of_two(self, statement: dict[str, Any], **_: Any) -> None:
        """Rejects a Group as authority that is not an application and a user (Data 2.4.9)."""
        authority = statement.get("authority", {})
        if authority.get("objectType") == "Group" and (Actor.identifiers(authority) or len(authority["member"]) != 2):
            raise ValidationError("must be an Agent, or a Group of two Agents without identifier", "authority")

    def validate(
        self,
        data: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        many: bool | None = None,
        partial: Any = None,
    ) -> dict[str, list[str]]:
        """Returns the errors of a statement: {path: reasons}, empty for a valid one.

        A path is dotted, with indexes in arrays, as in `context.contextActivities.parent.0.id`;
        `statement` alone is the whole. Neither path nor reason contains a value. Whatever is
        given, nothing is raised.
        """
        return _by_path(super().validate(data, many=many, partial=partial))


# What 2.0 changes: time stamps, version, and agents and groups in the context


class ContextAgent(XapiObject):
    objectType = Choice("contextAgent", required=True)
    agent = Object(Agent, required=True)
    relevantTypes = Array(Iri(), at_least=1)


class ContextGroup(XapiObject):
    objectType = Choice("contextGroup", required=True)
    group = Object(Group, required=True)
    relevantTypes = Array(Iri(), at_least=1)


class Context2(Context):
    contextAgents = Array(Object(ContextAgent))
    contextGroups = Array(Object(ContextGroup))


class SubStatement2(SubStatement):
    context = Object(Context2)
    timestamp = StrictTimestamp()


class StatementSchema2(StatementSchema):
    """Validates a statement of xAPI 2.0."""

    object = Object(Activity, Agent, Group, StatementRef, SubStatement2, required=True)
    context = Object(Context2)
    timestamp = StrictTimestamp()
    stored = StrictTimestamp()
    version = Version("1.0.", "2.0.")


def statement_schema(version: str = "1.0.3") -> StatementSchema:
    """Returns the schema of a statement of xAPI "1.0.3" or "2.0".

    :raises ValueError: another version.
    """
    schemas = {"1.0.3": StatementSchema, "2.0": StatementSchema2}
    if version not in schemas:
        raise ValueError(f"xAPI version must be one of {', '.join(schemas)}")
    return schemas[version]()


def _by_path(messages: Any, path: str = "") -> dict[str, list[str]]:
    """Marshmallow's nested messages as {dotted path: messages}."""
    if not isinstance(messages, dict):
        return {path or "statement": messages}
    flat: dict[str, list[str]] = {}
    for name, inner in messages.items():
        at = path if name == "_schema" else f"{path}.{name}" if path else str(name)
        for dotted, reasons in _by_path(inner, at).items():
            flat.setdefault(dotted, []).extend(reasons)
    return flat
