"""Makes documents that differ from another in one value."""

from __future__ import annotations

import copy
from typing import Any

REMOVED = object()


def changed(base: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Returns a copy of a document with one value set, or removed; ``path`` with blanks between its parts."""
    result = copy.deepcopy(base)
    *way, last = [int(key) if key.isdecimal() else key for key in path.split(" ")]
    place: Any = result
    for key in way:
        place = place[key]
    if value is REMOVED:
        del place[last]
    else:
        place[last] = value
    return result
