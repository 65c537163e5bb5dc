"""Selects the events of a replay: by a time window, by name, by course."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from ..events import SourceEvent
from ..kinds import moment

NOT_SELECTED = "not selected"


@dataclass(frozen=True, slots=True)
class EventSelection:
    """Selects events by ``since`` ≤ time < ``until`` (aware), name (exact or with ``*``) and course id. Empty: all."""

    since: datetime | None = None
    until: datetime | None = None
    events: tuple[str, ...] = ()
    courses: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tells whether any event is left out."""
        return self != EventSelection()

    def matcher(self) -> Callable[[SourceEvent], bool]:
        """Returns a function that tells whether an event is selected.

        An event without a readable time is selected: the pipeline reports the error.
        """
        names: dict[str, bool] = {}
        since, until, events, courses = self.since, self.until, self.events, frozenset(self.courses)

        def is_selected(event: SourceEvent) -> bool:
            if events:
                is_match = names.get(event.name)
                if is_match is None:
                    is_match = any(fnmatchcase(event.name, pattern) for pattern in events)
                    if len(names) < 10_000:
                        names[event.name] = is_match
                if not is_match:
                    return False
            if courses and event.course_id not in courses:
                return False
            if since is None and until is None:
                return True
            when = moment(event.body["timestamp"])
            return when is None or ((since is None or since <= when) and (until is None or when < until))

        return is_selected
