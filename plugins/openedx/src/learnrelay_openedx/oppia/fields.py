"""Oppia explorations. The names of their states are not read."""

from __future__ import annotations

import re
from typing import Any

from learnrelay import Fields, Platform, optional, required
from learnrelay.kinds import text

from ..addresses import block_iri

_ID = re.compile(r"[\w-]{1,64}", re.ASCII)


def exploration(value: Any) -> str | None:
    """Reads the id of an exploration: letters, digits, hyphens."""
    return value if type(value) is str and _ID.fullmatch(value) else None


class ExplorationFields(Fields):
    """Declares an exploration by its block, where the event has one, and its id."""

    block_id = optional("context.module.usage_key", kind=text)
    exploration_id = required("data.exploration_id", kind=exploration, example=("exp-0f1e", "exp-9b2e"))


def exploration_address(lesson: ExplorationFields, platform: Platform) -> str:
    """Returns the address of the block, or of the exploration where the event names no block."""
    if lesson.block_id is None:
        return platform.iri("oppia/exploration", lesson.exploration_id)
    return block_iri(platform, lesson.block_id)
