"""Entities as events name them (Caliper 1.2, section 5 and appendix). Ids are addresses under the platform's root.

An entity that names the learner is written as an `OfLearner` and becomes JSON when the learner is known.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from learnrelay import Site
from learnrelay.openedx.keys import parse_course

Entity = dict[str, Any]


class OfLearner(ABC):
    """An entity whose id or properties name the learner."""

    @abstractmethod
    def entity(self, learner: str) -> Entity:
        """The entity, for the learner with this IRI."""


@dataclass(frozen=True, slots=True)
class Attempt(OfLearner):
    """A learner's attempt at an item: the ``count``-th, from 1, where the source counts. ``part_of``: a larger item's."""

    item: Entity
    count: int | None = None
    part_of: Attempt | None = None

    def id(self, learner: str) -> str:
        """Id of the attempt."""
        number = f"/{self.count}" if self.count is not None else ""
        return f"{self.item['id']}/user/{learner.rpartition('/')[2]}/attempt{number}"

    def entity(self, learner: str) -> Entity:
        """``Attempt`` with assignee, assignable and count."""
        return {
            "id": self.id(learner),
            "type": "Attempt",
            "assignee": learner,
            "assignable": self.item,
            "isPartOf": self.part_of and self.part_of.id(learner),
            "count": self.count,
        }


@dataclass(frozen=True, slots=True)
class Score(OfLearner):
    """What the platform gave for an attempt."""

    attempt: Attempt
    given: float | None
    most: float | None
    scored_by: str

    def entity(self, learner: str) -> Entity:
        """``Score`` that names the attempt."""
        attempt = self.attempt.id(learner)
        return {
            "id": f"{attempt}/score",
            "type": "Score",
            "attempt": attempt,
            "maxScore": self.most,
            "scoreGiven": self.given,
            "scoredBy": self.scored_by,
        }


@dataclass(frozen=True, slots=True)
class Response(OfLearner):
    """What a learner answered to an item in an attempt; ``kind`` is a Caliper response type."""

    attempt: Attempt
    kind: str = "Response"
    value: str | None = None
    values: tuple[str, ...] = ()
    correct: bool | None = None

    def entity(self, learner: str) -> Entity:
        """A response of its kind."""
        attempt = self.attempt.id(learner)
        return {
            "id": f"{attempt}/response",
            "type": self.kind,
            "attempt": attempt,
            "value": self.value,
            "values": list(self.values) or None,
            "extensions": {"correct": self.correct},
        }


def person(site: Site, pseudonym: str) -> Entity:
    """A learner: no name, no address, the pseudonym only."""
    return {"id": site.iri("user", pseudonym), "type": "Person"}


def platform(site: Site) -> Entity:
    """The learning platform, as edApp and as the one who grades."""
    return {"id": site.root_url, "type": "SoftwareApplication"}


def course_id(site: Site, key: str) -> str:
    """Id of a course run."""
    return site.iri("course", key)


def course(site: Site, key: str) -> Entity:
    """A course run."""
    parts = parse_course(key)
    return {
        "id": course_id(site, key),
        "type": "CourseSection",
        "name": site.course_title(key),
        "courseNumber": parts and parts.course,
        "academicSession": (parts and parts.run) or None,
    }


def block_id(site: Site, usage_key: str, *suffix: str) -> str:
    """Id of a block, or of a thing that belongs to one."""
    return site.iri("xblock", usage_key, *suffix)
