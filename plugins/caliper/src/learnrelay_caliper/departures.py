"""Where our events depart from those of event-routing-backends (ERB), and which rule decides: data and its page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .version_1_1 import NEAREST, Nearest


class Departure(NamedTuple):
    """One departure.

    events: names of the source events; a part of an event's occurrences as ``name (which)``; none for all events.
    erb, ours: what each emits. rule: what decides.
    changes: what of type, actor (its id), object (its id), eventTime and session (its presence) is not as ERB has it.
    """

    events: tuple[str, ...]
    erb: str
    ours: str
    rule: str
    changes: frozenset[str] = frozenset()


TYPE = frozenset({"type"})
ACTOR = frozenset({"actor"})
OBJECT = frozenset({"object"})

_PLAYBACK = (
    "play_video", "edx.video.played", "pause_video", "edx.video.paused", "stop_video", "edx.video.stopped",
    "complete_video", "edx.video.completed", "seek_video", "edx.video.position.changed", "speed_change_video",
    "edx.video.closed_captions.shown", "edx.video.closed_captions.hidden",
)  # fmt: skip
_UNITS = (
    "edx.ui.lms.sequence.next_selected", "seq_next", "edx.ui.lms.sequence.previous_selected", "seq_prev",
    "edx.ui.lms.sequence.tab_selected", "seq_goto",
)  # fmt: skip
_NOTHING = "nothing"

DEPARTURES = (
    # --- every event
    Departure(
        (),
        "`id` is random",
        "`id` is a UUID of version 5 over what the event says",
        "Event, `id`: version 4 is a recommendation, uniqueness is the rule; consumers find duplicates by `id` only",
    ),
    Departure(
        (),
        "no `profile`, `edApp`, `group`",
        "`profile` (1.2), `edApp` = the platform, `group` = the course run as CourseSection",
        "Event: the profile should be named; application and organisation are what consumers filter by",
    ),
    Departure(
        (),
        "`object.extensions.isPartOf`, a CourseOffering",
        "`object.isPartOf`, the id of `group`",
        "`extensions` are for what the model does not have; an entity described once is named by its id after that",
    ),
    Departure(
        (),
        "`session.id` is the login session's key",
        "`session.id` is a keyed digest as `urn:uuid:`, `session.user` the learner where the session is the learner's",
        "an id must be an IRI; the key is a credential (ADR 4)",
    ),
    Departure(
        (),
        "fails without `timestamp`, and on course keys and block ids of old courses",
        "reads both shapes of an event and all forms of keys",
        "an event is the same fact in either shape (ADR 5)",
    ),
    # --- enrollment
    Departure(
        ("edx.course.enrollment.activated", "edx.course.enrollment.deactivated"),
        "`object.extensions.mode`; no membership; CourseOffering",
        "`membership` with member, organization, role, status and the mode; CourseSection",
        "Membership: the status is the membership's, and so is the mode; the course does not have one",
    ),
    Departure(
        ("edx.course.enrollment.mode_changed",),
        _NOTHING,
        "Event / Modified / Membership",
        "Event, `object`: what is modified",
    ),
    # --- grading
    Departure(
        ("edx.course.grade.passed.first_time",),
        "Completed, without result",
        "Completed, `generated` = Result with `passed`",
        "Result: how the attempt at the course stands; completed alone does not say that it is passed",
    ),
    Departure(
        ("edx.course.grade.now_passed", "edx.course.grade.now_failed", "edx.course.passed", "edx.course.failed"),
        _NOTHING,
        "Event / Graded / CourseSection → Result with `passed` and, where told, the grade; actor = the platform",
        "Grading profile: who grades automatically is the SoftwareApplication; the learner is the attempt's assignee",
    ),
    Departure(
        ("edx.course.completed",),
        _NOTHING,
        "Event / Completed / CourseSection → Result; `eventTime` = when the grade was stored",
        "Event, `eventTime`: when it happened, not when it was recorded",
    ),
    Departure(
        ("edx.grades.subsection.grade_calculated", "edx.grades.course.grade_calculated"),
        _NOTHING,
        "GradeEvent / Graded / Attempt → Score; actor = the platform",
        "Grading profile; the letter of a course grade is an extension of the Score",
    ),
    Departure(
        ("edx.grades.problem.submitted",),
        "AssessmentEvent / Submitted alone: a grade without its points",
        "the same with its Attempt, and a GradeEvent / Graded / Attempt → Score",
        "Assessment profile: Submitted generates an Attempt; Grading profile: Graded generates a Score",
    ),
    # --- completion
    Departure(
        ("edx.completion.block_completion.changed",),
        _NOTHING,
        "done: AssignableEvent / Completed → Attempt; in part: Event / Modified / Attempt with `progress` in percent",
        "Assignable profile has no action for a part that is done; what changes is the learner's work on the block",
    ),
    # --- problem
    Departure(
        ("problem_check (browser)",),
        "AssessmentEvent / Submitted alone; object from the address of the page, often that of the subsection",
        "the same with its Attempt; object from the names of the inputs, else from the address",
        "Assessment profile: Submitted generates an Attempt; the object is the problem",
    ),
    Departure(
        ("problem_check (server)",),
        "actor = the learner",
        "actor = the platform; the learner is the attempt's `assignee`",
        "Grading profile: for automatic grading the actor must be the SoftwareApplication",
        ACTOR,
    ),
    Departure(
        ("problem_check (server)",),
        "assignee, assignable and count of the Attempt as extensions",
        "as properties",
        "Attempt has them; `extensions` are for what the model does not have",
    ),
    Departure(
        ("problem_check (server)",),
        '`generated` = `{"score": …}` with `attempts`, success as text, `_:score` for all',
        "`generated` = the Score, with attempt, scoredBy and an id of its own; success true or false, as extension",
        "GradeEvent, `generated`: a Score, which is an entity; a blank node means nothing outside its document",
    ),
    Departure(
        ("problem_check (server)",),
        "one event, also for several questions; no answers",
        "in addition an AssessmentItemEvent / Completed → Response for each question, its Attempt a part of the whole",
        "Assessment profile: an AssessmentItem is completed with a Response; Attempt, `isPartOf`",
    ),
    Departure(
        ("showanswer", "edx.problem.hint.demandhint_displayed"),
        "Event / Viewed / Annotation",
        "ViewEvent / Viewed / DigitalResource, part of the problem",
        "Viewed is the ViewEvent's action; an Annotation is what a person makes",
        TYPE,
    ),
    Departure(
        ("edx.problem.completed",),
        "AssessmentItemEvent / Completed",
        "the same",
        "nothing departs but what departs in every event",
    ),
    # --- video
    Departure(
        ("load_video", "edx.video.loaded"),
        "MediaEvent / Started",
        "ViewEvent / Viewed",
        "Media profile: Started is playback; a player that is ready is in view",
        TYPE,
    ),
    Departure(
        ("play_video", "edx.video.played"),
        "Resumed",
        "Started at the beginning, else Resumed",
        "Media profile: Resumed is for where playback was paused",
    ),
    Departure(
        _PLAYBACK,
        "`target` is `_:MediaLocation`, without a time at the beginning; `duration` P0D where it is not known",
        "`target` has an id of its own (`#t=` seconds) and its time, 0 too; no `duration` where it is not known",
        "MediaLocation: an entity with an id; what is not known is left out",
    ),
    Departure(
        ("complete_video", "edx.video.completed"),
        "no place",
        "`target` is the end",
        "Media profile: for Ended the place is the end",
    ),
    Departure(
        ("seek_video", "edx.video.position.changed"),
        "`target.extensions.newTime`",
        "`extensions.newTime`, seconds; `target` is the place that was left",
        "Media profile: the place is where the action occurs",
    ),
    Departure(
        (
            "show_transcript", "edx.video.transcript.shown", "hide_transcript", "edx.video.transcript.hidden",
            "video_show_cc_menu", "video_hide_cc_menu",
        ),
        "MediaEvent / EnabledClosedCaptioning or DisabledClosedCaptioning",
        "Event / Showed or Hid, `extensions.panel` = transcript or language menu",
        "Media profile: captions are captions; a panel beside the video and a menu turn none on or off",
        TYPE,
    ),
    # --- navigation
    Departure(
        ("edx.ui.lms.link_clicked",),
        "Webpage",
        "WebPage",
        "the type's name; a page of the web is not said to be part of the course",
    ),
    Departure(
        ("edx.ui.lms.link_clicked", "edx.ui.lms.outline.selected"),
        "no `referrer`; an address that is relative stays so",
        "`referrer` = the page that was left; an address is made absolute",
        "NavigationEvent, `referrer`; an id is an absolute IRI",
    ),
    Departure(
        ("edx.ui.lms.link_clicked", "edx.ui.lms.outline.selected", "edx.ui.lms.sequence.outline.selected"),
        "the whole address",
        "without query, fragment, user and password; without the user in the platform's paths (`/u/`); none for "
        "`javascript:` and `data:`",
        "these may name a learner or hold a token, which no pseudonym covers; code and content are no address",
    ),
    Departure(
        ("edx.ui.lms.sequence.outline.selected",),
        "fails: the block's id is not in the event",
        "as edx.ui.lms.outline.selected",
        "NavigationEvent, `object`: what is navigated to",
        OBJECT,
    ),
    Departure(
        _UNITS,
        "the subsection, named Unit; positions as extensions",
        "the subsection, `target` = the unit reached, `referrer` = the unit left, as Frames with their index; where "
        "the unit reached is not known, `extensions.target` says the direction",
        "NavigationEvent, `target`: the part of the object that is navigated to",
    ),
    # --- forum
    Departure(
        ("edx.forum.thread.created", "edx.forum.response.created", "edx.forum.comment.created"),
        _NOTHING,
        "MessageEvent / Posted / Message, part of its Thread in the course's Forum, `replyTo` what it answers; no text",
        "Forum profile",
    ),
    Departure(("edx.forum.thread.viewed",), _NOTHING, "ViewEvent / Viewed / Thread", "Forum profile"),
    Departure(
        ("edx.forum.thread.voted", "edx.forum.response.voted"),
        _NOTHING,
        "FeedbackEvent / Ranked / Message → Rating; a vote taken back has no selections",
        "Feedback profile",
    ),
    Departure(
        (
            "edx.forum.thread.edited", "edx.forum.response.edited", "edx.forum.comment.edited",
            "edx.forum.thread.deleted", "edx.forum.response.deleted", "edx.forum.comment.deleted",
        ),
        _NOTHING,
        "ResourceManagementEvent / Modified or Deleted / Message (a deleted thread: Thread)",
        "Resource Management profile; the Forum profile has no such actions",
    ),
    Departure(
        (
            "edx.forum.thread.reported", "edx.forum.response.reported", "edx.forum.comment.reported",
            "edx.forum.thread.unreported", "edx.forum.response.unreported", "edx.forum.comment.unreported",
        ),
        _NOTHING,
        "Event / Classified / Message, `extensions.reported` true or false",
        "General profile: no other has reports to moderators",
    ),
    # --- exam
    Departure(
        tuple(f"edx.special_exam.{kind}.attempt.created" for kind in ("practice", "proctored", "timed")),
        _NOTHING,
        "AssignableEvent / Activated / Assessment → Attempt",
        "Assignable profile: the clock does not run yet, so nothing is started",
    ),
    Departure(
        tuple(f"edx.special_exam.{kind}.attempt.submitted" for kind in ("practice", "proctored", "timed")),
        _NOTHING,
        "AssessmentEvent / Submitted / Assessment → Attempt with its times",
        "Assessment profile",
    ),
)  # fmt: skip


def changes_of(event: str) -> frozenset[str]:
    """What is not as ERB has it in the events made of one source event, by its name as in `DEPARTURES`."""
    return frozenset().union(*(row.changes for row in DEPARTURES if event in row.events))


def page() -> str:
    """The departures, and what version 1.1 does not know, as a page of the documentation."""
    rows = (f"| {_names(row.events)} | {row.erb} | {row.ours} | {row.rule} |" for row in DEPARTURES)
    nearest = (f"| `{newer}` | `{older.type}` | {_properties(older)} |" for newer, older in NEAREST.items())
    return "\n".join((_HEAD, *rows, "", _HEAD_1_1, *nearest, ""))


def _names(events: Iterable[str]) -> str:
    return "<br>".join(f"`{event}`" for event in events) or "all"


def _properties(older: Nearest) -> str:
    told = [f"`{newer}` is `{name}`" for newer, name in older.names.items()]
    told += [f"`{newer}` is an extension" for newer in sorted(older.extensions)]
    return ", ".join(told) or "the same"


_HEAD = """\
# Caliper: departures from event-routing-backends

Generated from `learnrelay_caliper/departures.py`; do not edit.

event-routing-backends (ERB) maps 35 events to Caliper 1.2. learnrelay maps these, and all others that have xAPI
statements. Type, actor, object, time and session of an event are as ERB has them, except where this table says
otherwise; what decides is Caliper 1.2 with its entities, events and profiles. Where several events are made of one
source event, the first is the one that ERB has.

| source events | ERB emits | learnrelay emits | which rule decides |
|---|---|---|---|"""

_HEAD_1_1 = """\
## Version 1.1

With `version = "1.1"` events have no `profile`, and what 1.1 does not know is the nearest that it does. Actions, ids
and everything else stay the same.

| in 1.2 | in 1.1 | properties |
|---|---|---|"""
