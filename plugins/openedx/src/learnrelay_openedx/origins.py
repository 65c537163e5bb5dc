"""Which events of Open edX are the server's own word, and which only repeat what a browser or a phone sent.

A browser posts any name and payload that it likes; so does an app, and so do the handlers named ``publish_event`` of
some blocks, whose events look like the server's. What the server adds to them, in ``context``, is its own word; who
the event is about and to whom it belongs is read from there. Names that only the server emits are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from learnrelay import Fields, Skip, optional
from learnrelay.caching import cached
from learnrelay.kinds import INVALID, containing, strict_one_of

REQUEST = "a request"
"""Stands for requests to all but the handlers that publish what they are sent."""
_PUBLISH_HANDLER = "/publish_event"
_PUBLISHING_BLOCK = re.compile(  # anchored: what follows the handler's name is the client's
    r"/(?:courses/[^/]+/xblock|api/xblock/v\d/xblocks)/[^/]*\+type@([\w-]+)\+block@[^/+]*"
    r"/handler(?:_noauth)?/(?:[^/]+/)?publish_event(?:/|$)"
)

SERVER_ONLY_PREFIXES = (
    "edx.ace.", "edx.badge.assertion.created", "edx.bi.user.pwned.", "edx.bookmark.added", "edx.bookmark.listed",
    "edx.bookmark.removed", "edx.certificate.created", "edx.certificate.generation.", "edx.certificate.revoked",
    "edx.cohort.", "edx.completion.", "edx.contentstore.", "edx.course.bookmark.", "edx.course.completed",
    "edx.course.enrollment.activated", "edx.course.enrollment.deactivated", "edx.course.enrollment.mode_changed",
    "edx.course.enrollment.upgrade.succeeded", "edx.course.failed", "edx.course.goal.", "edx.course.grade.",
    "edx.course.passed", "edx.course.search.executed", "edx.course.search.initiated",
    "edx.course.search.results_displayed", "edx.course_discovery.", "edx.discussion.", "edx.drag_and_drop_v2.",
    "edx.feedbackxblock.freeform_provided", "edx.feedbackxblock.likert_provided",
    "edx.feedbackxblock.nothing_provided", "edx.forum.", "edx.googlecomponent.", "edx.grades.",
    "edx.instructor.report.requested", "edx.itembankblock.", "edx.librarycontentblock.", "edx.lti.",
    "edx.notifications.", "edx.pdf.", "edx.problem.", "edx.special_exam.", "edx.team.activity_updated",
    "edx.team.changed", "edx.team.created", "edx.team.deleted", "edx.team.learner_", "edx.team.searched",
    "edx.team.team_changed", "edx.ui.lms.reset_deadlines.", "edx.user.settings.change",
    "openassessment.student_training_assess_example", "openassessmentblock.", "openedx.ai.workflow.",
    "openedx.completion_aggregator.", "openedx.page.",
    "ubc.peer_instruction.", "xblock.",
)  # fmt: skip
SERVER_ONLY_NAMES = frozenset({
    "completion", "grade", "progress", "problem_check_fail", "problem_rescore", "problem_rescore_fail",
    "reset_problem", "reset_problem_fail", "save_problem_check_fail", "save_problem_fail",
    "save_problem_success", "showanswer",
})  # fmt: skip

_PROBLEM_BUILDER = frozenset({
    "xblock.problem_builder.loaded", "xblock.problem_builder.feedback.opened", "xblock.problem_builder.feedback.closed",
    "xblock.mentoring.loaded", "xblock.mentoring.feedback.opened", "xblock.mentoring.feedback.closed",
})  # fmt: skip
_GOOGLE = frozenset({"edx.googlecomponent.document.displayed", "edx.googlecomponent.calendar.displayed"})
PUBLISHED_NAMES: Mapping[str, frozenset[str]] = {
    "drag-and-drop-v2": frozenset({
        "edx.drag_and_drop_v2.loaded", "edx.drag_and_drop_v2.item.picked_up", "edx.drag_and_drop_v2.feedback.opened",
        "edx.drag_and_drop_v2.feedback.closed",
    }),
    "google-calendar": _GOOGLE,
    "google-document": _GOOGLE,
    "image-explorer": frozenset({
        "xblock.image-explorer.loaded", "xblock.image-explorer.hotspot.opened", "xblock.image-explorer.hotspot.closed",
    }),
    "mentoring": _PROBLEM_BUILDER,
    "poll": frozenset({"xblock.poll.submitted", "xblock.poll.view_results"}),
    "problem-builder": _PROBLEM_BUILDER,
    "survey": frozenset({"xblock.survey.submitted", "xblock.survey.view_results"}),
    "ubcpi": frozenset({
        "ubc.peer_instruction.accessed", "ubc.peer_instruction.original_submitted",
        "ubc.peer_instruction.revised_submitted",
    }),
}  # fmt: skip
"""Type of a block that has such a handler → names of the events that blocks of this type have."""

NOT_THE_SERVER = Skip("only the server emits this event, and this one came from a browser or an app")
NOT_OF_THE_BLOCK = Skip("published for a browser by a block that has no such event")


def publisher(path: str) -> str:
    """Returns the type of the block whose handler publishes what it is sent, of those that have events; else empty."""
    block = _PUBLISHING_BLOCK.match(path)
    return block[1] if block and block[1] in PUBLISHED_NAMES else ""


request = containing(_PUBLISH_HANDLER, publisher, REQUEST)
"""Tells which block publishes what a handler was sent, or `REQUEST`: a kind for fields."""

_SERVERS, _SENDERS = strict_one_of("server", "task"), ("server", "browser")
_WHY = "tells whether the payload is the server's; reaches no output"


class OriginFields(Fields):
    """Declares who sent an event. Events without a sender are the server's: the platform names all others.

    Any other sender is INVALID: a browser, an app, an empty text, a list.
    """

    sender = optional("context.event_source", kind=_SERVERS, example=_SENDERS)
    request = optional(
        "context.path", kind=request, reason=_WHY,
        example=("/courses/x/", "/courses/x/xblock/y/handler/publish_event"),
    )  # fmt: skip


def is_from_client(sender: object, request: str | None) -> bool:
    """Tells whether the payload of an event is what a browser or an app sent, or may be."""
    return sender is INVALID or request not in (None, REQUEST)


@cached
def is_server_only(name: str) -> bool:
    """Tells whether only the server emits events of this name."""
    return name in SERVER_ONLY_NAMES or name.startswith(SERVER_ONLY_PREFIXES)


def publishes(block_type: str, name: str) -> bool:
    """Tells whether blocks of a type have events of this name, which they publish for a browser."""
    return name in PUBLISHED_NAMES.get(block_type, ())
