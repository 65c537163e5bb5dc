"""Videos: which one, how long, where the learner is in it. All times are seconds."""

from __future__ import annotations

from learnrelay import Fields, InvalidFieldError, optional, required
from learnrelay.kinds import number, scalar, text
from learnrelay.times import LONGEST

from ..courses import COURSE_FOUND, WHERE, course_key
from ..keys import block_key


class VideoFields(Fields):
    """Declares what is read of every video event; ``duration`` is absent until the player knows it."""

    id = required("data.id", kind=text)
    course_id = required(*COURSE_FOUND, kind=course_key, reason=WHERE)
    duration = optional("data.duration", kind=number)


class PlayFields(VideoFields):
    """Declares events at a position; 0 is a position."""

    position = optional("data.current_time", "data.currentTime", kind=number)


class SeekFields(VideoFields):
    """Declares a jump from one position to another."""

    old_time = optional("data.old_time", kind=number)
    new_time = optional("data.new_time", kind=number)


class SpeedFields(VideoFields):
    """Declares a change of the playback speed, as factors: ``1.50``."""

    old_speed = optional("data.old_speed", kind=scalar)
    new_speed = optional("data.new_speed", kind=scalar)


class SpeedAtFields(SpeedFields, PlayFields):
    """Declares a change of the playback speed, and where in the video."""


def video_key(video: VideoFields) -> str:
    """Returns the usage key of the video. Raises InvalidFieldError for a block of another course."""
    key = block_key(video.course_id, "video", video.id)
    if key is None:
        raise InvalidFieldError("names a block of another course", path="data.id")
    return key


def seconds(value: float | None) -> float | None:
    """Rounds a position or length to three decimals; None without a value or outside the possible range.

    >>> seconds(195), seconds(0.03278), seconds(None)
    (195.0, 0.033, None)
    """
    if value is None or not 0 <= value < LONGEST:
        return None
    cut = int(value * 1000) / 1000  # a fifth of the cost of rounding, and most have three decimals or less
    return cut if cut == value else round(float(value), 3)


def speed(value: object) -> str | None:
    """Writes a playback speed as text with its sign: ``1.50`` → ``1.50x``."""
    if value is None or isinstance(value, bool):
        return None
    try:
        float(str(value))
    except ValueError:
        return None
    return f"{value}x"
