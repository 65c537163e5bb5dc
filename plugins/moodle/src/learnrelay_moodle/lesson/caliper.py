"""Lessons: a learner works through pages and questions, and gets marks for essays."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Attempt, Entity, Response
from learnrelay_caliper.parts import EventKind, EventParts

from ..caliper_entities import GENERAL, GRADED, READ, activity, graded
from .fields import EssayFields, LessonFields, LessonPageFields, page_of_lesson

family = Family("caliper.moodle_lesson")

ASSIGNABLE: EventKind = {"type": "AssignableEvent", "profile": "AssignableProfile"}


def at_lesson(fields: LessonFields, platform: Platform) -> EventParts:
    """Makes the lesson, and the learner's work on it; the rows do not count attempts."""
    lesson = activity(platform, "lesson", fields.cmid)
    return {"object": lesson, "generated": Attempt(lesson["id"])}


@family.maps(
    r"\mod_lesson\event\lesson_started", r"\mod_lesson\event\lesson_restarted",
    reads=LessonFields, action="Started", **ASSIGNABLE,
)  # fmt: skip
def lesson_started(lesson: LessonFields, platform: Platform) -> EventParts:
    """The learner starts a lesson, or gives up an unfinished attempt and begins another."""
    return at_lesson(lesson, platform)


@family.maps(r"\mod_lesson\event\lesson_resumed", reads=LessonFields, action="Resumed", **GENERAL)
def lesson_resumed(lesson: LessonFields, platform: Platform) -> EventParts:
    """The learner goes on with a lesson."""
    return at_lesson(lesson, platform)


@family.maps(r"\mod_lesson\event\lesson_ended", reads=LessonFields, action="Completed", **ASSIGNABLE)
def lesson_ended(lesson: LessonFields, platform: Platform) -> EventParts:
    """The learner comes to the end of a lesson."""
    return at_lesson(lesson, platform)


@family.maps(r"\mod_lesson\event\content_page_viewed", reads=LessonPageFields, **READ)
def page_viewed(page: LessonPageFields, platform: Platform) -> EventParts:
    """The learner reads a page."""
    lesson = activity(platform, "lesson", page.cmid)
    return {"object": {"id": page_of_lesson(page, platform), "type": "Page", "isPartOf": lesson}}


@family.maps(
    r"\mod_lesson\event\question_answered",
    reads=LessonPageFields, type="AssessmentItemEvent", action="Completed", profile="AssessmentProfile",
)  # fmt: skip
def question_answered(page: LessonPageFields, platform: Platform) -> EventParts:
    """The learner answers a question; the answer is not in the row."""
    lesson = activity(platform, "lesson", page.cmid)
    item: Entity = {"id": page_of_lesson(page, platform), "type": "AssessmentItem", "isPartOf": lesson}
    return {"object": item, "generated": Response(Attempt(item["id"]), "Response")}


@family.maps(r"\mod_lesson\event\essay_assessed", reads=EssayFields, **GRADED)
def essay_assessed(essay: EssayFields, platform: Platform) -> EventParts:
    """An essay of the learner gets its mark; which page it answers is not in the row."""
    lesson = activity(platform, "lesson", essay.cmid)
    own_id = f"{lesson['id']}#essay-{platform.scoped_key(essay.attempt_id)}"
    work = Attempt(lesson, own_id=own_id, describes_learner=True)
    return graded(work, essay.grade, essay.grade_max, platform)
