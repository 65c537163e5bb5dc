"""Represents the source of the platform whose events the plugin under test handles, as its process describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from learnrelay.events import RequestNames, Shape
from learnrelay.personal_data import Grade, PersonalNames
from learnrelay.privacy import names
from learnrelay.sample_values import SampleValues

from .declarations import Declared, flat, read

BY_ID, BY_NAME, SESSION = 0, 1, 2
"""What stands at a path of the facts: the id of a user, the name of a user, the key of a session."""


def _is_id(path: str) -> bool:
    """Tells whether a path is called an id: ``user_id``, ``userId``, ``userid``."""
    words = names.tokens(path.rpartition(".")[2])
    return "id" in words or words[-1].endswith("userid")


@dataclass(frozen=True)
class SourceDescription:
    """Holds what a source declares. ``who_reads``: names of the facts that tell whom an event is about."""

    name: str
    shape: Shape
    facts: tuple[Declared, ...]
    who_reads: tuple[str, ...]
    sample_values: SampleValues
    personal_names: PersonalNames
    course_address: str
    terms: Mapping[str, Any]

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> SourceDescription:
        """Builds the description from JSON data."""
        sample_values = SampleValues(data["sample_values"]["by_name"], keys=tuple(data["sample_values"]["keys"]))
        personal = data["personal_names"]
        shape: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in data["shape"].items()
        }
        names = shape["request_names"]
        return cls(
            data["name"],
            Shape(**{**shape, "request_names": names and RequestNames(**names)}),
            read(data["facts"], sample_values),
            tuple(data["who_reads"]),
            sample_values,
            PersonalNames(
                frozenset(personal["direct"]),
                frozenset(personal["indirect"]),
                {path: Grade(grade) for path, grade in personal["known_paths"].items()},
                frozenset(personal["closed"]),
            ),
            data["course_address"],
            data["terms"],
        )

    @cached_property
    def user_paths(self) -> dict[str, int]:
        """Returns the paths at which the platform names users → `BY_ID` or `BY_NAME`.

        The name of the event may tell which of them is the learner; it names nobody.
        """
        paths = (path for path, field in flat(self.facts) if field.name in self.who_reads and path != "name")
        return {path: BY_ID if _is_id(path) else BY_NAME for path in paths}

    @cached_property
    def personal_paths(self) -> dict[str, int]:
        """Returns the paths of users and of the session → `BY_ID`, `BY_NAME` or `SESSION`."""
        return {**self.user_paths, **dict.fromkeys(self._paths_of("session"), SESSION)}

    @cached_property
    def time_paths(self) -> set[str]:
        """Returns the paths of the time of an event."""
        return {*self._paths_of("moment"), *self._paths_of("time_text")}

    @cached_property
    def course_paths(self) -> set[str]:
        """Returns the paths of the course that an event names."""
        return {*self._paths_of("course_id")}

    def _paths_of(self, name: str) -> list[str]:
        return [path for path, field in flat(self.facts) if field.name == name]

    def personal_name(self, path: str) -> str | None:
        """Returns the personal name that a path resembles, by the general names; or that it is on the platform.

        The platform's indirect names count by their whole paths in the context, which all events share: in the data of
        a third party's events they are common words.
        """
        if path == "name":
            return None
        if (general := names.of_path(path)) is not None:
            return general
        last = path.rpartition(".")[2]
        known = path.startswith("context.") and self.personal_names.known_paths.get(path, Grade.NONE) is not Grade.NONE
        return last if known or last.lower() in self.personal_names.direct else None
