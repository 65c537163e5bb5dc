"""``org`` and ``course``: the university partner whose course it is, and single courses and runs.

The course key proves both, ``context.org_id`` the organisation; the blocks that an event names prove nothing, but must
not contradict them. All are compared exactly, letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any, NamedTuple

from learnrelay import Doubt, Fields, Scope, optional
from learnrelay.openedx.keys import parse_course

_BLOCK = re.compile(r"(?:(ccx|lib)-)?block-v1:([^/\s]+?)(?:\+branch@[^+\s/]+)?(?:\+version@[^+\s/]+)?\+type@")
_OLD_BLOCK = re.compile(r"i4x://([^/\s:+]+)/")
_NO_KEY = re.compile(r"[^\w.~:+@/-]")
_ORG = re.compile(r"[\w.~:-]+")
_COURSE = re.compile(r"([\w.~-]+)[+/]([\w.~:-]+)")


class Course(NamedTuple):
    """A course as a key names it; ``course`` is without the run, and empty where it is a library's or not known."""

    org: str
    course: str = ""
    key: str = ""


UNREADABLE = Course("")


@lru_cache(50_000)
def course_of(key: str) -> Course:
    """The course of a course key, or UNREADABLE: the platform's own rules for keys are a little stricter than ours."""
    parsed = None if _NO_KEY.search(key) else parse_course(key)
    if parsed is None or (parsed.kind == "course" and "+" in parsed.run):
        return UNREADABLE
    return Course(parsed.org, "" if parsed.kind == "library" else f"{parsed.org}+{parsed.course}", key)


@lru_cache(50_000)
def course_of_block(sign: str) -> Course | None:
    """The course of a block's key; of an old one only the organisation. None for other texts, such as short ids."""
    if found := _BLOCK.match(sign):
        kind = {None: "course", "ccx": "ccx", "lib": "library"}[found[1]]
        return course_of(f"{kind}-v1:{found[2]}")
    return Course(found[1]) if (found := _OLD_BLOCK.match(sign)) else None


@lru_cache(50_000)
def course_of_org(org: str) -> Course:
    """An organisation alone, or UNREADABLE."""
    return Course(org) if _ORG.fullmatch(org) else UNREADABLE


def course_key(value: Any) -> Course | None:
    """Kind of a field that holds a course key; None where it is empty."""
    if type(value) is str:
        return course_of(value) if value else None
    return UNREADABLE


def organisation(value: Any) -> Course | None:
    """Kind of a field that holds an organisation; None where it is empty."""
    if type(value) is str:
        return course_of_org(value) if value else None
    return UNREADABLE


def block_key(value: Any) -> Course | None:
    """Kind of a field that may hold the key of a block."""
    return course_of_block(value) if type(value) is str else None


class CourseFields(Fields):
    """Where an event names its course and organisation, and the blocks that statements name."""

    in_context = optional("context.course_id", kind=course_key)
    in_data = optional("data.course_id", kind=course_key)
    org = optional("context.org_id", kind=organisation)
    block = optional(
        "data.problem_id", "data.module_id", "data.block_id", "data.id", "data.usage_key", "data.component_usage_id",
        "data.exam_content_id", "data.item_id", kind=block_key,
    )  # fmt: skip
    module = optional("context.module.usage_key", kind=block_key)


def evidence(fields: CourseFields) -> Course | Doubt:
    """The course that an event proves, or the organisation alone; or why that is in doubt."""
    in_context, in_data, org = fields.in_context, fields.in_data, fields.org
    proof = in_context or in_data or org
    if proof is None:
        return Doubt.ABSENT if fields.block is None and fields.module is None else Doubt.UNPROVEN
    if proof is UNREADABLE:
        return Doubt.UNREADABLE
    for told in (in_data, org, fields.block, fields.module):
        if told is not None and told.org != proof.org:
            return Doubt.UNREADABLE if told is UNREADABLE else Doubt.CONTRADICTORY
    if in_data is not None and in_data != proof:
        return Doubt.CONTRADICTORY
    return proof


class OrgScope(Scope):
    """One organisation or a list of them, as they stand in course keys."""

    key = "org"
    reads = CourseFields

    def wanted(self, value: str) -> str:
        """An organisation."""
        if _ORG.fullmatch(value) is None or value.startswith(("glob:", "regex:")):
            raise ValueError("expected an organisation as it stands in course keys, or a list of them")
        return value

    def owners(self, fields: CourseFields) -> Collection[str] | Doubt:
        """The organisation."""
        found = evidence(fields)
        return found if isinstance(found, Doubt) else (found.org,)


class CourseScope(Scope):
    """One course (``Harbour+SAIL``: all its runs), one run (``course-v1:Harbour+SAIL+2026``), or a list of them."""

    key = "course"
    reads = CourseFields

    def wanted(self, value: str) -> str:
        """A course or a run."""
        course = _COURSE.fullmatch(value)
        if course is not None:
            return f"{course[1]}+{course[2]}"
        run = course_of(value)
        if not run.course:
            raise ValueError('expected a course such as "Harbour+SAIL", or the whole key of a run, or a list of them')
        return run.key

    def owners(self, fields: CourseFields) -> Collection[str] | Doubt:
        """The course and its run; the blocks must lie in it."""
        found = evidence(fields)
        if isinstance(found, Doubt):
            return found
        for sign in (fields.block, fields.module):
            if sign is not None and sign.course and sign.key != found.key:
                return Doubt.CONTRADICTORY if found.key else Doubt.UNPROVEN
        return (found.key, found.course) if found.key else Doubt.ABSENT
