"""Videos: which one, how long, where the learner is in it. All times are seconds."""

from __future__ import annotations

from ..errors import InvalidFieldError
from ..fields import Fields, optional, required
from ..kinds import number, scalar, text
from .keys import block_key


class VideoFields(Fields):
    """What every video event tells; ``duration`` is absent until the player knows it."""

    id = required("data.id", kind=text)
    course_id = required("context.course_id", kind=text)
    duration = optional("data.duration", kind=number)


class PlayFields(VideoFields):
    """Video events at a position (0 is one)."""

    position = optional("data.current_time", "data.currentTime", kind=number)


class SeekFields(VideoFields):
    """A jump from one position to another."""

    old_time = optional("data.old_time", kind=number)
    new_time = optional("data.new_time", kind=number)


class SpeedFields(PlayFields):
    """A change of the playback speed, as factors: ``1.50``."""

    old_speed = optional("data.old_speed", kind=scalar)
    new_speed = optional("data.new_speed", kind=scalar)


def video_key(video: VideoFields) -> str:
    """The usage key of the video. Raises InvalidFieldError where the course key is none."""
    key = block_key(video.course_id, "video", video.id)
    if key is None:
        raise InvalidFieldError("not a course key", path="context.course_id")
    return key


LONGEST = 10**9
"""Seconds; what is longer (30 years) is no position or length."""


def seconds(value: float | None) -> float | None:
    """A position or length with three decimals; None for none and for what cannot be one.

    >>> seconds(195), seconds(0.03278), seconds(None)
    (195.0, 0.033, None)
    """
    if value is None or not 0 <= value < LONGEST:
        return None
    cut = int(value * 1000) / 1000  # a fifth of the cost of rounding, and most have three decimals or less
    return cut if cut == value else round(float(value), 3)


def speed(value: object) -> str | None:
    """A playback speed as text with its sign: ``1.50`` → ``1.50x``."""
    if value is None or isinstance(value, bool):
        return None
    try:
        float(str(value))
    except ValueError:
        return None
    return f"{value}x"


def iso_duration(value: float | None) -> str | None:
    """A length as ISO 8601 duration with at most three decimals; None for none.

    >>> iso_duration(195), iso_duration(1368.7657), iso_duration(3661.5), iso_duration(0)
    ('PT3M15S', 'PT22M48.766S', 'PT1H1M1.5S', 'PT0S')
    """
    if value is None or not 0 <= value < LONGEST:
        return None
    minutes, rest = divmod(round(value * 1000), 60_000)
    told = "PT"
    if minutes >= 60:
        hours, minutes = divmod(minutes, 60)
        told = f"PT{hours}H"
    if minutes:
        told = f"{told}{minutes}M"
    if not rest:
        return told if value >= 1 else "PT0S"
    whole, fraction = divmod(rest, 1000)
    return f"{told}{whole}.{fraction:03d}".rstrip("0") + "S" if fraction else f"{told}{whole}S"
