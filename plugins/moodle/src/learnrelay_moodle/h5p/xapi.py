"""H5P activities: a learner completes a content, and answers questions in it."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as moodle
from ..xapi_activities import inside_activity, score_within
from .fields import OTHER_VERB, ReportedContentFields, content_address, is_completed

family = Family("xapi.moodle_h5p")


@family.maps(
    r"\mod_h5pactivity\event\statement_received",
    reads=ReportedContentFields, verb=(v.COMPLETED, moodle.ANSWERED), activity=moodle.MEDIA,
)  # fmt: skip
def reported(report: ReportedContentFields, platform: Platform) -> StatementParts | Skip:
    """The learner completes a content, or answers a question in it."""
    if report.verb is None:
        return OTHER_VERB
    return {
        "verb": v.COMPLETED if is_completed(report) else moodle.ANSWERED,
        "object": {"id": content_address(report, platform)},
        "result": {
            "score": score_within(report.raw, report.least, report.most),
            "completion": report.is_complete,
            "success": report.is_success,
            "duration": report.duration,
        },
        "context": {} if report.part is None else inside_activity(platform, "h5pactivity", report.cmid),
    }
