"""Meetings (BigBlueButton), and recordings of them."""

from __future__ import annotations

from learnrelay import Fields, Platform, optional, required

from ..addresses import activity_address
from ..column_kinds import row_id


class MeetingFields(Fields):
    """Declares a meeting."""

    cmid = required("context.contextinstanceid", kind=row_id)


class RecordingFields(MeetingFields):
    """Declares a recording: the whole payload is its id."""

    recording_id = optional("data", kind=row_id, reason="a number that names the recording", example=(41, "42"))


def recording_address(recording: RecordingFields, platform: Platform) -> str:
    """Returns the address of a recording: its place on the page of the meeting."""
    address = activity_address(platform, "bigbluebuttonbn", recording.cmid)
    return f"{address}#recording" if recording.recording_id is None else f"{address}#recording-{recording.recording_id}"
