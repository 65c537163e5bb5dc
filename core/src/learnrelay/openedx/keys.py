"""Course and block keys: ``course-v1:Org+Course+Run``, ``ccx-v1:…``, ``library-v1:…``, the old ``Org/Course/Run``."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from ..site import REMEMBERED

_NEW_COURSE = re.compile(r"(course|ccx|library)-v1:([^+\s/]+)\+([^+\s/]+)(?:\+([^\s/]+))?\Z")
_OLD_COURSE = re.compile(r"([^/\s:+]+)/([^/\s]+)/([^/\s]+)\Z")
_BLOCK_SCHEME = {"course": "block-v1", "ccx": "ccx-block-v1", "library": "lib-block-v1"}
_IS_BLOCK = re.compile(r"(?:(?:block|ccx-block|lib-block)-v1:|i4x://)\S")


class CourseKey(NamedTuple):
    """The parts of a course key; ``run`` is empty for a library."""

    kind: str  # course, ccx, library or old
    org: str
    course: str
    run: str


def parse_course(course_id: str) -> CourseKey | None:
    """Take a course key apart; None for a text that is none."""
    if found := _NEW_COURSE.match(course_id):
        kind, org, course, run = found.groups()
        if (run is None) == (kind == "library"):
            return CourseKey(kind, org, course, run or "")
    elif found := _OLD_COURSE.match(course_id):
        return CourseKey("old", *found.groups())
    return None


def is_block(key: str) -> bool:
    """Whether a text is a usage key already."""
    return _IS_BLOCK.match(key) is not None


@lru_cache(REMEMBERED)
def block_key(course_id: str, block_type: str, block_id: str) -> str | None:
    """The usage key of a block that an event names by its id within the course; None without a usable course key.

    Full usage keys come back as they are. Old courses: ``i4x://Org/Course/type/id``; their players write it as
    ``i4x-Org-Course-type-id``.

    >>> block_key("course-v1:Harbour+SAIL+2026", "video", "abc")
    'block-v1:Harbour+SAIL+2026+type@video+block@abc'
    >>> block_key("Harbour/SAIL/2026", "video", "i4x-Harbour-SAIL-video-abc")
    'i4x://Harbour/SAIL/video/abc'
    """
    if is_block(block_id):
        return block_id
    key = parse_course(course_id)
    if key is None:
        return None
    if key.kind == "old":
        plain = block_id.removeprefix(f"i4x-{key.org}-{key.course}-{block_type}-")
        return f"i4x://{key.org}/{key.course}/{block_type}/{plain}"
    return f"{_BLOCK_SCHEME[key.kind]}:{course_id.partition(':')[2]}+type@{block_type}+block@{block_id}"


def block_in_address(address: str) -> str | None:
    """The block that a page address points at with ``activate_block_id``, or None."""
    try:
        found = parse_qs(urlsplit(address).query).get("activate_block_id", [])
    except ValueError:
        return None
    return found[0] if found and is_block(found[0]) else None
