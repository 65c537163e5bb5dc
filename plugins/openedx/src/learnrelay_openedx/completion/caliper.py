"""Completion: how much of a block a learner has done."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper import entities
from learnrelay_caliper.entities import Attempt
from learnrelay_caliper.parts import EventParts

from ..addresses import block_iri
from ..caliper_entities import course_content
from .fields import (
    AggregateFields,
    BlockCompletionFields,
    CourseAggregateFields,
    DoneFields,
    is_done,
    marked_block,
    percent_done,
)

family = Family("caliper.completion", critical=True)


@family.maps(
    "edx.completion.block_completion.changed",
    reads=BlockCompletionFields,
    type=("AssignableEvent", "Event"),
    action=("Completed", "Modified"),
    profile=("AssignableProfile", "GeneralProfile"),
)
def progressed(block: BlockCompletionFields, platform: Platform) -> EventParts:
    """The learner has done a block (completed), or a part of it: then the work on it is what changed."""
    item = {"id": block_iri(platform, block.block_id), "type": "AssignableDigitalResource"}
    if is_done(block):
        return {"object": item, "generated": Attempt(item["id"])}
    return {
        "type": "Event",
        "action": "Modified",
        "profile": "GeneralProfile",
        "object": Attempt(item),
        "extensions": {"progress": percent_done(block)},
    }


@family.maps(
    "edx.done.toggled",
    reads=DoneFields,
    type=("AssignableEvent", "Event"),
    action=("Completed", "Modified"),
    profile=("AssignableProfile", "GeneralProfile"),
)
def marked(mark: DoneFields, platform: Platform) -> EventParts | Skip:
    """The learner marks a block as done (completed), or as not done: then the work on it is what changed."""
    block = marked_block(mark)
    if isinstance(block, Skip):
        return block
    return progressed(BlockCompletionFields(block_id=block, completion=1 if mark.done else 0), platform)


@family.maps(
    "openedx.completion_aggregator.progress.chapter",
    "openedx.completion_aggregator.progress.sequential",
    "openedx.completion_aggregator.progress.vertical",
    reads=AggregateFields,
    type=("AssignableEvent", "Event"),
    action=("Completed", "Modified"),
    profile=("AssignableProfile", "GeneralProfile"),
)
def module_progressed(block: AggregateFields, platform: Platform) -> EventParts:
    """The learner has done a chapter, a subsection or a unit (completed), or a part of it."""
    return progressed(block, platform)


@family.maps(
    "openedx.completion_aggregator.progress.course",
    reads=CourseAggregateFields, type="Event", action=("Completed", "Modified"), profile="GeneralProfile",
)  # fmt: skip
def course_progressed(course: CourseAggregateFields, platform: Platform) -> EventParts:
    """The learner has done a course (completed), or a part of it."""
    if is_done(course):
        return {"action": "Completed", "object": entities.course(platform, course.course_id)}
    return {
        "action": "Modified",
        "object": Attempt(course_content(platform, course.course_id)),
        "extensions": {"progress": percent_done(course)},
    }
