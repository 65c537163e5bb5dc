"""Declares the source, which reads rows of the log that Moodle writes (``logstore_standard_log``).

The columns are the context, ``other`` is the payload. Rows come as JSON objects, one a line, or as lines of CSV.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from learnrelay import Shape, Skip, Source, hookimpl

from .belonging import COURSE_PROOF
from .facts import MoodleFacts
from .grades import GradedItem, why_no_grade
from .learners import LearnerEvidence, why_no_learner
from .personal_names import PERSONAL_NAMES
from .rows import COLUMNS, is_csv, read_csv_line, read_row
from .sample_values import SAMPLE_VALUES
from .settings import MoodleSettings

settings_schema = MoodleSettings

_ELSEWHERE = ("eventname", "timecreated", "other")


class MoodleSource(Source):
    """Reads the rows of Moodle's log."""

    name = "moodle"
    shape = Shape(
        name=("eventname",),
        timestamp=("timecreated",),
        data=("other",),
        context_at_root=tuple(column for column in COLUMNS if column not in _ELSEWHERE),
        identifying=("id", "userid", "relateduserid", "contextid", "objectid"),
    )
    facts = MoodleFacts
    course_address = "course/view.php?id={}"
    terms: ClassVar = {
        "session_id": "https://w3id.org/xapi/moodle/extension/session-id",
        "transformer_version": "https://w3id.org/xapi/moodle/extension/transformer-version",
    }
    course_proof = COURSE_PROOF
    personal_names = PERSONAL_NAMES
    sample_values = SAMPLE_VALUES

    def parse_line(self, line: bytes) -> dict[str, Any]:
        """Reads the row in a line of JSON or CSV. Raises UnreadableEventError."""
        return read_csv_line(line) if is_csv(line) else super().parse_line(line)

    def bring_into_shape(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Decodes what the columns of a row hold."""
        return read_row(raw)


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    """Contributes the source."""
    register(MoodleSource)


class RowEvidence(LearnerEvidence, GradedItem):
    """Declares what decides whether a row is told."""


@hookimpl(reads=RowEvidence)
def filter_event(fields: RowEvidence, settings: Mapping[str, Any]) -> Skip | None:
    """Drops rows that are about no learner, and grades that another row tells."""
    return why_no_learner(fields, settings["guest"], settings["administrators"]) or why_no_grade(
        fields.name, fields, settings["grades"]
    )
