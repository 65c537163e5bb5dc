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
)  # fmt: skip

from .. import activities
from .. import vocabulary as v

family = Family("xapi.video")


def video_object(video: VideoFields, site: Site) -> Said:
    """The video."""
    return {"id": activities.block(site, video_key(video))}


def length(video: VideoFields) -> Said:
    """The length of the video, as context."""
    return {"extensions": {v.LENGTH: seconds(video.duration)}}


def at_position(video: PlayFields, site: Site) -> Said:
    """The video, and where the learner is in it."""
    return {
        "object": video_object(video, site),
        "result": {"extensions": {v.TIME: seconds(video.position)}},
        "context": length(video),
    }


@family.maps("load_video", "edx.video.loaded", reads=VideoFields, verb=v.INITIALIZED, activity=v.VIDEO)
def loaded(video: VideoFields, site: Site) -> Said:
    """The player is ready."""
    return {"object": video_object(video, site), "context": length(video)}


@family.maps("play_video", "edx.video.played", reads=PlayFields, verb=v.PLAYED, activity=v.VIDEO)
def played(video: PlayFields, site: Site) -> Said:
    """The learner starts or resumes the video."""
    return at_position(video, site)


@family.maps("pause_video", "edx.video.paused", reads=PlayFields, verb=v.PAUSED, activity=v.VIDEO)
def paused(video: PlayFields, site: Site) -> Said:
    """The learner pauses the video."""
    return at_position(video, site)


@family.maps("stop_video", "edx.video.stopped", reads=PlayFields, verb=v.TERMINATED, activity=v.VIDEO)
def stopped(video: PlayFields, site: Site) -> Said:
    """The video stops, at its end or because the learner leaves it."""
    return at_position(video, site)


@family.maps("complete_video", "edx.video.completed", reads=VideoFields, verb=v.COMPLETED, activity=v.VIDEO)
def completed(video: VideoFields, site: Site) -> Said:
    """The learner has watched the video to its end."""
    return {
        "object": video_object(video, site),
        "result": {
            "completion": True,
            "duration": iso_duration(video.duration),
            "extensions": {v.TIME: seconds(video.duration)},
        },
        "context": length(video),
    }


@family.maps("seek_video", "edx.video.position.changed", reads=SeekFields, verb=v.SEEKED, activity=v.VIDEO)
def seeked(video: SeekFields, site: Site) -> Said:
    """The learner jumps from one position to another."""
    return {
        "object": video_object(video, site),
        "result": {"extensions": {v.TIME_FROM: seconds(video.old_time), v.TIME_TO: seconds(video.new_time)}},
        "context": length(video),
    }


def captions(video: PlayFields, site: Site, shown: bool) -> Said:
    """Captions or transcript, on or off."""
    return {
        "object": video_object(video, site),
        "result": {"extensions": {v.TIME: seconds(video.position), v.CC_ENABLED: shown}},
        "context": length(video),
    }


@family.maps(
    "show_transcript", "edx.video.transcript.shown", "edx.video.closed_captions.shown", "video_show_cc_menu",
    reads=PlayFields, verb=v.INTERACTED, activity=v.VIDEO,
)  # fmt: skip
def captions_shown(video: PlayFields, site: Site) -> Said:
    """The learner turns captions or the transcript on."""
    return captions(video, site, shown=True)


@family.maps(
    "hide_transcript", "edx.video.transcript.hidden", "edx.video.closed_captions.hidden", "video_hide_cc_menu",
    reads=PlayFields, verb=v.INTERACTED, activity=v.VIDEO,
)  # fmt: skip
def captions_hidden(video: PlayFields, site: Site) -> Said:
    """The learner turns captions or the transcript off."""
    return captions(video, site, shown=False)


@family.maps("speed_change_video", reads=SpeedFields, verb=v.INTERACTED, activity=v.VIDEO)
def speed_changed(video: SpeedFields, site: Site) -> Said:
    """The learner changes the playback speed."""
    return {
        "object": video_object(video, site),
        "result": {
            "extensions": {v.SPEED_FROM: speed(video.old_speed), v.SPEED_TO: speed(video.new_speed)},
        },
        "context": length(video),
    }
