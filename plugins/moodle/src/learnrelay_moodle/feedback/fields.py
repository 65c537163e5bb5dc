"""Feedback and surveys: forms that a learner fills in. Answers are in other tables, and are not read."""

from __future__ import annotations

from learnrelay import Fields, required

from ..column_kinds import row_id


class FilledFormFields(Fields):
    """Declares a form that is filled in."""

    cmid = required("context.contextinstanceid", kind=row_id)
