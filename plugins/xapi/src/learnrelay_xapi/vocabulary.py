"""The IRIs of the statements, once, under their published names.

Publishers: ADL, TinCan registry, acrossx, DoD ISD, video profile, cmi5, Open edX.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_ADL = "http://adlnet.gov/expapi/"
_TINCAN = "http://id.tincanapi.com/"
_ACROSSX = "https://w3id.org/xapi/acrossx/"
_VIDEO = "https://w3id.org/xapi/video/"
_DOD_ISD = "https://w3id.org/xapi/dod-isd/"
_OPENEDX = "https://w3id.org/xapi/openedx/"


class Verb(NamedTuple):
    """A verb: its IRI and its English display."""

    id: str
    word: str

    @property
    def said(self) -> dict[str, Any]:
        """As it stands in a statement."""
        return {"id": self.id, "display": {"en": self.word}}


# verbs
ASKED = Verb(_ADL + "verbs/asked", "asked")
ATTEMPTED = Verb(_ADL + "verbs/attempted", "attempted")
COMPLETED = Verb(_ADL + "verbs/completed", "completed")
DELETED = Verb(_DOD_ISD + "verbs/deleted", "deleted")
EARNED = Verb(_TINCAN + "verb/earned", "earned")
EDITED = Verb(_ACROSSX + "verbs/edited", "edited")
EVALUATED = Verb(_ACROSSX + "verbs/evaluated", "evaluated")
FAILED = Verb(_ADL + "verbs/failed", "failed")
INITIALIZED = Verb(_ADL + "verbs/initialized", "initialized")
INTERACTED = Verb(_ADL + "verbs/interacted", "interacted")
NAVIGATED = Verb(_DOD_ISD + "verbs/navigated", "navigated")
PASSED = Verb(_ADL + "verbs/passed", "passed")
PAUSED = Verb(_VIDEO + "verbs/paused", "paused")
PLAYED = Verb(_VIDEO + "verbs/played", "played")
POSTED = Verb(_ACROSSX + "verbs/posted", "posted")
PROGRESSED = Verb(_ADL + "verbs/progressed", "progressed")
REGISTERED = Verb(_ADL + "verbs/registered", "registered")
REPORTED = Verb(_ACROSSX + "verbs/reported", "reported")
SEEKED = Verb(_VIDEO + "verbs/seeked", "seeked")
TERMINATED = Verb(_ADL + "verbs/terminated", "terminated")
UNREGISTERED = Verb(_TINCAN + "verb/unregistered", "unregistered")
UNREPORTED = Verb(_OPENEDX + "verb/unreported", "unreported")
VIEWED = Verb(_TINCAN + "verb/viewed", "viewed")
VOTED = Verb(_OPENEDX + "verb/voted", "voted")

# activity types
ATTEMPT = _ADL + "activities/attempt"
COURSE = _ADL + "activities/course"
DISCUSSION = _TINCAN + "activitytype/discussion"
INTERACTION = _ADL + "activities/cmi.interaction"
LINK = _ADL + "activities/link"
MODULE = _ADL + "activities/module"
PRACTICE_EXAM = _OPENEDX + "activity/practice-assessment"
PROCTORED_EXAM = _OPENEDX + "activity/proctored-assessment"
QUESTION = _ADL + "activities/question"
RESOURCE = _TINCAN + "activitytype/resource"
SOLUTION = _TINCAN + "activitytype/solution"
SUPPLEMENT = _ACROSSX + "extensions/supplemental-info"
TIMED_EXAM = _OPENEDX + "activity/timed-assessment"
VIDEO = _VIDEO + "activity-type/video"

# extensions of activities
ATTEMPT_COMPLETED = _OPENEDX + "extension/attempt-completed"
ATTEMPT_ID = _TINCAN + "extension/attempt-id"
ATTEMPT_STARTED = _OPENEDX + "extension/attempt-started"
DURATION = _TINCAN + "extension/duration"
TIME_LIMIT = _ACROSSX + "extensions/time-limit"
TOTAL_ITEMS = _ACROSSX + "extensions/total-items"
TYPE = _ACROSSX + "extensions/type"

# extensions of results
CC_ENABLED = _VIDEO + "extensions/cc-enabled"
GRADE_CLASSIFICATION = "http://www.tincanapi.co.uk/activitytypes/grade_classification"
PROGRESS = "https://w3id.org/xapi/cmi5/result/extensions/progress"
SPEED_FROM = _OPENEDX + "extension/speed-from"
SPEED_TO = _OPENEDX + "extension/speed-to"
TIME = _VIDEO + "extensions/time"
TIME_FROM = _VIDEO + "extensions/time-from"
TIME_TO = _VIDEO + "extensions/time-to"

# extensions of contexts
ENDING_POINT = _TINCAN + "extension/ending-point"
LENGTH = _VIDEO + "extensions/length"
SESSION_ID = _OPENEDX + "extensions/session-id"
STARTING_POSITION = _TINCAN + "extension/starting-position"
TRANSFORMER_VERSION = _OPENEDX + "extension/transformer-version"
VOTE_TAKEN_BACK = _OPENEDX + "extension/vote-taken-back"
