"""Decides which destinations may have an event: scopes, denials, match rules and routing plugins.

Everything that an operator wrote is compiled once, at start-up. One denial is enough. A check answers None for
*allowed* or the reason for *denied*, in constant words that can be counted; one that raises denies (fail closed).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from ..config.models import Destination
from ..fields import Body, compile_extractor
from ..logs import ThrottledLogger
from ..mapping import ANY_EVENT
from ..plugins.hook_trace import traced
from ..scopes import Scope, Unproven
from .error_places import describe_raised
from .source_texts import with_constant_reason

log_throttled = ThrottledLogger(logging.getLogger(__name__))


Check = Callable[[Body], "str | None"]
"""Body of an event → None, or why the destination may not have it (constant words, no value)."""


class Denial(NamedTuple):
    """Names the rule that denied, and the reason in words."""

    rule: str
    reason: str


class ScopeRule:
    """Checks one key of a destination's scope, or of its denials.

    As a permission it allows an event that proves to belong to the destination. As a denial it allows only an event
    that proves to belong elsewhere, or names nobody.
    """

    __slots__ = ("_denies", "_elsewhere", "_extract", "_find_owners", "_in_doubt", "_scope", "_wanted", "name", "reads")

    def __init__(self, scope: Scope, values: Any, denies: bool = False) -> None:
        """Compiles ``values``, a text or a list of texts of the operator's file. Raises ValueError with the reason."""
        self._wanted = frozenset(scope.wanted(value) for value in texts(values))
        self.name = f"{'deny' if denies else 'scope'} {scope.key}"
        self._scope = scope
        self._find_owners = traced("owners", self.name, scope.owners)
        self.reads = scope.reads
        self._extract = compile_extractor(scope.reads, copying=True)
        self._denies = denies
        belongs = f"{self.name}: the event belongs to {'it' if denies else 'another'}"
        self._elsewhere = Denial(self.name, belongs)
        self._in_doubt: dict[Unproven, Denial | None] = {
            doubt: Denial(self.name, f"{self.name}: {doubt.value}") for doubt in Unproven
        }
        if denies:
            self._in_doubt[Unproven.ABSENT] = None

    def with_values(self, values: Any) -> Self:
        """Returns the same rule for other values; nothing is compiled again. Raises ValueError with the reason."""
        other = copy(self)
        other._wanted = frozenset(self._scope.wanted(value) for value in texts(values))
        return other

    def denial(self, body: Body, memo: dict[Any, Any]) -> Denial | None:
        """Returns the denial, if any. ``memo``: the extracted fields and owners of one event."""
        owners: Any = memo.get(self._scope)
        if owners is None:
            owners = memo[self._scope] = self._owners(body, memo)
        if type(owners) is Unproven:
            return self._in_doubt[owners]
        return self._elsewhere if self._wanted.isdisjoint(owners) is not self._denies else None

    def _owners(self, body: Body, memo: dict[Any, Any]) -> Collection[str] | Unproven:
        try:
            fields = memo.get(self.reads)
            if fields is None:
                fields = memo[self.reads] = self._extract(body)
            owners = self._find_owners(fields)
            if type(owners) is tuple and owners:
                return owners
            # a text would be iterated by letter, and an empty collection is no proof
            sound = isinstance(owners, Unproven) or (owners and isinstance(owners, (tuple, list, set, frozenset)))
            return owners if sound else Unproven.FAILED
        except Exception as error:
            log_throttled(f"scope {self._scope.key} raised {describe_raised(error, self._scope)} and therefore denies")
            return Unproven.FAILED


class NameRule:
    """Allows the events of some names. Rules about event names, families and ``name`` are compiled to it.

    Where a mapping takes every event, ``others`` decides about names that are not ``known``.
    """

    __slots__ = ("_known", "_others", "names", "reason")

    def __init__(
        self,
        names: Iterable[str],
        reason: str,
        known: Iterable[str] = (),
        others: Callable[[str], bool] | None = None,
    ) -> None:
        self.names = frozenset(names)
        self.reason = reason
        self._known = frozenset(known)
        self._others = others

    def __call__(self, body: Mapping[str, Any]) -> str | None:
        """Returns why the event is denied, or None, as a `Check`."""
        return None if self.allows(body["name"]) else self.reason

    def allows(self, event: str) -> bool:
        """Tells whether an event of this name is allowed; for `ANY_EVENT`, whether some without a mapping may be."""
        if event in self.names:
            return True
        return self._others is not None and event not in self._known and (event == ANY_EVENT or self._others(event))


def texts(values: Any) -> list[str]:
    """Lists a text or several, none blank or with blanks around it. Raises ValueError."""
    several = values if isinstance(values, list) else [values]
    if not several or not all(isinstance(value, str) and value and value == value.strip() for value in several):
        raise ValueError("expected a text or a list of texts, without blanks around them")
    return several


def check_of_router(function: Callable[..., Any], destination: Destination) -> Check:
    """Makes a check of a routing plugin for a destination. Any result but None denies."""

    def denial(body: Mapping[str, Any]) -> str | None:
        skip = function(body, destination)
        return None if skip is None else with_constant_reason(skip, "the router", function).reason

    denial.__module__ = function.__module__  # whose lines errors name
    return denial


def first_denial(checks: Sequence[tuple[str, Check]], body: Mapping[str, Any]) -> Denial | None:
    """Returns the first denial of named checks, in order. A check that raises denies."""
    for name, check in checks:
        try:
            reason = check(body)
        except Exception as error:
            log_throttled(f"{name} raised {describe_raised(error, check)} and therefore denies")
            return Denial(name, f"{name} failed")
        if reason is not None:
            return Denial(name, reason)
    return None


class DestinationRules(NamedTuple):
    """Holds a destination with the rules that an event must pass: checks, scopes and routing plugins."""

    destination: Destination
    checks: tuple[tuple[str, Check], ...] = ()
    scopes: tuple[ScopeRule, ...] = ()
    routers: tuple[tuple[str, Check], ...] = ()


Route = tuple[tuple[str, ...], Mapping[str, Denial]]
"""Names of the destinations that may have an event, and the denials for the others."""

_NONE: Mapping[str, Denial] = MappingProxyType({})
NO_DESTINATION: Route = (), _NONE
"""The route where there is no destination."""


def static_route(rules: Sequence[DestinationRules]) -> Route | None:
    """Returns the route of every event when no rule depends on the event, else None."""
    if any(candidate.checks or candidate.scopes or candidate.routers for candidate in rules):
        return None
    return tuple(candidate.destination.name for candidate in rules), _NONE


def decide_route(rules: Sequence[DestinationRules], body: Body) -> Route:
    """Decides which destinations may have an event. Routing plugins run last, for destinations that all else allows."""
    passed: list[DestinationRules] = []
    allowed: list[str] = []
    denied: dict[str, Denial] = {}
    memo: dict[Any, Any] = {}
    for candidate in rules:
        destination, checks, scopes, _ = candidate
        denial = first_denial(checks, body) if checks else None
        if denial is None:
            for scope in scopes:
                denial = scope.denial(body, memo)
                if denial is not None:
                    break
        if denial is None:
            passed.append(candidate)
        else:
            denied[destination.name] = denial
    for destination, _, _, routers in passed:
        denial = first_denial(routers, body) if routers else None
        if denial is None:
            allowed.append(destination.name)
        else:
            denied[destination.name] = denial
    return tuple(allowed), denied
