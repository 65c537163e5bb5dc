"""Lists where our events depart from those of event-routing-backends (ERB), and why; writes the page about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from learnrelay_caliper.version_1_1 import NEAREST, NEAREST_ACTIONS, Nearest


class Departure(NamedTuple):
    """Describes one departure.

    events: names of the source events; a part of an event's occurrences as ``name (which)``; none for all events.
    erb, ours: what each emits. rule: what decides.
    changes: what of type, actor (its id), object (its id), eventTime and session (its presence) is not as ERB has it.
    name: under which `learnrelay compare` counts it; empty where two events cannot show it.
    """

    events: tuple[str, ...]
    erb: str
    ours: str
    rule: str
    changes: frozenset[str] = frozenset()
    name: str = ""


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
        name="id",
    ),
    Departure(
        (),
        "no `profile`, `edApp`, `group`",
        "`profile` (1.2), `edApp` = the platform, `group` = the course run as CourseSection",
        "Event: the profile should be named; application and organisation are what consumers filter by",
        name="profile, application and course run",
    ),
    Departure(
        (),
        "`object.extensions.isPartOf`, a CourseOffering",
        "`object.isPartOf`, the id of `group`",
        "`extensions` are for what the model does not have; an entity described once is named by its id after that",
        name="course of an object",
    ),
    Departure(
        (),
        "`session.id` is the login session's key",
        "`session.id` is a keyed digest as `urn:uuid:`, `session.user` the learner where the session is the learner's",
        "an id must be an IRI; the key is a credential (ADR 4)",
        name="session",
    ),
    Departure(
        (),
        "fails without `timestamp`, and on course keys and block ids of old courses",
        "reads both shapes of an event and all forms of keys",
        "an event is the same fact in either shape (ADR 5)",
    ),
    Departure(
        (),
        "`extensions.transformerVersion` = `event-routing-backends@…`",
        "the distribution that has the mapping",
        "`extensions` are for what the model does not have: who made the event",
        name="transformer version",
    ),
    # --- enrollment
    Departure(
        ("edx.course.enrollment.activated", "edx.course.enrollment.deactivated"),
        "`object.extensions.mode`; no membership; CourseOffering",
        "`membership` with member, organization, role, status and the mode; CourseSection",
        "Membership: the status is the membership's, and so is the mode; the course does not have one",
        name="membership",
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
        name="result of a course",
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
        name="attempt and points of a submission",
    ),
    Departure(
        ("edx.grades.problem.rescored", "edx.grades.problem.score_overridden"),
        _NOTHING,
        "GradeEvent / Graded / Attempt → Score; actor = who of the staff changed the points, else the platform",
        "Grading profile: its actor is an agent",
    ),
    Departure(
        ("edx.grades.problem.state_deleted",),
        _NOTHING,
        "AssessmentEvent / Reset / Assessment → Attempt; actor = who of the staff did it. Nobody is known: Event, "
        "actor = the platform",
        "Assessment profile: its actor is a person, and the learner did not do it",
    ),
    Departure(
        ("edx.grades.subsection.score_overridden",),
        _NOTHING,
        "GradeEvent / Graded / Attempt without Score; `extensions.overrideTakenBack` true where it is; actor = who of "
        "the staff did it, else the platform",
        "Grading profile; the event does not say the points",
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
        name="browser's problem_check",
    ),
    Departure(
        ("problem_check (server)", "save_problem_check"),
        "actor = the learner",
        "actor = the platform; the learner is the attempt's `assignee`",
        "Grading profile: for automatic grading the actor must be the SoftwareApplication",
        ACTOR,
        name="who grades",
    ),
    Departure(
        ("problem_check (server)",),
        "assignee, assignable and count of the Attempt as extensions",
        "as properties",
        "Attempt has them; `extensions` are for what the model does not have",
        name="properties of an attempt",
    ),
    Departure(
        ("problem_check (server)",),
        '`generated` = `{"score": …}` with `attempts`, success as text, `_:score` for all',
        "`generated` = the Score, with attempt, scoredBy and an id of its own; success true or false and, where known, "
        "weighted points as extensions",
        "GradeEvent, `generated`: a Score, which is an entity; a blank node means nothing outside its document",
        name="score",
    ),
    Departure(
        ("problem_check (server)",),
        "one event, also for several questions; no answers",
        "in addition an AssessmentItemEvent / Completed → Response for each question, its Attempt a part of the whole",
        "Assessment profile: an AssessmentItem is completed with a Response; Attempt, `isPartOf`",
        name="answers to questions",
    ),
    Departure(
        ("showanswer", "edx.problem.hint.demandhint_displayed"),
        "Event / Viewed / Annotation",
        "ViewEvent / Viewed / DigitalResource, part of the problem",
        "Viewed is the ViewEvent's action; an Annotation is what a person makes",
        TYPE,
        name="view of an answer or hint",
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
        name="player that is ready",
    ),
    Departure(
        ("play_video", "edx.video.played"),
        "Resumed",
        "Started at the beginning, else Resumed",
        "Media profile: Resumed is for where playback was paused",
        name="start of a video",
    ),
    Departure(
        _PLAYBACK,
        "`target` is `_:MediaLocation`, without a time at the beginning; `duration` P0D where it is not known",
        "`target` has an id of its own (`#t=` seconds) and its time, 0 too; no `duration` where it is not known",
        "MediaLocation: an entity with an id; what is not known is left out",
        name="place in a video",
    ),
    Departure(
        ("speed_change_video",),
        "`extensions.oldSpeed` and `newSpeed` as `1.25`",
        "as `1.25x`",
        "MediaEvent has no property for it; the text is that of the xAPI statement, of ERB's too",
        name="speed",
    ),
    Departure(
        ("complete_video", "edx.video.completed"),
        "no place",
        "`target` is the end",
        "Media profile: for Ended the place is the end",
        name="end of a video",
    ),
    Departure(
        ("seek_video", "edx.video.position.changed", "edx.video.seeked"),
        "`target.extensions.newTime`",
        "`extensions.newTime`, seconds; `target` is the place that was left",
        "Media profile: the place is where the action occurs",
        name="new place in a video",
    ),
    Departure(
        (
            "show_transcript", "edx.video.transcript.shown", "hide_transcript", "edx.video.transcript.hidden",
            "video_show_cc_menu", "video_hide_cc_menu",
            "edx.video.language_menu.shown", "edx.video.language_menu.hidden",
        ),
        "MediaEvent / EnabledClosedCaptioning or DisabledClosedCaptioning",
        "Event / Showed or Hid, `extensions.panel` = transcript or language menu",
        "Media profile: captions are captions; a panel beside the video and a menu turn none on or off",
        TYPE,
        name="panels of the player",
    ),
    # --- navigation
    Departure(
        ("edx.ui.lms.link_clicked",),
        "Webpage",
        "WebPage",
        "the type's name; a page of the web is not said to be part of the course",
        name="WebPage",
    ),
    Departure(
        ("edx.ui.lms.link_clicked", "edx.ui.lms.outline.selected"),
        "no `referrer`; an address that is relative stays so",
        "`referrer` = the page that was left; an address is made absolute",
        "NavigationEvent, `referrer`; an id is an absolute IRI",
        name="page that was left",
    ),
    Departure(
        ("edx.ui.lms.link_clicked", "edx.ui.lms.outline.selected", "edx.ui.lms.sequence.outline.selected"),
        "the whole address",
        "without query, fragment, user and password; of the platform's addresses pages of courses, blocks, files and "
        "some static pages, else the site alone; of another site's up to what may name a person; skipped where it is "
        "not `http:` or `https:`",
        "the rest may name a learner or hold a token, which no pseudonym covers",
        name="address of a link",
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
        "the unit reached is not known, `extensions.target` says the direction. The learning front end names the unit "
        "left: the subsection is that of its page, and the unit itself where the page does not tell",
        "NavigationEvent, `target`: the part of the object that is navigated to",
        name="units of a subsection",
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
    Departure(
        ("edx.forum.thread.locked", "edx.forum.thread.unlocked"),
        _NOTHING,
        "ResourceManagementEvent / Modified / Thread, `extensions.locked` true or false",
        "Resource Management profile; the Forum profile has no such actions",
    ),
    Departure(
        ("edx.forum.thread.followed", "edx.forum.thread.unfollowed"),
        _NOTHING,
        "Event / Subscribed or Unsubscribed / Thread",
        "General profile: the object of a ForumEvent is a Forum",
    ),
    Departure(
        ("edx.forum.response.mark", "edx.forum.response.unmark"),
        _NOTHING,
        "FeedbackEvent / Ranked / Message → Rating; a mark taken back has no selections",
        "Feedback profile",
    ),
    Departure(
        ("edx.forum.searched",),
        _NOTHING,
        "SearchEvent / Searched / Forum → SearchResponse without the words; skipped where people are searched",
        "Search profile; the words may name somebody",
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
    Departure(
        tuple(f"edx.special_exam.{kind}.attempt.started" for kind in ("practice", "proctored", "timed")),
        _NOTHING,
        "AssessmentEvent / Started / Assessment → Attempt",
        "Assessment profile: the clock runs",
    ),
    Departure(
        tuple(f"edx.special_exam.{kind}.attempt.ready_to_submit" for kind in ("practice", "proctored", "timed")),
        _NOTHING,
        "AssessmentEvent / Paused / Assessment → Attempt",
        "Assessment profile: the learner may still go back",
    ),
    # --- exam_details
    Departure(
        ("edx.special_exam.proctored.option-presented",),
        _NOTHING,
        "ViewEvent / Viewed / Assessment",
        "Assessment profile",
    ),
    Departure(
        ("edx.special_exam.proctored.attempt.declined",),
        _NOTHING,
        "Event / Declined / Assessment → Attempt",
        "General profile: no other has the action",
    ),
    Departure(
        (
            "edx.special_exam.practice.attempt.download_software_clicked",
            "edx.special_exam.proctored.attempt.download_software_clicked",
        ),
        _NOTHING,
        "ResourceManagementEvent / Downloaded / DigitalResource",
        "Resource Management profile",
    ),
    Departure(
        ("edx.special_exam.practice.attempt.ready_to_start", "edx.special_exam.proctored.attempt.ready_to_start"),
        _NOTHING,
        "Event / Modified / Assessment → Attempt, `extensions.ready`",
        "Assessment profile has no action before the start",
    ),
    Departure(
        tuple(f"edx.special_exam.{kind}.attempt.timed_out" for kind in ("practice", "proctored", "timed")),
        _NOTHING,
        "AssessmentEvent / Submitted / Assessment → Attempt, `extensions.timedOut`",
        "Assessment profile",
    ),
    Departure(
        ("edx.special_exam.practice.attempt.reset_practice_exam",),
        _NOTHING,
        "AssessmentEvent / Reset / Assessment → Attempt",
        "Assessment profile",
    ),
    Departure(
        tuple(f"edx.special_exam.{kind}.attempt.deleted" for kind in ("practice", "proctored", "timed")),
        _NOTHING,
        "AssessmentEvent / Reset / Assessment → Attempt; actor = who of the staff did it. Nobody is known: Event, "
        "actor = the platform",
        "Assessment profile: its actor is a person, and the learner did not do it",
    ),
    # --- badges
    Departure(
        ("edx.badge.assertion.created",),
        _NOTHING,
        "Event / Created / Document → Result of the learner's work on the course; actor = the platform",
        "as `edx.certificate.created`; a badge for no course is skipped",
    ),
    Departure(
        ("edx.badge.assertion.shared",),
        _NOTHING,
        "AnnotationEvent / Shared / Document → SharedAnnotation",
        "Annotation profile; neither its image nor its page is named",
    ),
    # --- experiment_groups
    Departure(
        ("xmodule.partitions.assigned_user_to_partition",),
        _NOTHING,
        "Event / Added / Membership in the group",
        "Membership: as in a cohort",
    ),
    # --- feedback_block
    Departure(
        ("edx.feedbackxblock.likert_provided",),
        _NOTHING,
        "FeedbackEvent / Ranked / DigitalResource → Rating",
        "Feedback profile",
    ),
    Departure(
        ("edx.feedbackxblock.freeform_provided",),
        _NOTHING,
        "FeedbackEvent / Commented / DigitalResource, with a Comment where `texts` is on",
        "Feedback profile; a Comment without words would say nothing",
    ),
    # --- problem_builder
    Departure(
        ("xblock.problem_builder.submitted", "xblock.mentoring.submitted"),
        _NOTHING,
        "AssessmentEvent / Submitted / Assessment → Attempt, and GradeEvent / Graded / Attempt → Score",
        "Assessment and Grading profile, as `edx.grades.problem.submitted`",
    ),
    # --- image_explorer
    Departure(
        ("xblock.image-explorer.hotspot.opened",),
        _NOTHING,
        "ViewEvent / Viewed / DigitalResource, part of the picture's block",
        "Reading profile",
    ),
    # --- server_search
    Departure(
        ("edx.course.search.results_displayed",),
        _NOTHING,
        "SearchEvent / Searched / AssignableDigitalResource → SearchResponse, `extensions.page`",
        "Search profile",
    ),
    # --- lti
    Departure(
        ("edx.lti.xblock.launch_request", "edx.lti.embed.launch_request"),
        _NOTHING,
        "Event / Launched / SoftwareApplication, `target` = the block as LtiLink",
        "Tool Launch profile: Launched needs the LtiSession of the launch, which the source event does not tell",
    ),
    # --- ai_workflow
    Departure(
        tuple(f"openedx.ai.workflow.{step}" for step in ("initialized", "interacted", "completed")),
        _NOTHING,
        "ToolUseEvent / Used / SoftwareApplication, `referrer` = the block, `extensions.step`",
        "Tool Use profile",
    ),
    # --- completion, navigation, problem, video
    Departure(
        ("edx.done.toggled",),
        _NOTHING,
        "as edx.completion.block_completion.changed",
        "the same",
    ),
    Departure(
        tuple(f"openedx.completion_aggregator.progress.{level}" for level in ("chapter", "sequential", "vertical")),
        _NOTHING,
        "as edx.completion.block_completion.changed",
        "the same",
    ),
    Departure(
        ("openedx.completion_aggregator.progress.course",),
        _NOTHING,
        "done: Event / Completed / CourseSection; in part: Event / Modified / Attempt with `progress` in percent",
        "General profile",
    ),
    Departure(
        ("edx.ui.lms.jump_nav.selected",),
        _NOTHING,
        "NavigationEvent / NavigatedTo / DigitalResource",
        "Reading profile",
    ),
    Departure(
        ("edx.course.tool.accessed",),
        _NOTHING,
        "NavigationEvent / NavigatedTo / SoftwareApplication",
        "Reading profile",
    ),
    Departure(
        ("reset_problem",),
        _NOTHING,
        "AssessmentEvent / Reset / Assessment → Attempt",
        "Assessment profile",
    ),
    Departure(
        ("save_problem_success",),
        _NOTHING,
        "Event / Saved / Assessment; no answers",
        "Assessment profile has no such action",
    ),
    Departure(
        ("edx.problem.hint.feedback_displayed",),
        _NOTHING,
        "ViewEvent / Viewed / DigitalResource, part of the problem",
        "Reading profile",
    ),
    # --- library, library_removals
    Departure(
        ("edx.librarycontentblock.content.assigned", "edx.itembankblock.content.assigned"),
        _NOTHING,
        "AssignableEvent / Activated / AssignableDigitalResource, `extensions.added`",
        "Assignable profile",
    ),
    Departure(
        ("edx.librarycontentblock.content.removed", "edx.itembankblock.content.removed"),
        _NOTHING,
        "AssignableEvent / Deactivated / AssignableDigitalResource, `extensions.removed`",
        "Assignable profile",
    ),
    # --- textbook, textbook_scrolling, pdf, pdf_views
    Departure(
        (
            "book",
            "textbook.pdf.page.loaded",
            "textbook.pdf.page.navigated",
            "textbook.pdf.thumbnail.navigated",
        ),
        _NOTHING,
        "NavigationEvent / NavigatedTo / Document, `target` = the page as Frame",
        "Reading profile",
    ),
    Departure(
        ("textbook.pdf.chapter.navigated",),
        _NOTHING,
        "NavigationEvent / NavigatedTo / Chapter",
        "Reading profile",
    ),
    Departure(
        ("textbook.pdf.search.executed",),
        _NOTHING,
        "SearchEvent / Searched / Document, without the words",
        "Search profile",
    ),
    Departure(
        ("textbook.pdf.page.scrolled",),
        _NOTHING,
        "ViewEvent / Viewed / Page",
        "Reading profile",
    ),
    Departure(
        ("edx.pdf.downloaded",),
        _NOTHING,
        "ResourceManagementEvent / Downloaded / Document",
        "Resource Management profile",
    ),
    Departure(
        ("edx.pdf.loaded",),
        _NOTHING,
        "ViewEvent / Viewed / Document, part of its unit",
        "Reading profile",
    ),
    # --- pre_roll
    Departure(
        ("edx.video.bumper.loaded",),
        _NOTHING,
        "ViewEvent / Viewed / VideoObject, `referrer` = the video that follows",
        "Media profile: a player that is ready is in view",
    ),
    Departure(
        ("edx.video.bumper.played", "edx.video.bumper.stopped"),
        _NOTHING,
        "MediaEvent / Started or Ended / VideoObject, `referrer` = the video that follows",
        "Media profile",
    ),
    Departure(
        ("edx.video.bumper.skipped", "edx.video.bumper.dismissed"),
        _NOTHING,
        "Event / Skipped / VideoObject; `extensions.dismissed`",
        "Media profile has no such action",
    ),
    Departure(
        ("edx.video.bumper.transcript.shown", "edx.video.bumper.transcript.hidden"),
        _NOTHING,
        "MediaEvent / EnabledClosedCaptioning or DisabledClosedCaptioning / VideoObject",
        "Media profile: these are captions",
    ),
    # --- search, search_results
    Departure(
        ("edx.course.home.courseware_search.submit",),
        _NOTHING,
        "SearchEvent / Searched / AssignableDigitalResource, the course; without the words",
        "Search profile",
    ),
    Departure(
        ("edx.course.search.result_selected",),
        _NOTHING,
        "NavigationEvent / NavigatedTo / DigitalResource",
        "Reading profile",
    ),
    # --- peer_instruction, google_component
    Departure(
        ("ubc.peer_instruction.accessed",),
        _NOTHING,
        "ViewEvent / Viewed / AssessmentItem",
        "Assessment profile",
    ),
    Departure(
        ("ubc.peer_instruction.original_submitted", "ubc.peer_instruction.revised_submitted"),
        _NOTHING,
        "AssessmentItemEvent / Completed / AssessmentItem → MultipleChoiceResponse to the first or second attempt",
        "Assessment profile",
    ),
    Departure(
        ("edx.googlecomponent.document.displayed", "edx.googlecomponent.calendar.displayed"),
        _NOTHING,
        "ViewEvent / Viewed / Document or WebPage",
        "Reading profile",
    ),
    # --- oppia, course_home
    Departure(
        ("oppia.exploration.loaded", "oppia.exploration.completed"),
        _NOTHING,
        "AssignableEvent / Started or Completed / AssignableDigitalResource → Attempt",
        "Assignable profile",
    ),
    Departure(
        ("oppia.exploration.state.changed",),
        _NOTHING,
        "NavigationEvent / NavigatedTo / AssignableDigitalResource",
        "Assignable profile",
    ),
    Departure(
        ("edx.course.home.resume_course.clicked",),
        _NOTHING,
        "NavigationEvent / NavigatedTo / AssignableDigitalResource, the course",
        "Reading profile",
    ),
    Departure(
        ("edx.course.goal.added", "edx.course.goal.updated"),
        _NOTHING,
        "Event / Created or Modified / DigitalResource",
        "General profile",
    ),
    Departure(
        ("edx.ui.lms.reset_deadlines.clicked",),
        _NOTHING,
        "Event / Modified / CourseSection",
        "General profile",
    ),
    # --- notifications, page_close, page_views
    Departure(
        ("edx.notifications.read", "edx.notifications.app_all_read", "edx.notifications.tray_opened"),
        _NOTHING,
        "ViewEvent / Viewed / DigitalResource or DigitalResourceCollection",
        "Reading profile",
    ),
    Departure(
        ("page_close",),
        _NOTHING,
        "Event / Ended / WebPage",
        "General profile: no other tells of an end of reading",
    ),
    Departure(
        (
            "openedx.page.courseware.viewed", "openedx.page.home.viewed", "openedx.page.progress.viewed",
            "openedx.page.dates.viewed", "openedx.page.forum.viewed", "openedx.page.wiki.viewed",
            "openedx.page.tab.viewed",
        ),
        _NOTHING,
        "ViewEvent / Viewed / WebPage",
        "Reading profile; requests, whose names are paths, have these names",
    ),
    Departure(
        ("openedx.page.section.viewed", "openedx.page.subsection.viewed"),
        _NOTHING,
        "ViewEvent / Viewed / DigitalResourceCollection → Frame of the unit, where the address has its position",
        "Reading profile",
    ),
    Departure(
        ("openedx.page.unit.viewed",),
        _NOTHING,
        "ViewEvent / Viewed / DigitalResource",
        "Reading profile",
    ),
    # --- open assessments
    Departure(
        ("openassessmentblock.create_submission", "openassessmentblock.create_team_submission"),
        _NOTHING,
        "AssignableEvent / Submitted / AssignableDigitalResource → Attempt; the team as `extensions.team`",
        "Assignable profile",
    ),
    Departure(
        ("openassessmentblock.save_submission",),
        _NOTHING,
        "Event / Saved / AssignableDigitalResource",
        "General profile: no other has drafts",
    ),
    Departure(
        ("openassessmentblock.get_peer_submission",),
        _NOTHING,
        "AssignableEvent / Started / AssignableDigitalResource → Attempt; skipped where there was nothing to assess",
        "Assignable profile: what is begun is the assessment of a work, a part of the assignment",
    ),
    Departure(
        ("openassessmentblock.peer_assess", "openassessmentblock.self_assess"),
        _NOTHING,
        "FeedbackEvent / Ranked / Attempt → Rating with the options that were chosen",
        "Feedback profile: a learner gives no grade",
    ),
    Departure(
        ("openassessmentblock.staff_assess",),
        _NOTHING,
        "GradeEvent / Graded / Attempt → Score; the Attempt has no `assignee`",
        "Grading profile; the event does not name the learner",
    ),
    Departure(
        ("openassessmentblock.submit_feedback_on_assessments",),
        _NOTHING,
        "FeedbackEvent / Commented / AssignableDigitalResource, `extensions.options`; no words",
        "Feedback profile",
    ),
    Departure(
        ("openassessment.student_training_assess_example",),
        _NOTHING,
        "AssessmentEvent / Submitted / Assessment → Attempt, `extensions.success` true or false",
        "Assessment profile: an example is assessed for practice",
    ),
    Departure(
        (
            "openassessment.upload_file", "openassessmentblock.save_files_descriptions",
            "openassessmentblock.remove_uploaded_file",
        ),
        _NOTHING,
        "ResourceManagementEvent / Uploaded, Described or Deleted / Document, without its name",
        "Resource Management profile",
    ),
    # --- certificates
    Departure(
        ("edx.certificate.created", "edx.certificate.revoked"),
        _NOTHING,
        "Event / Created or Removed / Document → Result of the learner's Attempt at the course; actor = the platform",
        "General profile: the platform does it, and the attempt's `assignee` is the learner",
    ),
    Departure(
        ("edx.certificate.shared",),
        _NOTHING,
        "AnnotationEvent / Shared / Document → SharedAnnotation",
        "Annotation profile",
    ),
    # --- drag and drop
    Departure(
        ("edx.drag_and_drop_v2.loaded",),
        _NOTHING,
        "ViewEvent / Viewed / AssessmentItem",
        "Assessment profile",
    ),
    Departure(
        ("edx.drag_and_drop_v2.item.dropped",),
        _NOTHING,
        "AssessmentItemEvent / Completed / AssessmentItem, a part of the board → Response, `extensions.correct`",
        "Assessment profile: an AssessmentItem is completed with a Response",
    ),
    Departure(
        ("edx.drag_and_drop_v2.feedback.opened",),
        _NOTHING,
        "ViewEvent / Viewed / DigitalResource, part of the board",
        "Reading profile",
    ),
    # --- polls and surveys
    Departure(
        ("xblock.poll.submitted",),
        _NOTHING,
        "QuestionnaireItemEvent / Completed / QuestionnaireItem → MultiselectResponse without the answer",
        "Survey profile; an opinion can be sensitive",
    ),
    Departure(
        ("xblock.survey.submitted",),
        _NOTHING,
        "QuestionnaireEvent / Submitted / Questionnaire with its questions → Attempt; skipped without questions",
        "Survey profile; Questionnaire, `items`",
    ),
    Departure(
        ("xblock.poll.view_results", "xblock.survey.view_results"),
        _NOTHING,
        "ViewEvent / Viewed / DigitalResource",
        "Reading profile",
    ),
    # --- bookmarks
    Departure(
        ("edx.bookmark.added", "edx.course.bookmark.added"),
        _NOTHING,
        "AnnotationEvent / Bookmarked / DigitalResource → BookmarkAnnotation",
        "Annotation profile",
    ),
    Departure(
        ("edx.bookmark.removed", "edx.course.bookmark.removed"),
        _NOTHING,
        "Event / Removed / BookmarkAnnotation",
        "General profile: the Annotation profile takes nothing away",
    ),
    Departure(
        ("edx.bookmark.accessed",),
        _NOTHING,
        "NavigationEvent / NavigatedTo / DigitalResource",
        "NavigationEvent, `object`: what is navigated to",
    ),
    Departure(
        ("edx.bookmark.listed",),
        _NOTHING,
        "ViewEvent / Viewed / DigitalResourceCollection",
        "Reading profile",
    ),
    # --- notes
    Departure(
        ("edx.course.student_notes.added",),
        _NOTHING,
        "AnnotationEvent / Highlighted / DigitalResource → HighlightAnnotation without words and marked text",
        "Annotation profile; the words are the learner's",
    ),
    Departure(
        ("edx.course.student_notes.edited", "edx.course.student_notes.deleted"),
        _NOTHING,
        "Event / Modified or Deleted / HighlightAnnotation",
        "General profile: the Annotation profile has no such actions",
    ),
    Departure(
        ("edx.course.student_notes.viewed", "edx.course.student_notes.notes_page_viewed"),
        _NOTHING,
        "ViewEvent / Viewed / DigitalResourceCollection or WebPage; skipped where the page of the text is not known",
        "Reading profile",
    ),
    Departure(
        ("edx.course.student_notes.searched",),
        _NOTHING,
        "SearchEvent / Searched / DigitalResourceCollection → SearchResponse without the words",
        "Search profile",
    ),
    Departure(
        ("edx.course.student_notes.used_unit_link",),
        _NOTHING,
        "NavigationEvent / NavigatedTo / DigitalResource",
        "NavigationEvent, `object`: what is navigated to",
    ),
    # --- cohorts and teams
    Departure(
        ("edx.cohort.created", "edx.team.created", "edx.team.changed", "edx.team.deleted"),
        _NOTHING,
        "Event / Created, Modified or Deleted / Group without its name; of a change the property alone",
        "General profile",
    ),
    Departure(
        ("edx.cohort.user_added", "edx.cohort.user_removed", "edx.team.learner_added", "edx.team.learner_removed"),
        _NOTHING,
        "Event / Added or Removed / Membership of the Group, Active or Inactive",
        "Membership: who is in a group is said by it, and so is the status",
    ),
    Departure(
        ("edx.team.page_viewed",),
        _NOTHING,
        "ViewEvent / Viewed / WebPage, the team that it shows as `extensions.team`",
        "Reading profile",
    ),
    Departure(
        ("edx.team.searched",),
        _NOTHING,
        "SearchEvent / Searched / DigitalResourceCollection → SearchResponse without the words",
        "Search profile",
    ),
    Departure(
        ("microsoft.office.mix.played", "microsoft.office.mix.paused", "microsoft.office.mix.stopped"),
        _NOTHING,
        "MediaEvent / Started, Paused, Ended / MediaObject, with the position as `target`",
        "Media profile",
    ),
    Departure(
        ("microsoft.office.mix.slide.loaded",),
        _NOTHING,
        "ViewEvent / Viewed / Page, part of the MediaObject",
        "Reading profile",
    ),
)  # fmt: skip


def changes_of(event: str) -> frozenset[str]:
    """Lists what is not as ERB has it in the events made of one source event, by its name as in `DEPARTURES`."""
    return frozenset().union(*(row.changes for row in DEPARTURES if event in row.events))


def page() -> str:
    """Writes the page of the departures, and of what version 1.1 does not know."""
    rows = (f"| {row.name} | {_names(row.events)} | {row.erb} | {row.ours} | {row.rule} |" for row in DEPARTURES)
    nearest = (f"| `{newer}` | `{older.type}` | {_properties(older)} |" for newer, older in NEAREST.items())
    actions = (f"| {newer} | {older} | an action |" for newer, older in NEAREST_ACTIONS.items())
    return "\n".join((_HEAD, *rows, "", _HEAD_1_1, *nearest, *actions, ""))


def _names(events: Iterable[str]) -> str:
    return "<br>".join(f"`{event}`" for event in events) or "all"


def _properties(older: Nearest) -> str:
    changes = [f"`{newer}` is `{name}`" for newer, name in older.names.items()]
    changes += [f"`{newer}` is an extension" for newer in sorted(older.extensions)]
    return ", ".join(changes) or "the same"


_HEAD = """\
# Caliper: departures from event-routing-backends

Generated from `learnrelay_openedx/caliper_departures.py` by `make docs`; do not edit.

event-routing-backends (ERB) maps 35 events to Caliper 1.2. learnrelay maps these, and all others that have xAPI
statements. Type, actor, object, time and session of an event are as ERB has them, except where this table says
otherwise; what decides is Caliper 1.2 with its entities, events and profiles. Where several events are made of one
source event, the first is the one that ERB has. [`learnrelay compare`](moving-from-erb.md#compare) counts differences
by the names in the first column.

| departure | source events | ERB emits | learnrelay emits | which rule decides |
|---|---|---|---|---|"""

_HEAD_1_1 = """\
## Version 1.1

With `version = "1.1"` events have no `profile`, and what 1.1 does not know is the nearest that it does. Ids and
everything else stay the same.

| in 1.2 | in 1.1 | properties |
|---|---|---|"""
