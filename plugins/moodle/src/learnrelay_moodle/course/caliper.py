"""Courses: a learner opens a course or a section, and completes a course."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper import entities
from learnrelay_caliper.parts import EventParts

from ..addresses import page_address
from ..caliper_entities import GENERAL, READ
from .fields import FRONT_PAGE, CourseCompletionFields, CourseViewFields, SectionViewFields

family = Family("caliper.moodle_course", critical=True)


@family.maps(
    r"\core\event\course_viewed",
    reads=CourseViewFields, type="NavigationEvent", action="NavigatedTo", profile="ReadingProfile",
)  # fmt: skip
def course_viewed(course: CourseViewFields, platform: Platform) -> EventParts | Skip:
    """The learner opens a course: its page is the object, the course is the group."""
    if course.course_id is None:
        return FRONT_PAGE
    page = f"{platform.course_iri(course.course_id)}#region-main"
    return {"object": {"id": page, "type": "WebPage"}}


@family.maps(r"\core\event\section_viewed", reads=SectionViewFields, **READ)
def section_viewed(section: SectionViewFields, platform: Platform) -> EventParts:
    """The learner opens a section of a course."""
    address = page_address(platform, "course/section.php", id=section.section_id)
    return {"object": {"id": address, "type": "DigitalResourceCollection"}}


@family.maps(r"\core\event\course_completed", reads=CourseCompletionFields, action="Completed", **GENERAL)
def course_completed(course: CourseCompletionFields, platform: Platform) -> EventParts:
    """The learner has completed a course."""
    return {"object": entities.course(platform, course.course_id)}
