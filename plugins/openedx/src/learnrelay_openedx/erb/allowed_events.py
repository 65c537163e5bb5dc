"""Lists the events that event-routing-backends maps, and which of them its default lists allow (release 9.3.6)."""

from __future__ import annotations

MAPPED = {
    "xapi": (
        "complete_video", "edx.completion.block_completion.changed", "edx.course.enrollment.activated",
        "edx.course.enrollment.deactivated", "edx.course.enrollment.mode_changed", "edx.course.grade.now_failed",
        "edx.course.grade.now_passed", "edx.course.grade.passed.first_time", "edx.forum.comment.created",
        "edx.forum.comment.deleted", "edx.forum.comment.edited", "edx.forum.comment.reported",
        "edx.forum.comment.unreported", "edx.forum.response.created", "edx.forum.response.deleted",
        "edx.forum.response.edited", "edx.forum.response.reported", "edx.forum.response.unreported",
        "edx.forum.response.voted", "edx.forum.thread.created", "edx.forum.thread.deleted", "edx.forum.thread.edited",
        "edx.forum.thread.reported", "edx.forum.thread.unreported", "edx.forum.thread.viewed", "edx.forum.thread.voted",
        "edx.grades.course.grade_calculated", "edx.grades.problem.submitted", "edx.grades.subsection.grade_calculated",
        "edx.problem.completed", "edx.problem.hint.demandhint_displayed", "edx.special_exam.practice.attempt.created",
        "edx.special_exam.practice.attempt.submitted", "edx.special_exam.proctored.attempt.created",
        "edx.special_exam.proctored.attempt.submitted", "edx.special_exam.timed.attempt.created",
        "edx.special_exam.timed.attempt.submitted", "edx.ui.lms.link_clicked", "edx.ui.lms.outline.selected",
        "edx.ui.lms.sequence.next_selected", "edx.ui.lms.sequence.outline.selected",
        "edx.ui.lms.sequence.previous_selected", "edx.ui.lms.sequence.tab_selected", "edx.video.closed_captions.hidden",
        "edx.video.closed_captions.shown", "edx.video.completed", "edx.video.loaded", "edx.video.paused",
        "edx.video.played", "edx.video.position.changed", "edx.video.stopped", "edx.video.transcript.hidden",
        "edx.video.transcript.shown", "hide_transcript", "load_video", "pause_video", "play_video", "problem_check",
        "seek_video", "show_transcript", "showanswer", "speed_change_video", "stop_video", "video_hide_cc_menu",
        "video_show_cc_menu",
    ),
    "caliper": (
        "complete_video", "edx.course.enrollment.activated", "edx.course.enrollment.deactivated",
        "edx.course.grade.passed.first_time", "edx.grades.problem.submitted", "edx.problem.completed",
        "edx.problem.hint.demandhint_displayed", "edx.ui.lms.link_clicked", "edx.ui.lms.outline.selected",
        "edx.ui.lms.sequence.next_selected", "edx.ui.lms.sequence.outline.selected",
        "edx.ui.lms.sequence.previous_selected", "edx.ui.lms.sequence.tab_selected", "edx.video.closed_captions.hidden",
        "edx.video.closed_captions.shown", "edx.video.completed", "edx.video.loaded", "edx.video.paused",
        "edx.video.played", "edx.video.position.changed", "edx.video.stopped", "edx.video.transcript.hidden",
        "edx.video.transcript.shown", "hide_transcript", "load_video", "pause_video", "play_video", "problem_check",
        "seek_video", "show_transcript", "showanswer", "speed_change_video", "stop_video", "video_hide_cc_menu",
        "video_show_cc_menu",
    ),
}  # fmt: skip
"""Standard → names of events that ERB itself maps."""

OFF_BY_DEFAULT = {
    "xapi": frozenset({"edx.grades.problem.submitted", "edx.problem.completed"}),
    "caliper": frozenset(
        {
            "edx.grades.problem.submitted",
            "edx.problem.completed",
            "edx.video.closed_captions.hidden",
            "edx.video.closed_captions.shown",
            "edx.video.transcript.hidden",
            "edx.video.transcript.shown",
            "hide_transcript",
            "show_transcript",
            "speed_change_video",
            "video_hide_cc_menu",
            "video_show_cc_menu",
        }
    ),
}
"""Standard → those that its default list does not allow."""


def list_default_events(standard: str) -> list[str]:
    """Lists the events of a standard that ERB sends without any setting."""
    return [name for name in MAPPED[standard] if name not in OFF_BY_DEFAULT[standard]]
