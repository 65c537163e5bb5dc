"""Collects the mappings of one standard for one kind of event in a family.

::

    family = Family("acme.poll")            # <standard>.<family>

    @family.maps("acme.poll.answered", reads=PollFields, verb=ANSWERED)
    def answered(poll: PollFields, platform: Platform) -> Parts:
        return {"object": {"id": platform.iri("poll", poll.id)}}

A mapping of ``"*"`` gets every event that no other mapping of its standard maps, where an operator enables the family
by its exact name.

The entry point names the `Family` object; it is a plugin that contributes its transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Concatenate, ParamSpec, TypeVar

from .config.fields import Section
from .fields import Fields
from .hookspecs import hookimpl
from .mapping import MappingResult, Skip, Transformer
from .platform import Platform

F = TypeVar("F", bound=Fields)
R = TypeVar("R", bound=MappingResult | Skip)
P = ParamSpec("P")


class Family:
    """Collects the transformers of one family through its decorator, in the order of the file.

    ``samples``: source events that the harness tries besides those that it makes of the declarations.
    ``critical``: retention never drops its statements, unless the operator's file lists other critical events.
    ``settings_schema``: its section of the operator's file, without secrets. A mapping with a third parameter
    ``settings`` gets them.
    """

    def __init__(
        self,
        name: str,
        samples: Sequence[Mapping[str, Any]] = (),
        critical: bool = False,
        settings_schema: type[Section] | None = None,
    ) -> None:
        standard, dot, family = name.partition(".")
        if not (standard and dot and family):
            raise ValueError(f"a family is named <standard>.<family>, got {name!r}")
        self.name = name
        self.standard = standard
        self.samples = tuple(samples)
        self.critical = critical
        self.settings_schema = settings_schema
        self.transformers: list[Transformer] = []

    def maps(
        self, *events: str, reads: type[F], reads_if: Mapping[str, type[F]] = MappingProxyType({}), **constants: Any
    ) -> Callable[[Callable[Concatenate[F, Platform, P], R]], Callable[Concatenate[F, Platform, P], R]]:
        """Decorates the pure function that maps these events; ``constants`` are the standard's (verb=…, type=…).

        The function takes the declared values, the platform and, if it needs them, ``settings``. ``reads_if``: setting
        of the family → a declaration that is read in the place of ``reads`` where the setting is on.
        """
        if not events:
            raise ValueError(f"{self.name}: a mapping needs at least one event name")

        def add(function: Callable[Concatenate[F, Platform, P], R]) -> Callable[Concatenate[F, Platform, P], R]:
            self.transformers.append(
                Transformer(
                    self.standard, events, reads, function, constants, self.name, self.critical, reads_if=reads_if
                )
            )
            return function

        return add

    @hookimpl
    def register_transformers(self, register: Callable[[Transformer], None]) -> None:
        """Contributes all transformers of the family."""
        for transformer in self.transformers:
            register(transformer)
