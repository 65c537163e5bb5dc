"""Courses: a learner opens a course or a section, and completes a course."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as moodle
from ..addresses import page_address
from .fields import FRONT_PAGE, CourseCompletionFields, CourseViewFields, SectionViewFields

family = Family("xapi.moodle_course", critical=True)


@family.maps(
    r"\core\event\course_viewed",
    reads=CourseViewFields, verb=v.VIEWED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def course_viewed(course: CourseViewFields, platform: Platform) -> StatementParts | Skip:
    """The learner opens a course."""
    return FRONT_PAGE if course.course_id is None else {"object": activities.titled_course(platform, course.course_id)}


@family.maps(r"\core\event\section_viewed", reads=SectionViewFields, verb=v.VIEWED, activity=moodle.SECTION)
def section_viewed(section: SectionViewFields, platform: Platform) -> StatementParts:
    """The learner opens a section of a course."""
    return {"object": {"id": page_address(platform, "course/section.php", id=section.section_id)}}


@family.maps(
    r"\core\event\course_completed",
    reads=CourseCompletionFields, verb=v.COMPLETED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def course_completed(course: CourseCompletionFields, platform: Platform) -> StatementParts:
    """The learner has completed a course."""
    return {"object": activities.titled_course(platform, course.course_id), "result": {"completion": True}}
