"""Implements the scopes ``org`` and ``course``: a university partner's courses, and single courses and runs.

The source says what proves them, and which courses an event mentions without proving anything: those must not
contradict. All are compared exactly, letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from learnrelay import UNREADABLE_COURSE, CourseEvidence, CourseProof, CourseRef, Scope, Source, Unproven
from learnrelay.caching import cached
from learnrelay.config.fields import NO_SETTINGS

_COURSE = re.compile(r"([\w.~-]+)[+/]([\w.~:-]+)")

Owners = Collection[str] | Unproven


@cached
def owners(evidence: CourseEvidence) -> tuple[Owners, Owners]:
    """Returns what the evidence proves: the organisation, and the course with its run."""
    proofs, keys, mentions = evidence
    if not proofs:
        reason = Unproven.INSUFFICIENT if mentions else Unproven.ABSENT
    elif UNREADABLE_COURSE in proofs or UNREADABLE_COURSE in mentions:
        reason = Unproven.UNREADABLE
    elif len({course.org for course in [*proofs, *mentions]}) > 1 or len(set(keys)) > 1:
        reason = Unproven.CONTRADICTORY
    else:
        return (proofs[0].org,), _course(proofs[0], mentions)
    return reason, reason


def _course(proof: CourseRef, mentions: tuple[CourseRef, ...]) -> Owners:
    if not proof.key:
        return Unproven.INSUFFICIENT if any(mention.course for mention in mentions) else Unproven.ABSENT
    for mention in mentions:
        if mention != (proof if mention.key else CourseRef(proof.org, proof.course)):
            return Unproven.CONTRADICTORY
    return (proof.key, proof.course)


def _proof_of(source: Source) -> CourseProof:
    if source.course_proof is None:
        raise ValueError(f"events of {source.name} do not prove a course")
    return source.course_proof


class OrgScope(Scope):
    """Stands for one organisation or a list of them, as written in course keys."""

    key = "org"

    def __init__(self, source: Source, settings: Mapping[str, Any] = NO_SETTINGS) -> None:
        super().__init__(source, settings)
        self._proof = _proof_of(source)
        self.reads = self._proof.reads

    def wanted(self, value: str) -> str:
        """Reads an organisation of the operator's file."""
        if self._proof.read_org(value) == UNREADABLE_COURSE or value.startswith(("glob:", "regex:")):
            raise ValueError("expected an organisation as it stands in course keys, or a list of them")
        return value

    def owners(self, fields: object) -> Owners:
        """Returns the organisation that the event proves."""
        return owners(self._proof.evidence(fields))[0]


class CourseScope(Scope):
    """Stands for one course (``Harbour+SAIL``: all its runs), one run (its whole key), or a list of them."""

    key = "course"

    def __init__(self, source: Source, settings: Mapping[str, Any] = NO_SETTINGS) -> None:
        super().__init__(source, settings)
        self._proof = _proof_of(source)
        self.reads = self._proof.reads

    def wanted(self, value: str) -> str:
        """Reads a course or a run of the operator's file."""
        course = _COURSE.fullmatch(value)
        if course is not None:
            return f"{course[1]}+{course[2]}"
        run = self._proof.read_key(value)
        if not run.course:
            raise ValueError('expected a course such as "Harbour+SAIL", or the whole key of a run, or a list of them')
        return run.key

    def owners(self, fields: object) -> Owners:
        """Returns the course and its run; what else the event mentions must lie in it."""
        return owners(self._proof.evidence(fields))[1]
