"""Defines the kinds of values in Caliper data as marshmallow fields. Messages give the reason, never the value."""

import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from marshmallow import ValidationError, fields

from .tables import METRICS, ROLES, STATUSES

MESSAGES: dict[str, Any] = {"required": "is required", "null": "is null; leave it out"}
EMPTY = "is empty; leave it out"

Check = Callable[[Any], None]
"""Raises `ValidationError` with the reason where a value does not fit."""

# RFC 3987 in its outline: a scheme and characters that need no escaping; a web address has a host.
_CHARACTER = r"(?:[^\s\x00-\x20\x7f<>\"{}|\\^`%]|%[0-9A-Fa-f]{2})"
_IRI = re.compile(rf"(?:(?i:https?)://(?![/?#])|(?!(?i:https?):)[A-Za-z][A-Za-z0-9+.-]*:){_CHARACTER}+|_:{_CHARACTER}+")
_UUID = re.compile(r"urn:uuid:[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_DATE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
# ISO 8601: at least one part, none after an empty T, a fraction only in the last part.
_NUMBER = r"[0-9]+(?:[.,][0-9]+)?"
_DURATION = re.compile(
    rf"(?!.*[.,][0-9]+[A-Z].)P(?:{_NUMBER}W|(?=[0-9T])(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}D)?"
    rf"(?:T(?=[0-9])(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?)"
)


def pattern(expression: re.Pattern[str], reason: str) -> Check:
    """Accepts a string that matches as a whole."""

    def check(value: Any) -> None:
        text(value)
        if not expression.fullmatch(value):
            raise ValidationError(reason)

    return check


def one_of(terms: Collection[str], reason: str) -> Check:
    """Accepts one of some terms."""

    def check(value: Any) -> None:
        if not isinstance(value, str) or value not in terms:
            raise ValidationError(reason)

    return check


def text(value: Any) -> None:
    """Accepts a string that is not empty."""
    if not isinstance(value, str):
        raise ValidationError("is not a string")
    if not value:
        raise ValidationError(EMPTY)


def integer(value: Any) -> None:
    """Accepts a JSON number without a fraction."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValidationError("is not an integer")


def decimal(value: Any) -> None:
    """Accepts a JSON number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
        raise ValidationError("is not a number")


def _finite(value: float) -> bool:
    return isinstance(value, int) or math.isfinite(value)  # isfinite overflows with large integers


def boolean(value: Any) -> None:
    """Accepts a JSON boolean."""
    if not isinstance(value, bool):
        raise ValidationError("is not a boolean")


iri = pattern(_IRI, "is neither an absolute IRI nor a blank node")


def date_time(value: Any) -> None:
    """Accepts a date and time in UTC with three fraction digits, written as the specification prescribes."""
    _utc(value)
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise ValidationError("is no date and time of the calendar") from None


_utc = pattern(_DATE_TIME, "is not of the form YYYY-MM-DDTHH:MM:SS.sssZ")

VALUES: Mapping[str, Check] = {
    "string": text,
    "integer": integer,
    "decimal": decimal,
    "boolean": boolean,
    "DateTime": date_time,
    "Duration": pattern(_DURATION, "is not an ISO 8601 duration"),
    "IRI": iri,
    "event id": pattern(_UUID, "is not of the form urn:uuid:UUID"),
    "role": one_of(ROLES, "is not a role term"),
    "status": one_of(STATUSES, "is not a status term"),
    "metric": one_of(METRICS, "is not a metric term"),
}


def context_of(iri_of_version: str) -> Check:
    """Accepts the JSON-LD context of one Caliper version: its IRI, or an array of contexts that ends with it."""

    def check(value: Any) -> None:
        contexts = value if isinstance(value, list) else [value]
        if not contexts or contexts[-1] != iri_of_version:
            raise ValidationError(f"is neither {iri_of_version} nor an array that ends with it")
        for other in contexts[:-1]:
            if not isinstance(other, dict):
                iri(other)

    return check


class Array(fields.Raw):
    """Accepts a JSON array with at least one member, all of one kind."""

    def __init__(self, member: fields.Raw, **options: Any) -> None:
        super().__init__(**options)
        self.member = member

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError("is not an array")
        if not value:
            raise ValidationError(EMPTY)
        errors = {}
        for index, inner in enumerate(value):
            try:
                self.member.deserialize(inner)
            except ValidationError as error:
                errors[index] = error.messages
        if errors:
            raise ValidationError(errors)
        return value


class FreeObject(fields.Raw):
    """Accepts a JSON object with names of its author's (`extensions`); no property in it is null or empty."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("is not an object")
        if errors := _free_property(value):
            raise ValidationError(errors)
        return value


def _free_property(value: Any) -> Any:
    return [EMPTY] if value in ("", [], {}) else _free_value(value)


def _free_value(value: Any) -> Any:
    """Returns the errors inside a free object, as messages or as a mapping by name or index; empty for none."""
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            return ["has a name that is not a string"]
        return {name: errors for name, inner in value.items() if (errors := _free_property(inner))}
    if isinstance(value, list):
        return {index: errors for index, inner in enumerate(value) if (errors := _free_value(inner))}
    if value is None:
        return [MESSAGES["null"]]
    if isinstance(value, str) or (isinstance(value, int | float) and _finite(value)):
        return []
    return ["is not a JSON value"]
