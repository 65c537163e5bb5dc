"""Makes Caliper entities that only Open edX has."""

from __future__ import annotations

from learnrelay import Platform
from learnrelay.caching import cached
from learnrelay_caliper.entities import Entity, Known

from .addresses import block_iri
from .keys import block_key, parse_course


def course_content(platform: Platform, course_id: str) -> Known:
    """Describes a course run as a resource to be worked through: the block at its root."""
    return _course_content((platform, course_id))


@cached
def _course_content(key: tuple[Platform, str]) -> Known:
    platform, course_id = key
    course = parse_course(course_id)
    root = block_key(course_id, "course", course.run if course and course.kind == "old" else "course")
    assert root is not None  # of a course key
    return Known({"id": block_iri(platform, root), "type": "AssignableDigitalResource"})


def unit_at(subsection: str, position: int | None, count: int | None = None) -> Entity | None:
    """Makes a unit by its position in a subsection, from 1; None for a position outside it."""
    if position is None or not 1 <= position <= (position if count is None else count):
        return None
    return {"id": f"{subsection}#unit={position}", "type": "Frame", "index": position, "isPartOf": subsection}
