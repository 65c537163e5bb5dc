"""Tells which column of a row names the learner, and which rows are about no learner."""

from __future__ import annotations

from collections.abc import Collection

from learnrelay import Fields, Skip, optional, required
from learnrelay.kinds import identifier, text

from .column_kinds import flag, lost_id
from .rows import RESTORED_LOG

WHY = "turned into a pseudonym by the identity provider; the value itself reaches no output"

ACTED, AFFECTED, AFFECTED_IF_ANY = "who acted", "whom it was done to", "whom it was done to, if anybody"

_AFFECTED = frozenset(
    {
        r"\core\event\badge_awarded",
        r"\core\event\competency_plan_completed",
        r"\core\event\competency_user_competency_rated",
        r"\core\event\competency_user_competency_rated_in_course",
        r"\core\event\course_completed",
        r"\core\event\course_module_completion_updated",
        r"\core\event\user_enrolment_created",
        r"\core\event\user_enrolment_deleted",
        r"\core\event\user_graded",
        r"\mod_assign\event\submission_graded",
        r"\mod_choice\event\answer_created",
        r"\mod_feedback\event\response_submitted",
        r"\mod_forum\event\discussion_subscription_created",
        r"\mod_forum\event\discussion_subscription_deleted",
        r"\mod_forum\event\subscription_created",
        r"\mod_forum\event\subscription_deleted",
        r"\mod_lesson\event\essay_assessed",
        r"\mod_quiz\event\attempt_abandoned",
        r"\mod_quiz\event\attempt_graded",
        r"\mod_quiz\event\attempt_manual_grading_completed",
        r"\mod_quiz\event\attempt_regraded",
        r"\mod_quiz\event\attempt_started",
        r"\mod_quiz\event\attempt_submitted",
        r"\mod_quiz\event\question_manually_graded",
        r"\mod_scorm\event\scoreraw_submitted",
        r"\mod_scorm\event\status_submitted",
        r"\mod_workshop\event\assessment_evaluated",
    }
)
_AFFECTED_IF_ANY = frozenset({r"\mod_assign\event\assessable_submitted"})  # staff may hand in for a learner

OWN_WORK_ONLY = frozenset({r"\mod_assign\event\feedback_viewed", r"\mod_quiz\event\attempt_reviewed"})
"""Events of learners who read what became of their work, and of staff who read that of others."""


def learner_of(name: str) -> str:
    """Tells who of a row is the learner, by the name of its event: the one who acted, unless it is known otherwise."""
    if name in _AFFECTED:
        return AFFECTED
    return AFFECTED_IF_ANY if name in _AFFECTED_IF_ANY else ACTED


def learner_kind(value: object) -> str | None:
    """Reads who is the learner from the name of an event."""
    return learner_of(value) if type(value) is str else None


# --- rows about no learner ------------------------------------------------------------------------------

ACTING_AS = Skip("somebody else acted in the learner's name (log in as)")
ANONYMOUS = Skip("the row is anonymous")
RESTORED = Skip("written by a restore of a backup")
LOST = Skip("a restore of a backup has lost what the row is about")
NOT_SIGNED_IN = Skip("nobody was signed in")
NOT_NAMED = Skip("the row does not name the learner")
THE_SYSTEM = Skip("the system acted, and not a person")
GUEST = Skip("the guest account is no learner")
CRON = Skip("cron acted under an administrator's name, and not a person")
WORK_OF_OTHERS = Skip("somebody reads the work of a learner")

_WHO = "compared only, to see whether the row is about a learner; reaches no output"


class LearnerEvidence(Fields):
    """Declares what tells whether a row is about a learner."""

    name = required("name", kind=text)
    user_id = optional("context.userid", kind=identifier, reason=_WHO, example=(470_113, 470_217))
    related_id = optional("context.relateduserid", kind=identifier, reason=_WHO, example=(470_113, 470_217))
    real_id = optional("context.realuserid", kind=identifier, reason=_WHO, example=(0, 470_313))
    is_anonymous = optional("context.anonymous", kind=flag, example=(0, 1))
    origin = optional("context.origin", kind=text, example=("web", "ws", "cli", "restore", RESTORED_LOG))
    has_lost_id = optional(
        "context.objectid", "data.attemptid", "data.competencyid", "data.discussion", "data.discussionid",
        "data.instanceid", "data.itemid", "data.optionid", "data.submissionid",
        kind=lost_id, reason="compared only, with the two ids of what is lost", example=(-31337,),
    )  # fmt: skip


def why_no_learner(row: LearnerEvidence, guest: str, administrators: Collection[str]) -> Skip | None:
    """Returns why a row is about no learner; None for one that is.

    guest, administrators: ids of the guest account, and of those in whose names cron acts.
    """
    if row.real_id not in (None, "0"):
        return ACTING_AS
    if row.is_anonymous:
        return ANONYMOUS
    if row.origin in ("restore", RESTORED_LOG):
        return RESTORED
    if row.has_lost_id:
        return LOST
    role = learner_of(row.name)
    learner = row.user_id if role == ACTED else row.related_id
    is_actor = role == ACTED
    if role == AFFECTED_IF_ANY and learner in (None, "0"):
        learner, is_actor = row.user_id, True
    if learner in (None, "0"):
        return NOT_SIGNED_IN if is_actor else NOT_NAMED
    if learner == "-1":
        return THE_SYSTEM
    if learner == guest:
        return GUEST
    if is_actor and row.origin == "cli" and learner in administrators:
        return CRON
    if row.name in OWN_WORK_ONLY and row.related_id not in (None, row.user_id):
        return WORK_OF_OTHERS
    return None
