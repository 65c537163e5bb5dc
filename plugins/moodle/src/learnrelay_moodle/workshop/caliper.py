"""Workshops: learners hand work in, assess that of others, and get marks for it."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Attempt, Entity, Rating
from learnrelay_caliper.parts import EventParts

from ..caliper_entities import GRADED, MODIFIED, activity, graded
from .fields import MOST, AssessedWorkFields, AssessingMarkFields, WorkFields, work_address

family = Family("caliper.moodle_workshop")


def document(work: WorkFields | AssessedWorkFields, platform: Platform) -> Entity:
    """Makes the work, as a part of its workshop."""
    workshop = activity(platform, "workshop", work.cmid)
    return {"id": work_address(work, platform), "type": "Document", "isPartOf": workshop}


@family.maps(
    r"\mod_workshop\event\submission_created",
    reads=WorkFields, type="AssignableEvent", action="Submitted", profile="AssignableProfile",
)  # fmt: skip
def work_submitted(work: WorkFields, platform: Platform) -> EventParts:
    """The learner hands work in."""
    workshop = activity(platform, "workshop", work.cmid)
    return {"object": workshop, "generated": Attempt(workshop["id"], own_id=work_address(work, platform))}


@family.maps(r"\mod_workshop\event\submission_updated", reads=WorkFields, **MODIFIED)
def work_updated(work: WorkFields, platform: Platform) -> EventParts:
    """The learner changes work that is handed in."""
    return {"object": document(work, platform)}


@family.maps(
    r"\mod_workshop\event\submission_assessed", r"\mod_workshop\event\submission_reassessed",
    reads=AssessedWorkFields, type="FeedbackEvent", action="Ranked", profile="FeedbackProfile",
)  # fmt: skip
def work_assessed(work: AssessedWorkFields, platform: Platform) -> EventParts:
    """The learner assesses the work of another, for the first time or again; the mark is not in the row."""
    assessed = document(work, platform)
    return {"object": assessed, "generated": Rating(assessed["id"], None)}


@family.maps(r"\mod_workshop\event\assessment_evaluated", reads=AssessingMarkFields, **GRADED)
def assessing_graded(mark: AssessingMarkFields, platform: Platform) -> EventParts:
    """The learner gets a mark for assessing others."""
    workshop = activity(platform, "workshop", mark.cmid)
    assessing = {"id": f"{workshop['id']}#assessing", "type": "AssignableDigitalResource", "isPartOf": workshop}
    return graded(Attempt(assessing, describes_learner=True), mark.grade, MOST, platform)
