"""Declares sample values of a platform's fields, from which samples of events are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from re import Pattern
from typing import Any, NamedTuple


class MarkedForms(NamedTuple):
    """Declares forms of a platform's texts in fields of some names, with a mark that can be recognized in an output.

    ``{mark}`` stands for the mark of a value, ``{first}`` for that of the first of two values. The first form makes two
    values, the others one each. ``completed``: whether a mapping makes a whole key of a short one, by other paths.
    """

    names: Pattern[str]
    forms: tuple[str, ...]
    completed: bool = False


@dataclass(frozen=True, slots=True)
class SampleValues:
    """Declares realistic values of a platform's fields, from which samples are made.

    by_name: last part of a source path → values that stand there. marked: the same with marks, by names; the first
    entry that fits counts. keys: values that kinds of the platform's own take. entry_key: form of an entry's key in a
    collection, with ``{mark}``.
    """

    by_name: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    marked: tuple[MarkedForms, ...] = ()
    keys: tuple[Any, ...] = ()
    entry_key: str = "{mark}"

    def marked_forms(self, path: str) -> MarkedForms | None:
        """Finds the forms of a source path by its last part."""
        name = path.rpartition(".")[2]
        return next((marked for marked in self.marked if marked.names.fullmatch(name)), None)
