"""Checks the classes that plugins contribute: what they must declare is there, nothing is misspelt."""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

from ..declared_types import describe_type, takes
from ..mapping import place_in_words

_LIKENESS, _LIKENESS_TO_MISSING = 0.8, 0.7
"""From this likeness on, a name that a base class does not know is one of its names, misspelt."""


def find_class_faults(contributed: type[Any], base: type[Any]) -> list[str]:
    """Lists what is wrong with a class as a subclass of ``base``: attributes and methods that are missing or misspelt.

    Other attributes are the plugin's own, unless they resemble one of the base class that the class lacks.
    """
    declared = _declared_attributes(base)
    own = {
        name: value for part in contributed.__mro__ if part not in base.__mro__ for name, value in vars(part).items()
    }
    known = [name for name in vars(base) if not name.startswith("_")]
    names = dict.fromkeys([*declared, *known])
    strange = [name for name in own if name not in names and not name.startswith("_")]
    faults = []
    for name in sorted({*declared, *getattr(contributed, "__abstractmethods__", ())}):
        if not hasattr(contributed, name) or getattr(getattr(contributed, name), "__isabstractmethod__", False):
            faults.append(f"it has no {name}{_describe_misspelt(name, strange)}")
            strange = [
                other for other in strange if other not in get_close_matches(name, strange, 1, _LIKENESS_TO_MISSING)
            ]
        elif name in own and name in declared and not takes(declared[name], getattr(contributed, name)):
            value = getattr(contributed, name)
            is_class = isinstance(value, type)
            faults.append(
                f"{name}: expected {describe_type(declared[name])}, "
                f"found {value.__name__ if is_class else type(value).__name__}"
            )
    for name in strange:
        is_call = _is_callable(own[name])
        lacking = [other for other in names if other not in own and _is_callable(getattr(base, other, None)) == is_call]
        if near := get_close_matches(name, lacking, 1, _LIKENESS):
            faults.append(f'{name} is unknown; did you mean "{near[0]}"?')
    return faults


def place_of_class(contributed: type[Any]) -> str:
    """Returns file and line of a class, for messages; empty where they are not known."""
    try:
        file, line = inspect.getfile(contributed), inspect.getsourcelines(contributed)[1]
    except (OSError, TypeError):
        return ""
    return place_in_words(file, line)


def _declared_attributes(base: type[Any]) -> dict[str, Any]:
    """Returns the class attributes that a base class declares, with their types."""
    hints = get_type_hints(base)
    return {name: get_args(hint)[0] for name, hint in hints.items() if get_origin(hint) is ClassVar and get_args(hint)}


def _describe_misspelt(name: str, strange: list[str]) -> str:
    near = get_close_matches(name, strange, 1, _LIKENESS_TO_MISSING)
    return f" (is {near[0]} meant to be it?)" if near else ""


def _is_callable(value: Any) -> bool:
    return callable(value) or isinstance(value, (classmethod, staticmethod, property))
