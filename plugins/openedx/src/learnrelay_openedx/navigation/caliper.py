"""Navigation: links, entries of the course outline, and the units of a subsection."""

from __future__ import annotations

from learnrelay import Family, InvalidFieldError, Platform, Skip
from learnrelay_caliper.entities import Entity
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import NO_PAGE, block_iri, page_address
from ..caliper_entities import unit_at
from .fields import (
    NO_TOOL,
    JumpFields,
    LinkFields,
    OutlineFields,
    PlacedFields,
    PlacedTabFields,
    ToolFields,
    subsection_of,
    title_of,
)

family = Family("caliper.navigation")

NAVIGATED: EventKind = {"type": "NavigationEvent", "action": "NavigatedTo", "profile": "ReadingProfile"}


def page(address: str) -> Entity:
    """Makes a page of the web."""
    return {"id": address, "type": "WebPage"}


def page_left(link: LinkFields, platform: Platform) -> Entity | None:
    """Makes the page that the link was on, where it is known."""
    if link.current_url is None:
        return None
    try:
        address = page_address(platform, link.current_url)
    except InvalidFieldError:
        return None
    return None if address is None else page(address)


@family.maps("edx.ui.lms.link_clicked", reads=LinkFields, **NAVIGATED)
def link_followed(link: LinkFields, platform: Platform) -> EventParts | Skip:
    """The learner follows a link."""
    address = page_address(platform, link.target_url, link.current_url)
    return Skip(NO_PAGE) if address is None else {"object": page(address), "referrer": page_left(link, platform)}


@family.maps(
    "edx.ui.lms.outline.selected", "edx.ui.lms.sequence.outline.selected",
    reads=OutlineFields, **NAVIGATED,
)  # fmt: skip
def outline_entry_chosen(entry: OutlineFields, platform: Platform) -> EventParts | Skip:
    """The learner goes to an entry of the course outline."""
    address = page_address(platform, entry.target_url, entry.current_url)
    if address is None:
        return Skip(NO_PAGE)
    return {
        "object": {"id": address, "type": "DigitalResource", "name": title_of(entry, address, platform)},
        "referrer": page_left(entry, platform),
    }


def to_unit(sequence: PlacedFields, platform: Platform, position: int | None, otherwise: str) -> EventParts:
    """Makes the subsection, with the unit reached as target and the unit left as referrer.

    An event names units by their positions, from 1. Where the learner leaves the subsection, or the position is not
    known, nothing in the event tells the place that is reached: an extension says in which direction it lies.
    """
    key = subsection_of(sequence)
    if key is None:
        left = {"id": block_iri(platform, sequence.id), "type": "DigitalResource"}
        return {"object": left, "extensions": {"target": otherwise}}
    subsection = block_iri(platform, key)
    reached = unit_at(subsection, position, sequence.tab_count)
    return {
        "object": {
            "id": subsection,
            "type": "DigitalResourceCollection",
            "extensions": {"tab_count": sequence.tab_count},
        },
        "target": reached,
        "referrer": unit_at(subsection, sequence.current_tab, sequence.tab_count),
        "extensions": {"target": None if reached else otherwise},
    }


def after(sequence: PlacedFields, step: int) -> int | None:
    """Returns the position some steps from the one that is left."""
    return None if sequence.current_tab is None else sequence.current_tab + step


@family.maps("edx.ui.lms.sequence.next_selected", "seq_next", reads=PlacedFields, **NAVIGATED)
def next_unit(sequence: PlacedFields, platform: Platform) -> EventParts:
    """The learner goes to the next unit."""
    return to_unit(sequence, platform, after(sequence, 1), "next unit")


@family.maps("edx.ui.lms.sequence.previous_selected", "seq_prev", reads=PlacedFields, **NAVIGATED)
def previous_unit(sequence: PlacedFields, platform: Platform) -> EventParts:
    """The learner goes to the previous unit."""
    return to_unit(sequence, platform, after(sequence, -1), "previous unit")


@family.maps("edx.ui.lms.sequence.tab_selected", "seq_goto", reads=PlacedTabFields, **NAVIGATED)
def chosen_unit(sequence: PlacedTabFields, platform: Platform) -> EventParts:
    """The learner goes to another unit, of the subsection or, from the side bar, of another one."""
    if sequence.target_id is None:
        return to_unit(sequence, platform, sequence.target_tab, "another unit")
    elsewhere = to_unit(sequence, platform, None, "another unit")
    return {
        **elsewhere,
        "target": {
            "id": block_iri(platform, sequence.target_id),
            "type": "Frame",
            "index": sequence.target_tab,
        },
        "extensions": {},
    }


@family.maps("edx.ui.lms.jump_nav.selected", reads=JumpFields, **NAVIGATED)
def menu_entry_chosen(entry: JumpFields, platform: Platform) -> EventParts:
    """The learner goes to an entry of the menus above a unit."""
    return {"object": {"id": block_iri(platform, entry.block_id), "type": "DigitalResource"}}


@family.maps("edx.course.tool.accessed", reads=ToolFields, **NAVIGATED)
def tool_opened(tool: ToolFields, platform: Platform) -> EventParts | Skip:
    """The learner opens a tool of the course, such as its updates."""
    if tool.tool is None:
        return NO_TOOL
    return {"object": {"id": f"{platform.course_iri(tool.course_id)}/tool/{tool.tool}", "type": "SoftwareApplication"}}
