"""Meetings: a learner joins and leaves them, and watches recordings."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Entity
from learnrelay_caliper.parts import EventParts

from ..addresses import activity_address
from ..caliper_entities import GENERAL, activity
from .fields import MeetingFields, RecordingFields, recording_address

family = Family("caliper.moodle_meeting")


def room(meeting: MeetingFields, platform: Platform) -> Entity:
    """Makes the tool in which the meeting takes place."""
    address = activity_address(platform, "bigbluebuttonbn", meeting.cmid)
    return {"id": f"{address}#room", "type": "SoftwareApplication"}


@family.maps(
    r"\mod_bigbluebuttonbn\event\meeting_joined",
    reads=MeetingFields, type="ToolUseEvent", action="Used", profile="ToolUseProfile",
)  # fmt: skip
def meeting_joined(meeting: MeetingFields, platform: Platform) -> EventParts:
    """The learner joins a meeting: uses its room. A launch would need a session of LTI."""
    return {"object": room(meeting, platform)}


@family.maps(r"\mod_bigbluebuttonbn\event\meeting_left", reads=MeetingFields, action="Ended", **GENERAL)
def meeting_left(meeting: MeetingFields, platform: Platform) -> EventParts:
    """The learner leaves a meeting by its button; who closes the window leaves no row."""
    return {"object": room(meeting, platform)}


@family.maps(
    r"\mod_bigbluebuttonbn\event\recording_viewed",
    reads=RecordingFields, type="MediaEvent", action="Started", profile="MediaProfile",
)  # fmt: skip
def recording_watched(recording: RecordingFields, platform: Platform) -> EventParts:
    """The learner opens a recording."""
    meeting = activity(platform, "bigbluebuttonbn", recording.cmid)
    return {"object": {"id": recording_address(recording, platform), "type": "VideoObject", "isPartOf": meeting}}
