"""Quizzes: a learner starts an attempt, hands it in, gets a mark, reads it again. The object is the quiz."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ObjectParts, StatementParts

from .. import xapi_vocabulary as moodle
from ..addresses import activity_address
from ..xapi_activities import inside_activity, mark, of_attempt
from .fields import AttemptFields, GradedAttemptFields, GradedQuestionFields

family = Family("xapi.moodle_quiz")


def quiz_of(attempt: AttemptFields, platform: Platform) -> ObjectParts:
    """Makes the object: the quiz."""
    return {"id": activity_address(platform, "quiz", attempt.cmid)}


@family.maps(r"\mod_quiz\event\attempt_started", reads=AttemptFields, verb=v.ATTEMPTED, activity=moodle.ASSESSMENT)
def attempt_started(attempt: AttemptFields, platform: Platform) -> StatementParts:
    """The learner starts an attempt."""
    return {"object": quiz_of(attempt, platform), "context": of_attempt(platform, attempt.attempt_id)}


@family.maps(r"\mod_quiz\event\attempt_submitted", reads=AttemptFields, verb=v.COMPLETED, activity=moodle.ASSESSMENT)
def attempt_submitted(attempt: AttemptFields, platform: Platform) -> StatementParts:
    """The learner hands an attempt in, or the time is up."""
    return {**attempt_started(attempt, platform), "result": {"completion": True}}


@family.maps(
    r"\mod_quiz\event\attempt_abandoned", reads=AttemptFields, verb=moodle.ABANDONED, activity=moodle.ASSESSMENT
)
def attempt_abandoned(attempt: AttemptFields, platform: Platform) -> StatementParts:
    """The time of an attempt is up, and the quiz takes no late work."""
    return {**attempt_started(attempt, platform), "result": {"completion": False}}


@family.maps(
    r"\mod_quiz\event\attempt_graded", r"\mod_quiz\event\attempt_manual_grading_completed",
    r"\mod_quiz\event\attempt_regraded",
    reads=GradedAttemptFields, verb=moodle.SCORED, activity=moodle.ASSESSMENT,
)  # fmt: skip
def attempt_graded(attempt: GradedAttemptFields, platform: Platform) -> StatementParts:
    """The attempt gets its mark, or another one."""
    return {**attempt_started(attempt, platform), "result": mark(attempt)}


@family.maps(r"\mod_quiz\event\attempt_reviewed", reads=AttemptFields, verb=moodle.REVIEWED, activity=moodle.ASSESSMENT)
def attempt_reviewed(attempt: AttemptFields, platform: Platform) -> StatementParts:
    """The learner reads an attempt again."""
    return attempt_started(attempt, platform)


@family.maps(
    r"\mod_quiz\event\question_manually_graded",
    reads=GradedQuestionFields, verb=moodle.SCORED, activity=v.QUESTION,
)  # fmt: skip
def question_graded(question: GradedQuestionFields, platform: Platform) -> StatementParts:
    """Somebody marks a question of an attempt."""
    quiz = activity_address(platform, "quiz", question.cmid)
    return {
        "object": {"id": f"{quiz}&slot={question.slot}"},
        "result": mark(question),
        "context": {
            **inside_activity(platform, "quiz", question.cmid),
            **of_attempt(platform, question.attempt_id),
        },
    }
