"""Videos: loaded, played, paused, searched, captioned, finished. Web and mobile names are one mapping."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay.caching import cached
from learnrelay.times import iso_duration
from learnrelay_caliper.entities import Entity, Known
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import block_iri
from .fields import (
    PlayFields,
    SeekFields,
    SpeedAtFields,
    VideoFields,
    seconds,
    speed,
    video_key,
)

family = Family("caliper.video")

MEDIA: EventKind = {"type": "MediaEvent", "profile": "MediaProfile"}
GENERAL: EventKind = {"type": "Event", "profile": "GeneralProfile"}


@cached
def _known(video: tuple[Platform, str, str, float | None]) -> Known:
    platform, course_id, block_id, duration = video
    key = video_key(VideoFields(id=block_id, course_id=course_id))
    length = iso_duration(duration or None)
    return Known(
        {
            "id": block_iri(platform, key),
            "type": "VideoObject",
            **({"duration": length} if length else {}),
            "isPartOf": platform.course_iri(course_id),
        }
    )


def video_object(video: VideoFields, platform: Platform) -> Known:
    """Makes the video, with its length where the player knows it."""
    return _known((platform, video.course_id, video.id, video.duration))


def location(video: Entity, position: float | None) -> Entity | None:
    """Makes a position in the video; 0 is a position."""
    at = seconds(position)
    if at is None:
        return None
    return {
        "id": f"{video['id']}#t={at:.3f}".rstrip("0").rstrip("."),
        "type": "MediaLocation",
        "currentTime": iso_duration(at),
    }


def at_position(video: PlayFields, platform: Platform) -> EventParts:
    """Makes the parts about a position in the video."""
    media = video_object(video, platform)
    return {"object": media, "target": location(media, video.position)}


@family.maps(
    "load_video", "edx.video.loaded",
    reads=VideoFields, type="ViewEvent", action="Viewed", profile="MediaProfile",
)  # fmt: skip
def loaded(video: VideoFields, platform: Platform) -> EventParts:
    """The player is ready: the learner sees the video, it does not play yet."""
    return {"object": video_object(video, platform)}


@family.maps("play_video", "edx.video.played", reads=PlayFields, action=("Resumed", "Started"), **MEDIA)
def played(video: PlayFields, platform: Platform) -> EventParts:
    """The learner starts the video at its beginning, or resumes it further on."""
    return {"action": "Started" if video.position == 0 else "Resumed", **at_position(video, platform)}


@family.maps("pause_video", "edx.video.paused", reads=PlayFields, action="Paused", **MEDIA)
def paused(video: PlayFields, platform: Platform) -> EventParts:
    """The learner pauses the video."""
    return at_position(video, platform)


@family.maps("stop_video", "edx.video.stopped", reads=PlayFields, action="Ended", **MEDIA)
def stopped(video: PlayFields, platform: Platform) -> EventParts:
    """The video stops, at its end or because the learner leaves it."""
    return at_position(video, platform)


@family.maps("complete_video", "edx.video.completed", reads=VideoFields, action="Ended", **MEDIA)
def completed(video: VideoFields, platform: Platform) -> EventParts:
    """The learner has watched the video to its end."""
    media = video_object(video, platform)
    return {"object": media, "target": location(media, video.duration or None)}


@family.maps(
    "seek_video", "edx.video.position.changed", "edx.video.seeked",
    reads=SeekFields, action="JumpedTo", **MEDIA,
)  # fmt: skip
def seeked(video: SeekFields, platform: Platform) -> EventParts:
    """The learner jumps from one position (where the action occurs) to another (an extension, seconds)."""
    media = video_object(video, platform)
    return {
        "object": media,
        "target": location(media, video.old_time),
        "extensions": {"newTime": seconds(video.new_time)},
    }


@family.maps("edx.video.closed_captions.shown", reads=PlayFields, action="EnabledClosedCaptioning", **MEDIA)
def captions_shown(video: PlayFields, platform: Platform) -> EventParts:
    """The learner turns captions on."""
    return at_position(video, platform)


@family.maps("edx.video.closed_captions.hidden", reads=PlayFields, action="DisabledClosedCaptioning", **MEDIA)
def captions_hidden(video: PlayFields, platform: Platform) -> EventParts:
    """The learner turns captions off."""
    return at_position(video, platform)


def panel(video: PlayFields, platform: Platform, name: str) -> EventParts:
    """Makes the parts about a panel of the player; an extension names it."""
    return {**at_position(video, platform), "extensions": {"panel": name}}


@family.maps("show_transcript", "edx.video.transcript.shown", reads=PlayFields, action="Showed", **GENERAL)
def transcript_shown(video: PlayFields, platform: Platform) -> EventParts:
    """The learner opens the transcript beside the video: these are not captions."""
    return panel(video, platform, "transcript")


@family.maps("hide_transcript", "edx.video.transcript.hidden", reads=PlayFields, action="Hid", **GENERAL)
def transcript_hidden(video: PlayFields, platform: Platform) -> EventParts:
    """The learner closes the transcript beside the video."""
    return panel(video, platform, "transcript")


@family.maps("video_show_cc_menu", "edx.video.language_menu.shown", reads=PlayFields, action="Showed", **GENERAL)
def language_menu_shown(video: PlayFields, platform: Platform) -> EventParts:
    """The learner opens the menu of languages: that turns no captions on."""
    return panel(video, platform, "language menu")


@family.maps("video_hide_cc_menu", "edx.video.language_menu.hidden", reads=PlayFields, action="Hid", **GENERAL)
def language_menu_hidden(video: PlayFields, platform: Platform) -> EventParts:
    """The learner closes the menu of languages."""
    return panel(video, platform, "language menu")


@family.maps("speed_change_video", reads=SpeedAtFields, action="ChangedSpeed", **MEDIA)
def speed_changed(video: SpeedAtFields, platform: Platform) -> EventParts:
    """The learner changes the playback speed."""
    return {
        **at_position(video, platform),
        "extensions": {"oldSpeed": speed(video.old_speed), "newSpeed": speed(video.new_speed)},
    }
