"""Declares how a row proves its course: by its id. Courses of Moodle belong to no organisation that a row names."""

from __future__ import annotations

from learnrelay import UNREADABLE_COURSE, CourseEvidence, CourseProof, CourseRef, Fields, optional
from learnrelay.kinds import Invalid, strict_identifier

from .column_kinds import course


class CourseIdFields(Fields):
    """Declares what proves the course of a row."""

    course_id = optional("context.courseid", kind=strict_identifier)


def course_of(key: str) -> CourseRef:
    """Returns the course with this id, which is no more than a number."""
    number = course(key)
    return UNREADABLE_COURSE if number is None else CourseRef("", number, number)


def no_organisation(_name: str) -> CourseRef:
    """Returns nothing: a row names no organisation."""
    return UNREADABLE_COURSE


def course_evidence(row: CourseIdFields) -> CourseEvidence:
    """Returns the course of a row: none on the front page and above courses."""
    if row.course_id is None:
        return CourseEvidence((), (), ())
    if isinstance(row.course_id, Invalid):
        return CourseEvidence((UNREADABLE_COURSE,), (), ())
    number = course(row.course_id)
    proofs = () if number is None else (CourseRef("", number, number),)
    return CourseEvidence(proofs, proofs, ())


COURSE_PROOF = CourseProof(CourseIdFields, course_evidence, no_organisation, course_of)
