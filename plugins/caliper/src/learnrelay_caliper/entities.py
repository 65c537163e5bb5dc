"""Entities as events name them (Caliper 1.2, section 5 and appendix). Ids are addresses under the platform's root.

An entity that names the learner is written as an `OfLearner` and becomes JSON when the learner is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from orjson import Fragment

from learnrelay import InvalidFieldError, Site, kept_json
from learnrelay.openedx.keys import block_key, parse_course
from learnrelay.openedx.video import iso_duration
from learnrelay.site import cached

Entity = dict[str, Any]


class Known(dict[str, Any]):
    """An entity that is complete: made once, named by many events, never changed.

    json: the entity. told: its id, for the ids of events: titles may be others in the next run over the same log.
    """

    __slots__ = ("json", "told")

    def __init__(self, entity: Entity) -> None:
        super().__init__(entity)
        self.json, self.told = Fragment(kept_json(entity)), Fragment(kept_json(entity["id"]))


ANYBODY = "~ZXQJ~JQZX~XJQZ~ZQJX~QXZJ~"
"""End of the IRI of a learner in whose place others are put, which the entities here bear: they write it as it is.

No text has it, unless somebody reads this and writes it; then it becomes the pseudonym of the event's own learner. Its
letters are such that JSON seldom has, for these are found sooner.
"""


class LearnerWantedError(Exception):
    """An entity of somebody else's asks for the real learner: who knows what it makes of the IRI."""


class OfLearner:
    """An entity whose id or properties name the learner."""

    __slots__ = ()

    def entity(self, learner: str) -> Entity:
        """The entity, for the learner with this IRI."""
        raise NotImplementedError


_WRITTEN_AS_SAID = frozenset((str, int, float, bool, list, Known))


def present(said: Mapping[str, Any], learner: str) -> Entity:
    """What a mapping said without what is None and without objects that are empty then; the learner's written out."""
    kept: Entity = {}
    for key, value in said.items():
        if value is None:
            continue
        kind = type(value)
        if kind in _WRITTEN_AS_SAID:
            kept[key] = value
        elif kind is dict:
            if inner := present(value, learner):
                kept[key] = inner
        elif isinstance(value, OfLearner):
            kept[key] = entity_of(value, learner)
        else:
            kept[key] = value
    return kept


def entity_of(one: OfLearner, learner: str) -> Entity:
    """The entity for a learner. Raises LearnerWantedError for a class from elsewhere, if that is anybody."""
    if type(one).__module__ == __name__:
        return one.entity(learner)
    if learner.endswith(ANYBODY):
        raise LearnerWantedError
    return present(one.entity(learner), learner)


def id_of(attempt: Attempt, learner: str) -> str:
    """The id of an attempt for a learner. Raises LearnerWantedError as `entity_of` does."""
    if type(attempt).__module__ != __name__ and learner.endswith(ANYBODY):
        raise LearnerWantedError
    return attempt.id(learner)


def where_told(learner: str, /, **properties: Any) -> Entity:
    """Those of the properties that the source tells."""
    return present(properties, learner)


@dataclass(slots=True)
class Attempt(OfLearner):
    """A learner's work on an item: the ``count``-th attempt, from 1, where the source counts.

    item: the entity, or its id where the event describes it elsewhere.
    part_of: the attempt at a larger item.
    own_id: an id that the platform gave it; without one it is made of item, learner and count.
    describes_learner: the learner is not the event's actor, so a bare id would not say what it is.
    seconds: how long it took.
    """

    item: Entity | str
    count: int | None = None
    part_of: Attempt | None = None
    own_id: str | None = None
    describes_learner: bool = False
    started: datetime | None = None
    ended: datetime | None = None
    seconds: float | None = None

    def id(self, learner: str) -> str:
        """Id of the attempt."""
        if self.own_id is not None:
            return self.own_id
        item = self.item if isinstance(self.item, str) else self.item["id"]
        number = f"/{self.count}" if self.count is not None else ""
        return f"{of_learner(item, learner)}/attempt{number}"

    def entity(self, learner: str) -> Entity:
        """``Attempt`` with assignee, assignable, count and its times."""
        item = self.item
        told: Entity = {
            "id": self.id(learner),
            "type": "Attempt",
            "assignee": person(learner) if self.describes_learner else learner,
            "assignable": present(item, learner) if type(item) is dict else item,
        }
        if self.part_of is not None:
            told["isPartOf"] = id_of(self.part_of, learner)
        if self.count is not None:
            told["count"] = self.count
        if self.started is not None:
            told["startedAtTime"] = in_utc(self.started)
        if self.ended is not None:
            told["endedAtTime"] = in_utc(self.ended)
        if (duration := iso_duration(self.seconds)) is not None:
            told["duration"] = duration
        return told


@dataclass(slots=True)
class Score(OfLearner):
    """What the platform gave for an attempt that is the event's object."""

    attempt: Attempt
    given: float | None
    most: float | None
    scored_by: str
    extensions: Entity | None = None

    def entity(self, learner: str) -> Entity:
        """``Score`` that names the attempt."""
        attempt = id_of(self.attempt, learner)
        return {
            "id": f"{attempt}/score",
            "type": "Score",
            "attempt": attempt,
            **where_told(
                learner,
                maxScore=self.most,
                scoreGiven=self.given,
                scoredBy=self.scored_by,
                extensions=self.extensions,
            ),
        }


@dataclass(slots=True)
class Result(OfLearner):
    """How an attempt stands as a whole."""

    attempt: Attempt
    score: float | None
    most: float | None
    scored_by: str
    extensions: Entity

    def entity(self, learner: str) -> Entity:
        """``Result`` with its attempt."""
        attempt = entity_of(self.attempt, learner)
        return {
            "id": f"{attempt['id']}/result",
            "type": "Result",
            "attempt": attempt,
            **where_told(
                learner,
                maxResultScore=self.most,
                resultScore=self.score,
                scoredBy=self.scored_by,
                extensions=self.extensions,
            ),
        }


@dataclass(slots=True)
class Response(OfLearner):
    """What a learner answered to an item in an attempt; ``kind`` is a Caliper response type.

    A type has either ``value`` or ``values`` or neither; what the type has no place for is an extension.
    """

    attempt: Attempt
    kind: str
    value: str | None = None
    values: list[str] | None = None
    extensions: Entity | None = None

    def entity(self, learner: str) -> Entity:
        """A response of its kind, with its attempt."""
        attempt = entity_of(self.attempt, learner)
        return {
            "id": f"{attempt['id']}/response",
            "type": self.kind,
            "attempt": attempt,
            **where_told(learner, value=self.value, values=self.values, extensions=self.extensions),
        }


@dataclass(slots=True)
class Membership(OfLearner):
    """A learner's place in a course; ``course`` is its id."""

    course: str
    status: str
    extensions: Entity

    def entity(self, learner: str) -> Entity:
        """``Membership`` with member, organization, role and status."""
        return {
            "id": of_learner(self.course, learner),
            "type": "Membership",
            "member": learner,
            "organization": self.course,
            "roles": ["Learner"],
            "status": self.status,
            **where_told(learner, extensions=self.extensions),
        }


@dataclass(slots=True)
class Rating(OfLearner):
    """A learner's vote for something, by its id; without ``selection`` it was taken back."""

    rated: str
    selection: str | None

    def entity(self, learner: str) -> Entity:
        """``Rating`` with rater, rated and what was selected."""
        return {
            "id": f"{of_learner(self.rated, learner)}/rating",
            "type": "Rating",
            "rater": learner,
            "rated": self.rated,
            **where_told(learner, selections=None if self.selection is None else [self.selection]),
        }


def of_learner(thing: str, learner: str) -> str:
    """Id of what belongs to a thing and a learner, both given by their ids."""
    return f"{thing}/user/{learner_key(learner)}"


def learner_key(learner: str) -> str:
    """The end of a learner's IRI: the pseudonym."""
    return learner.rpartition("/user/")[2]


def person(learner: str) -> Entity:
    """A learner: no name, no address, the pseudonym only."""
    return {"id": learner, "type": "Person"}


@cached
def platform(site: Site) -> Known:
    """The learning platform, as edApp and as the one who grades."""
    return Known({"id": site.root_url, "type": "SoftwareApplication"})


def course_id(site: Site, key: str) -> str:
    """Id of a course run."""
    return _iri((site, "course", key))


def course(site: Site, key: str) -> Known:
    """A course run, as an organisation of people."""
    return _course((site, key))


@cached
def _course(of: tuple[Site, str]) -> Known:
    site, key = of
    parts = parse_course(key)
    told = {
        "id": course_id(site, key),
        "type": "CourseSection",
        "name": site.course_title(key),
        "courseNumber": parts and parts.course,
        "academicSession": parts and parts.run,
    }
    return Known({name: value for name, value in told.items() if value})


def course_content(site: Site, key: str) -> Known:
    """A course run, as a resource to be worked through: the block at its root.

    Raises InvalidFieldError for a text that is no course key.
    """
    return _course_content((site, key))


@cached
def _course_content(of: tuple[Site, str]) -> Known:
    site, key = of
    parts = parse_course(key)
    root = block_key(key, "course", parts.run if parts.kind == "old" else "course") if parts else None
    if root is None:
        raise InvalidFieldError("not a course key", path="context.course_id")
    return Known({"id": block_id(site, root), "type": "AssignableDigitalResource"})


def block_id(site: Site, usage_key: str) -> str:
    """Id of a block."""
    return _iri((site, "xblock", usage_key))


@cached
def _iri(of: tuple[Site, str, str]) -> str:
    site, kind, key = of
    return site.iri(kind, key)


def to_microseconds(moment: datetime) -> bytes:
    """A moment in UTC, ISO 8601 without an offset: ``2026-03-02T10:00:01.250000``."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    text = orjson.dumps(utc)  # a quarter of isoformat's cost; whole seconds without fraction
    return text[1:27] if utc.microsecond else text[1:20] + b".000000"


def in_utc(moment: datetime) -> str:
    """A moment in UTC with milliseconds and ``Z`` (Caliper 1.2, 4.2): what is finer is cut, as the clock would."""
    return f"{to_microseconds(moment)[:23].decode()}Z"
