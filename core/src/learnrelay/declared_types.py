"""Compares values with the types that a class or a TypedDict declares for them, without looking inside containers."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, is_typeddict


def takes(declared: Any, value: Any) -> bool:
    """Tells whether a value is of a declared type. What cannot be told, such as a type of a variable, is accepted."""
    origin = get_origin(declared)
    if declared is Any:  # a class, from Python 3.11 on
        return True
    if origin in (Union, UnionType):
        return any(takes(alternative, value) for alternative in get_args(declared))
    if origin is type:
        (base,) = get_args(declared)
        return isinstance(value, type) and (base is Any or not isinstance(base, type) or issubclass(value, base))
    if is_typeddict(declared):
        return isinstance(value, Mapping)
    if declared is None or declared is NoneType:
        return value is None
    if declared is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    kind = declared if isinstance(declared, type) else origin
    return not isinstance(kind, type) or isinstance(value, kind)


def describe_type(declared: Any) -> str:
    """Returns a declared type in words: ``str or None``."""
    if get_origin(declared) in (Union, UnionType):
        return " or ".join(dict.fromkeys(map(describe_type, get_args(declared))))
    if declared is NoneType:
        return "None"
    if get_origin(declared) is type:
        return f"a class, {describe_type(get_args(declared)[0])}"
    if is_typeddict(declared):
        return "a mapping"
    return getattr(declared, "__name__", None) or str(declared)
