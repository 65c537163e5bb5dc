"""Families: the mappings of one standard for one kind of event.

::

    family = Family("acme.poll")            # <standard>.<family>

    @family.maps("acme.poll.answered", reads=PollFields, verb=ANSWERED)
    def answered(poll: PollFields, site: Site) -> Said:
        return {"object": {"id": site.iri("poll", poll.id)}}

The entry point names the `Family` object; it is a plugin that contributes its transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from .fields import Fields
from .hookspecs import hookimpl

if TYPE_CHECKING:
    from .site import Site

Said = Mapping[str, Any]
"""What a mapping says: the parts of a statement that are particular to its event. None means: leave it out."""

F = TypeVar("F", bound=Fields)


@dataclass(frozen=True, slots=True)
class Skip:
    """There is nothing to say of this event, for this reason (a constant text, counted as such)."""

    reason: str


Words = Said | Sequence[Said]
"""What a mapping gives: one thing said, or several, the first being the parent of the others."""

Say = Callable[[Any, "Site"], "Words | Skip"]
"""A mapping: (declared values, site) → what it says."""


@dataclass(frozen=True, slots=True)
class Transformer:
    """How one standard says one event.

    standard, events: the key of the transform table; several names of one event share a transformer.
    reads: the declaration; its values are all that ``function`` sees of the event.
    function: (values, site) → what it says, or several (first the parent, then its children), or a skip.
    constants: parts that never change, as the standard defines them (verb, event type, action, …).
    family: name of the family that contributes it, e.g. for messages about conflicts.
    critical: whether its statements are never dropped by retention.
    """

    standard: str
    events: tuple[str, ...]
    reads: type[Fields]
    function: Say
    constants: Mapping[str, Any] = field(default_factory=dict)
    family: str = ""
    critical: bool = False

    @property
    def name(self) -> str:
        """``family:function``, for messages."""
        return f"{self.family}:{getattr(self.function, '__name__', 'mapping')}"

    @property
    def about(self) -> str:
        """First line of the mapping's docstring."""
        return (self.function.__doc__ or "").strip().partition("\n")[0]


class Family:
    """The transformers of one family, collected by its decorator in the order of the file.

    ``samples``: source events that the harness is to try besides those that it makes of the declarations.
    ``critical``: retention never drops its statements, unless the operator says otherwise.
    """

    def __init__(self, name: str, samples: Sequence[Mapping[str, Any]] = (), critical: bool = False) -> None:
        standard, dot, family = name.partition(".")
        if not (standard and dot and family):
            raise ValueError(f"a family is named <standard>.<family>, got {name!r}")
        self.name = name
        self.standard = standard
        self.samples = tuple(samples)
        self.critical = critical
        self.transformers: list[Transformer] = []

    def maps(
        self, *events: str, reads: type[F], **constants: Any
    ) -> Callable[[Callable[[F, Site], Words | Skip]], Callable[[F, Site], Words | Skip]]:
        """Decorate the pure function that says these events; ``constants`` are the standard's (verb=…, type=…)."""
        if not events:
            raise ValueError(f"{self.name}: a mapping needs at least one event name")

        def add(function: Callable[[F, Site], Words | Skip]) -> Callable[[F, Site], Words | Skip]:
            self.transformers.append(
                Transformer(self.standard, events, reads, function, constants, self.name, self.critical)
            )
            return function

        return add

    @hookimpl
    def register_transformers(self, register: Callable[[Transformer], None]) -> None:
        """Contribute all transformers of the family."""
        for transformer in self.transformers:
            register(transformer)
