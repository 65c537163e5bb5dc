"""Which destinations may have an event: scopes, denials, match rules and routing plugins. One denial is enough.

Everything that an operator wrote is compiled once, at start-up. A check answers None for *allowed* or the reason for
*denied*, in constant words that can be counted; one that raises denies (fail closed).
"""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar, NamedTuple

from .complaints import Complaints
from .config.models import Destination
from .fields import Fields, compile_extractor
from .patterns import Matches, glob, regex

complain = Complaints(logging.getLogger(__name__))

Check = Callable[[Mapping[str, Any]], "str | None"]
"""Body of an event → None, or why the destination may not have it (constant words, no value)."""


# --- scopes ---------------------------------------------------------------------------------------------


class Doubt(Enum):
    """Why an event proves to belong to nobody."""

    ABSENT = "the event names none"
    UNPROVEN = "what the event names is no proof"
    UNREADABLE = "what the event names cannot be read"
    CONTRADICTORY = "the event names several that contradict each other"
    FAILED = "the check failed"


class Scope(ABC):
    """Whom a destination stands for, and the proof that an event belongs there: one key of ``scope = { … }``.

    Class attributes
        key: the key in the operator's file.
        reads: the fields that the proof looks at; nothing else of the event is seen.
    """

    key: ClassVar[str]
    reads: ClassVar[type[Fields]]

    @abstractmethod
    def wanted(self, value: str) -> str:
        """One value of the operator's file as `owners` writes it. Raises ValueError saying what is expected."""

    @abstractmethod
    def owners(self, fields: Any) -> Collection[str] | Doubt:
        """To whom the event proves to belong (under several names, if it has them), or why that is in doubt.

        Asked once per event, for all destinations. An event belongs to a destination that wants one of the names.
        """


class Denial(NamedTuple):
    """Which rule denied, and why in words."""

    rule: str
    reason: str


class ScopeRule:
    """One key of a destination's scope, or of its denials.

    As a permission it lets pass what proves to belong. As a denial it keeps away what belongs, and what might: only
    an event that proves to belong elsewhere, or names nobody at all, passes.
    """

    __slots__ = ("_denies", "_elsewhere", "_extract", "_in_doubt", "_reads", "_scope", "_wanted", "name")

    def __init__(self, scope: Scope, values: Any, denies: bool = False) -> None:
        """``values``: a text or a list of texts, as the operator wrote them. Raises ValueError with the reason."""
        self.name = f"{'deny' if denies else 'scope'} {scope.key}"
        self._scope = scope
        self._reads = scope.reads
        self._extract = compile_extractor(scope.reads)
        self._wanted = frozenset(scope.wanted(value) for value in texts(values))
        self._denies = denies
        belongs = f"{self.name}: the event belongs to {'it' if denies else 'another'}"
        self._elsewhere = Denial(self.name, belongs)
        self._in_doubt: dict[Doubt, Denial | None] = {
            doubt: Denial(self.name, f"{self.name}: {doubt.value}") for doubt in Doubt
        }
        if denies:
            self._in_doubt[Doubt.ABSENT] = None

    @property
    def reads(self) -> type[Fields]:
        """The fields that the proof looks at."""
        return self._reads

    def denial(self, body: Mapping[str, Any], told: dict[Any, Any]) -> Denial | None:
        """What denies. ``told`` remembers, for one event, what its fields are and to whom it belongs."""
        owners: Any = told.get(self._scope)
        if owners is None:
            owners = told[self._scope] = self._owners(body, told)
        if type(owners) is Doubt:
            return self._in_doubt[owners]
        return self._elsewhere if self._wanted.isdisjoint(owners) is not self._denies else None

    def _owners(self, body: Mapping[str, Any], told: dict[Any, Any]) -> Collection[str] | Doubt:
        try:
            fields = told.get(self._reads)
            if fields is None:
                fields = told[self._reads] = self._extract(body)
            owners = self._scope.owners(fields)
            if type(owners) is tuple and owners:
                return owners
            # a text would be taken letter by letter, and nobody is no proof
            sound = isinstance(owners, Doubt) or (owners and isinstance(owners, (tuple, list, set, frozenset)))
            return owners if sound else Doubt.FAILED
        except Exception as error:
            complain(f"scope {self._scope.key} raised {type(error).__name__} and therefore denies")
            return Doubt.FAILED


class NameRule:
    """Lets pass the events of some names: event names, families and rules about ``name`` all come down to this."""

    __slots__ = ("names", "reason")

    def __init__(self, names: Iterable[str], reason: str) -> None:
        self.names = frozenset(names)
        self.reason = reason

    def __call__(self, body: Mapping[str, Any]) -> str | None:
        """A `Check`."""
        return None if body["name"] in self.names else self.reason


def texts(values: Any) -> list[str]:
    """A text or a list of texts, none of them blank or with blanks around it. Raises ValueError."""
    several = values if isinstance(values, list) else [values]
    if not several or not all(isinstance(value, str) and value and value == value.strip() for value in several):
        raise ValueError("expected a text or a list of texts, without blanks around them")
    return several


# --- match rules ----------------------------------------------------------------------------------------


class Wanted:
    """The values of a match rule: exact by type and value, unless written as ``glob:…`` or ``regex:…``.

    Numbers are compared by value (3 and 3.0 are one number); text is no number and a boolean neither. Patterns are for
    texts and always over the whole of them. Nothing matches what is absent, null, empty, an object or a list.
    """

    __slots__ = ("_booleans", "_numbers", "_patterns", "_texts")

    def __init__(self, values: Iterable[Any]) -> None:
        """Raises ValueError with the reason for a value that could never match, or a pattern that is none."""
        booleans, numbers, words = set(), set(), set()
        patterns: list[Matches] = []
        for value in values:
            if isinstance(value, bool):
                booleans.add(value)
            elif isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
                numbers.add(value)
            elif isinstance(value, str) and value:
                form, colon, pattern = value.partition(":")
                if colon and form in ("glob", "regex"):
                    patterns.append(_pattern(form, pattern))
                else:
                    words.add(value)
            else:
                raise ValueError("expected texts that are not empty, finite numbers, true or false")
        if not (booleans or numbers or words or patterns):
            raise ValueError("an empty list matches nothing")
        self._booleans, self._numbers, self._texts = frozenset(booleans), frozenset(numbers), frozenset(words)
        self._patterns = tuple(patterns)

    def __call__(self, found: Any) -> bool:
        """Whether a value of an event is one of these."""
        kind = type(found)
        if kind is str:
            return found in self._texts or any(matches(found) for matches in self._patterns if found)
        if kind is bool:
            return found in self._booleans
        return kind in (int, float) and found in self._numbers


def _pattern(form: str, pattern: str) -> Matches:
    try:
        if not pattern:
            raise ValueError("the pattern is empty")
        return glob(pattern) if form == "glob" else regex(pattern)
    except ValueError as error:
        raise ValueError(f"{form}: {error}") from None


def check_of_rule(path: str, values: Iterable[Any]) -> Check:
    """One match rule as a check: the path must hold one of the values. Raises ValueError as `Wanted` does."""
    keys = path.split(".")
    wanted = Wanted(values)
    reason = f"match: {path} has none of the wanted values"

    def denial(body: Mapping[str, Any]) -> str | None:
        found: Any = body
        for key in keys:
            if type(found) is not dict:
                return reason
            found = found.get(key)
        return None if wanted(found) else reason

    return denial


def check_of_router(function: Callable[..., Any], destination: Destination) -> Check:
    """What a routing plugin says of a destination as a check. Anything but None denies."""

    def denial(body: Mapping[str, Any]) -> str | None:
        skip = function(body, destination)
        return None if skip is None else str(skip.reason)

    return denial


# --- deciding -------------------------------------------------------------------------------------------


def first_denial(checks: Sequence[tuple[str, Check]], body: Mapping[str, Any]) -> Denial | None:
    """Ask named checks in order; the first denial counts, and so does a check that raises."""
    for name, check in checks:
        try:
            reason = check(body)
        except Exception as error:
            complain(f"{name} raised {type(error).__name__} and therefore denies")
            return Denial(name, f"{name} failed")
        if reason is not None:
            return Denial(name, reason)
    return None
