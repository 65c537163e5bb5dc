"""Validates the sections of the operator's file that belong to plugins: ``[NAME]`` is that of the plugin NAME.

The name of a family has a dot, so that its section ``[plain.poll]`` lies in the table of its standard, and is taken out
of it before the standard's own keys are validated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ..config.fields import in_words
from ..config.problems import load_section
from ..errors import Problem
from ..plugins.discovery import PluginInfo
from ..plugins.registry import settings_schema_of


def load_settings(
    plugins: Sequence[tuple[PluginInfo, Any]], raw: Mapping[str, Any], file: str
) -> tuple[dict[str, Mapping[str, Any]], dict[str, Any], list[Problem]]:
    """Returns the settings of each plugin that has any, the rest of the file, and the problems.

    A section with problems gives its valid keys.
    """
    schemas = {
        info.name: schema for info, plugin in plugins if (schema := settings_schema_of(plugin, info)) is not None
    }
    rest = _copy_tables(raw)
    settings: dict[str, Mapping[str, Any]] = {}
    problems: list[Problem] = []
    for name in sorted(schemas, key=lambda name: -name.count(".")):  # a section may lie in that of another plugin
        table = _take_table(rest, name)
        if isinstance(table, Mapping):
            values, faults = load_section(schemas[name](), table, file, name)
            settings[name] = MappingProxyType(values)
            problems += faults
        else:
            problems.append(Problem(file, name, f"expected a table, found {in_words(table)}"))
    return settings, rest, problems


def _copy_tables(raw: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copy_tables(value) if isinstance(value, Mapping) else value for key, value in raw.items()}


def _take_table(raw: dict[str, Any], name: str) -> Any:
    """Takes the table with a dotted name out of nested ones; an empty table if there is none."""
    *outer, last = name.split(".")
    for key in outer:
        inner = raw.get(key)
        if not isinstance(inner, dict):
            return {}
        raw = inner
    return raw.pop(last, {})
