"""Secrets by reference: ``env:NAME`` or ``file:PATH``, never shown.

A `Secret` prints as ``Secret(env:NAME)`` everywhere (``repr``, ``str``, logs, tracebacks), refuses to be
pickled, and gives its value only to who asks for it by name.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn


class Secret:
    """A value that must not be seen. ``source`` says where it came from: ``env:…``, ``file:…`` or ``clear text``."""

    __slots__ = ("_value", "source")

    def __init__(self, value: str, source: str = "clear text") -> None:
        self._value = value
        self.source = source

    def reveal(self) -> str:
        """The value. Call it where it is used, and keep it nowhere."""
        return self._value

    def __repr__(self) -> str:
        """Where it came from, never what it is."""
        return f"Secret({self.source})"

    def __reduce__(self) -> NoReturn:
        """Secrets do not travel: not in a task, not in a pickle."""
        raise TypeError("a Secret cannot be pickled")

    def __eq__(self, other: object) -> bool:
        """Equal when the values are."""
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        """Hash of where it came from, so that equal secrets need not collide visibly."""
        return hash(Secret)


def read_secret(reference: str, base: Path) -> Secret:
    """Resolve a reference of the operator's file; paths are relative to ``base``, the file's directory.

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
