"""Describes where two outcomes differ, without naming a value."""

from __future__ import annotations

from typing import Any

import orjson


def describe_first(first_text: str, second_text: str) -> str:
    """Describes the first difference between two outcomes (JSON texts)."""
    a, b = orjson.loads(first_text), orjson.loads(second_text)
    for left, right in zip(a, b, strict=False):
        if left.get("state") != right.get("state"):
            return f"the outcome is {_state(right)} instead of {_state(left)}"
        for key in ("reason", "error", "destinations", "denied"):
            if left.get(key) != right.get(key):
                return f"its {key} differs"
        texts, other_texts = left.get("statements", []), right.get("statements", [])
        if len(texts) != len(other_texts):
            return f"it gives {len(other_texts)} statements instead of {len(texts)}"
        for number, (text, changed) in enumerate(zip(texts, other_texts, strict=True)):
            if text != changed:
                place = find_path(orjson.loads(text), orjson.loads(changed))
                where = f"statement {number + 1}: " if number else ""
                return f"{where}{place or 'the order of keys'} differs"
    return "the number of outcomes differs" if len(a) != len(b) else "the outcome differs"


def _state(outcome: dict[str, Any]) -> str:
    return str(outcome.get("state", "?")).lower().replace("_", " ")


def find_path(first: Any, second: Any, outer: str = "") -> str:
    """Returns the path of the first value that differs; an empty path if only the order of keys differs."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in [*first, *(key for key in second if key not in first)]:
            here = f"{outer}.{key}" if outer else key
            if key not in first or key not in second:
                return here
            if inner := find_path(first[key], second[key], here):
                return inner
        return ""
    if isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        for number, (left, right) in enumerate(zip(first, second, strict=True)):
            if inner := find_path(left, right, f"{outer}[{number}]"):
                return inner
        return ""
    return "" if first == second and type(first) is type(second) else outer or "the whole"
