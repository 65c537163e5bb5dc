"""Lessons: their pages, questions and essays."""

from __future__ import annotations

from learnrelay import Fields, Platform, required

from ..addresses import activity_address
from ..column_kinds import ABOUT, row_id
from ..grade_columns import GradeColumns


class LessonFields(Fields):
    """Declares a lesson."""

    cmid = required("context.contextinstanceid", kind=row_id)


class LessonPageFields(LessonFields):
    """Declares a page of a lesson: content, or a question."""

    page_id = required("context.objectid", kind=row_id, reason=ABOUT)


class EssayFields(GradeColumns, LessonFields):
    """Declares an essay that got its mark."""

    attempt_id = required("data.attemptid", kind=row_id, reason="tells the attempts of a learner apart")


def page_of_lesson(page: LessonPageFields, platform: Platform) -> str:
    """Returns the address of a page."""
    return f"{activity_address(platform, 'lesson', page.cmid)}&pageid={page.page_id}"
