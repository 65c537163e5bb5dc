"""Entities as events name them (Caliper 1.2, section 5 and appendix). Ids are addresses under the platform's root.

An entity that names the learner is written as an `EntityOfLearner`, which becomes JSON with holes for the learner.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
from orjson import Fragment

from learnrelay import Hole, Platform, cached_json
from learnrelay.caching import cached
from learnrelay.times import iso_duration

Entity = dict[str, Any]


class Known(dict[str, Any]):
    """Holds a complete entity: made once, named by many events, never changed.

    json: the entity. id_json: its id, for the ids of events: titles may be others in the next run over the same log.
    """

    __slots__ = ("id_json", "json")

    def __init__(self, entity: Entity) -> None:
        super().__init__(entity)
        self.json, self.id_json = Fragment(cached_json(entity)), Fragment(cached_json(entity["id"]))


LEARNER = Hole()
"""Where ids name the learner, by the end of the IRI (`learner_key`)."""

Id = str | Fragment
"""Text, or JSON with the placeholder `LEARNER`."""


def learner_to_come(platform: Platform) -> Fragment:
    """Returns a placeholder for a learner's IRI, for entities of this module; those of other packages get text only."""
    return LEARNER.within(platform.learner_iri(""), "")


class LearnerWantedError(Exception):
    """Reports that an entity class of another package needs the real learner, not a placeholder."""


class EntityOfLearner:
    """Makes an entity whose id or properties name the learner."""

    __slots__ = ()

    def entity(self, learner: str) -> Entity:
        """Makes the entity for the learner with this IRI."""
        raise NotImplementedError


_WRITTEN_AS_IT_IS = frozenset((str, int, float, bool, list, Known))


def written_for(parts: Mapping[str, Any], learner: Id) -> Entity:
    """Copies parts without what is None and objects that are empty then, with the learner's entities written out."""
    kept: Entity = {}
    for key, value in parts.items():
        kind = type(value)
        if kind in _WRITTEN_AS_IT_IS:
            kept[key] = value
        elif value is None:
            continue
        elif kind is dict:
            if inner := written_for(value, learner):
                kept[key] = inner
        elif isinstance(value, EntityOfLearner):
            kept[key] = entity_of(value, learner)
        else:
            kept[key] = value
    return kept


def entity_of(described: EntityOfLearner, learner: Id) -> Entity:
    """Makes the entity for a learner. Raises LearnerWantedError for a class of another package and a placeholder."""
    if type(described).__module__ == __name__:
        return described.entity(learner)  # type: ignore[arg-type]  # ours take either
    if isinstance(learner, Fragment):
        raise LearnerWantedError
    return written_for(described.entity(learner), learner)


def id_of(attempt: Attempt, learner: Id, suffix: str = "") -> Id:
    """Returns the id of an attempt, or an id that begins with it. Raises LearnerWantedError as `entity_of` does."""
    if type(attempt).__module__ == __name__:
        return attempt.id(learner, suffix)
    if isinstance(learner, Fragment):
        raise LearnerWantedError
    return f"{attempt.id(learner)}{suffix}"


def known_properties(learner: Id, /, **properties: Any) -> Entity:
    """Returns those of the properties that the source knows."""
    return written_for(properties, learner)


@dataclass(slots=True)
class Attempt(EntityOfLearner):
    """Makes a learner's attempt at an item: the ``count``-th, from 1, where the source counts.

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

    def id(self, learner: Id, suffix: str = "") -> Id:
        """Returns the id of the attempt; with a suffix, of what belongs to it."""
        if self.own_id is not None:
            return f"{self.own_id}{suffix}"
        item = self.item if isinstance(self.item, str) else self.item["id"]
        suffix = f"/attempt{suffix}" if self.count is None else f"/attempt/{self.count}{suffix}"
        return of_learner(item, learner, suffix)

    def entity(self, learner: Id) -> Entity:
        """Makes an ``Attempt`` with assignee, assignable, count and its times."""
        item = self.item
        entity: Entity = {
            "id": self.id(learner),
            "type": "Attempt",
            "assignee": person(learner) if self.describes_learner else learner,
            "assignable": written_for(item, learner) if type(item) is dict else item,
        }
        if self.part_of is not None:
            entity["isPartOf"] = id_of(self.part_of, learner)
        if self.count is not None:
            entity["count"] = self.count
        if self.started is not None:
            entity["startedAtTime"] = in_utc(self.started)
        if self.ended is not None:
            entity["endedAtTime"] = in_utc(self.ended)
        if (duration := iso_duration(self.seconds)) is not None:
            entity["duration"] = duration
        return entity


@dataclass(slots=True)
class Score(EntityOfLearner):
    """Makes the score that the platform gave for an attempt, the event's object."""

    attempt: Attempt
    given: float | None
    most: float | None
    scored_by: str
    extensions: Entity | None = None

    def entity(self, learner: Id) -> Entity:
        """Makes a ``Score`` that names the attempt."""
        return {
            "id": id_of(self.attempt, learner, "/score"),
            "type": "Score",
            "attempt": id_of(self.attempt, learner),
            **known_properties(
                learner,
                maxScore=self.most,
                scoreGiven=self.given,
                scoredBy=self.scored_by,
                extensions=self.extensions,
            ),
        }


@dataclass(slots=True)
class Result(EntityOfLearner):
    """Makes the result of an attempt as a whole."""

    attempt: Attempt
    score: float | None
    most: float | None
    scored_by: str
    extensions: Entity

    def entity(self, learner: Id) -> Entity:
        """Makes a ``Result`` with its attempt."""
        return {
            "id": id_of(self.attempt, learner, "/result"),
            "type": "Result",
            "attempt": entity_of(self.attempt, learner),
            **known_properties(
                learner,
                maxResultScore=self.most,
                resultScore=self.score,
                scoredBy=self.scored_by,
                extensions=self.extensions,
            ),
        }


@dataclass(slots=True)
class Response(EntityOfLearner):
    """Makes a learner's response to an item in an attempt; ``kind`` is a Caliper response type.

    A type has either ``value``, ``values`` or ``selections``, or neither; what it has no place for is an extension.
    """

    attempt: Attempt
    kind: str
    value: str | None = None
    values: list[str] | None = None
    extensions: Entity | None = None
    selections: list[str] | None = None

    def entity(self, learner: Id) -> Entity:
        """Makes a response of its kind, with its attempt."""
        return {
            "id": id_of(self.attempt, learner, "/response"),
            "type": self.kind,
            "attempt": entity_of(self.attempt, learner),
            **known_properties(
                learner,
                value=self.value,
                values=self.values,
                selections=self.selections,
                extensions=self.extensions,
            ),
        }


@dataclass(slots=True)
class Membership(EntityOfLearner):
    """Makes a learner's membership in a course; ``course`` is its id."""

    course: str
    status: str
    extensions: Entity

    def entity(self, learner: Id) -> Entity:
        """Makes a ``Membership`` with member, organization, role and status."""
        return {
            "id": of_learner(self.course, learner),
            "type": "Membership",
            "member": learner,
            "organization": self.course,
            "roles": ["Learner"],
            "status": self.status,
            **known_properties(learner, extensions=self.extensions),
        }


@dataclass(slots=True)
class Rating(EntityOfLearner):
    """Makes a learner's rating of something, by its id: what was selected; without ``selections`` it was taken back."""

    rated: str
    selections: list[str] | None

    def entity(self, learner: Id) -> Entity:
        """Makes a ``Rating`` with rater, rated and what was selected."""
        return {
            "id": of_learner(self.rated, learner, "/rating"),
            "type": "Rating",
            "rater": learner,
            "rated": self.rated,
            **known_properties(learner, selections=self.selections or None),
        }


@dataclass(slots=True)
class Annotation(EntityOfLearner):
    """Makes a learner's annotation of a resource, by its id; ``kind`` is a Caliper type of annotations.

    own_id: an id that the platform gave it; without one it is made of resource, learner and kind.
    extensions: what the type has no place for, such as the words of a note.
    """

    annotated: str
    kind: str
    own_id: str | None = None
    extensions: Entity | None = None

    def entity(self, learner: Id) -> Entity:
        """Makes an annotation of its kind, with annotator and annotated."""
        return {
            "id": self.own_id or of_learner(self.annotated, learner, f"/{self.kind}"),
            "type": self.kind,
            "annotator": learner,
            "annotated": self.annotated,
            **known_properties(learner, extensions=self.extensions),
        }


@dataclass(slots=True)
class Comment(EntityOfLearner):
    """Makes what a learner said about something, by its id."""

    commented_on: str
    words: str

    def entity(self, learner: Id) -> Entity:
        """Makes a ``Comment`` with commenter, what it is about, and the words."""
        return {
            "id": of_learner(self.commented_on, learner, "/comment"),
            "type": "Comment",
            "commenter": learner,
            "commentedOn": self.commented_on,
            "value": self.words,
        }


@dataclass(slots=True)
class SearchResponse(EntityOfLearner):
    """Makes what a learner's search in something gave, by its id: how much, and the words where they are let out."""

    target: str
    results: int | None
    words: str | None = None

    def entity(self, learner: Id) -> Entity:
        """Makes a ``SearchResponse`` with the target, the number of results, and a ``Query`` if there are words."""
        query = None if self.words is None else self._query(learner, self.words)
        return {
            "id": of_learner(self.target, learner, "/search"),
            "type": "SearchResponse",
            "searchTarget": self.target,
            **known_properties(learner, query=query, searchResultsItemCount=self.results),
        }

    def _query(self, learner: Id, words: str) -> Entity:
        return {
            "id": of_learner(self.target, learner, "/query"),
            "type": "Query",
            "creator": learner,
            "searchTarget": self.target,
            "searchTerms": words,
        }


def comment_on(thing: str, words: str | None) -> Comment | None:
    """Makes what a learner said about something, by its id; None where the words are not known."""
    return None if words is None else Comment(thing, words)


def search_for(target: str, words: str | None) -> SearchResponse | None:
    """Makes what a search gave of which the words alone are known; None without them."""
    return None if words is None else SearchResponse(target, None, words)


def of_learner(thing: str, learner: Id, suffix: str = "") -> Id:
    """Returns the id of what belongs to a thing and a learner, both given by their ids; ``suffix`` ends it."""
    if isinstance(learner, Fragment):
        return LEARNER.within(f"{thing}/user/", suffix)
    return f"{thing}/user/{learner_key(learner)}{suffix}"


def learner_key(learner: str) -> str:
    """Returns the end of a learner's IRI: the pseudonym."""
    return learner.rpartition("/user/")[2]


def person(learner: Id) -> Entity:
    """Makes a learner: no name, no address, the pseudonym only."""
    return {"id": learner, "type": "Person"}


@cached
def ed_app(platform: Platform) -> Known:
    """Makes the learning platform, as edApp and as grader."""
    return Known({"id": platform.home_url, "type": "SoftwareApplication"})


def course(platform: Platform, course_id: str) -> Known:
    """Describes a course run as an organisation of people."""
    return _course((platform, course_id, platform.generation))


@cached
def _course(key: tuple[Platform, str, int]) -> Known:
    platform, course_id, _ = key
    parts = platform.course_parts(course_id)
    properties = {
        "id": platform.course_iri(course_id),
        "type": "CourseSection",
        "name": platform.course_title(course_id),
        "courseNumber": parts.number,
        "academicSession": parts.term,
    }
    return Known({name: value for name, value in properties.items() if value})


def to_microseconds(utc: bytes) -> bytes:
    """Turns RFC 3339 JSON in UTC into ISO 8601 without an offset: ``2026-03-02T10:00:01.250000``."""
    return utc[1:27] if utc[20:21] == b"." else utc[1:20] + b".000000"


def microseconds_of(moment: datetime) -> bytes:
    """Writes a moment as `to_microseconds` does."""
    return to_microseconds(orjson.dumps(moment.astimezone(UTC)))  # a quarter of isoformat's cost


def in_utc(moment: datetime) -> str:
    """Writes a moment in UTC with milliseconds and ``Z`` (Caliper 1.2, 4.2): what is finer is cut, as clocks do."""
    return f"{microseconds_of(moment)[:23].decode()}Z"
