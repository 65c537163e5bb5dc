"""Overridden grades of subsections. The event has no points, nor has the grade of the subsection that follows: it is
calculated without the override, which counts in the grade of the course alone.
"""

from __future__ import annotations

from learnrelay import Fields, optional, required
from learnrelay.kinds import boolean, text


class OverrideFields(Fields):
    """Declares a subsection, under the name of a problem, and whether the override was taken back."""

    subsection_id = required("data.problem_id", kind=text)
    taken_back = optional("data.override_deleted", kind=boolean)
