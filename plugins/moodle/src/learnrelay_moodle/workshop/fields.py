"""Workshops: work that learners hand in, and assess for each other. Its author is never named beside an assessment."""

from __future__ import annotations

from learnrelay import Fields, Platform, optional, required

from ..addresses import page_address
from ..column_kinds import ABOUT, decimal, row_id


class WorkFields(Fields):
    """Declares work that is handed in or changed."""

    cmid = required("context.contextinstanceid", kind=row_id)
    submission_id = required("context.objectid", kind=row_id, reason=ABOUT)


class AssessedWorkFields(Fields):
    """Declares work that somebody assesses."""

    cmid = required("context.contextinstanceid", kind=row_id)
    submission_id = required("data.submissionid", kind=row_id, reason="names the work, and never its author")


class AssessingMarkFields(Fields):
    """Declares the mark that a learner gets for assessing others, from 0 to 100."""

    cmid = required("context.contextinstanceid", kind=row_id)
    grade = optional("data.finalgrade", kind=decimal, reason="the mark is what the statement tells")


MOST = 100


def work_address(work: WorkFields | AssessedWorkFields, platform: Platform) -> str:
    """Returns the address of work that is handed in."""
    keys = {"cmid": work.cmid, "id": platform.scoped_key(work.submission_id)}
    return page_address(platform, "mod/workshop/submission.php", **keys)
