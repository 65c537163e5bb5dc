"""Writes operator's files for tests."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_SECTIONS: dict[str, dict[str, object]] = {
    "platform": {"root_url": "https://learn.example.org"},
    "plugins": {},
    "identity": {"provider": "keyed", "secret": "env:SECRET"},
}


def relay_toml(
    plugins: Sequence[str] = ("plain.*",),
    destinations: Mapping[str, Mapping[str, object]] | None = None,
    files: Sequence[str] = (),
    **sections: Mapping[str, object],
) -> str:
    """Returns an operator's file, of which a test shows only what differs from the usual.

    ``plugins``: the enabled ones. ``files``: single-file plugins. ``destinations``: name → keys; each takes all
    statements of the standard ``plain`` unless its keys say otherwise. ``sections``: keys that a section has in
    addition, or instead.
    """
    merged: dict[str, dict[str, object]] = {name: dict(keys) for name, keys in _SECTIONS.items()}
    merged["plugins"]["enabled"] = list(plugins)
    if files:
        merged["plugins"]["files"] = list(files)
    for name, keys in sections.items():
        merged[name] = merged.get(name, {}) | dict(keys)
    for name, keys in (destinations or {}).items():
        url = {"url": keys["url"]} if "url" in keys else {}
        merged[f"destinations.{name}"] = {"standard": "plain", **url, "scope": "all", **keys}
    return "".join(
        f"[{name}]\n" + "".join(f"{_key(key)} = {_value(value)}\n" for key, value in keys.items())
        for name, keys in merged.items()
    )


def _key(key: str) -> str:
    return key if re.fullmatch(r"[\w-]+", key) else json.dumps(key)


def _value(value: Any) -> str:
    """Returns a value in TOML: what JSON has is written alike, but for inline tables."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)
