"""Navigation: links, entries of the course outline, and the units of a subsection."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import NO_PAGE, block_iri, page_address
from .fields import NO_TOOL, JumpFields, LinkFields, OutlineFields, SequenceFields, TabFields, ToolFields, title_of

family = Family("xapi.navigation")


@family.maps("edx.ui.lms.link_clicked", reads=LinkFields, verb=v.NAVIGATED, activity=v.LINK)
def link_followed(link: LinkFields, platform: Platform) -> StatementParts | Skip:
    """The learner follows a link."""
    address = page_address(platform, link.target_url, link.current_url)
    return Skip(NO_PAGE) if address is None else {"object": {"id": address}}


@family.maps(
    "edx.ui.lms.outline.selected", "edx.ui.lms.sequence.outline.selected",
    reads=OutlineFields, verb=v.NAVIGATED, activity=v.MODULE,
)  # fmt: skip
def outline_entry_chosen(entry: OutlineFields, platform: Platform) -> StatementParts | Skip:
    """The learner goes to an entry of the course outline."""
    address = page_address(platform, entry.target_url, entry.current_url)
    if address is None:
        return Skip(NO_PAGE)
    title = activities.text(title_of(entry, address, platform), platform)
    return {"object": {"id": address, "definition": {"name": title}}}


def from_unit(sequence: SequenceFields, platform: Platform, ending_point: str | int | None) -> StatementParts:
    """Makes the parts about leaving a unit of a subsection for another."""
    return {
        "object": {
            "id": block_iri(platform, sequence.id),
            "definition": {"extensions": {v.TOTAL_ITEMS: sequence.tab_count}},
        },
        "context": {
            "extensions": {v.STARTING_POSITION: sequence.current_tab, v.ENDING_POINT: ending_point},
        },
    }


@family.maps(
    "edx.ui.lms.sequence.next_selected", "seq_next",
    reads=SequenceFields, verb=v.NAVIGATED, activity=v.RESOURCE,
)  # fmt: skip
def next_unit(sequence: SequenceFields, platform: Platform) -> StatementParts:
    """The learner goes to the next unit."""
    return from_unit(sequence, platform, "next unit")


@family.maps(
    "edx.ui.lms.sequence.previous_selected", "seq_prev",
    reads=SequenceFields, verb=v.NAVIGATED, activity=v.RESOURCE,
)  # fmt: skip
def previous_unit(sequence: SequenceFields, platform: Platform) -> StatementParts:
    """The learner goes to the previous unit."""
    return from_unit(sequence, platform, "previous unit")


@family.maps(
    "edx.ui.lms.sequence.tab_selected", "seq_goto",
    reads=TabFields, verb=v.NAVIGATED, activity=v.RESOURCE,
)  # fmt: skip
def chosen_unit(sequence: TabFields, platform: Platform) -> StatementParts:
    """The learner goes to another unit of the subsection."""
    return from_unit(sequence, platform, sequence.target_tab)


@family.maps("edx.ui.lms.jump_nav.selected", reads=JumpFields, verb=v.NAVIGATED, activity=v.MODULE)
def menu_entry_chosen(entry: JumpFields, platform: Platform) -> StatementParts:
    """The learner goes to an entry of the menus above a unit."""
    return {"object": {"id": block_iri(platform, entry.block_id)}}


@family.maps("edx.course.tool.accessed", reads=ToolFields, verb=v.ACCESSED, activity=v.SERVICE)
def tool_opened(tool: ToolFields, platform: Platform) -> StatementParts | Skip:
    """The learner opens a tool of the course, such as its updates."""
    if tool.tool is None:
        return NO_TOOL
    return {"object": {"id": f"{platform.course_iri(tool.course_id)}/tool/{tool.tool}"}}
