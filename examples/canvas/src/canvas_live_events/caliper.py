"""Maps the events to Caliper: what they are already, without what nobody declared."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper import entities
from learnrelay_caliper.entities import Attempt, Entity, Score
from learnrelay_caliper.parts import EventParts

from .fields import CANVAS, UNMAPPED_ASSET, AssetFields, EntryFields, GradeFields, LoginFields, SubmissionFields

family = Family("caliper.canvas")

ASSETS = {
    "assignment": "AssignableDigitalResource",
    "attachment": "Document",
    "discussion": "Thread",
    "quizzes:quiz": "Assessment",
    "wikiPage": "Page",
}
"""Type in the URN of an asset → type in Caliper. Canvas's own is often ``Entity``, which is not valid."""


def assignment_of(submission: SubmissionFields) -> Entity:
    """Makes the assignment."""
    return {"id": f"{CANVAS}assignment:{submission.assignment}", "type": "AssignableDigitalResource"}


def attempt_at(submission: SubmissionFields, platform: Platform, describes_learner: bool = False) -> Attempt:
    """Makes what the learner handed in, by the id that Canvas gave it."""
    own_id = f"{CANVAS}submission:{platform.scoped_key(submission.key)}"
    return Attempt(assignment_of(submission), submission.attempt, own_id=own_id, describes_learner=describes_learner)


@family.maps(
    "SessionEvent.LoggedIn", reads=LoginFields, type="SessionEvent", action="LoggedIn", profile="SessionProfile"
)
def logged_in(login: LoginFields, platform: Platform) -> EventParts:
    """The learner logs in."""
    return {"object": entities.ed_app(platform)}


@family.maps(
    "NavigationEvent.NavigatedTo",
    reads=AssetFields, type="NavigationEvent", action="NavigatedTo", profile="ReadingProfile",
)  # fmt: skip
def asset_accessed(fields: AssetFields, platform: Platform) -> EventParts | Skip:
    """The learner opens an assignment, a discussion, a file, a quiz, a page."""
    known = ASSETS.get(fields.asset.type)
    return UNMAPPED_ASSET if known is None else {"object": {"id": fields.asset.urn, "type": known}}


@family.maps(
    "AssignableEvent.Submitted",
    reads=SubmissionFields, type="AssignableEvent", action="Submitted", profile="AssignableProfile",
)  # fmt: skip
def work_submitted(submission: SubmissionFields, platform: Platform) -> EventParts:
    """The learner hands work in. The assignment is the object, not the attempt as with Canvas."""
    return {"object": assignment_of(submission), "generated": attempt_at(submission, platform)}


@family.maps("GradeEvent.Graded", reads=GradeFields, type="GradeEvent", action="Graded", profile="GradingProfile")
def work_graded(grade: GradeFields, platform: Platform) -> EventParts:
    """The learner's work gets its mark. Who graded is left out: the platform stands for them."""
    attempt = attempt_at(grade, platform, describes_learner=True)
    score = None if grade.given is None else Score(attempt, grade.given, grade.most, platform.root_url)
    return {"actor": entities.ed_app(platform), "object": attempt, "generated": score}


@family.maps("MessageEvent.Posted", reads=EntryFields, type="MessageEvent", action="Posted", profile="ForumProfile")
def entry_posted(fields: EntryFields, platform: Platform) -> EventParts:
    """The learner replies in a discussion."""
    thread: Entity = {"id": f"{CANVAS}discussion:{fields.discussion}", "type": "Thread"}
    entry = f"{CANVAS}discussionEntry:{platform.scoped_key(fields.key)}"
    return {"object": {"id": entry, "type": "Message", "isPartOf": thread}}
