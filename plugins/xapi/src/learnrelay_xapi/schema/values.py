"""Defines the values of xAPI properties as marshmallow fields.

Each takes exactly one JSON type, converts nothing and never repeats a value in its message.
"""

import re
from collections.abc import Iterable
from datetime import date
from math import isfinite
from typing import Any

from marshmallow import Schema, ValidationError, fields


class Value(fields.Raw):
    """Accepts a value for which `accepts` is true; `must` ends the message "must be ..."."""

    default_error_messages = {"required": "is missing", "null": "must not be null"}  # noqa: RUF012  as in marshmallow
    must: str

    def accepts(self, value: Any) -> bool:
        """Tells whether the value has the right JSON type and form."""
        raise NotImplementedError

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not self.accepts(value):
            raise ValidationError(f"must be {self.must}")
        return value


class Boolean(Value):
    must = "true or false"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, bool)


class Number(Value):
    must = "a number"

    def accepts(self, value: Any) -> bool:
        return type(value) is int or (type(value) is float and isfinite(value))


class Integer(Number):
    """Accepts a whole number of at least 0; JSON makes no difference between 1 and 1.0."""

    must = "a whole number of at least 0"

    def accepts(self, value: Any) -> bool:
        return super().accepts(value) and value >= 0 and value % 1 == 0


class Json(Value):
    """Accepts any JSON value, null included: what an extension may hold."""

    must = "JSON"

    def accepts(self, value: Any) -> bool:
        todo = [value]
        while todo:
            match todo.pop():
                case None | str() | bool() | int():
                    pass
                case float() as number if isfinite(number):
                    pass
                case list() as array:
                    todo += array
                case dict() as members if all(isinstance(name, str) for name in members):
                    todo += members.values()
                case _:
                    return False
        return True


# Text


class TextValue(Value):
    must = "text"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str)


class Choice(TextValue):
    """Accepts one of the given words, in this case."""

    def __init__(self, *words: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.words = words
        self.must = f"one of {', '.join(words)}" if len(words) > 1 else words[0]

    def accepts(self, value: Any) -> bool:
        return super().accepts(value) and value in self.words


class PatternText(TextValue):
    """Accepts text of which the whole matches `pattern`."""

    pattern: re.Pattern[str]

    def accepts(self, value: Any) -> bool:
        return super().accepts(value) and self.pattern.fullmatch(value) is not None


class Uuid(PatternText):
    """Accepts a UUID of any version in canonical form (RFC 4122)."""

    must = "a UUID"
    pattern = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


# RFC 3987, section 2.2: ucschar, iprivate, and what stands in a host, in user information, in a path.
_UCS = "\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef" + "".join(
    f"{chr(plane)}-{chr(plane + 0xFFFD)}" for plane in range(0x10000, 0xF0000, 0x10000)
)
_PRIVATE = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"
_NAME = rf"A-Za-z0-9._~!$&'()*+,;={_UCS}\-"
_ESCAPE = "%[0-9A-Fa-f]{2}"
_HOST = rf"(?:\[[0-9A-Fa-f:.]+\]|(?:[{_NAME}]|{_ESCAPE})*)"
_NO_HOST = r"//(?:[^/?\#]*@)?(?:[:/?\#]|\Z)"
_AUTHORITY = rf"//(?:(?:[{_NAME}:]|{_ESCAPE})*@)?{_HOST}(?::[0-9]*)?"
_PATH = rf"(?:[{_NAME}:@/]|{_ESCAPE})*"
_TAIL = rf"(?:\?(?:[{_NAME}:@/?{_PRIVATE}]|{_ESCAPE})*)?(?:\#(?:[{_NAME}:@/?]|{_ESCAPE})*)?"


class Iri(PatternText):
    """Accepts an absolute IRI, with a scheme (RFC 3987). An http IRI also has a host (RFC 9110, section 4.2)."""

    must = "an IRI"
    pattern = re.compile(
        rf"(?!(?i:https?):(?:{_NO_HOST}|(?!//)))[A-Za-z][A-Za-z0-9+.\-]*:"
        rf"(?:{_AUTHORITY}(?:/{_PATH})?|(?!//){_PATH}){_TAIL}"
    )


class Irl(Iri):
    """Accepts an IRI that locates: with a host."""

    must = "an IRL"
    pattern = re.compile(rf"(?=[^:]*:(?!{_NO_HOST})//){Iri.pattern.pattern}")


class Uri(Iri):
    """Accepts a URI, an IRI of ASCII characters (RFC 3986)."""

    must = "a URI"

    def accepts(self, value: Any) -> bool:
        return super().accepts(value) and value.isascii()


class MailtoIri(Iri):
    """Accepts `mailto:` and one address."""

    must = "a mailto: IRI with one address"
    pattern = re.compile(rf"(?=mailto:[^@,;?\#/:]+@[^@,;?\#/:]+\Z){Iri.pattern.pattern}")


class Sha1(PatternText):
    must = "40 hexadecimal digits"
    pattern = re.compile(r"[0-9A-Fa-f]{40}")


class Sha2(PatternText):
    """Accepts a digest in one of the four lengths of SHA-2: 224, 256, 384, 512 bits."""

    must = "a SHA-2 sum in hexadecimal digits"
    pattern = re.compile(r"[0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128}")


class MediaType(PatternText):
    """Accepts a media type: type, subtype and parameters (RFC 2045, section 5.1)."""

    must = "a media type"
    pattern = re.compile(
        r"[\w!#$&^.+\-]+/[\w!#$&^.+\-]+(?:\s*;\s*[\w!#$&^.+\-]+=(?:[\w!#$&^.+\-:]+|\"[^\"\\\r\n]*\"))*",
        re.ASCII,
    )


class NonEmpty(PatternText):
    must = "text that is not empty"
    pattern = re.compile(r".+", re.DOTALL)


class ComponentId(PatternText):
    must = "text without blanks"
    pattern = re.compile(r"\S+")


class LanguageTag(PatternText):
    """Accepts a well-formed language tag, registered or not (RFC 5646, section 2.1)."""

    must = "an RFC 5646 language tag"
    pattern = re.compile(
        r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})"  # language, with extended language
        r"(?:-[a-z]{4})?"  # script
        r"(?:-(?:[a-z]{2}|[0-9]{3}))?"  # region
        r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"  # variants
        r"(?:-[0-9a-wyz](?:-[a-z0-9]{2,8})+)*"  # extensions
        r"(?:-x(?:-[a-z0-9]{1,8})+)?"  # private use
        r"|x(?:-[a-z0-9]{1,8})+"
        r"|en-GB-oed|sgn-(?:BE-FR|BE-NL|CH-DE)"  # grandfathered and irregular
        r"|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)",
        re.IGNORECASE | re.ASCII,
    )


class DurationValue(PatternText):
    """Accepts an ISO 8601 duration with designators; only the last number may have a fraction."""

    must = "an ISO 8601 duration"
    _number = r"[0-9]+(?:[.,][0-9]+(?=[A-Z]\Z))?"
    pattern = re.compile(
        rf"P(?=[0-9T])(?:{_number}W"
        rf"|(?:{_number}Y)?(?:{_number}M)?(?:{_number}D)?"
        rf"(?:T(?=[0-9])(?:{_number}H)?(?:{_number}M)?(?:{_number}S)?)?)"
    )


_DATE_TIME = (
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]"
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
)
_OFFSET = r"[Zz]|[+-](?:[01][0-9]|2[0-3])"


class Timestamp(PatternText):
    """Accepts date, time and offset; also the ISO 8601 offsets +00 and +0000 (xAPI 1.0.3)."""

    must = "a date and time with its offset from UTC"
    pattern = re.compile(rf"{_DATE_TIME}(?:{_OFFSET}(?::?[0-5][0-9])?)")

    def accepts(self, value: Any) -> bool:
        if not super().accepts(value):
            return False
        try:
            date.fromisoformat(value[:10])
        except ValueError:  # the 30th of February
            return False
        return True


class StrictTimestamp(Timestamp):
    """Accepts RFC 3339 to the letter, without the offset -00:00 (xAPI 2.0)."""

    must = "an RFC 3339 date and time with its offset from UTC"
    pattern = re.compile(rf"{_DATE_TIME}(?:[Zz]|(?!-00:00)[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])")


class Version(TextValue):
    """Accepts text that starts with one of `prefixes`."""

    def __init__(self, *prefixes: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.prefixes = prefixes
        self.must = " or ".join(f"{prefix}x" for prefix in prefixes)

    def accepts(self, value: Any) -> bool:
        return super().accepts(value) and value.startswith(self.prefixes)


# Structures


def check(field: Value, members: Iterable[tuple[str | int, Any]]) -> None:
    """Checks every member. Raises one ValidationError of {name or index: messages} for all that fail."""
    errors: dict[str | int, Any] = {}
    for name, value in members:
        try:
            field.deserialize(value)
        except ValidationError as error:
            errors[name] = error.messages
    if errors:
        raise ValidationError(errors)


class Array(Value):
    must = "an array"

    def __init__(self, item: Value, *, at_least: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.item = item
        self.at_least = at_least
        if at_least:
            self.must = f"an array of at least {at_least}"

    def accepts(self, value: Any) -> bool:
        return isinstance(value, list) and len(value) >= self.at_least

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        super()._deserialize(value, attr, data, **kwargs)
        check(self.item, enumerate(value))
        return value


class OneOrMore(Array):
    """Accepts an array, or its only item by itself."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, list):
            return super()._deserialize(value, attr, data, **kwargs)
        return self.item.deserialize(value)


class Map(Value):
    """Accepts an object with free keys of one form."""

    must = "an object"
    key: Value
    value: Value

    def accepts(self, value: Any) -> bool:
        return isinstance(value, dict)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        super()._deserialize(value, attr, data, **kwargs)
        if not all(map(self.key.accepts, value)):
            raise ValidationError(f"each key must be {self.key.must}")
        check(self.value, value.items())
        return value


class LanguageMap(Map):
    key = LanguageTag()
    value = TextValue()


class Extensions(Map):
    key = Iri()
    value = Json(allow_none=True)


class Object(Value):
    """Accepts an object of one of several kinds: its objectType names it; without one it is the first."""

    must = "an object"

    def __init__(self, *kinds: type[Schema], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kinds = {_object_type(schema): schema for schema in (kind() for kind in kinds)}

    def accepts(self, value: Any) -> bool:
        return isinstance(value, dict)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        super()._deserialize(value, attr, data, **kwargs)
        schema = next(iter(self.kinds.values()))
        if "" not in self.kinds and "objectType" in value:
            check(Choice(*self.kinds), [("objectType", value["objectType"])])
            schema = self.kinds[value["objectType"]]
        return schema.load(value)


def _object_type(schema: Schema) -> str:
    """Returns the objectType of a schema; "" for objects that have none."""
    field = schema.fields.get("objectType")
    return field.words[0] if isinstance(field, Choice) else ""
