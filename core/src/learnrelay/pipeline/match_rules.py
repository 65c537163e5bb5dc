"""Compiles the match rules of the operator's file: a source path and the values that it must hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from .patterns import Matches, compile_glob, compile_regex
from .routing import Check


class ValueMatcher:
    """Matches a value of an event: exactly by type and value, or by ``glob:…`` or ``regex:…``.

    Numbers are compared by value (3 and 3.0 are one number); text is no number and a boolean neither. Patterns are for
    texts, and match whole texts only. An absent, null or empty value, an object and a list match nothing.
    """

    __slots__ = ("_booleans", "_numbers", "_patterns", "_texts")

    def __init__(self, values: Iterable[Any]) -> None:
        """Compiles the values of a rule. Raises ValueError for one that could never match, or an invalid pattern."""
        booleans, numbers, words = set(), set(), set()
        patterns: list[Matches] = []
        for value in values:
            if isinstance(value, bool):
                booleans.add(value)
            elif isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
                numbers.add(value)
            elif isinstance(value, str) and value:
                form, colon, pattern = value.partition(":")
                if colon and form in ("glob", "regex"):
                    patterns.append(_pattern(form, pattern))
                else:
                    words.add(value)
            else:
                raise ValueError("expected texts that are not empty, finite numbers, true or false")
        if not (booleans or numbers or words or patterns):
            raise ValueError("an empty list matches nothing")
        self._booleans, self._numbers, self._texts = frozenset(booleans), frozenset(numbers), frozenset(words)
        self._patterns = tuple(patterns)

    def __call__(self, value: Any) -> bool:
        """Tells whether a value of an event matches."""
        kind = type(value)
        if kind is str:
            return value in self._texts or any(matches(value) for matches in self._patterns if value)
        if kind is bool:
            return value in self._booleans
        return kind in (int, float) and value in self._numbers


def _pattern(form: str, pattern: str) -> Matches:
    try:
        if not pattern:
            raise ValueError("the pattern is empty")
        return compile_glob(pattern) if form == "glob" else compile_regex(pattern)
    except ValueError as error:
        raise ValueError(f"{form}: {error}") from None


def check_of_rule(path: str, values: Iterable[Any]) -> Check:
    """Compiles a match rule: the path must hold one of the values. Raises ValueError as `ValueMatcher` does."""
    keys = path.split(".")
    wanted = ValueMatcher(values)
    reason = f"match: {path} has none of the wanted values"

    def denial(body: Mapping[str, Any]) -> str | None:
        value: Any = body
        for key in keys:
            if type(value) is not dict:
                return reason
            value = value.get(key)
        return None if wanted(value) else reason

    return denial
