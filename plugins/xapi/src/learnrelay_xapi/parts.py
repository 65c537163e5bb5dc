"""Types the parts of a statement that a mapping returns. The composer adds id, actor, time and version.

None means: leave it out. Types of their own let an editor complete the names, and a type checker find a wrong one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Required, TypedDict

from .vocabulary import Verb

LanguageMap = Mapping[str, str]
"""Language tag → text."""

Extensions = Mapping[str, Any]
"""IRI → value."""


class DefinitionParts(TypedDict, total=False):
    """Describes an activity (1.0.3, Data 2.4.4.1).

    type: where it is not the constant of the mapping's declaration.
    """

    type: str | None
    name: LanguageMap | None
    description: LanguageMap | None
    interactionType: str
    moreInfo: str | None
    extensions: Extensions


class ObjectParts(TypedDict, total=False):
    """Names the activity that the statement is about."""

    id: Required[str]
    definition: DefinitionParts


class ScoreParts(TypedDict, total=False):
    """Holds a score (1.0.3, Data 2.4.5.1)."""

    scaled: float
    raw: float
    min: float
    max: float


class ResultParts(TypedDict, total=False):
    """Holds the result (1.0.3, Data 2.4.5). ``response``: a list is written as JSON. ``duration``: ISO 8601."""

    score: ScoreParts | None
    success: bool | None
    completion: bool | None
    response: str | Sequence[Any] | None
    duration: str | None
    extensions: Extensions


class ActivityParts(TypedDict, total=False):
    """Names an activity of the context."""

    id: Required[str]
    objectType: str
    definition: Mapping[str, Any]


class ContextActivities(TypedDict, total=False):
    """Lists the activities that the statement belongs to (1.0.3, Data 2.4.6.2). The composer adds the course.

    The course is the parent; where the mapping gives a parent, the course is in ``grouping``.
    """

    parent: Sequence[ActivityParts] | None
    grouping: Sequence[ActivityParts] | None
    category: Sequence[ActivityParts] | None
    other: Sequence[ActivityParts] | None


class ContextParts(TypedDict, total=False):
    """Holds the context (1.0.3, Data 2.4.6)."""

    registration: str | None
    platform: str | None
    language: str | None
    contextActivities: ContextActivities
    extensions: Extensions


class StatementParts(TypedDict, total=False):
    """Holds the parts of one statement.

    verb: one of those that the mapping declares; by default the first. timestamp: where it is not that of the event.
    child: of several statements, the key of one that is not the first; the first is the parent of the others.
    """

    object: Required[ObjectParts]
    result: ResultParts
    context: ContextParts
    verb: Verb
    timestamp: datetime | None
    child: str
