"""Lists the IRIs of the statements, once, under their published names.

Publishers: ADL, TinCan registry, Activity Streams, acrossx, DoD ISD, video profile, cmi5, RISC, Opigno.
"""

from __future__ import annotations

from typing import Any, NamedTuple

_ADL = "http://adlnet.gov/expapi/"
_STREAMS = "http://activitystrea.ms/"
_TINCAN = "http://id.tincanapi.com/"
_ACROSSX = "https://w3id.org/xapi/acrossx/"
_VIDEO = "https://w3id.org/xapi/video/"
_DOD_ISD = "https://w3id.org/xapi/dod-isd/"


class Verb(NamedTuple):
    """Holds a verb: its IRI and its English display."""

    id: str
    word: str

    @property
    def json(self) -> dict[str, Any]:
        """Returns it as it stands in a statement."""
        return {"id": self.id, "display": {"en": self.word}}


class Concept(NamedTuple):
    """Defines an extension that a package adds to published vocabularies: its IRI, its English name and meaning."""

    id: str
    name: str
    definition: str


# verbs
ACCESSED = Verb(_DOD_ISD + "verbs/accessed", "accessed")
ANNOTATED = Verb(_ACROSSX + "verbs/annotated", "annotated")
ANSWERED = Verb(_ADL + "verbs/answered", "answered")
APPROVED = Verb(_STREAMS + "approve", "approved")
ASKED = Verb(_ADL + "verbs/asked", "asked")
ATTACHED = Verb(_STREAMS + "attach", "attached")
ATTEMPTED = Verb(_ADL + "verbs/attempted", "attempted")
BOOKMARKED = Verb(_TINCAN + "verb/bookmarked", "bookmarked")
CLOSED = Verb(_STREAMS + "close", "closed")
COMMENTED = Verb(_ADL + "verbs/commented", "commented")
COMPLETED = Verb(_ADL + "verbs/completed", "completed")
CREATED = Verb(_STREAMS + "create", "created")
DEFINED = Verb(_TINCAN + "verb/defined", "defined")
DELETED = Verb(_DOD_ISD + "verbs/deleted", "deleted")
DESCRIBED = Verb(_DOD_ISD + "verbs/described", "described")
DISABLED = Verb(_TINCAN + "verb/disabled", "disabled")
DISBANDED = Verb(_STREAMS + "delete", "deleted")
DOWNLOADED = Verb(_TINCAN + "verb/downloaded", "downloaded")
EARNED = Verb(_TINCAN + "verb/earned", "earned")
EDITED = Verb(_ACROSSX + "verbs/edited", "edited")
ENABLED = Verb(_TINCAN + "verb/enabled", "enabled")
EVALUATED = Verb(_ACROSSX + "verbs/evaluated", "evaluated")
FAILED = Verb(_ADL + "verbs/failed", "failed")
FOLLOWED = Verb(_STREAMS + "follow", "followed")
IGNORED = Verb(_STREAMS + "ignore", "ignored")
INITIALIZED = Verb(_ADL + "verbs/initialized", "initialized")
INTERACTED = Verb(_ADL + "verbs/interacted", "interacted")
JOINED = Verb(_STREAMS + "join", "joined")
LAUNCHED = Verb(_ADL + "verbs/launched", "launched")
LEFT = Verb(_STREAMS + "leave", "left")
LOST = Verb(_STREAMS + "lose", "lost")
NAVIGATED = Verb(_DOD_ISD + "verbs/navigated", "navigated")
OPENED = Verb(_STREAMS + "open", "opened")
PASSED = Verb(_ADL + "verbs/passed", "passed")
PAUSED = Verb(_VIDEO + "verbs/paused", "paused")
PLAYED = Verb(_VIDEO + "verbs/played", "played")
POSTED = Verb(_ACROSSX + "verbs/posted", "posted")
PROGRESSED = Verb(_ADL + "verbs/progressed", "progressed")
RATED = Verb(_TINCAN + "verb/rated", "rated")
READIED = Verb(_DOD_ISD + "verbs/readied", "readied")
REGISTERED = Verb(_ADL + "verbs/registered", "registered")
REJECTED = Verb(_STREAMS + "reject", "rejected")
REMOVED = Verb(_DOD_ISD + "verbs/removed", "removed")
REPORTED = Verb(_ACROSSX + "verbs/reported", "reported")
RESET = Verb(_DOD_ISD + "verbs/reset", "reset")
RESUMED = Verb(_ADL + "verbs/resumed", "resumed")
RETRACTED = Verb(_STREAMS + "retract", "retracted")
SAVED = Verb(_DOD_ISD + "verbs/saved", "saved")
SEARCHED = Verb(_ACROSSX + "verbs/searched", "searched")
SEEKED = Verb(_VIDEO + "verbs/seeked", "seeked")
SHARED = Verb(_ADL + "verbs/shared", "shared")
SKIPPED = Verb(_TINCAN + "verb/skipped", "skipped")
STARTED = Verb(_DOD_ISD + "verbs/started", "started")
STOPPED_FOLLOWING = Verb(_STREAMS + "stop-following", "stopped following")
SUBMITTED = Verb(_DOD_ISD + "verbs/submitted", "submitted")
SUSPENDED = Verb(_ADL + "verbs/suspended", "suspended")
TAKEN_AWAY = Verb(_STREAMS + "remove", "removed")
TERMINATED = Verb(_ADL + "verbs/terminated", "terminated")
UNREGISTERED = Verb(_TINCAN + "verb/unregistered", "unregistered")
UNSAVED = Verb(_STREAMS + "unsave", "unsaved")
UPDATED = Verb(_STREAMS + "update", "updated")
VIEWED = Verb(_TINCAN + "verb/viewed", "viewed")
VOIDED = Verb(_ADL + "verbs/voided", "voided")
WAS_ASSIGNED = Verb(_ACROSSX + "verbs/was-assigned", "was assigned")

# activity types
APPLICATION = _STREAMS + "application"
ASSESSMENT = _ADL + "activities/assessment"
ATTEMPT = _ADL + "activities/attempt"
BADGE = _STREAMS + "badge"
CERTIFICATE = "https://www.opigno.org/en/tincan_registry/activity_type/certificate"
CHAPTER = _TINCAN + "activitytype/chapter"
CHECKLIST_ITEM = _TINCAN + "activitytype/checklist-item"
COLLECTION = _TINCAN + "activitytype/collection-simple"
COURSE = _ADL + "activities/course"
DISCUSSION = _TINCAN + "activitytype/discussion"
DOCUMENT = _TINCAN + "activitytype/document"
FILE = _ADL + "activities/file"
FORUM_REPLY = _TINCAN + "activitytype/forum-reply"
GOAL = _TINCAN + "activitytype/goal"
GROUP = _STREAMS + "group"
INTERACTION = _ADL + "activities/cmi.interaction"
LESSON = _ADL + "activities/lesson"
LINK = _ADL + "activities/link"
MESSAGE = _ACROSSX + "activities/message"
MODULE = _ADL + "activities/module"
NOTE = "http://risc-inc.com/annotator/activities/note"
PAGE = _ACROSSX + "activities/page"
QUESTION = _ADL + "activities/question"
RESOURCE = _TINCAN + "activitytype/resource"
SCHOOL_ASSIGNMENT = _TINCAN + "activitytype/school-assignment"
SERVICE = _STREAMS + "service"
SLIDE = _TINCAN + "activitytype/slide"
SLIDE_DECK = _TINCAN + "activitytype/slide-deck"
SOLUTION = _TINCAN + "activitytype/solution"
SUPPLEMENT = _ACROSSX + "extensions/supplemental-info"
VIDEO = _VIDEO + "activity-type/video"
WEBPAGE = _ACROSSX + "activities/webpage"

# extensions of activities
ATTEMPT_ID = _TINCAN + "extension/attempt-id"
DURATION = _TINCAN + "extension/duration"
TIME_LIMIT = _ACROSSX + "extensions/time-limit"
TOTAL_ITEMS = _ACROSSX + "extensions/total-items"
TYPE = _ACROSSX + "extensions/type"

# extensions of results
CC_ENABLED = _VIDEO + "extensions/cc-enabled"
GRADE_CLASSIFICATION = "http://www.tincanapi.co.uk/activitytypes/grade_classification"
PROGRESS = "https://w3id.org/xapi/cmi5/result/extensions/progress"
TIME = _VIDEO + "extensions/time"
TIME_FROM = _VIDEO + "extensions/time-from"
TIME_TO = _VIDEO + "extensions/time-to"

# extensions of contexts
ENDING_POINT = _TINCAN + "extension/ending-point"
LENGTH = _VIDEO + "extensions/length"
STARTING_POSITION = _TINCAN + "extension/starting-position"
