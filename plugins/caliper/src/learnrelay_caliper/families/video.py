"""Videos: loaded, played, paused, searched, captioned, finished. Web and mobile names are one mapping."""

from __future__ import annotations

from learnrelay import Family, Said, Site
from learnrelay.openedx.video import (
    PlayFields, SeekFields, SpeedFields, VideoFields, iso_duration, seconds, speed, video_key,
)  # fmt: skip

from .. import entities

family = Family("caliper.video")

MEDIA = {"type": "MediaEvent", "profile": "MediaProfile"}


def video_object(video: VideoFields, site: Site) -> entities.Entity:
    """The video, with its length where the player knows it."""
    return {
        "id": entities.block_id(site, video_key(video)),
        "type": "VideoObject",
        "duration": iso_duration(video.duration) if video.duration else None,
    }


def location(video: entities.Entity, position: float | None) -> entities.Entity | None:
    """A place in the video; 0 is one."""
    at = seconds(position)
    if at is None:
        return None
    return {"id": f"{video['id']}#t={at:g}", "type": "MediaLocation", "currentTime": iso_duration(at)}


def at_position(video: PlayFields, site: Site) -> Said:
    """The video, and where the learner is in it."""
    media = video_object(video, site)
    return {"object": media, "target": location(media, video.position)}


@family.maps(
    "load_video",
    "edx.video.loaded",
    reads=VideoFields,
    type="ViewEvent",
    action="Viewed",
    profile="MediaProfile",
)
def loaded(video: VideoFields, site: Site) -> Said:
    """The player is ready: the learner sees the video, it does not play yet."""
    return {"object": video_object(video, site)}


@family.maps("play_video", "edx.video.played", reads=PlayFields, action=("Resumed", "Started"), **MEDIA)
def played(video: PlayFields, site: Site) -> Said:
    """The learner starts the video at its beginning, or resumes it further on."""
    return {"action": "Resumed" if seconds(video.position) else "Started", **at_position(video, site)}


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
    """The learner jumps from one position (where the action occurs) to another (an extension)."""
    media = video_object(video, site)
    return {
        "object": media,
        "target": location(media, video.old_time),
        "extensions": {"newTime": seconds(video.new_time)},
    }


@family.maps(
    "show_transcript", "edx.video.transcript.shown", "edx.video.closed_captions.shown", "video_show_cc_menu",
    reads=PlayFields, action="EnabledClosedCaptioning", **MEDIA,
)  # fmt: skip
def captions_shown(video: PlayFields, site: Site) -> Said:
    """The learner turns captions or the transcript on."""
    return at_position(video, site)


@family.maps(
    "hide_transcript", "edx.video.transcript.hidden", "edx.video.closed_captions.hidden", "video_hide_cc_menu",
    reads=PlayFields, action="DisabledClosedCaptioning", **MEDIA,
)  # fmt: skip
def captions_hidden(video: PlayFields, site: Site) -> Said:
    """The learner turns captions or the transcript off."""
    return at_position(video, site)


@family.maps("speed_change_video", reads=SpeedFields, action="ChangedSpeed", **MEDIA)
def speed_changed(video: SpeedFields, site: Site) -> Said:
    """The learner changes the playback speed."""
    return {
        **at_position(video, site),
        "extensions": {"oldSpeed": speed(video.old_speed), "newSpeed": speed(video.new_speed)},
    }
