"""Quizzes: a learner starts an attempt, hands it in, gets a mark, reads it again."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Attempt
from learnrelay_caliper.parts import EventKind, EventParts

from ..caliper_entities import GENERAL, GRADED, activity, graded, quiz_attempt
from .fields import AttemptFields, GradedAttemptFields, GradedQuestionFields

family = Family("caliper.moodle_quiz")

ASSESSMENT: EventKind = {"type": "AssessmentEvent", "profile": "AssessmentProfile"}


def at_quiz(attempt: AttemptFields, platform: Platform) -> EventParts:
    """Makes the quiz, and the attempt at it."""
    return {
        "object": activity(platform, "quiz", attempt.cmid),
        "generated": quiz_attempt(platform, attempt.cmid, attempt.attempt_id),
    }


@family.maps(r"\mod_quiz\event\attempt_started", reads=AttemptFields, action="Started", **ASSESSMENT)
def attempt_started(attempt: AttemptFields, platform: Platform) -> EventParts:
    """The learner starts an attempt."""
    return at_quiz(attempt, platform)


@family.maps(r"\mod_quiz\event\attempt_submitted", reads=AttemptFields, action="Submitted", **ASSESSMENT)
def attempt_submitted(attempt: AttemptFields, platform: Platform) -> EventParts:
    """The learner hands an attempt in, or the time is up."""
    return at_quiz(attempt, platform)


@family.maps(r"\mod_quiz\event\attempt_abandoned", reads=AttemptFields, action="Abandoned", **GENERAL)
def attempt_abandoned(attempt: AttemptFields, platform: Platform) -> EventParts:
    """The time of an attempt is up, and the quiz takes no late work."""
    return at_quiz(attempt, platform)


@family.maps(
    r"\mod_quiz\event\attempt_graded", r"\mod_quiz\event\attempt_manual_grading_completed",
    r"\mod_quiz\event\attempt_regraded",
    reads=GradedAttemptFields, **GRADED,
)  # fmt: skip
def attempt_graded(attempt: GradedAttemptFields, platform: Platform) -> EventParts:
    """The attempt gets its mark, or another one."""
    work = quiz_attempt(platform, attempt.cmid, attempt.attempt_id, describes_learner=True)
    return graded(work, attempt.grade, attempt.grade_max, platform)


@family.maps(
    r"\mod_quiz\event\attempt_reviewed",
    reads=AttemptFields, type="ViewEvent", action="Viewed", profile="AssessmentProfile",
)  # fmt: skip
def attempt_reviewed(attempt: AttemptFields, platform: Platform) -> EventParts:
    """The learner reads an attempt again."""
    return {"object": activity(platform, "quiz", attempt.cmid)}


@family.maps(r"\mod_quiz\event\question_manually_graded", reads=GradedQuestionFields, **GRADED)
def question_graded(question: GradedQuestionFields, platform: Platform) -> EventParts:
    """Somebody marks a question of an attempt."""
    whole = quiz_attempt(platform, question.cmid, question.attempt_id)
    quiz = activity(platform, "quiz", question.cmid)
    item = {"id": f"{quiz['id']}&slot={question.slot}", "type": "AssessmentItem", "isPartOf": quiz}
    answer = Attempt(item, part_of=whole, own_id=f"{whole.own_id}&slot={question.slot}", describes_learner=True)
    return graded(answer, question.grade, question.grade_max, platform)
