"""SCORM packages: parts that are launched, scores and states that they report."""

from __future__ import annotations

from learnrelay import Fields, Platform, Skip, optional, required
from learnrelay.kinds import one_of

from ..addresses import page_address
from ..column_kinds import ABOUT, decimal, row_id

NO_SCORE = Skip("the package reports a score that is no number")
OTHER_STATE = Skip("the package reports neither that it is completed, nor passed, nor failed")

_WHY = "tells the attempts of a learner apart"


class ScoFields(Fields):
    """Declares a part of a package (SCO) that is launched."""

    cmid = required("context.contextinstanceid", kind=row_id)
    sco_id = required("context.objectid", kind=row_id, reason=ABOUT)


class ReportFields(Fields):
    """Declares what a package reports of an attempt: up to 4.2 its number, since 4.3 its id."""

    cmid = required("context.contextinstanceid", kind=row_id)
    attempt_id = optional("data.attemptid", kind=row_id, reason=_WHY)


class ReportedScoreFields(ReportFields):
    """Declares a score."""

    score = optional("data.cmivalue", kind=decimal, reason="the score is what the statement tells")


class ReportedStateFields(ReportFields):
    """Declares a state."""

    state = optional(
        "data.cmivalue", kind=one_of("completed", "passed", "failed"), example=("completed", "passed", "failed"),
        reason="the state is what the statement tells",
    )  # fmt: skip


def sco_address(sco: ScoFields, platform: Platform) -> str:
    """Returns the address of a part of a package."""
    return page_address(platform, "mod/scorm/player.php", cm=sco.cmid, scoid=sco.sco_id)


def success(report: ReportedStateFields) -> bool | None:
    """Tells whether the package was passed; None where it is only completed."""
    return None if report.state == "completed" else report.state == "passed"
