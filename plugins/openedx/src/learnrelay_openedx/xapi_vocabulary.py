"""Lists the IRIs under which Open edX adds to the xAPI vocabulary, and what this package adds there itself."""

from __future__ import annotations

from collections.abc import Mapping

from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.publishers import Publisher
from learnrelay_xapi.vocabulary import Concept, Verb

_OPENEDX = "https://w3id.org/xapi/openedx/"

# verbs
UNREPORTED = Verb(_OPENEDX + "verb/unreported", "unreported")
VOTED = Verb(_OPENEDX + "verb/voted", "voted")

# activity types
AI_WORKFLOW = _OPENEDX + "activity/ai-workflow"
PRACTICE_EXAM = _OPENEDX + "activity/practice-assessment"
PROCTORED_EXAM = _OPENEDX + "activity/proctored-assessment"
TIMED_EXAM = _OPENEDX + "activity/timed-assessment"

# extensions
AI_WORKFLOW_ACTION = _OPENEDX + "extension/ai-workflow-action"
ATTEMPT_COMPLETED = _OPENEDX + "extension/attempt-completed"
ATTEMPT_STARTED = _OPENEDX + "extension/attempt-started"
CHANGED_FIELD = _OPENEDX + "extension/changed-field"
FILE_SIZE = _OPENEDX + "extension/file-size"
FIRST_READ = _OPENEDX + "extension/first-read"
LIST_PAGE = _OPENEDX + "extension/list-page"
LOCK_REASON = _OPENEDX + "extension/lock-reason"
LTI_ROLE = _OPENEDX + "extension/lti-role"
LTI_VERSION = _OPENEDX + "extension/lti-version"
MEMBERSHIP_METHOD = _OPENEDX + "extension/membership-method"
OVERRIDE_TAKEN_BACK = _OPENEDX + "extension/override-taken-back"
RESULTS = _OPENEDX + "extension/results"
SOCIAL_NETWORK = _OPENEDX + "extension/social-network"
SPEED_FROM = _OPENEDX + "extension/speed-from"
SPEED_TO = _OPENEDX + "extension/speed-to"
TIMED_OUT = _OPENEDX + "extension/timed-out"
VOTE_TAKEN_BACK = _OPENEDX + "extension/vote-taken-back"
WEIGHTED_EARNED = _OPENEDX + "extension/weighted-earned"
WEIGHTED_POSSIBLE = _OPENEDX + "extension/weighted-possible"

PUBLISHER = Publisher("Open edX", "https://github.com/openedx/event-routing-backends", (_OPENEDX,))
"""Publishes what event-routing-backends and plug-ins of the platform say; `CONCEPTS` are not among it."""

CONCEPTS = (
    Concept(CHANGED_FIELD, "changed field", "The property of a team that was changed; neither its old nor new value."),
    Concept(FILE_SIZE, "file size", "The size of an uploaded file, in bytes."),
    Concept(FIRST_READ, "first read", "Whether a notification was read for the first time."),
    Concept(LIST_PAGE, "list page", "The number of the page of a list that is shown."),
    Concept(LOCK_REASON, "lock reason", "The reason that a moderator chose for closing a thread."),
    Concept(LTI_ROLE, "LTI role", "The role that the platform names to an external tool."),
    Concept(LTI_VERSION, "LTI version", "The version of LTI by which an external tool is launched."),
    Concept(MEMBERSHIP_METHOD, "membership method", "How somebody came into a team or left it."),
    Concept(
        OVERRIDE_TAKEN_BACK, "override taken back",
        "True where staff take back the points that they set; absent where they set them.",
    ),
    Concept(RESULTS, "results", "How many results a search had."),
    Concept(SOCIAL_NETWORK, "social network", "The network in which a certificate is shared."),
    Concept(TIMED_OUT, "timed out", "True where an attempt ends because its time is up."),
    Concept(VOTE_TAKEN_BACK, "vote taken back", "True where a vote is taken back; absent where it is given."),
    Concept(WEIGHTED_EARNED, "weighted points earned", "The points for a problem, weighted as in the course."),
    Concept(WEIGHTED_POSSIBLE, "weighted points possible", "The most weighted points that a problem can give."),
)  # fmt: skip
"""Extensions that only this package has."""

VERB_CHOICES: Mapping[tuple[str, str], str] = {
    (
        v.ATTEMPTED.id,
        v.ASSESSMENT,
    ): "an attempt at assessing an example, *assessed* would be about somebody's work; and at a block of "
    "Problem Builder, as its graded problems",
    (v.ATTEMPTED.id, v.INTERACTION): "a browser says that answers were sent, not what became of them",
    (
        v.ATTEMPTED.id,
        v.QUESTION,
    ): "as event-routing-backends has it: consumers count on it",
    (v.IGNORED.id, v.VIDEO): "the video profile has no verb for refusing a film",
    (v.INTERACTED.id, AI_WORKFLOW): "as the plug-in itself has it for event-routing-backends",
    (v.INTERACTED.id, v.INTERACTION): "no vocabulary has a verb for picking an item up",
    (v.INTERACTED.id, v.VIDEO): "what the video profile prescribes for captions and other controls of the player",
    (v.INTERACTED.id, v.WEBPAGE): "no vocabulary has a verb for unfolding a part of a page",
    (v.SKIPPED.id, v.VIDEO): "the video profile has no verb for leaving a film out",
}
"""Verb and activity type where the verb is generic, or none of the profile of the type → why it is used."""
