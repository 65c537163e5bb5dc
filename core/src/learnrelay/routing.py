"""Which destinations may have an event: scopes, match rules and routing plugins. One denial is enough.

Every check answers None for *allowed* or the reason for *denied*; one that raises denies (fail closed).
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from .config.models import Rules
from .fields import Fields, compile_extractor, value_at
from .kinds import scalar

log = logging.getLogger(__name__)

Check = Callable[[Mapping[str, Any]], "str | None"]
"""Body of an event → None, or why the destination may not have it (constant words, no value)."""


class Scope(ABC):
    """Whom a destination stands for, and the proof that an event belongs there: one key of ``scope = { … }``.

    Class attributes
        key: the key in the operator's file.
        reads: the fields that the proof looks at; nothing else of the event is seen.
    """

    key: ClassVar[str]
    reads: ClassVar[type[Fields]]

    @abstractmethod
    def __init__(self, wanted: Any) -> None:
        """``wanted`` is the value in the operator's file. Raises ValueError with the reason if it makes no sense."""

    @abstractmethod
    def denial(self, fields: Any) -> str | None:
        """None when the fields prove that the event belongs; otherwise why not, in constant words."""


def check_of_scope(scope: Scope) -> Check:
    """A scope as a check of an event's body."""
    extract = compile_extractor(scope.reads)
    return lambda body: scope.denial(extract(body))


def check_of_rules(rules: Rules) -> Check:
    """Match rules as a check: every path must hold one of its values, compared exactly by type and value."""

    def denial(body: Mapping[str, Any]) -> str | None:
        for path, wanted in rules.items():
            found = value_at(body, path)
            if scalar(found) is None or not any(_same(found, value) for value in wanted):
                return f"match: {path} has none of the wanted values"
        return None

    return denial


def _same(found: Any, wanted: Any) -> bool:
    """Equal as JSON values: numbers by value, booleans and text only with their like."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, str) or isinstance(wanted, str):
        return type(found) is type(wanted) and found == wanted
    return bool(found == wanted)


def first_denial(checks: Sequence[tuple[str, Check]], body: Mapping[str, Any]) -> str | None:
    """Ask named checks in order; the first denial counts, and so does a check that raises."""
    for name, check in checks:
        try:
            reason = check(body)
        except Exception as error:
            log.error("%s raised %s and therefore denies", name, type(error).__name__)
            return f"{name} failed"
        if reason is not None:
            return reason
    return None
