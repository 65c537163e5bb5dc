"""Reads the inputs of the operator's file."""

from __future__ import annotations

import re
from typing import Any

from ..config.fields import did_you_mean
from ..config.models import InputConfig
from ..config.schema import InputSection
from ..plugins.registry import Registry
from ..sources import Source
from .core_plugins import list_inputs
from .operator_file import OperatorFile


def load_inputs(file: OperatorFile, registry: Registry, source: Source | None) -> dict[str, InputConfig]:
    """Returns the valid inputs. An invalid one hides no problem of another."""
    classes = list_inputs(registry)
    inputs = {}
    for name, raw in file.list_tables("inputs"):
        at = f"inputs.{name}"
        if not re.fullmatch(r"[\w.-]+", name):
            file.add_problem(at, 'expected a name of letters, digits, "-", "_" and "."')
            continue
        of_core = list(InputSection().fields)
        head, valid = file.load_table(InputSection(), {key: raw[key] for key in of_core if key in raw}, at)
        kind = head.get("input")
        settings: dict[str, Any] = {}
        if kind is not None and kind not in classes:
            hint = did_you_mean(kind, list(classes))
            file.add_problem(f"{at}.input", f"no such input is installed; known: {', '.join(classes)}{hint}")
            valid = False
        elif kind is not None:
            own = {key: value for key, value in raw.items() if key not in of_core}
            settings, own_valid = file.load_table(classes[kind].settings_schema(), own, at, also=of_core)
            valid = valid and own_valid
        if head.get("trust") == "client" and source is not None and source.shape.client_mark is None:
            reason = f'the source {source.name} has no mark for events that a client sent, so "client" says nothing'
            file.add_problem(f"{at}.trust", reason)
            valid = False
        if valid:
            inputs[name] = InputConfig(name, head["input"], settings, head["trust"])
    return inputs
