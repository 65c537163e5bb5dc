"""What a course is called: the operator's ``table``, or ``none``."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import ValidationError, validates_schema

from ..config.fields import FilePath, Section
from ..errors import UnknownCourseError
from ..events import SourceEvent
from ..site import CourseProvider, cached


class NoSettings(Section):
    """``[courses] provider = "none"``."""


class NoCourses(CourseProvider):
    """Courses go without their titles."""

    name = "none"
    settings_schema = NoSettings

    def __init__(self, settings: Mapping[str, Any]) -> None:
        pass

    def title(self, course_id: str) -> str | None:
        """Never known."""
        return None


class TableSettings(Section):
    """``[courses] provider = "table"``."""

    path = FilePath(required=True)

    @validates_schema
    def _readable(self, data: dict[str, Any], **_: Any) -> None:
        try:
            read_titles(data["path"])
        except (OSError, ValueError) as error:
            raise ValidationError(str(error), "path") from None


class TableCourses(CourseProvider):
    """CSV with the columns ``course_id,title``; a course without title, or that is not in it, goes without."""

    name = "table"
    settings_schema = TableSettings

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._titles = read_titles(settings["path"])

    def title(self, course_id: str) -> str | None:
        """The title in the table, or None."""
        return self._titles.get(course_id) or None

    def knows(self, course_id: str) -> bool:
        """Is it in the table?"""
        return course_id in self._titles


def read_titles(path: str) -> dict[str, str]:
    """Course id → title, empty for none. Raises OSError, or ValueError naming the column that is missing."""
    with open(path, encoding="utf-8-sig", newline="") as file:  # noqa: PTH123
        reader = csv.DictReader(file)
        if missing := {"course_id", "title"} - set(reader.fieldnames or ()):
            raise ValueError(f"{path}: no column {', '.join(sorted(missing))} in the first line")
        return {row["course_id"].strip(): (row["title"] or "").strip() for row in reader if row["course_id"]}


def unknown_course(provider: CourseProvider) -> Callable[[SourceEvent], UnknownCourseError | None]:
    """A function that says what is wrong where an event is of a course that the provider does not know."""
    knows = cached(provider.knows)

    def of(event: SourceEvent) -> UnknownCourseError | None:
        course = event.course_id
        if course is None or knows(course):
            return None
        reason = "[courses] does not know the course: its statements go without the title"
        return UnknownCourseError(reason, event_name=event.name, event_id=event.id)

    return of
