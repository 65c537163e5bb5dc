"""SCORM packages: a learner launches parts of them; they report scores and states.

Up to 4.2 a report has the number of the learner's attempt, since 4.3 the id of a record, and the row does not say
which. So it is an extension, and not a part of the attempt.
"""

from __future__ import annotations

from typing import Any

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.entities import Attempt
from learnrelay_caliper.parts import EventParts

from ..caliper_entities import GRADED, activity, graded
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

family = Family("caliper.moodle_scorm")


def attempt_extension(report: ReportFields, platform: Platform) -> dict[str, Any]:
    """Says which attempt a report is about."""
    return {"attempt": None if report.attempt_id is None else platform.scoped_key(report.attempt_id)}


@family.maps(
    r"\mod_scorm\event\sco_launched",
    reads=ScoFields, type="NavigationEvent", action="NavigatedTo", profile="AssignableProfile",
)  # fmt: skip
def launched(sco: ScoFields, platform: Platform) -> EventParts:
    """The learner launches a part of a package."""
    package = activity(platform, "scorm", sco.cmid)
    return {"object": {"id": sco_address(sco, platform), "type": "AssignableDigitalResource", "isPartOf": package}}


@family.maps(r"\mod_scorm\event\scoreraw_submitted", reads=ReportedScoreFields, **GRADED)
def score_reported(report: ReportedScoreFields, platform: Platform) -> EventParts | Skip:
    """The package reports a score; its bounds are not in the row."""
    if report.score is None:
        return NO_SCORE
    work = Attempt(activity(platform, "scorm", report.cmid), describes_learner=True)
    return {**graded(work, report.score, None, platform), "extensions": attempt_extension(report, platform)}


@family.maps(
    r"\mod_scorm\event\status_submitted",
    reads=ReportedStateFields, type="AssignableEvent", action="Completed", profile="AssignableProfile",
)  # fmt: skip
def state_reported(report: ReportedStateFields, platform: Platform) -> EventParts | Skip:
    """The package reports that the learner has completed, passed or failed."""
    if report.state is None:
        return OTHER_STATE
    package = activity(platform, "scorm", report.cmid)
    return {
        "object": package,
        "generated": Attempt(package["id"]),
        "extensions": {**attempt_extension(report, platform), "passed": success(report)},
    }
