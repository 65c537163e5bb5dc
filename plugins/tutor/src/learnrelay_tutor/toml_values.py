"""Writes values of Tutor's ``config.yml`` as TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def to_toml(value: Any) -> str:
    """Writes a value in one line: text, number, boolean, a list or a table of such. Raises ValueError for others."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            # JSON escapes as TOML does, save that TOML has no pairs of surrogates and wants DEL escaped
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case Mapping():
            inner = ", ".join(f"{to_key(key)} = {to_toml(item)}" for key, item in value.items())
            return f"{{ {inner} }}" if inner else "{}"
        case list() | tuple():
            return f"[{', '.join(map(to_toml, value))}]"
    kind = "null" if value is None else f"a {type(value).__name__}"
    raise ValueError(f"TOML has no value for {kind}: leave it out, or put it in quotes")


def to_key(key: Any) -> str:
    """Writes the name of a key or a table, in quotes where it needs them."""
    return key if isinstance(key, str) and _BARE_KEY.fullmatch(key) else to_toml(str(key))
