"""Assignments: a learner hands work in, gets a mark, reads the feedback."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Attempt
from learnrelay_caliper.parts import EventParts

from ..caliper_entities import GRADED, activity, graded
from .fields import AssignmentFields, GradedSubmissionFields, SubmissionFields

family = Family("caliper.moodle_assignment")


@family.maps(
    r"\mod_assign\event\assessable_submitted",
    reads=SubmissionFields, type="AssignableEvent", action="Submitted", profile="AssignableProfile",
)  # fmt: skip
def work_submitted(submission: SubmissionFields, platform: Platform) -> EventParts:
    """The learner hands work in, or staff does so for the learner."""
    assignment = activity(platform, "assign", submission.cmid)
    own_id = f"{assignment['id']}#submission-{platform.scoped_key(submission.submission_id)}"
    return {"object": assignment, "generated": Attempt(assignment["id"], own_id=own_id)}


@family.maps(r"\mod_assign\event\submission_graded", reads=GradedSubmissionFields, **GRADED)
def work_graded(submission: GradedSubmissionFields, platform: Platform) -> EventParts:
    """The learner's work gets its mark."""
    work = Attempt(activity(platform, "assign", submission.cmid), describes_learner=True)
    return graded(work, submission.grade, submission.grade_max, platform)


@family.maps(
    r"\mod_assign\event\feedback_viewed",
    reads=AssignmentFields, type="ViewEvent", action="Viewed", profile="AssignableProfile",
)  # fmt: skip
def feedback_viewed(assignment: AssignmentFields, platform: Platform) -> EventParts:
    """The learner reads the feedback."""
    whole = activity(platform, "assign", assignment.cmid)
    return {"object": {"id": f"{whole['id']}#feedback", "type": "DigitalResource", "isPartOf": whole}}
