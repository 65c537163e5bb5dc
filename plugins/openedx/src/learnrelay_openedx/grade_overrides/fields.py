"""Overridden grades of subsections. The points follow in the grade that is calculated anew."""

from __future__ import annotations

from learnrelay import Fields, optional, required
from learnrelay.kinds import boolean, text


class OverrideFields(Fields):
    """Declares a subsection, under the name of a problem, and whether the override was taken back."""

    subsection_id = required("data.problem_id", kind=text)
    taken_back = optional("data.override_deleted", kind=boolean)
