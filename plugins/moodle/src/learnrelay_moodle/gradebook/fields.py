"""The gradebook: marks of activities, and of whole courses."""

from __future__ import annotations

from learnrelay import Fields, Platform, Skip, optional, required
from learnrelay.kinds import one_of

from ..addresses import activity_address
from ..column_kinds import course, decimal, module_name, row_id

NOT_NAMED = Skip("the row does not say what was graded: join the columns of grade_items to it")
CLEARED = Skip("the grade was cleared")
CATEGORY = Skip("a category of the gradebook is no activity")

_WHY = "the mark is what the statement tells"


class GradebookFields(Fields):
    """Declares a mark, and the columns of ``grade_items`` that an export has joined to the row."""

    course_id = required("context.courseid", kind=course)
    grade = optional("data.finalgrade", kind=decimal, reason=_WHY)
    item_type = optional(
        "context.grade_itemtype", kind=one_of("mod", "course", "category", "manual"),
        example=("mod", "course", "category"),
    )  # fmt: skip
    module = optional("context.grade_itemmodule", kind=module_name, example=("h5pactivity", "acme"))
    cmid = optional("context.grade_cmid", kind=row_id, example=(706, "707"))
    grade_min = optional("context.grade_min", kind=decimal, example=(0, 1))
    grade_max = optional("context.grade_max", kind=decimal)
    grade_pass = optional("context.grade_pass", kind=decimal)


def graded_address(item: GradebookFields, platform: Platform) -> str | Skip:
    """Returns the address of what was graded, or why there is none."""
    if item.grade is None:
        return CLEARED
    if item.item_type == "course":
        return platform.course_iri(item.course_id)
    if item.item_type == "mod" and item.module is not None and item.cmid is not None:
        return activity_address(platform, item.module, item.cmid)
    return CATEGORY if item.item_type in ("category", "manual") else NOT_NAMED
