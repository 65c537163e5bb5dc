"""Reads secrets by reference, ``env:NAME`` or ``file:PATH``, and never shows them.

A `Secret` prints as ``Secret(env:NAME)`` everywhere (``repr``, ``str``, logs, tracebacks), refuses to be
pickled, and gives its value only through `Secret.reveal`.
"""

from __future__ import annotations

import hmac
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, NoReturn


class Secret:
    """Hides a value. ``source`` is where it came from: ``env:…``, ``file:…`` or ``clear text``."""

    __slots__ = ("_begun", "_value", "source")

    def __init__(self, value: str, source: str = "clear text") -> None:
        self._value = value
        self.source = source
        self._begun: hmac.HMAC | None = None

    def reveal(self) -> str:
        """Returns the value. Call it where the value is used, and store the result nowhere."""
        return self._value

    def digest(self, message: bytes) -> bytes:
        """Computes HMAC-SHA256 (RFC 2104) of a message with the value as the key, whose part is computed once."""
        if self._begun is None:
            self._begun = hmac.new(self._value.encode(), digestmod="sha256")
        digest = self._begun.copy()
        digest.update(message)
        return digest.digest()

    def __repr__(self) -> str:
        """Shows where it came from, never the value."""
        return f"Secret({self.source})"

    def __reduce__(self) -> NoReturn:
        """Refuses pickling, so that no task or file holds a secret."""
        raise TypeError("a Secret cannot be pickled")

    def __eq__(self, other: object) -> bool:
        """Compares the values."""
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        """Returns the same hash for all secrets, so that a hash tells nothing of a value."""
        return hash(Secret)


def read_secret(reference: str, base: Path) -> Secret:
    """Resolves a reference of the operator's file; paths are relative to ``base``, the file's directory.

    Raises ValueError with a reason that names the variable or file, never the value.
    """
    if reference.startswith("env:"):
        name = reference.removeprefix("env:")
        value = os.environ.get(name, "")
        if not value:
            raise ValueError(f"environment variable {name} is not set or empty")
        return Secret(value, reference)
    if reference.startswith("file:"):
        path = base / reference.removeprefix("file:")
        try:
            value = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"secret file {path} cannot be read: {type(error).__name__}") from None
        if not value:
            raise ValueError(f"secret file {path} is empty")
        return Secret(value, reference)
    return Secret(reference)


_PLACEHOLDER = re.compile(
    r"change|secret|p[a@4][s$5]{2}(?:w[o0]rd)?|letmein|welcome|learnrelay|example|admin|identity|default|replace|your"
    r"|todo|generate|random|here|key"
    r"|(?:(?:19|20)\d\d\W?[01]\d\W?[0-3]\d|[0-3]\d\W?[01]\d\W?(?:19|20)\d\d)"  # a date
    r"(?:\W?T?\W?[0-2]\d\W?[0-5]\d(?:\W?[0-5]\d)?Z?)?"  # with a time
    r"|^(?:\$|<|\{\{|env:|file:|https?:)",
    re.IGNORECASE,
)
_REPEATED = re.compile(r"(.+?)(?:\W*\1)+", re.DOTALL)
_KEYBOARDS = (
    ("1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"),
    ("!@#$%^&*()_+", "QWERTYUIOP{}", 'ASDFGHJKL:"', "ZXCVBNM<>?"),
)
_KEYS = {
    key: (row, column)
    for keyboard in _KEYBOARDS for row, keys in enumerate(keyboard) for column, key in enumerate(keys)
}  # fmt: skip
_WALKED = ((4, 2 / 3), (3, 9 / 10))
"""Keys of a walk, and the part of a secret in walks of so many that is not random: short ones occur by chance."""
_ALPHABETS = {"[a-z]": 26, "[A-Z]": 26, "[0-9]": 10, "[^a-zA-Z0-9]": 33}
_LOOKED_AT = 200  # characters: enough, and few enough for the expressions


def estimate_bits(value: str) -> float:
    """Estimates how many bits one has to guess to know a secret.

    What is repeated, words of placeholders, dates, and what continues a row (``abc``, ``321``, ``a1b2c3``) add nothing.
    Where most of a secret is walks from key to neighbouring key (``zaq12wsx``), each walk counts as one character. A
    sentence is not recognized: the words of languages are not known here.
    """
    text = _REPEATED.sub(r"\1", _PLACEHOLDER.sub("-", value[:_LOOKED_AT]))
    for shortest, part in _WALKED:
        walks = [length for length in _walks(text) if length >= shortest]
        if sum(walks) >= part * len(text):
            counted = len(text) - sum(walks) + len(walks)
            break
    else:
        counted = sum(
            not (_continues_row(text[max(0, end - 3) : end]) or _continues_row(text[max(0, end - 5) : end : 2]))
            for end in range(1, len(text) + 1)
        )
    return counted * math.log2(sum(size for letters, size in _ALPHABETS.items() if re.search(letters, text)))


def _walks(text: str) -> Iterator[int]:
    """Yields the lengths of the longest parts in which each key of a keyboard is a neighbour of the one before."""
    begin = 0
    for end in range(1, len(text) + 1):
        if end == len(text) or not _are_neighbours(text[end - 1], text[end]):
            yield end - begin
            begin = end


def _are_neighbours(first: str, second: str) -> bool:
    """Tells whether two characters are on one key of a keyboard, or on neighbouring ones."""
    if first not in _KEYS or second not in _KEYS:
        return False
    (row, column), (next_row, next_column) = _KEYS[first], _KEYS[second]
    return abs(row - next_row) <= 1 and abs(column - next_column) <= 1


def _continues_row(three: str) -> bool:
    if len(three) < 3:
        return False
    first, second, third = map(ord, three)
    return first - second == second - third in (-1, 0, 1)


def find_secrets(value: Any, key: str = "") -> Iterator[tuple[str, Secret]]:
    """Yields the secrets in loaded settings, each with the dotted key of the table that it was read from."""
    if isinstance(value, Secret):
        yield key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from find_secrets(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from find_secrets(inner, key)
    elif is_dataclass(value) and not isinstance(value, type):
        for part in fields(value):
            yield from find_secrets(getattr(value, part.name), key)
