"""Completion: how much of a block a learner has done."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import block_iri
from .fields import (
    AggregateFields,
    BlockCompletionFields,
    CourseAggregateFields,
    DoneFields,
    is_done,
    marked_block,
    percent_done,
)

family = Family("xapi.completion", critical=True)


@family.maps(
    "edx.completion.block_completion.changed",
    reads=BlockCompletionFields, verb=v.PROGRESSED, activity=v.RESOURCE,
)  # fmt: skip
def progressed(block: BlockCompletionFields, platform: Platform) -> StatementParts:
    """The learner has done a block, or a part of it."""
    return {
        "object": {"id": block_iri(platform, block.block_id)},
        "result": {"completion": is_done(block), "extensions": {v.PROGRESS: percent_done(block)}},
    }


@family.maps("edx.done.toggled", reads=DoneFields, verb=v.PROGRESSED, activity=v.CHECKLIST_ITEM)
def marked(mark: DoneFields, platform: Platform) -> StatementParts | Skip:
    """The learner marks a block as done, or as not done."""
    block = marked_block(mark)
    if isinstance(block, Skip):
        return block
    return {
        "object": {"id": block_iri(platform, block)},
        "result": {"completion": mark.done, "extensions": {v.PROGRESS: 100.0 if mark.done else 0.0}},
    }


@family.maps(
    "openedx.completion_aggregator.progress.chapter", "openedx.completion_aggregator.progress.sequential",
    "openedx.completion_aggregator.progress.vertical",
    reads=AggregateFields, verb=v.PROGRESSED, activity=v.MODULE,
)  # fmt: skip
def module_progressed(block: AggregateFields, platform: Platform) -> StatementParts:
    """The learner has done a chapter, a subsection or a unit, or a part of it."""
    return progressed(block, platform)


@family.maps(
    "openedx.completion_aggregator.progress.course",
    reads=CourseAggregateFields, verb=v.PROGRESSED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def course_progressed(course: CourseAggregateFields, platform: Platform) -> StatementParts:
    """The learner has done a course, or a part of it."""
    return {
        "object": activities.titled_course(platform, course.course_id),
        "result": {"completion": is_done(course), "extensions": {v.PROGRESS: percent_done(course)}},
    }
