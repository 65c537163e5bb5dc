"""Defines a mapping and its result: the parts of a statement, or a skip with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, final

from .fields import Fields

Parts = Mapping[str, Any]
"""Parts of a statement that are particular to its event. A part that is None is left out."""


@final
@dataclass(frozen=True, slots=True)
class Skip:
    """Tells that an event gets no statement, for a reason (a constant text, by which skips are counted)."""

    reason: str

    def __init_subclass__(cls) -> None:
        """Refuses classes that are derived from it: on the way of an event it is told by its type alone."""
        raise TypeError("nothing is derived from Skip: give it a reason")


def place_in_words(file: str, line: int) -> str:
    """Returns a place in source code for messages: the file with its folder, and the line."""
    return f"{'/'.join(Path(file).parts[-2:])}:{line}"


MappingResult = Parts | Sequence[Parts]
"""Result of a mapping: the parts of a statement, or of several, the first being the parent of the others."""


MappingFunction = Callable[..., "MappingResult | Skip"]
"""A mapping: (declared values, platform) → parts, or a skip. It may take the ``settings`` of its family too."""

ANY_EVENT = "*"
"""In the place of an event's name: every event that no other mapping of the standard maps."""


@dataclass(frozen=True, slots=True)
class Transformer:
    """Describes how one standard maps one event.

    standard, events: the key of the transform table; several names of one event share a transformer.
    reads: the declaration; its values are all that ``function`` sees of the event.
    function: (values, platform) → parts, or several (first the parent, then its children), or a skip.
    constants: parts that never change, as the standard defines them (verb, event type, action, …).
    family: name of the family that contributes it, e.g. for messages about conflicts.
    critical: whether its statements are never dropped by retention.
    origin: ``distribution@version`` that it comes from; set when it is registered.
    settings: those of its family, for a function that takes them; set when it is registered.
    reads_if: setting of its family → the declaration in the place of ``reads`` where it is on.
    """

    standard: str
    events: tuple[str, ...]
    reads: type[Fields]
    function: MappingFunction
    constants: Mapping[str, Any] = field(default_factory=dict)
    family: str = ""
    critical: bool = False
    origin: str = ""
    settings: Mapping[str, Any] | None = None
    reads_if: Mapping[str, type[Fields]] = field(default_factory=dict)

    @property
    def call(self) -> MappingFunction:
        """Returns the function of (values, platform): with the settings that it takes."""
        return self.function if self.settings is None else partial(self.function, settings=self.settings)

    @property
    def name(self) -> str:
        """Returns ``family:function``, for messages."""
        return f"{self.family}:{getattr(self.function, '__name__', 'mapping')}"

    @property
    def place(self) -> str:
        """Returns file and line of the mapping, as ``acme_poll/plain.py:12``; empty where it is no function."""
        code = getattr(self.function, "__code__", None)
        return place_in_words(code.co_filename, code.co_firstlineno) if code else ""

    @property
    def about(self) -> str:
        """Returns the first line of the mapping's docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]
