"""SCORM packages: a learner launches parts of them; they report scores and states."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ContextParts, StatementParts

from .. import xapi_vocabulary as moodle
from ..addresses import activity_address
from ..xapi_activities import inside_activity, of_attempt
from .fields import (
    NO_SCORE,
    OTHER_STATE,
    ReportedScoreFields,
    ReportedStateFields,
    ReportFields,
    ScoFields,
    sco_address,
    success,
)

family = Family("xapi.moodle_scorm")


def context_of(report: ReportFields, platform: Platform) -> ContextParts:
    """Says which attempt a report is about."""
    return {} if report.attempt_id is None else of_attempt(platform, report.attempt_id)


@family.maps(r"\mod_scorm\event\sco_launched", reads=ScoFields, verb=moodle.LAUNCHED, activity=moodle.LESSON)
def launched(sco: ScoFields, platform: Platform) -> StatementParts:
    """The learner launches a part of a package."""
    return {"object": {"id": sco_address(sco, platform)}, "context": inside_activity(platform, "scorm", sco.cmid)}


@family.maps(r"\mod_scorm\event\scoreraw_submitted", reads=ReportedScoreFields, verb=moodle.SCORED, activity=v.MODULE)
def score_reported(report: ReportedScoreFields, platform: Platform) -> StatementParts | Skip:
    """The package reports a score; its bounds are not in the row."""
    if report.score is None:
        return NO_SCORE
    return {
        "object": {"id": activity_address(platform, "scorm", report.cmid)},
        "result": {"score": {"raw": report.score}},
        "context": context_of(report, platform),
    }


@family.maps(
    r"\mod_scorm\event\status_submitted",
    reads=ReportedStateFields, verb=(v.COMPLETED, v.PASSED, v.FAILED), activity=v.MODULE,
)  # fmt: skip
def state_reported(report: ReportedStateFields, platform: Platform) -> StatementParts | Skip:
    """The package reports that the learner has completed, passed or failed."""
    if report.state is None:
        return OTHER_STATE
    passed = success(report)
    return {
        "verb": v.COMPLETED if passed is None else v.PASSED if passed else v.FAILED,
        "object": {"id": activity_address(platform, "scorm", report.cmid)},
        "result": {"completion": True, "success": passed},
        "context": context_of(report, platform),
    }
