"""Reads the LMS's settings that are about ERB, from a file in JSON, YAML or lines ``KEY=VALUE``."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from learnrelay import LearnrelayError

from .setting_counterparts import COUNTERPARTS

_WORDS = {"true": True, "false": False, "null": None, "none": None}


class SiteSettingsError(LearnrelayError):
    """Reports settings that cannot be read. The message holds none of their values."""


def read_settings(content: str, name: str) -> dict[str, Any]:
    """Returns ERB's settings of a file; all others are passed over. Raises SiteSettingsError.

    ``name``: of the file; ``.json``, ``.yml`` and ``.yaml`` say what it is, others have lines ``KEY=VALUE``.
    """
    settings = _parse(content, name)
    chosen = {key: settings[key] for key in COUNTERPARTS if settings.get(key) is not None}
    for key, value in chosen.items():
        expected = COUNTERPARTS[key].expected
        if expected is not None and not _is_of(value, expected):
            raise SiteSettingsError(f"{name}: {key}: expected {_IN_WORDS[expected]}")
    return chosen


def _parse(content: str, name: str) -> Mapping[str, Any]:
    ending = Path(name).suffix.lower()
    if ending == ".json":
        try:
            settings = json.loads(content)
        except (ValueError, RecursionError):
            raise SiteSettingsError(f"{name}: is not valid JSON") from None
    elif ending in (".yml", ".yaml"):
        settings = _parse_yaml(content, name)
    else:
        settings = dict(_parse_line(line, name, number) for number, line in _lines(content))
    if not isinstance(settings, dict):
        raise SiteSettingsError(f"{name}: expected settings by their names")
    return settings


def _parse_yaml(content: str, name: str) -> Any:
    try:
        import yaml
    except ImportError:
        raise SiteSettingsError(f"{name}: YAML is read with: pip install 'learnrelay-openedx[erb]'") from None
    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, RecursionError, ValueError):
        raise SiteSettingsError(f"{name}: is not valid YAML") from None


def _lines(content: str) -> list[tuple[int, str]]:
    numbered = enumerate(content.splitlines(), 1)
    return [(number, line) for number, line in numbered if line.strip() and not line.lstrip().startswith("#")]


def _parse_line(line: str, name: str, number: int) -> tuple[str, Any]:
    """Reads ``KEY=VALUE``; the value as Python or JSON writes it, else as text."""
    key, equals, text = line.removeprefix("export ").partition("=")
    if not equals:
        raise SiteSettingsError(f"{name}:{number}: expected KEY=VALUE; for JSON or YAML, name the file .json or .yml")
    text = text.strip()
    if text.lower() in _WORDS:
        return key.strip(), _WORDS[text.lower()]
    try:
        return key.strip(), ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return key.strip(), text


def _is_of(value: Any, expected: type) -> bool:
    if expected is list:
        return isinstance(value, (list, tuple, set)) and all(isinstance(item, str) for item in value)
    if expected is int:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return isinstance(value, expected)


_IN_WORDS = {bool: "true or false", list: "a list of texts", int: "a whole number", str: "text"}
