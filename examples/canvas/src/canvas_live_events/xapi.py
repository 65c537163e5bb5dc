"""Maps the events to xAPI."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ScoreParts, StatementParts

from .fields import CANVAS, UNMAPPED_ASSET, AssetFields, EntryFields, GradeFields, LoginFields, SubmissionFields

family = Family("xapi.canvas")

LOGGED_IN = v.Verb("https://w3id.org/xapi/adl/verbs/logged-in", "logged in")
SCORED = v.Verb("http://adlnet.gov/expapi/verbs/scored", "scored")
ASSETS = {
    "assignment": v.SCHOOL_ASSIGNMENT,
    "attachment": v.FILE,
    "discussion": v.DISCUSSION,
    "quizzes:quiz": v.ASSESSMENT,
    "wikiPage": v.PAGE,
}
"""Type in the URN of an asset → type of the activity."""


@family.maps("SessionEvent.LoggedIn", reads=LoginFields, verb=LOGGED_IN, activity=v.APPLICATION, in_course=False)
def logged_in(login: LoginFields, platform: Platform) -> StatementParts:
    """The learner logs in."""
    return {"object": {"id": platform.root_url}}


@family.maps("NavigationEvent.NavigatedTo", reads=AssetFields, verb=v.VIEWED)
def asset_accessed(fields: AssetFields, platform: Platform) -> StatementParts | Skip:
    """The learner opens an assignment, a discussion, a file, a quiz, a page."""
    known = ASSETS.get(fields.asset.type)
    return UNMAPPED_ASSET if known is None else {"object": {"id": fields.asset.urn, "definition": {"type": known}}}


def work(submission: SubmissionFields, platform: Platform) -> StatementParts:
    """Makes the parts about an assignment, and which attempt it was."""
    return {
        "object": {"id": f"{CANVAS}assignment:{submission.assignment}"},
        "context": {"extensions": {v.ATTEMPT_ID: platform.scoped_key(submission.key)}},
    }


@family.maps("AssignableEvent.Submitted", reads=SubmissionFields, verb=v.SUBMITTED, activity=v.SCHOOL_ASSIGNMENT)
def work_submitted(submission: SubmissionFields, platform: Platform) -> StatementParts:
    """The learner hands work in."""
    return work(submission, platform)


@family.maps("GradeEvent.Graded", reads=GradeFields, verb=SCORED, activity=v.SCHOOL_ASSIGNMENT)
def work_graded(grade: GradeFields, platform: Platform) -> StatementParts:
    """The learner's work gets its mark; one above the highest stands without it, as xAPI wants."""
    score: ScoreParts | None = None if grade.given is None else {"raw": grade.given}
    if score is not None and grade.most and 0 <= score["raw"] <= grade.most:
        score |= {"min": 0, "max": grade.most, "scaled": score["raw"] / grade.most}
    return {**work(grade, platform), "result": {"score": score}}


@family.maps("MessageEvent.Posted", reads=EntryFields, verb=v.POSTED, activity=v.FORUM_REPLY)
def entry_posted(fields: EntryFields, platform: Platform) -> StatementParts:
    """The learner replies in a discussion."""
    thread = {"id": f"{CANVAS}discussion:{fields.discussion}", "definition": {"type": v.DISCUSSION}}
    return {
        "object": {"id": f"{CANVAS}discussionEntry:{platform.scoped_key(fields.key)}"},
        "context": {"contextActivities": {"parent": [thread]}},  # type: ignore[list-item]
    }
