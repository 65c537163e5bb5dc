"""Makes Caliper entities of Moodle: activities, work that is graded, comments."""

from __future__ import annotations

from collections.abc import Mapping

from learnrelay import Platform
from learnrelay_caliper import entities
from learnrelay_caliper.entities import Attempt, Entity, Score
from learnrelay_caliper.parts import EventKind, EventParts

from .addresses import activity_address, page_address

GENERAL: EventKind = {"type": "Event", "profile": "GeneralProfile"}
GRADED: EventKind = {"type": "GradeEvent", "action": "Graded", "profile": "GradingProfile"}
CREATED: EventKind = {"type": "ResourceManagementEvent", "action": "Created", "profile": "ResourceManagementProfile"}
MODIFIED: EventKind = {"type": "ResourceManagementEvent", "action": "Modified", "profile": "ResourceManagementProfile"}
DELETED: EventKind = {"type": "ResourceManagementEvent", "action": "Deleted", "profile": "ResourceManagementProfile"}
COMMENTED: EventKind = {"type": "FeedbackEvent", "action": "Commented", "profile": "FeedbackProfile"}
READ: EventKind = {"type": "ViewEvent", "action": "Viewed", "profile": "ReadingProfile"}

MODULE_TYPES: Mapping[str, str] = {
    "assign": "AssignableDigitalResource",
    "bigbluebuttonbn": "DigitalResource",
    "book": "DigitalResourceCollection",
    "chat": "DigitalResource",
    "choice": "Questionnaire",
    "data": "DigitalResourceCollection",
    "feedback": "Questionnaire",
    "folder": "DigitalResourceCollection",
    "forum": "Forum",
    "glossary": "DigitalResourceCollection",
    "h5pactivity": "AssignableDigitalResource",
    "imscp": "DigitalResourceCollection",
    "lesson": "AssignableDigitalResource",
    "lti": "LtiLink",
    "page": "WebPage",
    "quiz": "Assessment",
    "resource": "Document",
    "scorm": "AssignableDigitalResource",
    "subsection": "DigitalResourceCollection",
    "survey": "Questionnaire",
    "url": "WebPage",
    "wiki": "DigitalResourceCollection",
    "workshop": "AssignableDigitalResource",
}
"""Name of a module → type of its activities."""


def activity(platform: Platform, module: str, cmid: str) -> Entity:
    """Makes an activity. A questionnaire must list its items: one stands for all, because the rows name none."""
    entity: Entity = {"id": activity_address(platform, module, cmid), "type": MODULE_TYPES[module]}
    return {**entity, "items": [question_address(entity["id"])]} if entity["type"] == "Questionnaire" else entity


def question_address(questionnaire: str) -> str:
    """Returns the address of what a questionnaire asks."""
    return f"{questionnaire}#question"


def quiz_attempt(platform: Platform, cmid: str, attempt_id: str, describes_learner: bool = False) -> Attempt:
    """Makes an attempt at a quiz."""
    own_id = page_address(platform, "mod/quiz/review.php", attempt=platform.scoped_key(attempt_id))
    return Attempt(activity(platform, "quiz", cmid), own_id=own_id, describes_learner=describes_learner)


def graded(attempt: Attempt, given: float | None, most: float | None, platform: Platform) -> EventParts:
    """Makes the parts of a grade; without a mark there is no score to tell.

    Who graded is not told: the platform is, and the learner is the attempt's assignee.
    """
    score = Score(attempt, given, most, platform.home_url)
    return {
        "actor": entities.ed_app(platform),
        "object": attempt,
        "generated": None if given is None else score,
    }


def comment(platform: Platform, on: Entity, comment_id: str) -> Entity:
    """Makes a comment, without its text."""
    return {"id": f"{on['id']}#comment-{platform.scoped_key(comment_id)}", "type": "Comment", "commentedOn": on["id"]}
