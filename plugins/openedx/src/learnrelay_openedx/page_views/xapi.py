"""Pages of courses that are opened. A request tells that a page was asked for; whether it came is not logged."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import block_iri
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

family = Family("xapi.page_views", samples=SAMPLES)


def page_of(page: CoursePageFields | TabPageFields, platform: Platform, *words: str) -> StatementParts | Skip:
    """Makes a page of a course; of the address only the course and the platform's words are kept."""
    if page.call is not None:
        return OF_A_PROGRAM
    return {"object": {"id": "/".join([platform.course_iri(page.course_id), *words])}}


@family.maps("openedx.page.section.viewed", reads=SectionFields, verb=v.VIEWED, activity=v.MODULE)
def section_opened(section: SectionFields, platform: Platform) -> StatementParts | Skip:
    """The learner opens the page of a section."""
    return OF_A_PROGRAM if section.call is not None else {"object": {"id": block_iri(platform, section.block_id)}}


@family.maps("openedx.page.subsection.viewed", reads=SubsectionFields, verb=v.VIEWED, activity=v.RESOURCE)
def subsection_opened(subsection: SubsectionFields, platform: Platform) -> StatementParts | Skip:
    """The learner opens the page of a subsection, perhaps at one of its units."""
    if subsection.call is not None:
        return OF_A_PROGRAM
    return {
        "object": {"id": block_iri(platform, subsection.block_id)},
        "context": {"extensions": {v.STARTING_POSITION: subsection.position}},
    }


@family.maps("openedx.page.unit.viewed", reads=UnitFields, verb=v.VIEWED, activity=v.MODULE)
def unit_opened(unit: UnitFields, platform: Platform) -> StatementParts | Skip:
    """The learning front end shows the learner a unit."""
    if unit.call is not None:
        return OF_A_PROGRAM
    return NOT_SHOWN if unit.shown is None else {"object": {"id": block_iri(platform, unit.block_id)}}


@family.maps("openedx.page.courseware.viewed", reads=CoursePageFields, verb=v.VIEWED, activity=v.WEBPAGE)
def courseware_opened(page: CoursePageFields, platform: Platform) -> StatementParts | Skip:
    """The learner opens the courseware, wherever it leads."""
    return page_of(page, platform, "courseware")


@family.maps("openedx.page.home.viewed", reads=CoursePageFields, verb=v.VIEWED, activity=v.WEBPAGE)
def home_opened(page: CoursePageFields, platform: Platform) -> StatementParts | Skip:
    """The learner opens the home of the course."""
    return page_of(page, platform, "home")


@family.maps("openedx.page.progress.viewed", reads=CoursePageFields, verb=v.VIEWED, activity=v.WEBPAGE)
def progress_opened(page: CoursePageFields, platform: Platform) -> StatementParts | Skip:
    """The learner opens the page of the own progress."""
    return page_of(page, platform, "progress")


@family.maps("openedx.page.dates.viewed", reads=CoursePageFields, verb=v.VIEWED, activity=v.WEBPAGE)
def dates_opened(page: CoursePageFields, platform: Platform) -> StatementParts | Skip:
    """The learner opens the dates of the course."""
    return page_of(page, platform, "dates")


@family.maps("openedx.page.forum.viewed", reads=CoursePageFields, verb=v.VIEWED, activity=v.WEBPAGE)
def forum_opened(page: CoursePageFields, platform: Platform) -> StatementParts | Skip:
    """The learner opens the forum of the course."""
    return page_of(page, platform, "discussion/forum")


@family.maps("openedx.page.wiki.viewed", reads=CoursePageFields, verb=v.VIEWED, activity=v.WEBPAGE)
def wiki_opened(page: CoursePageFields, platform: Platform) -> StatementParts | Skip:
    """The learner opens the wiki of the course; which page of it is not read."""
    return page_of(page, platform, "wiki")


@family.maps("openedx.page.tab.viewed", reads=TabPageFields, verb=v.VIEWED, activity=v.WEBPAGE)
def tab_opened(page: TabPageFields, platform: Platform) -> StatementParts | Skip:
    """The learner opens a page that the course's authors have added."""
    return page_of(page, platform, "tab", page.tab)
