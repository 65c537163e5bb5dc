"""Caches frames: the actor, course and session of a statement, made once for many events.

A standard makes a frame (`learnrelay.Standard.framer`); the core finds the learner, and caches frames by the facts of
an event about users, course and session.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from .caching import BoundedCache, gap_mark
from .facts import Facts, Who
from .mapping import Skip
from .platform import Platform
from .providers import Learner, UserRef

NOBODY = "nobody is signed in"
UNKNOWN_LEARNER = "the identity provider does not know the learner"
OBJECTED = "the learner objected"
"""Reasons to skip an event without a usable learner."""

Frame = Any
"""A standard's value for learner, course and session. Composers do not change it."""

MakeFrame = Callable[[Learner, Who, "str | None", "str | None"], "Frame | Skip"]
"""(learner, user of the event, course id, session key) → frame, or a skip."""


_MAX_BYTES = 3 * 2**19  # of the frames of a pseudonym space


class ObjectionList(Protocol):
    """Describes the list of learners who objected. ``version`` rises with each change of it."""

    def version(self) -> int:
        """Returns the number of the present version."""

    def includes(self, user: UserRef) -> bool:
        """Tells whether a user objected."""


def frame_look_up(
    platform: Platform, make_frame: MakeFrame, objections: ObjectionList | None = None
) -> Callable[[Facts], Frame | Skip]:
    """Returns the function from an event's facts to its frame, or a skip for an event without a usable learner.

    The function raises InvalidFieldError as `Facts.who` does, ProviderError as the identity provider does, and caches
    results that lack nothing.
    """
    declared = platform.source.facts

    def make(key: tuple[Any, ...]) -> Frame | Skip:
        *values, course_id, session = key
        who = declared.who(*values)
        if who is None:
            return Skip(NOBODY)
        if objections is not None and objections.includes(who.user):
            return Skip(OBJECTED)
        if who.staff is not None and objections is not None and objections.includes(who.staff):
            who = replace(who, staff=None)
        learner = platform.learner(who.user)
        if learner is None:
            return Skip(UNKNOWN_LEARNER)
        return make_frame(learner, who, course_id, session)

    def look_up_in(frames: BoundedCache[tuple[Any, ...], Frame | Skip]) -> Callable[[Facts], Frame | Skip]:
        def frame_of(facts: Facts) -> Frame | Skip:
            key = facts.frame_key
            try:
                return frames.entries[key]
            except KeyError:
                mark = gap_mark()
                frame = make(key)
                if mark is gap_mark():
                    frames.add(key, frame)
                return frame

        return frame_of

    frame_of = look_up_in(BoundedCache(max_bytes=_MAX_BYTES))
    if objections is None and platform.identity.max_age is None:
        return frame_of
    of_version = ((0, 0), frame_of)

    def frame_of_version(facts: Facts) -> Frame | Skip:
        nonlocal of_version
        version = (0 if objections is None else objections.version(), platform.generation)
        if of_version[0] != version:
            # who still makes a frame of the version before puts it into the cache before
            of_version = (version, look_up_in(BoundedCache(max_bytes=_MAX_BYTES)))
        return of_version[1](facts)

    return frame_of_version
