"""Checks the parts that mappings return against those that their standard takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, Required, get_args, get_origin, get_type_hints

from ..config.fields import did_you_mean
from ..declared_types import describe_type, takes
from ..errors import TransformError
from ..mapping import Transformer
from .error_places import list_literals


class PartsDeclaration:
    """Holds the parts that a standard takes, as its TypedDict declares them: their types, and which are required."""

    def __init__(self, declared: Any) -> None:
        hints = get_type_hints(declared, include_extras=True)
        marks = {name: get_origin(hint) for name, hint in hints.items()}  # TypedDict sees none in annotations as text
        self.types = {
            name: get_args(hint)[0] if marks[name] in (Required, NotRequired) else hint for name, hint in hints.items()
        }
        self.required = frozenset(
            name
            for name, mark in marks.items()
            if mark is Required or (name in declared.__required_keys__ and mark is not NotRequired)
        )
        self.names = frozenset(hints)


@dataclass(frozen=True, slots=True)
class PartsCheck:
    """Checks what a mapping returns, each time that it is called: by names, and by types where that failed."""

    declaration: PartsDeclaration
    transformer: Transformer

    def accepts_names(self, result: Any) -> bool:
        """Tells whether parts are there, all of them known, none missing."""
        if type(result) is dict or isinstance(result, Mapping):
            names = result.keys()
            return names <= self.declaration.names and names >= self.declaration.required
        is_list = isinstance(result, Sequence) and not isinstance(result, (str, bytes))
        return is_list and bool(result) and all(isinstance(p, Mapping) and self.accepts_names(p) for p in result)

    def find_error(self, result: Any) -> TransformError | None:
        """Returns what is wrong with the names and types of parts, where, and what is right; None for sound ones."""
        is_list = isinstance(result, Sequence) and not isinstance(result, (str, bytes))
        faults = dict.fromkeys(fault for parts in (result if is_list else [result]) for fault in self._faults(parts))
        if is_list and not result:
            faults = {"an empty list": None}
        if not faults:
            return None
        transformer, declaration = self.transformer, self.declaration
        origin = f" of {transformer.origin}" if transformer.origin else ""
        place = f" ({transformer.place})" if transformer.place else ""
        cure = f"{transformer.standard} takes {', '.join(declaration.types)}"
        if not result:
            cure += ", or a Skip for no statement"
        return TransformError(f"{transformer.name}{origin} returned {'; '.join(faults)}{place}; {cure}")

    def _faults(self, parts: Any) -> Iterator[str]:
        if not isinstance(parts, Mapping):
            yield f"{type(parts).__name__}, and no parts"
            return
        types = self.declaration.types
        literals = list_literals(self.transformer.function)
        for name in parts:
            if name not in types:  # shown if it is a literal of the mapping: else it may be a value
                word = f"the unknown part {name}" if name in literals else "an unknown part"
                yield word + (did_you_mean(name, list(types)) if isinstance(name, str) else "")
        for name, declared in types.items():
            is_required = name in self.declaration.required
            if name not in parts:
                if is_required:
                    yield f"no {name}"
            elif not takes(declared, parts[name]) and (is_required or parts[name] is not None):
                yield f"{type(parts[name]).__name__} as {name}, expected {describe_type(declared)}"
