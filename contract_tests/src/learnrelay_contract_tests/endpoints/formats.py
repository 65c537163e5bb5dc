"""Recognises the forms of values that both standards share: JSON, IRI, UUID, time, duration, language tag.

Every ``is_…`` function takes text and returns whether it has the form; none of them raises.
"""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)

# RFC 3987. Possessive quantifiers keep the time linear on hostile input.
_CHARS = r"A-Za-z0-9\-._~!$&'()*+,;=\u00A0-\uD7FF\uF900-\uFDCF\uFDF0-\uFFEF\U00010000-\U000EFFFD"
_PERCENT = r"%[0-9A-Fa-f]{2}"
_SEGMENTS = rf"(?:[{_CHARS}:@/]++|{_PERCENT})*+"
_IRI = re.compile(
    rf"""(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*):(?=.)
    (?://(?P<authority>(?:(?:[{_CHARS}:]|{_PERCENT})*@)?
        (?P<host>\[[0-9A-Fa-f:.]+\]|(?:[{_CHARS}]|{_PERCENT})*)(?::[0-9]*)?)(?=[/?\#]|\Z))?
    {_SEGMENTS}
    (?:\?(?:[{_CHARS}:@/?\uE000-\uF8FF]++|{_PERCENT})*+)?
    (?:\#(?:[{_CHARS}:@/?]++|{_PERCENT})*+)?""",
    re.VERBOSE,
)

# RFC 5646, section 2.1, with the irregular tags of its grandfathered list.
_LANGUAGE = re.compile(
    r"""(?:(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4}|[a-z]{5,8})
    (?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?
    (?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*
    (?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*
    (?:-x(?:-[a-z0-9]{1,8})+)?
    |x(?:-[a-z0-9]{1,8})+
    |en-GB-oed|i-(?:ami|bnn|default|enochian|hak|klingon|lux|mingo|navajo|pwn|tao|tay|tsu)
    |sgn-(?:BE-FR|BE-NL|CH-DE))""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)

_DATE_AND_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}"
_RFC3339 = re.compile(rf"{_DATE_AND_TIME}(?:\.[0-9]+)?(?:Z|(?!-00:00)[+-][0-9]{{2}}:[0-9]{{2}})")
_ISO8601 = re.compile(rf"{_DATE_AND_TIME}(?:\.[0-9]+)?(?:Z|(?!-00(?::?00)?$)[+-][0-9]{{2}}(?::?[0-9]{{2}})?)")
_UTC_MILLISECONDS = re.compile(rf"{_DATE_AND_TIME}\.[0-9]{{3}}Z")

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_DURATION = re.compile(
    # The look-aheads: at least one part, and a fraction only in the last one (ISO 8601, section 5.5.2).
    rf"P(?=.)(?!.*T$)(?!.*\.[0-9]+[A-Z].)(?:{_NUMBER}W"
    rf"|(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}D)?"
    rf"(?:T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?)"
)


def strict_json(body: bytes) -> Any:
    """Parses UTF-8 JSON and refuses what lenient parsers accept: a repeated key, NaN, Infinity.

    Raises ValueError with a reason that quotes nothing of the body but the key.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"not JSON: line {error.lineno}, column {error.colno}") from None
    try:
        written = orjson.dumps(document)
    except orjson.JSONEncodeError:
        raise ValueError("nested too deeply") from None  # its limit is 254
    # A parser keeps one of two equal keys, so a text that survives the round trip has no repeated key.
    if written != body:
        json.loads(body, object_pairs_hook=_unique_keys)
    return document


def _unique_keys(pairs: Iterable[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise ValueError(f"{key}: key given twice in one object")
        seen.add(key)


def is_uuid(text: str) -> bool:
    """Tells whether the text is a UUID of any version in canonical 8-4-4-4-12 form, either case (RFC 4122)."""
    return _UUID.fullmatch(text) is not None


def is_iri(text: str) -> bool:
    """Tells whether the text is an absolute IRI: scheme, colon and more (RFC 3987); http and https need a host."""
    match = _IRI.fullmatch(text)
    return match is not None and (match["scheme"].lower() not in {"http", "https"} or bool(match["host"]))


def is_language_tag(text: str) -> bool:
    """Tells whether the text is a well-formed language tag (RFC 5646); registration of its parts is not checked."""
    return _LANGUAGE.fullmatch(text) is not None


def is_rfc3339(text: str) -> bool:
    """Tells whether the text is a date and time with ``Z`` or an offset ``±hh:mm`` other than ``-00:00``."""
    return _RFC3339.fullmatch(text) is not None and _exists(text)


def is_iso8601(text: str) -> bool:
    """Tells whether the text has the form of RFC 3339; the offset may also be ``±hhmm`` or ``±hh`` (xAPI 1.0.3)."""
    return _ISO8601.fullmatch(text) is not None and _exists(text)


def is_utc_milliseconds(text: str) -> bool:
    """Tells whether the text has the exact form ``YYYY-MM-DDTHH:MM:SS.sssZ`` (Caliper's DateTime)."""
    return _UTC_MILLISECONDS.fullmatch(text) is not None and _exists(text)


def _exists(text: str) -> bool:
    """Tells whether the date and the time exist."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_duration(text: str) -> bool:
    """Tells whether the text is an ISO 8601 duration with designators, such as ``PT1H2M3.5S``, ``P3D`` or ``P2W``."""
    return _DURATION.fullmatch(text) is not None
