"""Course and block keys: ``course-v1:Org+Course+Run``, ``ccx-v1:…``, ``library-v1:…``, the old ``Org/Course/Run``."""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from learnrelay.caching import cached

_NEW_COURSE = re.compile(r"(course|ccx|library)-v1:([^+\s/]+)\+([^+\s/]+)(?:\+([^\s/]+))?\Z")
_OLD_COURSE = re.compile(r"([^/\s:+]+)/([^/\s]+)/([^/\s]+)\Z")
_BLOCK_SCHEME = {"course": "block-v1", "ccx": "ccx-block-v1", "library": "lib-block-v1"}
_UNIT_PATH = re.compile(r"/xblock/((?:ccx-)?block-v1:[^/?#]{1,512})\Z")
_WORD = re.compile(r"[a-z]+(?:[._-]?[a-z0-9]+){0,7}")
_NOT_IN_HTML_IDS = re.compile(r"(?:[^\w-]|_)+")
_ONE_SLASH = re.compile(r"\Ai4x:/(?!/)")
_IS_BLOCK = re.compile(r"(?:(?:block|ccx-block|lib-block)-v1:|i4x://)\S")


class CourseKey(NamedTuple):
    """Holds the parts of a course key; ``run`` is empty for a library."""

    kind: str  # course, ccx, library or old
    org: str
    course: str
    run: str


def parse_course(course_id: str) -> CourseKey | None:
    """Takes a course key apart; None for a text that is none."""
    if match := _NEW_COURSE.match(course_id):
        kind, org, course, run = match.groups()
        if (run is None) == (kind == "library"):
            return CourseKey(kind, org, course, run or "")
    elif match := _OLD_COURSE.match(course_id):
        return CourseKey("old", *match.groups())
    return None


def is_block(key: str) -> bool:
    """Tells whether a text is a usage key already."""
    return _IS_BLOCK.match(key) is not None


def whole_key(text: str) -> str | None:
    """Returns the usage key that a text is; None where it is none.

    It may have been in an address that was encoded once more, decoded as a form, which makes blanks of plus signs, or
    cleaned of double slashes.

    >>> whole_key("block-v1%3AHarbour%2BSAIL%2B1%2Btype%40video%2Bblock%40abc"), whole_key("i4x:/Harbour/SAIL/video/a")
    ('block-v1:Harbour+SAIL+1+type@video+block@abc', 'i4x://Harbour/SAIL/video/a')
    """
    key = text if is_block(text) else _ONE_SLASH.sub("i4x://", decoded(text))
    return key.replace(" ", "+") if is_block(key) else None


def block_key(course_id: str, block_type: str, block_id: str) -> str | None:
    """Returns the usage key of a block that is named by its id within the course; None for one of another course.

    None as well without a usable course key. Full usage keys come back as they are. Old courses:
    ``i4x://Org/Course/type/id``; their pages write it as ``i4x-Org-Course-type-id``, with ``_`` for every run of
    characters that are no letters, digits or hyphens.

    >>> block_key("course-v1:Harbour+SAIL+2026", "video", "abc")
    'block-v1:Harbour+SAIL+2026+type@video+block@abc'
    >>> block_key("Harbour/SAIL.1x/2026", "video", "i4x-Harbour-SAIL_1x-videoalpha-abc")
    'i4x://Harbour/SAIL.1x/videoalpha/abc'
    """
    return _block_key((course_id, block_type, block_id))


@cached
def _block_key(named: tuple[str, str, str]) -> str | None:
    course_id, block_type, block_id = named
    if (whole := whole_key(block_id)) is not None:
        return whole
    key = parse_course(course_id)
    if key is None:
        return None
    if key.kind != "old":
        return f"{_BLOCK_SCHEME[key.kind]}:{course_id.partition(':')[2]}+type@{block_type}+block@{block_id}"
    if block_id.startswith("i4x-"):
        of_course = html_prefix(key.org, key.course)
        block_type, _, name = block_id.removeprefix(of_course).partition("-")
        if not block_id.startswith(of_course) or not block_type or not name:
            return None
        block_id = name
    return f"i4x://{key.org}/{key.course}/{block_type}/{block_id}"


def block_in_address(address: str) -> str | None:
    """Returns the block that a page address points at with ``activate_block_id``, or None."""
    try:
        blocks = parse_qs(urlsplit(address).query).get("activate_block_id", [])
    except ValueError:
        return None
    return whole_key(blocks[0]) if blocks else None


_HANDLER_PATH = re.compile(r"/(?:courses/[^?#]+/)?xblock/([^/?#]{1,1024})/handler(?:_noauth)?/")


def handled_block(value: Any) -> str | None:
    """Reads the key of a block, or that of the block to whose handler a request went: a kind for fields.

    In such a path the platform writes ``;_`` for a slash and ``;;`` for a semicolon.

    >>> handled_block("/courses/Harbour/SAIL/2014/xblock/i4x:;_;_Harbour;_SAIL;_problem;_reef/handler/problem_check")
    'i4x://Harbour/SAIL/problem/reef'
    """
    if type(value) is not str or not value.startswith("/"):
        return value or None if type(value) is str else None
    match = _HANDLER_PATH.match(value) if len(value) <= LONGEST_NAMED else None
    key = re.sub(r";(.)", lambda pair: {"_": "/"}.get(pair[1], pair[1]), match[1]) if match else ""
    return key if is_block(key) else None


handled_block.__name__ = "a block"


def drawn_unit(path: Any) -> str | None:
    """Reads the key of a unit from the path that draws it: a kind for fields."""
    match = _UNIT_PATH.fullmatch(path) if type(path) is str else None
    return match[1] if match else None


def platform_word(value: Any) -> str | None:
    """Reads a word of the platform, such as ``new_response``, in which nobody writes something: a kind for fields."""
    return value if type(value) is str and len(value) <= 64 and _WORD.fullmatch(value) else None


_SLUG = re.compile(r"[A-Za-z0-9_-]{1,255}")


def slug(value: Any) -> str | None:
    """Reads a name that an operator gave, as Django's slugs are written: a kind for fields."""
    return value if type(value) is str and _SLUG.fullmatch(value) else None


LONGEST_NAMED = 8_192
"""Characters of an id or an address that is looked into; no platform makes longer ones."""

_MOST_ENCODINGS = 8


def decoded(address: str) -> str:
    """Decodes percent-encoding until none is left, so that no spelling of an address hides what is in it.

    >>> decoded("block-v1%253AHarbour"), decoded("50%")
    ('block-v1:Harbour', '50%')
    """
    for _ in range(_MOST_ENCODINGS):
        if "%" not in address or (plain := unquote(address)) == address:
            return address
        address = plain
    return address


def html_prefix(org: str, course: str) -> str:
    """Returns with what the ids of a course's old blocks begin on a page; the platform replaces their punctuation.

    >>> html_prefix("MITx", "6.002x")
    'i4x-MITx-6_002x-'
    """
    return _NOT_IN_HTML_IDS.sub("_", f"i4x-{org}-{course}-")
