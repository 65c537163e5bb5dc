"""Workshops: learners hand work in, assess that of others, and get marks for it."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as moodle
from ..addresses import activity_address
from ..xapi_activities import inside_activity, score_within
from .fields import MOST, AssessedWorkFields, AssessingMarkFields, WorkFields, work_address

family = Family("xapi.moodle_workshop")


def about(work: WorkFields | AssessedWorkFields, platform: Platform) -> StatementParts:
    """Makes the parts about work in its workshop."""
    return {
        "object": {"id": work_address(work, platform)},
        "context": inside_activity(platform, "workshop", work.cmid),
    }


@family.maps(
    r"\mod_workshop\event\submission_created", reads=WorkFields, verb=moodle.SUBMITTED, activity=moodle.DOCUMENT
)
def work_submitted(work: WorkFields, platform: Platform) -> StatementParts:
    """The learner hands work in."""
    return about(work, platform)


@family.maps(r"\mod_workshop\event\submission_updated", reads=WorkFields, verb=v.EDITED, activity=moodle.DOCUMENT)
def work_updated(work: WorkFields, platform: Platform) -> StatementParts:
    """The learner changes work that is handed in."""
    return about(work, platform)


@family.maps(
    r"\mod_workshop\event\submission_assessed", r"\mod_workshop\event\submission_reassessed",
    reads=AssessedWorkFields, verb=v.EVALUATED, activity=moodle.DOCUMENT,
)  # fmt: skip
def work_assessed(work: AssessedWorkFields, platform: Platform) -> StatementParts:
    """The learner assesses the work of another, for the first time or again; the mark is not in the row."""
    return about(work, platform)


@family.maps(
    r"\mod_workshop\event\assessment_evaluated",
    reads=AssessingMarkFields, verb=moodle.SCORED, activity=moodle.PROJECT,
)  # fmt: skip
def assessing_graded(mark: AssessingMarkFields, platform: Platform) -> StatementParts:
    """The learner gets a mark for assessing others."""
    return {
        "object": {"id": activity_address(platform, "workshop", mark.cmid)},
        "result": {"score": score_within(mark.grade, 0, MOST)},
    }
