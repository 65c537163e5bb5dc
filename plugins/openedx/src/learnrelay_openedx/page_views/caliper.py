"""Pages of courses that are opened. A request tells that a page was asked for; whether it came is not logged."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import block_iri
from ..caliper_entities import unit_at
from .fields import (
    NOT_SHOWN,
    OF_A_PROGRAM,
    SAMPLES,
    CoursePageFields,
    SectionFields,
    SubsectionFields,
    TabPageFields,
    UnitFields,
)

family = Family("caliper.page_views", samples=SAMPLES)

VIEWED: EventKind = {"type": "ViewEvent", "action": "Viewed", "profile": "ReadingProfile"}


def page_of(page: CoursePageFields | TabPageFields, platform: Platform, *words: str) -> EventParts | Skip:
    """Makes a page of a course; of the address only the course and the platform's words are kept."""
    if page.call is not None:
        return OF_A_PROGRAM
    return {"object": {"id": "/".join([platform.course_iri(page.course_id), *words]), "type": "WebPage"}}


@family.maps("openedx.page.section.viewed", reads=SectionFields, **VIEWED)
def section_opened(section: SectionFields, platform: Platform) -> EventParts | Skip:
    """The learner opens the page of a section."""
    if section.call is not None:
        return OF_A_PROGRAM
    return {"object": {"id": block_iri(platform, section.block_id), "type": "DigitalResourceCollection"}}


@family.maps("openedx.page.subsection.viewed", reads=SubsectionFields, **VIEWED)
def subsection_opened(subsection: SubsectionFields, platform: Platform) -> EventParts | Skip:
    """The learner opens the page of a subsection, perhaps at one of its units."""
    if subsection.call is not None:
        return OF_A_PROGRAM
    address = block_iri(platform, subsection.block_id)
    return {
        "object": {"id": address, "type": "DigitalResourceCollection"},
        "target": unit_at(address, subsection.position),
    }


@family.maps("openedx.page.unit.viewed", reads=UnitFields, **VIEWED)
def unit_opened(unit: UnitFields, platform: Platform) -> EventParts | Skip:
    """The learning front end shows the learner a unit."""
    if unit.call is not None:
        return OF_A_PROGRAM
    if unit.shown is None:
        return NOT_SHOWN
    return {"object": {"id": block_iri(platform, unit.block_id), "type": "DigitalResource"}}


@family.maps("openedx.page.courseware.viewed", reads=CoursePageFields, **VIEWED)
def courseware_opened(page: CoursePageFields, platform: Platform) -> EventParts | Skip:
    """The learner opens the courseware, wherever it leads."""
    return page_of(page, platform, "courseware")


@family.maps("openedx.page.home.viewed", reads=CoursePageFields, **VIEWED)
def home_opened(page: CoursePageFields, platform: Platform) -> EventParts | Skip:
    """The learner opens the home of the course."""
    return page_of(page, platform, "home")


@family.maps("openedx.page.progress.viewed", reads=CoursePageFields, **VIEWED)
def progress_opened(page: CoursePageFields, platform: Platform) -> EventParts | Skip:
    """The learner opens the page of the own progress."""
    return page_of(page, platform, "progress")


@family.maps("openedx.page.dates.viewed", reads=CoursePageFields, **VIEWED)
def dates_opened(page: CoursePageFields, platform: Platform) -> EventParts | Skip:
    """The learner opens the dates of the course."""
    return page_of(page, platform, "dates")


@family.maps("openedx.page.forum.viewed", reads=CoursePageFields, **VIEWED)
def forum_opened(page: CoursePageFields, platform: Platform) -> EventParts | Skip:
    """The learner opens the forum of the course."""
    return page_of(page, platform, "discussion/forum")


@family.maps("openedx.page.wiki.viewed", reads=CoursePageFields, **VIEWED)
def wiki_opened(page: CoursePageFields, platform: Platform) -> EventParts | Skip:
    """The learner opens the wiki of the course; which page of it is not read."""
    return page_of(page, platform, "wiki")


@family.maps("openedx.page.tab.viewed", reads=TabPageFields, **VIEWED)
def tab_opened(page: TabPageFields, platform: Platform) -> EventParts | Skip:
    """The learner opens a page that the course's authors have added."""
    return page_of(page, platform, "tab", page.tab)
