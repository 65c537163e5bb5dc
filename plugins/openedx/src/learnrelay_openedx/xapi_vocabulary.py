"""Lists the IRIs that Open edX adds to the xAPI vocabulary, under their published names."""

from __future__ import annotations

from learnrelay_xapi.vocabulary import Verb

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
