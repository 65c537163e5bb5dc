"""Provides titles of courses: from the operator's ``table``, or ``none``."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import ValidationError, validates_schema

from ..caching import cached
from ..config.fields import FilePath, Section, described
from ..errors import ProviderError, UnknownCourseError
from ..events import SourceEvent
from ..providers import CourseProvider
from .guards import GuardedCourses


class NoSettings(Section):
    """Validates ``[courses] provider = "none"``."""


class NoCourses(CourseProvider):
    """Knows no titles: statements go without them."""

    name = "none"
    settings_schema = NoSettings

    def __init__(self, settings: Mapping[str, Any]) -> None:
        pass

    def title(self, course_id: str) -> str | None:
        """Returns None."""
        return None


class CourseTableSettings(Section):
    """Validates ``[courses] provider = "table"``."""

    path = FilePath(required=True, metadata=described("CSV file with the columns course_id and title", '"courses.csv"'))

    @validates_schema
    def _readable(self, data: dict[str, Any], **_: Any) -> None:
        try:
            read_titles(data["path"])
        except (OSError, ValueError) as error:
            raise ValidationError(str(error), "path") from None


class TableCourses(CourseProvider):
    """Reads titles from CSV with the columns ``course_id,title``; other courses go without a title."""

    name = "table"
    settings_schema = CourseTableSettings

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._titles = read_titles(settings["path"])

    def title(self, course_id: str) -> str | None:
        """Returns the title in the table, or None."""
        return self._titles.get(course_id) or None

    def knows(self, course_id: str) -> bool:
        """Tells whether the course is in the table."""
        return course_id in self._titles


def read_titles(path: str) -> dict[str, str]:
    """Maps course id to title, which may be empty. Raises OSError, or ValueError naming the missing column."""
    with open(path, encoding="utf-8-sig", newline="") as file:  # noqa: PTH123
        reader = csv.DictReader(file)
        if missing := {"course_id", "title"} - set(reader.fieldnames or ()):
            raise ValueError(f"{path}: no column {', '.join(sorted(missing))} in the first line")
        return {row["course_id"].strip(): (row["title"] or "").strip() for row in reader if row["course_id"]}


def unknown_course(provider: CourseProvider) -> Callable[[SourceEvent], UnknownCourseError | None] | None:
    """Returns a function that gives the error for an event of a course unknown to the provider, else None.

    None for a provider that knows all courses. A course of which the provider cannot tell counts as unknown: its
    statements may lack the title.
    """
    if isinstance(provider, GuardedCourses) and provider.knows_all:
        return None
    knows = cached(provider.knows)

    def of(event: SourceEvent) -> UnknownCourseError | None:
        course = event.course_id
        try:
            if course is None or knows(course):
                return None
            reason = "[courses] does not know the course: its statements go without the title"
        except ProviderError as error:
            reason = f"{error.reason}: nobody can tell whether it knows the course"
        return UnknownCourseError(reason, event_name=event.shown_name, event_id=event.id)

    return of
