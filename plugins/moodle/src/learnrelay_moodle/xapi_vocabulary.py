"""Lists the IRIs of published vocabularies that Moodle's statements need besides those of `learnrelay_xapi`."""

from __future__ import annotations

from collections.abc import Mapping

from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.publishers import Publisher
from learnrelay_xapi.vocabulary import Concept, Verb

_ADL = "http://adlnet.gov/expapi/"
_TINCAN = "http://id.tincanapi.com/"
_ACROSSX = "https://w3id.org/xapi/acrossx/"
_ACTIVITY_STREAMS = "http://activitystrea.ms/"

# verbs
ABANDONED = Verb("https://w3id.org/xapi/adl/verbs/abandoned", "abandoned")
ANSWERED = Verb(_ADL + "verbs/answered", "answered")
COMMENTED = Verb(_ADL + "verbs/commented", "commented")
CREATED = Verb(_ACTIVITY_STREAMS + "create", "created")
DOWNLOADED = Verb(_TINCAN + "verb/downloaded", "downloaded")
FOLLOWED = Verb(_ACTIVITY_STREAMS + "follow", "followed")
JOINED = Verb(_ACTIVITY_STREAMS + "join", "joined")
LAUNCHED = Verb(_ADL + "verbs/launched", "launched")
LEFT = Verb(_ACTIVITY_STREAMS + "leave", "left")
REPLIED = Verb(_TINCAN + "verb/replied", "replied")
RESUMED = Verb(_ADL + "verbs/resumed", "resumed")
REVIEWED = Verb(_TINCAN + "verb/reviewed", "reviewed")
SCORED = Verb(_ADL + "verbs/scored", "scored")
STOPPED_FOLLOWING = Verb(_ACTIVITY_STREAMS + "stop-following", "stopped following")
SUBMITTED = Verb("https://w3id.org/xapi/dod-isd/verbs/submitted", "submitted")
WATCHED = Verb(_ACROSSX + "verbs/watched", "watched")

# activity types
ASSESSMENT = _ADL + "activities/assessment"
ASSIGNMENT = _TINCAN + "activitytype/school-assignment"
BADGE = _ACTIVITY_STREAMS + "badge"
BOOK = _TINCAN + "activitytype/book"
CHAPTER = _TINCAN + "activitytype/chapter"
CHAT = _TINCAN + "activitytype/chat-channel"
COLLECTION = _ACTIVITY_STREAMS + "collection"
DOCUMENT = _TINCAN + "activitytype/document"
FORUM = _ACROSSX + "activities/online-discussion"
FORUM_REPLY = _TINCAN + "activitytype/forum-reply"
LEARNING_PLAN = _ACROSSX + "activities/learning-plan"
LESSON = _ADL + "activities/lesson"
MEDIA = _ADL + "activities/media"
MEETING = _ADL + "activities/meeting"
OBJECTIVE = _ADL + "activities/objective"
PAGE = _ACROSSX + "activities/page"
PROJECT = _TINCAN + "activitytype/project"
SECTION = _TINCAN + "activitytype/section"
SIMPLE_COLLECTION = _TINCAN + "activitytype/collection-simple"
SURVEY = _TINCAN + "activitytype/survey"
WORD = _TINCAN + "activitytype/vocabulary-word"

MODULE_TYPES: Mapping[str, str] = {
    "assign": ASSIGNMENT,
    "bigbluebuttonbn": MEETING,
    "book": BOOK,
    "chat": CHAT,
    "choice": v.QUESTION,
    "data": COLLECTION,
    "feedback": SURVEY,
    "folder": COLLECTION,
    "forum": FORUM,
    "glossary": SIMPLE_COLLECTION,
    "h5pactivity": MEDIA,
    "imscp": v.RESOURCE,
    "label": v.RESOURCE,
    "lesson": LESSON,
    "lti": v.RESOURCE,
    "page": PAGE,
    "quiz": ASSESSMENT,
    "resource": v.RESOURCE,
    "scorm": v.MODULE,
    "subsection": SECTION,
    "survey": SURVEY,
    "url": v.LINK,
    "wiki": SIMPLE_COLLECTION,
    "workshop": PROJECT,
}
"""Name of a module → type of its activities; those of other modules are a resource."""

_MOODLE = "https://w3id.org/xapi/moodle/"

# extensions of results
SCALE_POSITION = _MOODLE + "extension/scale-position"

# extension of every statement, a term of the source
TRANSFORMER_VERSION = _MOODLE + "extension/transformer-version"

PUBLISHER = Publisher(
    "learnrelay", "https://github.com/learnrelay/learnrelay/blob/main/docs/profiles/moodle.jsonld", (_MOODLE,)
)

CONCEPTS = (
    Concept(
        TRANSFORMER_VERSION, "transformer version", "The package that made the statement, with its version."
    ),
    Concept(
        SCALE_POSITION, "scale position",
        "The position of a rating in its scale, counted from 1; what it is worth depends on the scale.",
    ),
)  # fmt: skip
"""Extensions that only this package has."""

VERB_CHOICES: Mapping[tuple[str, str], str] = {
    (v.ATTEMPTED.id, ASSESSMENT): "what begins is an attempt; its end has *completed*",
    (v.ATTEMPTED.id, LESSON): "an attempt is begun anew; *initialized* is for the first",
}
"""Verb and activity type where the verb is generic, or none of the profile of the type → why it is used."""
