"""What in a source event is personal data: grades of the paths and names that the platform is known to use.

``direct``: names a person or reaches one. ``indirect``: is linkable to one, or is free text of one. ``none``: neither.
"""

from __future__ import annotations

from enum import Enum


class Grade(Enum):
    """How personal a source field is."""

    DIRECT = "direct"
    INDIRECT = "indirect"
    NONE = "none"


KNOWN_PATHS: dict[str, Grade] = {
    "name": Grade.NONE,
    "timestamp": Grade.NONE,
    "data": Grade.INDIRECT,  # as text: the inputs of a form
    "context.course_id": Grade.NONE,
    "context.org_id": Grade.NONE,
    "context.user_id": Grade.INDIRECT,
    "context.username": Grade.DIRECT,
    "context.session": Grade.INDIRECT,
    "context.ip": Grade.DIRECT,
    "context.agent": Grade.INDIRECT,
    "context.host": Grade.NONE,
    "context.referer": Grade.INDIRECT,
    "context.accept_language": Grade.NONE,
    "context.client_id": Grade.INDIRECT,
    "context.event_source": Grade.NONE,
    "context.page": Grade.INDIRECT,
    "context.path": Grade.INDIRECT,
    "context.component": Grade.NONE,
    "context.received_at": Grade.NONE,
    "context.enterprise_uuid": Grade.INDIRECT,
    "context.application.name": Grade.NONE,
    "context.application.version": Grade.NONE,
    "context.module.display_name": Grade.NONE,
    "context.module.usage_key": Grade.NONE,
    "data.old": Grade.DIRECT,  # of a change of the user's settings
    "data.new": Grade.DIRECT,
}
"""Paths whose meaning does not hang on the event, and those whose last name alone would mislead."""

_DIRECT = frozenset({
    "username", "target_username", "user", "student", "instructor", "email", "full_name", "first_name", "last_name",
    "phone_number", "address", "ip", "filename", "certificate_url", "assertion_image_url", "assertion_json_url",
    "review_video_url", "settings",
})  # fmt: skip
_INDIRECT = frozenset({
    "user_id", "target_user_id", "attempt_user_id", "allowance_user_id", "instructor_id", "scorer_id",
    "requesting_student_id", "requesting_staff_id", "session", "session_id", "agent", "user_agent", "client",
    "client_id", "device", "device_id", "referer", "page", "path", "source_url", "enterprise_uuid", "course_user_tags",
    "attempt_id", "attempt_code", "review_attempt_code", "review_status", "certificate_id", "assertion_id",
    "bookmark_id", "note_id", "submission_uuid", "submission_returned_uuid", "student_item_key", "report_url",
    "user_course_roles", "user_forums_roles", "allowance_value", "team_id", "cohort_id", "group_id",
    "answer", "answers", "student_answer", "student_answers", "saved_response", "response", "submission", "state",
    "old_state", "new_state", "choice", "choices", "options_selected", "rationale", "feedback", "feedback_text",
    "parts", "body", "title", "text", "note_text", "old_note_text", "corrected_text", "notes", "tags", "old_tags",
    "query", "search_string", "search_text", "file_upload_key", "date_of_birth", "gender", "country", "year_of_birth",
})  # fmt: skip


def grade_of(path: str) -> Grade:
    """The grade of a source path: of the path itself where it is known, else the highest of its names'.

    >>> [grade_of(path).value for path in ("context.username", "data.submission.*.answer", "data.current_time")]
    ['direct', 'indirect', 'none']
    """
    plain = path.removesuffix(".**")
    if plain in KNOWN_PATHS:
        return KNOWN_PATHS[plain]
    last = plain.replace(".*", "").rpartition(".")[2].lower()
    if last in _DIRECT:
        return Grade.DIRECT
    return Grade.INDIRECT if last in _INDIRECT else Grade.NONE
