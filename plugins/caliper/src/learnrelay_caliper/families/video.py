"""Videos: loaded, played, paused, searched, captioned, finished. Web and mobile names are one mapping."""

from __future__ import annotations

from learnrelay import Family, Said, Site
from learnrelay.openedx.video import (
    PlayFields,
    SeekFields,
    SpeedFields,
    VideoFields,
    iso_duration,
    seconds,
    speed,
    video_key,
)
from learnrelay.site import cached

from .. import entities
from ..entities import Entity, Known

family = Family("caliper.video")

MEDIA = {"type": "MediaEvent", "profile": "MediaProfile"}
GENERAL = {"type": "Event", "profile": "GeneralProfile"}


@cached
def _known(video: tuple[Site, str, str, float | None]) -> Known:
    site, course_id, block_id, duration = video
    key = video_key(VideoFields(id=block_id, course_id=course_id))
    length = iso_duration(duration or None)
    return Known(
        {
            "id": entities.block_id(site, key),
            "type": "VideoObject",
            **({"duration": length} if length else {}),
            "isPartOf": entities.course_id(site, course_id),
        }
    )


def video_object(video: VideoFields, site: Site) -> Known:
    """The video, with its length where the player knows it."""
    return _known((site, video.course_id, video.id, video.duration))


def location(video: Entity, position: float | None) -> Entity | None:
    """A place in the video; 0 is one."""
    at = seconds(position)
    if at is None:
        return None
    return {
        "id": f"{video['id']}#t={at:.3f}".rstrip("0").rstrip("."),
        "type": "MediaLocation",
        "currentTime": iso_duration(at),
    }


def at_position(video: PlayFields, site: Site) -> Said:
    """The video, and where the learner is in it."""
    media = video_object(video, site)
    return {"object": media, "target": location(media, video.position)}


@family.maps(
    "load_video", "edx.video.loaded",
    reads=VideoFields, type="ViewEvent", action="Viewed", profile="MediaProfile",
)  # fmt: skip
def loaded(video: VideoFields, site: Site) -> Said:
    """The player is ready: the learner sees the video, it does not play yet."""
    return {"object": video_object(video, site)}


@family.maps("play_video", "edx.video.played", reads=PlayFields, action=("Resumed", "Started"), **MEDIA)
def played(video: PlayFields, site: Site) -> Said:
    """The learner starts the video at its beginning, or resumes it further on."""
    return {"action": "Started" if video.position == 0 else "Resumed", **at_position(video, site)}


@family.maps("pause_video", "edx.video.paused", reads=PlayFields, action="Paused", **MEDIA)
def paused(video: PlayFields, site: Site) -> Said:
    """The learner pauses the video."""
    return at_position(video, site)


@family.maps("stop_video", "edx.video.stopped", reads=PlayFields, action="Ended", **MEDIA)
def stopped(video: PlayFields, site: Site) -> Said:
    """The video stops, at its end or because the learner leaves it."""
    return at_position(video, site)


@family.maps("complete_video", "edx.video.completed", reads=VideoFields, action="Ended", **MEDIA)
def completed(video: VideoFields, site: Site) -> Said:
    """The learner has watched the video to its end."""
    media = video_object(video, site)
    return {"object": media, "target": location(media, video.duration or None)}


@family.maps("seek_video", "edx.video.position.changed", reads=SeekFields, action="JumpedTo", **MEDIA)
def seeked(video: SeekFields, site: Site) -> Said:
    """The learner jumps from one position (where the action occurs) to another (an extension, seconds)."""
    media = video_object(video, site)
    return {
        "object": media,
        "target": location(media, video.old_time),
        "extensions": {"newTime": seconds(video.new_time)},
    }


@family.maps("edx.video.closed_captions.shown", reads=PlayFields, action="EnabledClosedCaptioning", **MEDIA)
def captions_shown(video: PlayFields, site: Site) -> Said:
    """The learner turns captions on."""
    return at_position(video, site)


@family.maps("edx.video.closed_captions.hidden", reads=PlayFields, action="DisabledClosedCaptioning", **MEDIA)
def captions_hidden(video: PlayFields, site: Site) -> Said:
    """The learner turns captions off."""
    return at_position(video, site)


def panel(video: PlayFields, site: Site, name: str) -> Said:
    """A part of the player that is not the video itself; which one is an extension."""
    return {**at_position(video, site), "extensions": {"panel": name}}


@family.maps("show_transcript", "edx.video.transcript.shown", reads=PlayFields, action="Showed", **GENERAL)
def transcript_shown(video: PlayFields, site: Site) -> Said:
    """The learner opens the transcript beside the video: these are not captions."""
    return panel(video, site, "transcript")


@family.maps("hide_transcript", "edx.video.transcript.hidden", reads=PlayFields, action="Hid", **GENERAL)
def transcript_hidden(video: PlayFields, site: Site) -> Said:
    """The learner closes the transcript beside the video."""
    return panel(video, site, "transcript")


@family.maps("video_show_cc_menu", reads=PlayFields, action="Showed", **GENERAL)
def language_menu_shown(video: PlayFields, site: Site) -> Said:
    """The learner opens the menu of languages: that turns no captions on."""
    return panel(video, site, "language menu")


@family.maps("video_hide_cc_menu", reads=PlayFields, action="Hid", **GENERAL)
def language_menu_hidden(video: PlayFields, site: Site) -> Said:
    """The learner closes the menu of languages."""
    return panel(video, site, "language menu")


@family.maps("speed_change_video", reads=SpeedFields, action="ChangedSpeed", **MEDIA)
def speed_changed(video: SpeedFields, site: Site) -> Said:
    """The learner changes the playback speed."""
    return {
        **at_position(video, site),
        "extensions": {"oldSpeed": speed(video.old_speed), "newSpeed": speed(video.new_speed)},
    }
