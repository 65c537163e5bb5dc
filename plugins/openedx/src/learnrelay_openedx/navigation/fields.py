"""Navigation: links and outline entries that were followed, and the units of a subsection that were changed to."""

from __future__ import annotations

import re
from typing import Any

from learnrelay import Fields, Platform, Skip, optional, required
from learnrelay.kinds import count, text

from ..addresses import is_known_page
from ..courses import COURSE, COURSE_OF_PAGE, WHERE, course_key
from ..keys import LONGEST_NAMED, decoded, is_block, platform_word

_A_SUBSECTION = "block-v1:Harbour+SAIL+2026+type@sequential+block@5e9f"
_A_UNIT = "block-v1:Harbour+SAIL+2026+type@vertical+block@c0de"


class LinkFields(Fields):
    """Declares a link, as written on a page, and that page."""

    target_url = required(
        "data.target_url", kind=text, reason="where the learner goes; no more than `page_address` leaves is published",
        example=("https://learn.harbour-college.net/courses/course-v1:Harbour+SAIL+2026/wiki", "../about"),
    )  # fmt: skip
    current_url = optional(
        "data.current_url", "context.page", kind=text,
        reason="a relative link starts at it; no more than `page_address` leaves is published",
        example=("https://learn.harbour-college.net/courses/course-v1:Harbour+SAIL+2026/home", "https://[harbour"),
    )  # fmt: skip


class OutlineFields(LinkFields):
    """Declares an entry of the course outline."""

    target_name = optional("data.target_name", kind=text)


def title_of(entry: OutlineFields, address: str, platform: Platform) -> str | None:
    """Returns the title of an entry, if what was published of its address is still the entry's."""
    return entry.target_name if is_known_page(platform, address) else None


class SequenceFields(Fields):
    """Declares a subsection with its units: the position that was left, from 1, and how many there are."""

    id = required("data.id", kind=text)
    current_tab = optional("data.current_tab", "data.old", kind=count)
    tab_count = optional("data.tab_count", kind=count)


class TabFields(SequenceFields):
    """Declares a subsection with the position that was chosen."""

    target_tab = optional("data.target_tab", "data.new", kind=count)


def last_block(value: Any) -> str | None:
    """Reads the last key of keys that are joined by slashes, such as ``/course/KEY/SUBSECTION/UNIT``."""
    last = value.rpartition("/")[2] if type(value) is str else ""
    return last if is_block(last) else None


_SUBSECTION = re.compile(r"/course/[^/?#]+/((?:ccx-)?block-v1:[^/?#]+\+type@sequential\+block@[^/?#]+)(?:[/?#]|\Z)")
_UNIT = re.compile(r"(?:ccx-)?block-v1:.+\+type@vertical\+block@|i4x://[^/]+/[^/]+/vertical/")


def page_subsection(value: Any) -> str | None:
    """Reads the key of the subsection that a page of the learning front end shows: a kind for fields.

    >>> page_subsection("https://apps.example.org/learning/course/course-v1:H+S+1/block-v1:H+S+1+type@sequential+block@s/")
    'block-v1:H+S+1+type@sequential+block@s'
    """
    match = _SUBSECTION.search(decoded(value)) if type(value) is str and len(value) <= LONGEST_NAMED else None
    return match[1] if match else None


class PlacedFields(SequenceFields):
    """Declares the subsection of the page: the learning front end names the unit that was left in its place."""

    id = required("data.id", kind=text, example=(_A_SUBSECTION, _A_UNIT))
    subsection = optional(
        "context.page", kind=page_subsection, reason="the key of the subsection alone",
        example=(f"https://apps.example.org/learning/course/course-v1:Harbour+SAIL+2026/{_A_SUBSECTION}/{_A_UNIT}",),
    )  # fmt: skip


class PlacedTabFields(TabFields, PlacedFields):
    """Declares the unit that was chosen, where it is in another subsection; its position is one there."""

    target_id = optional("data.target_id", kind=text)


def subsection_of(sequence: PlacedFields) -> str | None:
    """Returns the key of the subsection; None where the event names a unit, and the page nothing more."""
    return sequence.subsection if _UNIT.match(sequence.id) else sequence.id


class JumpFields(Fields):
    """Declares an entry of the menus above a unit."""

    block_id = required("data.id", kind=last_block, example=(f"/course/course-v1:Harbour+SAIL+2026/{_A_UNIT}", _A_UNIT))


NO_TOOL = Skip("no tool of the platform is named")
"""Skips tools of others, which have no word, or any."""


class ToolFields(Fields):
    """Declares a tool of a course, such as ``edx.updates``."""

    course_id = required(*COURSE, "data.courserun_key", *COURSE_OF_PAGE, kind=course_key, reason=WHERE)
    tool = optional("data.tool_name", kind=platform_word, example=("edx.updates", "edx.bookmarks"))
