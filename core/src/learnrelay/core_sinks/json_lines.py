"""Writes a statement as one line of JSON."""

from __future__ import annotations

import orjson


def as_line(content: bytes) -> bytes:
    """Returns a serialized statement on one line, without its end. A standard may have written it on several."""
    if b"\n" in content or b"\r" in content:
        return orjson.dumps(orjson.loads(content))
    return content.strip()
