"""LTI tools: the tool that is opened, the version of LTI, and the learner's role in it."""

from __future__ import annotations

from learnrelay import Fields, optional, required
from learnrelay.kinds import one_of, text

_ROLES = (
    "Student,Learner", "Student", "Instructor", "Administrator", "student", "instructor", "staff", "limited_staff",
    "global_staff", "Community TA", "Group Moderator",
)  # fmt: skip
"""What the tool is told, by LTI 1.1 in its own words, by LTI 1.3 in those of the platform."""


class LaunchFields(Fields):
    """Declares a launch by the tool's address; version and role are words of closed lists."""

    launch_url = required(
        "data.launch_url", kind=text, reason="which tool is opened; no more than `page_address` leaves is published"
    )
    version = optional("data.lti_version", kind=one_of("LTI-1p0", "lti_1p1", "lti_1p3"), example=("LTI-1p0", "lti_1p3"))
    role = optional("data.user_roles", kind=one_of(*_ROLES), example=("Student,Learner", "staff"))


class BlockLaunchFields(LaunchFields):
    """Declares a launch by a block of the course; LTI 1.3 does not name the block."""

    block_id = optional("context.module.usage_key", kind=text)
