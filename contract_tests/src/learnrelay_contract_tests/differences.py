"""Where two outcomes differ, in words that name no value."""

from __future__ import annotations

from typing import Any

import orjson


def first(one: str, other: str) -> str:
    """The first difference between two outcomes as JSON text."""
    a, b = orjson.loads(one), orjson.loads(other)
    for left, right in zip(a, b, strict=False):
        if left.get("state") != right.get("state"):
            return f"the outcome is {_state(right)} instead of {_state(left)}"
        for key in ("reason", "error", "destinations", "denied"):
            if left.get(key) != right.get(key):
                return f"its {key} differs"
        said, others = left.get("statements", []), right.get("statements", [])
        if len(said) != len(others):
            return f"it gives {len(others)} statements instead of {len(said)}"
        for number, (text, changed) in enumerate(zip(said, others, strict=True)):
            if text != changed:
                place = path(orjson.loads(text), orjson.loads(changed))
                where = f"statement {number + 1}: " if number else ""
                return f"{where}{place or 'the order of keys'} differs"
    return "the number of outcomes differs" if len(a) != len(b) else "the outcome differs"


def _state(outcome: dict[str, Any]) -> str:
    return str(outcome.get("state", "?")).lower().replace("_", " ")


def path(one: Any, other: Any, outer: str = "") -> str:
    """The path of the first value that differs; empty where only the order of keys does."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            here = f"{outer}.{key}" if outer else key
            if key not in one or key not in other:
                return here
            if found := path(one[key], other[key], here):
                return found
        return ""
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            if found := path(left, right, f"{outer}[{number}]"):
                return found
        return ""
    return "" if one == other and type(one) is type(other) else outer or "the whole"
