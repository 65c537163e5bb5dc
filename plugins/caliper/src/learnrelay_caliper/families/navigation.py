"""Navigation: links, entries of the course outline, and the units of a subsection."""

from __future__ import annotations

from learnrelay import Family, InvalidFieldError, Said, Site
from learnrelay.openedx.navigation import LinkFields, OutlineFields, SequenceFields, TabFields, target_address

from .. import entities
from ..entities import Entity

family = Family("caliper.navigation")

NAVIGATED = {"type": "NavigationEvent", "action": "NavigatedTo", "profile": "ReadingProfile"}


def page(address: str) -> Entity:
    """What is at an address; without http it is no page of the web."""
    return {"id": address, "type": "WebPage" if address.startswith("http") else "DigitalResource"}


def page_left(link: LinkFields, site: Site) -> Entity | None:
    """The page that the link was on, where it is known."""
    if link.current_url is None:
        return None
    try:
        return page(target_address(LinkFields(target_url=link.current_url), site))
    except InvalidFieldError:
        return None


@family.maps("edx.ui.lms.link_clicked", reads=LinkFields, **NAVIGATED)
def link_followed(link: LinkFields, site: Site) -> Said:
    """The learner follows a link."""
    return {"object": page(target_address(link, site)), "referrer": page_left(link, site)}


@family.maps(
    "edx.ui.lms.outline.selected", "edx.ui.lms.sequence.outline.selected",
    reads=OutlineFields, **NAVIGATED,
)  # fmt: skip
def outline_entry_chosen(entry: OutlineFields, site: Site) -> Said:
    """The learner goes to an entry of the course outline."""
    return {
        "object": {"id": target_address(entry, site), "type": "DigitalResource", "name": entry.target_name},
        "referrer": page_left(entry, site),
    }


def to_unit(sequence: SequenceFields, site: Site, position: int | None, otherwise: str) -> Said:
    """The subsection, with the unit that is reached as target and the unit that is left as referrer.

    An event names units by their positions, from 1. Where the learner leaves the subsection, or the position is not
    known, nothing in the event tells the place that is reached: an extension says in which direction it lies.
    """
    subsection = entities.block_id(site, sequence.id)
    reached = unit(subsection, position, sequence.tab_count)
    return {
        "object": {
            "id": subsection,
            "type": "DigitalResourceCollection",
            "extensions": {"tab_count": sequence.tab_count},
        },
        "target": reached,
        "referrer": unit(subsection, sequence.current_tab, sequence.tab_count),
        "extensions": {"target": None if reached else otherwise},
    }


def unit(subsection: str, position: int | None, count: int | None) -> Entity | None:
    """A unit by its position in the subsection; None where there is none."""
    if position is None or not 1 <= position <= (position if count is None else count):
        return None
    return {"id": f"{subsection}#unit={position}", "type": "Frame", "index": position, "isPartOf": subsection}


def after(sequence: SequenceFields, step: int) -> int | None:
    """The position that is some steps from the one that is left."""
    return None if sequence.current_tab is None else sequence.current_tab + step


@family.maps("edx.ui.lms.sequence.next_selected", "seq_next", reads=SequenceFields, **NAVIGATED)
def next_unit(sequence: SequenceFields, site: Site) -> Said:
    """The learner goes to the next unit."""
    return to_unit(sequence, site, after(sequence, 1), "next unit")


@family.maps("edx.ui.lms.sequence.previous_selected", "seq_prev", reads=SequenceFields, **NAVIGATED)
def previous_unit(sequence: SequenceFields, site: Site) -> Said:
    """The learner goes to the previous unit."""
    return to_unit(sequence, site, after(sequence, -1), "previous unit")


@family.maps("edx.ui.lms.sequence.tab_selected", "seq_goto", reads=TabFields, **NAVIGATED)
def chosen_unit(sequence: TabFields, site: Site) -> Said:
    """The learner goes to another unit of the subsection."""
    return to_unit(sequence, site, sequence.target_tab, "another unit")
