"""Pre-roll videos: short films before the first video of a course. All times are seconds."""

from __future__ import annotations

from learnrelay import Fields, InvalidFieldError, Platform, optional, required
from learnrelay.kinds import number, text

from ..addresses import block_iri, page_address
from ..keys import block_key, parse_course


class PreRollFields(Fields):
    """Declares a pre-roll video by the address of its file, which may be empty, and the video that it precedes."""

    file = optional(
        "data.bumper_id", kind=text, reason="which film it is; no more than `page_address` leaves is published"
    )
    host_id = required("data.host_component_id", kind=text)
    course_id = required("context.course_id", kind=text)
    duration = optional("data.duration", kind=number)


class PreRollPositionFields(PreRollFields):
    """Declares events at a position; 0 is a position."""

    position = optional("data.currentTime", "data.current_time", kind=number)


def host_address(film: PreRollFields, platform: Platform) -> str:
    """Returns the address of the video that follows. Raises InvalidFieldError for a key of another course, or none."""
    key = block_key(film.course_id, "video", film.host_id)
    if key is not None:
        return block_iri(platform, key)
    if parse_course(film.course_id) is None:
        raise InvalidFieldError("not a course key", path="context.course_id")
    raise InvalidFieldError("names a block of another course", path="data.host_component_id")


def film_address(film: PreRollFields, platform: Platform) -> str:
    """Returns the address of the film, or where the event has none, one below that of the video that follows."""
    address = None if film.file is None else page_address(platform, film.file, declared="data.bumper_id")
    return f"{host_address(film, platform)}/pre-roll" if address is None else address
