"""Compiles ``glob:`` and ``regex:`` patterns of match rules into functions of a whole value.

An operator's pattern meets texts that strangers wrote, so both engines end in time proportional to the value: globs as
`fnmatch.translate` writes them, in atomic groups that are never entered again, and RE2 for regular expressions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate

LONGEST_PATTERN = 500
"""Characters of a pattern."""
LONGEST_VALUE = 1_024
"""Characters of a value; a longer one matches no pattern. Keys, names and UUIDs have at most 255."""
MEMORY = 2**18
"""Bytes that RE2 may use for one pattern: its program, and the automaton that it builds while it matches."""

Matches = Callable[[str], bool]


def compile_glob(pattern: str) -> Matches:
    """Compiles a shell pattern; case counts. Raises ValueError with the reason."""
    _check_length(pattern)
    match = re.compile(translate(pattern)).match
    return lambda value: len(value) <= LONGEST_VALUE and match(value) is not None


def compile_regex(pattern: str) -> Matches:
    """Compiles a regular expression of RE2, which must match a value as a whole. Raises ValueError with the reason."""
    try:
        import re2
    except ImportError:
        raise ValueError("needs google-re2: pip install 'learnrelay[regex]'") from None
    _check_length(pattern)
    options = re2.Options()
    options.max_mem = MEMORY
    options.never_capture = True
    options.log_errors = False
    try:
        fullmatch = re2.compile(pattern, options).fullmatch
    except re2.error as error:
        raise ValueError(error.args[0].decode(errors="replace")) from None
    return lambda value: len(value) <= LONGEST_VALUE and fullmatch(value.encode()) is not None


def _check_length(pattern: str) -> None:
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"the pattern has more than {LONGEST_PATTERN} characters")
