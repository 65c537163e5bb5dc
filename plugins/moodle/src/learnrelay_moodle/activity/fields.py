"""Activities of all modules: that they are opened, and that they are completed."""

from __future__ import annotations

from learnrelay import Fields, Platform, Skip, optional, required

from ..addresses import activity_address
from ..column_kinds import SITE, module_name, row_id, whole

MODULES = (
    "assign", "bigbluebuttonbn", "book", "chat", "choice", "data", "feedback", "folder", "forum", "glossary",
    "h5pactivity", "imscp", "lesson", "lti", "page", "quiz", "resource", "scorm", "subsection", "survey", "url",
    "wiki", "workshop",
)  # fmt: skip
"""Modules of Moodle that have a page of their own. ``label`` has none."""

NOT_COMPLETE = Skip("the activity is set back to not complete")
STATE_NOT_KNOWN = Skip("the row does not say whether the activity is complete")

PASSED, FAILED = (2,), (3, 4)
"""States of completion that say how the activity went; 4 hides it from the learner."""


class ActivityViewFields(Fields):
    """Declares an activity that is opened."""

    cmid = required("context.contextinstanceid", kind=row_id)


class ActivityCompletionFields(Fields):
    """Declares the state of an activity; its module is in no column of the table, but an export may join it."""

    cmid = required("context.contextinstanceid", kind=row_id)
    course_id = optional("context.courseid", kind=row_id)
    module = optional("context.module", kind=module_name, example=("quiz", "acme"))
    state = optional("data.completionstate", kind=whole, example=(1, 2, 3, 0))


def address_of(activity: ActivityCompletionFields, platform: Platform) -> str:
    """Returns the address of the activity, or else of its place on the page of the course."""
    if activity.module is not None:
        return activity_address(platform, activity.module, activity.cmid)
    return f"{platform.course_iri(activity.course_id or SITE)}#module-{activity.cmid}"


def why_not_complete(activity: ActivityCompletionFields) -> Skip | None:
    """Returns why the state is not told; None for a complete activity."""
    if activity.state is None:
        return STATE_NOT_KNOWN
    return None if activity.state > 0 else NOT_COMPLETE


def success(activity: ActivityCompletionFields) -> bool | None:
    """Tells whether the activity is passed; None where it is only complete."""
    return True if activity.state in PASSED else False if activity.state in FAILED else None
