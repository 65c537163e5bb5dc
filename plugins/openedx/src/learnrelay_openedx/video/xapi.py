"""Videos: loaded, played, paused, searched, captioned, finished. Web and mobile names are one mapping."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay.times import iso_duration
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ContextParts, ObjectParts, StatementParts

from .. import xapi_vocabulary as openedx
from ..addresses import block_iri
from .fields import (
    PlayFields,
    SeekFields,
    SpeedFields,
    VideoFields,
    seconds,
    speed,
    video_key,
)

family = Family("xapi.video")


def video_object(video: VideoFields, platform: Platform) -> ObjectParts:
    """Makes the object: the video."""
    return {"id": block_iri(platform, video_key(video))}


def length(video: VideoFields) -> ContextParts:
    """Makes the context: the length of the video."""
    return {"extensions": {v.LENGTH: seconds(video.duration)}}


def at_position(video: PlayFields, platform: Platform) -> StatementParts:
    """Makes the parts about a position in the video."""
    return {
        "object": video_object(video, platform),
        "result": {"extensions": {v.TIME: seconds(video.position)}},
        "context": length(video),
    }


@family.maps("load_video", "edx.video.loaded", reads=VideoFields, verb=v.INITIALIZED, activity=v.VIDEO)
def loaded(video: VideoFields, platform: Platform) -> StatementParts:
    """The player is ready."""
    return {"object": video_object(video, platform), "context": length(video)}


@family.maps("play_video", "edx.video.played", reads=PlayFields, verb=v.PLAYED, activity=v.VIDEO)
def played(video: PlayFields, platform: Platform) -> StatementParts:
    """The learner starts or resumes the video."""
    return at_position(video, platform)


@family.maps("pause_video", "edx.video.paused", reads=PlayFields, verb=v.PAUSED, activity=v.VIDEO)
def paused(video: PlayFields, platform: Platform) -> StatementParts:
    """The learner pauses the video."""
    return at_position(video, platform)


@family.maps("stop_video", "edx.video.stopped", reads=PlayFields, verb=v.TERMINATED, activity=v.VIDEO)
def stopped(video: PlayFields, platform: Platform) -> StatementParts:
    """The video stops, at its end or because the learner leaves it."""
    return at_position(video, platform)


@family.maps("complete_video", "edx.video.completed", reads=VideoFields, verb=v.COMPLETED, activity=v.VIDEO)
def completed(video: VideoFields, platform: Platform) -> StatementParts:
    """The learner has watched the video to its end."""
    return {
        "object": video_object(video, platform),
        "result": {
            "completion": True,
            "duration": iso_duration(video.duration),
            "extensions": {v.TIME: seconds(video.duration)},
        },
        "context": length(video),
    }


@family.maps(
    "seek_video", "edx.video.position.changed", "edx.video.seeked",
    reads=SeekFields, verb=v.SEEKED, activity=v.VIDEO,
)  # fmt: skip
def seeked(video: SeekFields, platform: Platform) -> StatementParts:
    """The learner jumps from one position to another."""
    return {
        "object": video_object(video, platform),
        "result": {"extensions": {v.TIME_FROM: seconds(video.old_time), v.TIME_TO: seconds(video.new_time)}},
        "context": length(video),
    }


def captions(video: PlayFields, platform: Platform, shown: bool) -> StatementParts:
    """Makes the parts about captions or transcript, on or off."""
    return {
        "object": video_object(video, platform),
        "result": {"extensions": {v.TIME: seconds(video.position), v.CC_ENABLED: shown}},
        "context": length(video),
    }


@family.maps(
    "show_transcript", "edx.video.transcript.shown", "edx.video.closed_captions.shown",
    reads=PlayFields, verb=v.INTERACTED, activity=v.VIDEO,
)  # fmt: skip
def captions_shown(video: PlayFields, platform: Platform) -> StatementParts:
    """The learner turns captions or the transcript on."""
    return captions(video, platform, shown=True)


@family.maps(
    "hide_transcript", "edx.video.transcript.hidden", "edx.video.closed_captions.hidden",
    reads=PlayFields, verb=v.INTERACTED, activity=v.VIDEO,
)  # fmt: skip
def captions_hidden(video: PlayFields, platform: Platform) -> StatementParts:
    """The learner turns captions or the transcript off."""
    return captions(video, platform, shown=False)


@family.maps(
    "video_show_cc_menu", "edx.video.language_menu.shown", "video_hide_cc_menu", "edx.video.language_menu.hidden",
    reads=PlayFields, verb=v.INTERACTED, activity=v.VIDEO,
)  # fmt: skip
def language_menu_used(video: PlayFields, platform: Platform) -> StatementParts:
    """The learner opens or closes the menu of languages: whether captions are on is not known."""
    return at_position(video, platform)


@family.maps("speed_change_video", reads=SpeedFields, verb=v.INTERACTED, activity=v.VIDEO)
def speed_changed(video: SpeedFields, platform: Platform) -> StatementParts:
    """The learner changes the playback speed."""
    return {
        "object": video_object(video, platform),
        "result": {
            "extensions": {openedx.SPEED_FROM: speed(video.old_speed), openedx.SPEED_TO: speed(video.new_speed)},
        },
        "context": length(video),
    }
