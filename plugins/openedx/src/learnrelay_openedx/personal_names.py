"""Names of personal data in Open edX's events."""

from __future__ import annotations

from learnrelay.personal_data import Grade, PersonalNames

PERSONAL_NAMES = PersonalNames(
    direct=frozenset({
        "instructor", "filename", "certificate_url", "assertion_image_url", "assertion_json_url", "review_video_url",
        "settings",
    }),
    indirect=frozenset({
        "instructor_id", "scorer_id", "requesting_staff_id", "page", "path", "source_url", "enterprise_uuid",
        "course_user_tags", "attempt_id", "attempt_code", "review_attempt_code", "review_status", "certificate_id",
        "assertion_id", "bookmark_id", "note_id", "submission_uuid", "submission_returned_uuid", "student_item_key",
        "report_url", "user_course_roles", "user_forums_roles", "allowance_value", "team_id", "cohort_id", "group_id",
        "saved_response", "response", "submission", "state", "old_state", "new_state", "choice", "choices",
        "options_selected", "rationale", "feedback", "feedback_text", "parts", "title", "text", "note_text",
        "old_note_text", "corrected_text", "notes", "tags", "old_tags", "query", "search_string", "search_text",
        "file_upload_key", "target_url", "current_url",
        "launch_url", "user_roles", "bumper_id", "chapter", "chapter_title", "result_link", "url",
    }),
    known_paths={
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
    },
    closed=frozenset({
        "id", "problem_id", "module_id", "block_id", "usage_key", "component_usage_id", "exam_content_id", "item_id",
        "location_id", "location", "host_component_id", "courserun_key",
        "course_id", "org_id", "response_type", "success", "old_speed", "new_speed",
    }),
)  # fmt: skip
