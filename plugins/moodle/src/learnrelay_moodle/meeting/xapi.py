"""Meetings: a learner joins and leaves them, and watches recordings."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as moodle
from ..addresses import activity_address
from ..xapi_activities import inside_activity
from .fields import MeetingFields, RecordingFields, recording_address

family = Family("xapi.moodle_meeting")


@family.maps(
    r"\mod_bigbluebuttonbn\event\meeting_joined", reads=MeetingFields, verb=moodle.JOINED, activity=moodle.MEETING
)
def meeting_joined(meeting: MeetingFields, platform: Platform) -> StatementParts:
    """The learner joins a meeting."""
    return {"object": {"id": activity_address(platform, "bigbluebuttonbn", meeting.cmid)}}


@family.maps(r"\mod_bigbluebuttonbn\event\meeting_left", reads=MeetingFields, verb=moodle.LEFT, activity=moodle.MEETING)
def meeting_left(meeting: MeetingFields, platform: Platform) -> StatementParts:
    """The learner leaves a meeting by its button; who closes the window leaves no row."""
    return {"object": {"id": activity_address(platform, "bigbluebuttonbn", meeting.cmid)}}


@family.maps(
    r"\mod_bigbluebuttonbn\event\recording_viewed",
    reads=RecordingFields, verb=moodle.WATCHED, activity=moodle.MEDIA,
)  # fmt: skip
def recording_watched(recording: RecordingFields, platform: Platform) -> StatementParts:
    """The learner opens a recording."""
    return {
        "object": {"id": recording_address(recording, platform)},
        "context": inside_activity(platform, "bigbluebuttonbn", recording.cmid),
    }
