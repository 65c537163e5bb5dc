"""``org`` and ``course``: the university partner whose course it is, and single courses and runs.

The course key proves both, ``context.org_id`` the organisation; the blocks that an event names prove nothing, but must
not contradict them. All are compared exactly, letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

from learnrelay import Doubt, Fields, Scope, optional
from learnrelay.kinds import strict_text, text
from learnrelay.openedx.keys import parse_course
from learnrelay.site import REMEMBERED

_NO_KEY = re.compile(r"[^\w.~:+@/-]")
_CCX_RUN = re.compile(r"[^+]+\+ccx@\d+")
_BLOCK = re.compile(r"(?:(ccx|lib)-)?block-v1:([^/\s]+?)(?:\+branch@[^+\s/]+)?(?:\+version@[^+\s/]+)?\+type@")
_OLD_BLOCK = re.compile(r"i4x://([^/\s:+]+)/([^/\s:+]+)/")
_LIKE_A_BLOCK = re.compile(r"\W*(?:(?:ccx-|lib-)?block-v\d|i4x:)", re.IGNORECASE)
_ORG = re.compile(r"[\w.~:-]+")
_COURSE = re.compile(r"([\w.~-]+)[+/]([\w.~:-]+)")


class Course(NamedTuple):
    """What a key names; ``course`` is without the run. Empty is what the key does not tell, or a library has not."""

    org: str
    course: str = ""
    key: str = ""


UNREADABLE = Course("")


@lru_cache(REMEMBERED)
def course_of(key: str) -> Course:
    """The course of a course key, or UNREADABLE: the platform's own rules for keys are a little stricter than ours."""
    parsed = None if _NO_KEY.search(key) else parse_course(key)
    if parsed is None or (parsed.kind == "course" and "+" in parsed.run):
        return UNREADABLE
    if parsed.kind == "ccx" and _CCX_RUN.fullmatch(parsed.run) is None:
        return UNREADABLE
    return Course(parsed.org, "" if parsed.kind == "library" else f"{parsed.org}+{parsed.course}", key)


def course_of_block(sign: str) -> Course | None:
    """The course of a block's key (of an old one without its run), or UNREADABLE; None for other texts."""
    if found := _BLOCK.match(sign):
        kind = {None: "course", "ccx": "ccx", "lib": "library"}[found[1]]
        return course_of(f"{kind}-v1:{found[2]}")
    if found := _OLD_BLOCK.match(sign):
        return Course(found[1], f"{found[1]}+{found[2]}")
    return UNREADABLE if _LIKE_A_BLOCK.match(sign) else None


def course_of_org(org: str) -> Course:
    """An organisation alone, or UNREADABLE."""
    return Course(org) if _ORG.fullmatch(org) else UNREADABLE


class CourseFields(Fields):
    """Where an event names its course and organisation, and the blocks of which it tells.

    The kinds of what proves are strict: a list in the place of a key must spoil the proof, and not go unseen.
    """

    in_context = optional("context.course_id", kind=strict_text)
    in_data = optional("data.course_id", kind=strict_text)
    org = optional("context.org_id", kind=strict_text)
    module = optional("context.module.usage_key", kind=text)
    id = optional("data.id", kind=text)
    problem_id = optional("data.problem_id", kind=text)
    module_id = optional("data.module_id", kind=text)
    block_id = optional("data.block_id", kind=text)
    usage_key = optional("data.usage_key", kind=text)
    component_id = optional("data.component_usage_id", kind=text)
    exam_id = optional("data.exam_content_id", kind=text)
    item_id = optional("data.item_id", kind=text)


Owners = Collection[str] | Doubt


def owners(fields: CourseFields) -> tuple[Owners, Owners]:
    """What the fields prove: the organisation, and the course with its run."""
    blocks = (
        fields.module, fields.id, fields.problem_id, fields.module_id, fields.block_id, fields.usage_key,
        fields.component_id, fields.exam_id, fields.item_id,
    )  # fmt: skip
    return _owners(fields.in_context, fields.in_data, fields.org, blocks)


@lru_cache(REMEMBERED)
def _owners(
    in_context: str | None, in_data: str | None, org: str | None, blocks: tuple[str | None, ...]
) -> tuple[Owners, Owners]:
    keys = [course_of(key) for key in (in_context, in_data) if key is not None]
    proofs = keys if org is None else [*keys, course_of_org(org)]
    lying_in = [course for block in blocks if block is not None and (course := course_of_block(block)) is not None]
    if not proofs:
        doubt = Doubt.UNPROVEN if lying_in else Doubt.ABSENT
    elif UNREADABLE in proofs or UNREADABLE in lying_in:
        doubt = Doubt.UNREADABLE
    elif len({course.org for course in [*proofs, *lying_in]}) > 1 or len(set(keys)) > 1:
        doubt = Doubt.CONTRADICTORY
    else:
        return (proofs[0].org,), _course(proofs[0], lying_in)
    return doubt, doubt


def _course(proof: Course, lying_in: list[Course]) -> Owners:
    if not proof.key:
        return Doubt.UNPROVEN if any(block.course for block in lying_in) else Doubt.ABSENT
    for block in lying_in:
        if block != (proof if block.key else Course(proof.org, proof.course)):
            return Doubt.CONTRADICTORY
    return (proof.key, proof.course)


class OrgScope(Scope):
    """One organisation or a list of them, as they stand in course keys."""

    key = "org"
    reads = CourseFields

    def wanted(self, value: str) -> str:
        """An organisation."""
        if _ORG.fullmatch(value) is None or value.startswith(("glob:", "regex:")):
            raise ValueError("expected an organisation as it stands in course keys, or a list of them")
        return value

    def owners(self, fields: CourseFields) -> Owners:
        """The organisation."""
        return owners(fields)[0]


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

    def owners(self, fields: CourseFields) -> Owners:
        """The course and its run; the blocks must lie in it."""
        return owners(fields)[1]
