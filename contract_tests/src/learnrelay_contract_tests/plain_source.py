"""Brings a source to tests of packages that are of no learning platform, where none is installed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from learnrelay import Facts, Source, UserRef, Who, hookimpl, optional, required
from learnrelay.kinds import identifier, moment, text
from learnrelay.plugins.discovery import installed

from .registration import registered


class PlainFacts(Facts):
    """Declares the facts of events in the canonical shape."""

    moment = required("timestamp", kind=moment)
    time_text = required("timestamp", kind=text)
    user_id = optional("context.user_id", kind=identifier, reason="the identity provider makes a pseudonym of it")
    course_id = optional("context.course_id", kind=text)
    session = optional("context.session", kind=text, reason="published only as a keyed digest")

    who_reads = ("user_id",)

    @staticmethod
    def who(user_id: str | None) -> Who | None:
        """Returns the user of the event, if it has one."""
        return Who(UserRef(user_id)) if user_id else None


class PlainSource(Source):
    """Reads events that are in the canonical shape already."""

    name = "plain"
    facts = PlainFacts


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    """Contributes the source."""
    register(PlainSource)


@contextmanager
def registered_source() -> Iterator[None]:
    """Has this process find a source: that which is installed, or else the plain one."""
    if any(info.kind == "sources" for info in installed()):
        yield
    else:
        with registered(plain=sys.modules[__name__]):
            yield
