"""H5P activities: a learner completes a content, and answers questions in it."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.entities import Attempt, Entity, Response
from learnrelay_caliper.parts import EventKind, EventParts

from ..caliper_entities import activity
from .fields import OTHER_VERB, ReportedContentFields, content_address, is_completed

family = Family("caliper.moodle_h5p")

COMPLETED: EventKind = {"type": "AssessmentEvent", "action": "Submitted"}
ANSWERED: EventKind = {"type": "AssessmentItemEvent", "action": "Completed"}


@family.maps(
    r"\mod_h5pactivity\event\statement_received",
    reads=ReportedContentFields,
    type=("AssessmentEvent", "AssessmentItemEvent"),
    action=("Submitted", "Completed"),
    profile="AssessmentProfile",
)
def reported(report: ReportedContentFields, platform: Platform) -> EventParts | Skip:
    """The learner completes a content, or answers a question in it."""
    if report.verb is None:
        return OTHER_VERB
    whole = None if report.part is None else activity(platform, "h5pactivity", report.cmid)
    kind = "Assessment" if is_completed(report) else "AssessmentItem"
    content: Entity = {"id": content_address(report, platform), "type": kind, "isPartOf": whole}
    extensions = {
        "passed": report.is_success, "score": report.raw, "maxScore": report.most, "duration": report.duration,
    }  # fmt: skip
    attempt = Attempt(content["id"])
    generated = attempt if is_completed(report) else Response(attempt, "Response")
    about: EventParts = {"object": content, "generated": generated, "extensions": extensions}
    return {**COMPLETED, **about} if is_completed(report) else {**ANSWERED, **about}
