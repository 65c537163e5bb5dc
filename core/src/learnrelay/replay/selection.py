"""Which events a replay is about: a time window, events, courses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase

from ..events import SourceEvent
from ..kinds import moment

NOT_SELECTED = "not selected"


@dataclass(frozen=True, slots=True)
class Selection:
    """``since`` ≤ time < ``until`` (both aware); event names, exact or with ``*``; course ids. Empty means all."""

    since: datetime | None = None
    until: datetime | None = None
    events: tuple[str, ...] = ()
    courses: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Is anything left out at all?"""
        return self != Selection()

    def chooser(self) -> Callable[[SourceEvent], bool]:
        """A function that says whether an event is asked for.

        An event without a readable time passes: the pipeline says what is wrong with it.
        """
        names: dict[str, bool] = {}
        since, until, events, courses = self.since, self.until, self.events, frozenset(self.courses)

        def chosen(event: SourceEvent) -> bool:
            if events:
                known = names.get(event.name)
                if known is None:
                    known = any(fnmatchcase(event.name, pattern) for pattern in events)
                    if len(names) < 10_000:
                        names[event.name] = known
                if not known:
                    return False
            if courses and event.course_id not in courses:
                return False
            if since is None and until is None:
                return True
            when = moment(event.body["timestamp"])
            return when is None or ((since is None or since <= when) and (until is None or when < until))

        return chosen
