"""Declares what the events hold. Nothing else of them reaches an output: no text, no name, no address of a page."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from learnrelay import Fields, Skip, optional, required
from learnrelay.kinds import count, identifier, number

CANVAS = "urn:instructure:canvas:"
"""How the ids of all entities begin: ``urn:instructure:canvas:TYPE:ID``."""

UNMAPPED_ASSET = Skip("an asset of another kind, such as the profile of a person")
_ASSET = re.compile(CANVAS + r"([A-Za-z][A-Za-z_:]*):[0-9]+")
_OF_A_LEARNER = "an id of what the learner made; digested for destinations with pseudonyms of their own"


def id_of(entity: str) -> Callable[[object], str | None]:
    """Makes a kind that reads the id of an entity of this type, with or without what the URN begins with."""
    prefix = f"{CANVAS}{entity}:"

    def read_id(value: object) -> str | None:
        key = (identifier(value) or "").removeprefix(prefix)
        return key if key.isascii() and key.isdigit() else None

    return read_id


class Asset(NamedTuple):
    """Holds the URN of an entity, and the type in it, such as ``quizzes:quiz``."""

    urn: str
    type: str


def asset(value: object) -> Asset | None:
    """Reads the URN of an entity of any type."""
    match = _ASSET.fullmatch(value) if isinstance(value, str) else None
    return None if match is None else Asset(match[0], match[1])


class LoginFields(Fields):
    """Declares nothing: who logged in, and when, are facts."""


class AssetFields(Fields):
    """Declares what is opened."""

    asset = required("data.id", kind=asset, example=(f"{CANVAS}quizzes:quiz:144", f"{CANVAS}user:48"))


class SubmissionFields(Fields):
    """Declares work that is handed in."""

    key = required("data.id", kind=id_of("submission"), reason=_OF_A_LEARNER, example=f"{CANVAS}submission:11086")
    assignment = required("data.assignable.id", kind=id_of("assignment"), example=f"{CANVAS}assignment:355")
    attempt = optional("data.count", kind=count)


class GradeFields(SubmissionFields):
    """Declares the mark of what was handed in."""

    given = optional("context.generated.scoreGiven", kind=number)
    most = optional("context.generated.maxScore", kind=number)


class EntryFields(Fields):
    """Declares an entry of a discussion, without its text."""

    key = required("data.id", kind=id_of("discussionEntry"), reason=_OF_A_LEARNER, example=f"{CANVAS}discussionEntry:7")
    discussion = required("data.isPartOf.id", kind=id_of("discussion"), example=f"{CANVAS}discussion:123456")
