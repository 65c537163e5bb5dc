"""Lessons: a learner works through pages and questions, and gets marks for essays."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as moodle
from ..addresses import activity_address
from ..xapi_activities import inside_activity, mark, of_attempt
from .fields import EssayFields, LessonFields, LessonPageFields, page_of_lesson

family = Family("xapi.moodle_lesson")


@family.maps(r"\mod_lesson\event\lesson_started", reads=LessonFields, verb=v.INITIALIZED, activity=moodle.LESSON)
def lesson_started(lesson: LessonFields, platform: Platform) -> StatementParts:
    """The learner starts a lesson."""
    return {"object": {"id": activity_address(platform, "lesson", lesson.cmid)}}


@family.maps(r"\mod_lesson\event\lesson_resumed", reads=LessonFields, verb=moodle.RESUMED, activity=moodle.LESSON)
def lesson_resumed(lesson: LessonFields, platform: Platform) -> StatementParts:
    """The learner goes on with a lesson."""
    return lesson_started(lesson, platform)


@family.maps(r"\mod_lesson\event\lesson_restarted", reads=LessonFields, verb=v.ATTEMPTED, activity=moodle.LESSON)
def lesson_restarted(lesson: LessonFields, platform: Platform) -> StatementParts:
    """The learner gives up an unfinished attempt and begins another."""
    return lesson_started(lesson, platform)


@family.maps(r"\mod_lesson\event\lesson_ended", reads=LessonFields, verb=v.COMPLETED, activity=moodle.LESSON)
def lesson_ended(lesson: LessonFields, platform: Platform) -> StatementParts:
    """The learner comes to the end of a lesson."""
    return {**lesson_started(lesson, platform), "result": {"completion": True}}


@family.maps(r"\mod_lesson\event\content_page_viewed", reads=LessonPageFields, verb=v.VIEWED, activity=moodle.PAGE)
def page_viewed(page: LessonPageFields, platform: Platform) -> StatementParts:
    """The learner reads a page."""
    return {
        "object": {"id": page_of_lesson(page, platform)},
        "context": inside_activity(platform, "lesson", page.cmid),
    }


@family.maps(r"\mod_lesson\event\question_answered", reads=LessonPageFields, verb=moodle.ANSWERED, activity=v.QUESTION)
def question_answered(page: LessonPageFields, platform: Platform) -> StatementParts:
    """The learner answers a question; the answer is not in the row."""
    return page_viewed(page, platform)


@family.maps(r"\mod_lesson\event\essay_assessed", reads=EssayFields, verb=moodle.SCORED, activity=moodle.LESSON)
def essay_assessed(essay: EssayFields, platform: Platform) -> StatementParts:
    """An essay of the learner gets its mark; which page it answers is not in the row."""
    return {
        **lesson_started(essay, platform),
        "result": mark(essay),
        "context": of_attempt(platform, essay.attempt_id),
    }
