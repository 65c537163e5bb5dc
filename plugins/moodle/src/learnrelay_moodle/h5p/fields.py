"""H5P activities: what a content reports, which is a statement without learner, id and time. Answers are never read."""

from __future__ import annotations

from learnrelay import Fields, Platform, Skip, optional, required
from learnrelay.kinds import boolean, one_of, uuid

from ..addresses import activity_address, page_address
from ..column_kinds import decimal, iso_length, row_id

_COMPLETED, _ANSWERED = "http://adlnet.gov/expapi/verbs/completed", "http://adlnet.gov/expapi/verbs/answered"
_WHY = "the result is what the statement tells"

OTHER_VERB = Skip("the content reports neither that it is completed, nor answered")


class ReportedContentFields(Fields):
    """Declares what a content reports; ``part``: of which content in it."""

    cmid = required("context.contextinstanceid", kind=row_id)
    context_id = required("context.contextid", kind=row_id)
    part = optional(
        "data.object.id|query.subContentId", kind=uuid,
        example=("6f1b2c7e-0f6e-4c55-9f2f-5a3c1d7e9b10", "0d0a3f0c-2f63-4d0b-8c0e-7b1f2a3c4d5e"),
    )  # fmt: skip
    verb = optional("data.verb.id", kind=one_of(_COMPLETED, _ANSWERED), example=(_COMPLETED, _ANSWERED))
    raw = optional("data.result.score.raw", kind=decimal, reason=_WHY, example=(4, 0))
    least = optional("data.result.score.min", kind=decimal, example=(0, 1))
    most = optional("data.result.score.max", kind=decimal, example=(5, 10))
    is_complete = optional("data.result.completion", kind=boolean, reason=_WHY)
    is_success = optional("data.result.success", kind=boolean, reason=_WHY)
    duration = optional("data.result.duration", kind=iso_length, reason=_WHY, example=("PT42.7S", "PT1M"))


def is_completed(report: ReportedContentFields) -> bool:
    """Tells whether the content is completed, and not a question of it answered."""
    return report.verb == _COMPLETED


def content_address(report: ReportedContentFields, platform: Platform) -> str:
    """Returns the address of the activity, or the one that Moodle gives to a content in it."""
    if report.part is None:
        return activity_address(platform, "h5pactivity", report.cmid)
    return page_address(platform, f"xapi/activity/{report.context_id}", subContentId=report.part)
