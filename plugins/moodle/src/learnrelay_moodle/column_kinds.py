"""Kinds of the values in columns and facts: numbers come as numbers or as text, truth as true, 1 or "1"."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_MODULE = re.compile(r"[a-z][a-z0-9_]{0,49}")
_DURATION = re.compile(r"P(?=.)([0-9]{1,4}D)?(T(?=.)([0-9]{1,6}H)?([0-9]{1,6}M)?([0-9]{1,9}(\.[0-9]{1,9})?S)?)?")
_LAST_SECOND = 253_402_300_799  # of the year 9999

SITE = "1"
"""Id of the course that is the front page."""

ABOUT = "says which thing the statement is about"
"""Why ``objectid`` is read: what it names may belong to one person, such as an attempt."""

LOST_IDS = (-31337, -31338)
"""What a restore writes in the place of an id that has no counterpart in the copy."""


def whole(value: Any) -> int | None:
    """Reads a whole number, or its digits."""
    if type(value) is str and _WHOLE.fullmatch(value):
        return int(value)
    return value if type(value) is int and abs(value) < 10**18 else None


def row_id(value: Any) -> str | None:
    """Reads the id of a row of a table, as text; None for 0 (no row) and less.

    >>> row_id(7), row_id("7"), row_id(0), row_id(-31337), row_id("x")
    ('7', '7', None, None, None)
    """
    number = whole(value)
    return None if number is None or number <= 0 else str(number)


def lost_id(value: Any) -> bool | None:
    """Recognizes an id that was lost in a restore."""
    return True if whole(value) in LOST_IDS else None


def course(value: Any) -> str | None:
    """Reads the id of a course; None for the front page, and above courses."""
    number = row_id(value)
    return None if number == SITE else number


def decimal(value: Any) -> int | float | None:
    """Reads a number, or a text such as ``17.50000``.

    >>> decimal("17.50000"), decimal(3), decimal("x")
    (17.5, 3, None)
    """
    if type(value) is str and _DECIMAL.fullmatch(value):
        return float(value)
    return value if type(value) is int or (type(value) is float and math.isfinite(value)) else None


def flag(value: Any) -> bool | None:
    """Reads true, 1 and "1", false, 0 and "0"."""
    return value if type(value) is bool else {0: False, 1: True}.get(whole(value))  # type: ignore[arg-type]


def epoch(value: Any) -> datetime | None:
    """Reads seconds since 1970 in UTC."""
    seconds = whole(value)
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None and 0 < seconds <= _LAST_SECOND else None


def module_name(value: Any) -> str | None:
    """Reads the name of a module: ``quiz``."""
    return value if type(value) is str and _MODULE.fullmatch(value) else None


def iso_length(value: Any) -> str | None:
    """Reads a length of time that is written as ISO 8601 has it."""
    return value if type(value) is str and _DURATION.fullmatch(value) else None
