"""Describes exceptions of plugins without their texts, which may hold values: type, place, and a literal key."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterator
from types import CodeType, FrameType
from typing import Any

from ..mapping import Transformer, place_in_words


def describe_error(error: Exception, plugin: Any) -> str:
    """Returns type and place of an exception, the place being the innermost line of a plugin's package.

    Empty if none of its lines raised it. The key of a KeyError is shown if it is a literal in the function there:
    ``KeyError 'score' at acme_poll/plain.py:12``.
    """
    package = package_of(plugin)
    places = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if _module(frame) == package]
    if not places:
        return ""
    frame, line = places[-1]
    key = error.args[0] if isinstance(error, KeyError) and error.args else None
    literal = f" {key!r}" if type(key) is str and key in _literals_of(frame.f_code) else ""
    return f"{type(error).__name__}{literal} at {place_in_words(frame.f_code.co_filename, line)}"


def describe_raised(error: Exception, plugin: Any) -> str:
    """Returns type and place of an exception that a plugin's function raised; its type where no line of it did."""
    return describe_error(error, plugin) or type(error).__name__


def describe_failure(error: Exception, transformer: Transformer, compose: Any) -> str:
    """Returns why a mapping failed, or why its standard's ``compose`` could not take what it returned."""
    if described := describe_error(error, transformer.function):
        return f"{transformer.name} raised {described}"
    described = describe_raised(error, compose)
    return f"{transformer.name} returned what {transformer.standard} cannot take: it raised {described}"


def list_literals(function: Any) -> Collection[str]:
    """Returns the texts that stand in the source of a function; none for what has no code."""
    code = getattr(function, "__code__", None)
    return _literals_of(code) if isinstance(code, CodeType) else ()


def list_frames(error: BaseException) -> Iterator[str]:
    """Yields the lines of an exception's traceback, outermost first: place, function and source, never a value."""
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"{place_in_words(frame.filename, frame.lineno or 0)} in {frame.name}: {frame.line}"


def _literals_of(code: CodeType) -> Collection[str]:
    texts = {text for constant in code.co_consts for text in (constant if type(constant) is tuple else (constant,))}
    return {text for text in texts if type(text) is str}


def raised_by(error: BaseException, plugin: Any) -> bool:
    """Tells whether the innermost line of an exception's traceback is one of a plugin's package."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and _module(frames[-1]) == package_of(plugin)


def package_of(plugin: Any) -> str:
    """Returns the top-level package of a plugin's function or object."""
    return str(getattr(plugin, "__module__", None) or type(plugin).__module__).partition(".")[0]


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
