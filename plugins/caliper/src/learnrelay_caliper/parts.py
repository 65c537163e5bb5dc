"""Types the parts of an event that a mapping returns. The composer adds id, time, actor, application and course.

None means: leave it out. Types of their own let an editor complete the names, and a type checker find a wrong one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Required, TypedDict

from .entities import Entity, EntityOfLearner

AnyEntity = Entity | EntityOfLearner
"""An entity, or one that names the learner, who is put in when known."""


class EventKind(TypedDict, total=False):
    """Names type, action and profile of an event: one of those that the mapping declares, by default the first."""

    type: str
    action: str
    profile: str


class EventParts(EventKind, total=False):
    """Holds the parts of one event (Caliper 1.2, 4.1).

    actor: where that is the platform and not the learner. Where the declaration has ``staff=True`` and staff are known,
    they are the actor, and ``actor``, ``type`` and ``profile`` given here do not count. eventTime: when it happened,
    where that is not when it was recorded.
    """

    object: Required[AnyEntity]
    target: AnyEntity | None
    generated: AnyEntity | None
    referrer: AnyEntity | None
    membership: AnyEntity | None
    actor: Entity | None
    eventTime: datetime | None
    extensions: dict[str, Any]
