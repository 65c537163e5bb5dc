"""Navigation: links, entries of the course outline, and the units of a subsection."""

from __future__ import annotations

from learnrelay import Family, Said, Site
from learnrelay.openedx.navigation import LinkFields, OutlineFields, SequenceFields, TabFields, target_address

from .. import activities
from .. import vocabulary as v

family = Family("xapi.navigation")


@family.maps("edx.ui.lms.link_clicked", reads=LinkFields, verb=v.NAVIGATED, activity=v.LINK)
def link_followed(link: LinkFields, site: Site) -> Said:
    """The learner follows a link."""
    return {"object": {"id": target_address(link, site)}}


@family.maps(
    "edx.ui.lms.outline.selected", "edx.ui.lms.sequence.outline.selected",
    reads=OutlineFields, verb=v.NAVIGATED, activity=v.MODULE,
)  # fmt: skip
def outline_entry_chosen(entry: OutlineFields, site: Site) -> Said:
    """The learner goes to an entry of the course outline."""
    return {
        "object": {
            "id": target_address(entry, site),
            "definition": {"name": activities.text(entry.target_name)},
        }
    }


def from_unit(sequence: SequenceFields, site: Site, ending_point: str | int | None) -> Said:
    """The subsection, with the position that is left and where the learner goes from there."""
    return {
        "object": {
            "id": activities.block(site, sequence.id),
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
def next_unit(sequence: SequenceFields, site: Site) -> Said:
    """The learner goes to the next unit."""
    return from_unit(sequence, site, "next unit")


@family.maps(
    "edx.ui.lms.sequence.previous_selected", "seq_prev",
    reads=SequenceFields, verb=v.NAVIGATED, activity=v.RESOURCE,
)  # fmt: skip
def previous_unit(sequence: SequenceFields, site: Site) -> Said:
    """The learner goes to the previous unit."""
    return from_unit(sequence, site, "previous unit")


@family.maps(
    "edx.ui.lms.sequence.tab_selected", "seq_goto",
    reads=TabFields, verb=v.NAVIGATED, activity=v.RESOURCE,
)  # fmt: skip
def chosen_unit(sequence: TabFields, site: Site) -> Said:
    """The learner goes to another unit of the subsection."""
    return from_unit(sequence, site, sequence.target_tab)
