"""The IRIs of the statements, once, under their published names (ADL, TinCan registry, acrossx, DoD ISD, video profile)."""

from __future__ import annotations

from typing import Any, NamedTuple

_ADL = "http://adlnet.gov/expapi/"
_TINCAN = "http://id.tincanapi.com/"
_ACROSSX = "https://w3id.org/xapi/acrossx/"
_VIDEO = "https://w3id.org/xapi/video/"
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
EVALUATED = Verb(_ACROSSX + "verbs/evaluated", "evaluated")
FAILED = Verb(_ADL + "verbs/failed", "failed")
INITIALIZED = Verb(_ADL + "verbs/initialized", "initialized")
INTERACTED = Verb(_ADL + "verbs/interacted", "interacted")
PASSED = Verb(_ADL + "verbs/passed", "passed")
PAUSED = Verb(_VIDEO + "verbs/paused", "paused")
PLAYED = Verb(_VIDEO + "verbs/played", "played")
REGISTERED = Verb(_ADL + "verbs/registered", "registered")
SEEKED = Verb(_VIDEO + "verbs/seeked", "seeked")
TERMINATED = Verb(_ADL + "verbs/terminated", "terminated")
UNREGISTERED = Verb(_TINCAN + "verb/unregistered", "unregistered")

# activity types
COURSE = _ADL + "activities/course"
INTERACTION = _ADL + "activities/cmi.interaction"
QUESTION = _ADL + "activities/question"
SOLUTION = _TINCAN + "activitytype/solution"
SUPPLEMENT = _ACROSSX + "extensions/supplemental-info"
VIDEO = _VIDEO + "activity-type/video"

# extensions of activities
ATTEMPT_ID = _TINCAN + "extension/attempt-id"
TYPE = _ACROSSX + "extensions/type"

# extensions of results
CC_ENABLED = _VIDEO + "extensions/cc-enabled"
SPEED_FROM = _OPENEDX + "extension/speed-from"
SPEED_TO = _OPENEDX + "extension/speed-to"
TIME = _VIDEO + "extensions/time"
TIME_FROM = _VIDEO + "extensions/time-from"
TIME_TO = _VIDEO + "extensions/time-to"

# extensions of contexts
LENGTH = _VIDEO + "extensions/length"
SESSION_ID = _OPENEDX + "extensions/session-id"
TRANSFORMER_VERSION = _OPENEDX + "extension/transformer-version"
