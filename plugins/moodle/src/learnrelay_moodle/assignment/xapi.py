"""Assignments: a learner hands work in, gets a mark, reads the feedback."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ObjectParts, StatementParts

from .. import xapi_vocabulary as moodle
from ..addresses import activity_address
from ..xapi_activities import mark, of_attempt
from .fields import AssignmentFields, GradedSubmissionFields, SubmissionFields

family = Family("xapi.moodle_assignment")


def assignment_of(fields: AssignmentFields, platform: Platform) -> ObjectParts:
    """Makes the object: the assignment."""
    return {"id": activity_address(platform, "assign", fields.cmid)}


@family.maps(
    r"\mod_assign\event\assessable_submitted",
    reads=SubmissionFields, verb=moodle.SUBMITTED, activity=moodle.ASSIGNMENT,
)  # fmt: skip
def work_submitted(submission: SubmissionFields, platform: Platform) -> StatementParts:
    """The learner hands work in, or staff does so for the learner."""
    return {
        "object": assignment_of(submission, platform),
        "context": of_attempt(platform, submission.submission_id),
    }


@family.maps(
    r"\mod_assign\event\submission_graded",
    reads=GradedSubmissionFields, verb=moodle.SCORED, activity=moodle.ASSIGNMENT,
)  # fmt: skip
def work_graded(submission: GradedSubmissionFields, platform: Platform) -> StatementParts:
    """The learner's work gets its mark."""
    return {"object": assignment_of(submission, platform), "result": mark(submission)}


@family.maps(r"\mod_assign\event\feedback_viewed", reads=AssignmentFields, verb=v.VIEWED, activity=moodle.ASSIGNMENT)
def feedback_viewed(assignment: AssignmentFields, platform: Platform) -> StatementParts:
    """The learner reads the feedback."""
    address = activity_address(platform, "assign", assignment.cmid)
    return {"object": {"id": f"{address}#feedback"}}
