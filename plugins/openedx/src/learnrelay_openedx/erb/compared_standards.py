"""Tells what statements are compared, and how: xAPI statements and Caliper events may stand in one stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .caliper_forms import ACTIONS, EVENT_TYPES, form_event
from .corrections import Difference, Statement, name_correction
from .named_departures import name_addition, name_departure
from .statement_forms import VERBS, form_statement, read_instant

OTHER_VERB = "(another verb)"
"""Stands for verbs of no vocabulary, which may be anything."""
OTHER_TYPE = "(another type)"


@dataclass(frozen=True, slots=True)
class ComparedStandard:
    """Holds what depends on the standard.

    read_key: JSON values that are equal in statements that may be paired, the instant first; None for what is no
    statement with a time. name_change, name_addition: names of what is documented, of a difference of two statements,
    and of a statement that only we have beside those that are paired. in_words: what a statement is counted as.
    """

    name: str
    read_key: Callable[[Mapping[str, Any]], Sequence[Any] | None]
    form: Callable[[Mapping[str, Any]], dict[str, Any]]
    name_change: Callable[[Difference], str | None]
    name_addition: Callable[[Statement, Sequence[Statement]], str | None]
    in_words: Callable[[Mapping[str, Any]], str]


def _read_xapi_key(statement: Mapping[str, Any]) -> Sequence[Any] | None:
    verb = statement.get("verb")
    if not isinstance(verb, dict) or not isinstance(verb.get("id"), str):
        return None
    instant = read_instant(statement.get("timestamp"))
    return None if instant is None else (instant, verb["id"])


def _read_caliper_key(event: Mapping[str, Any]) -> Sequence[Any] | None:
    """Returns the instant alone: type, action and actor of an event may be departures."""
    is_event = all(isinstance(event.get(key), str) for key in ("type", "action"))
    instant = read_instant(event.get("eventTime")) if is_event else None
    return None if instant is None else (instant,)


def _describe_caliper(event: Mapping[str, Any]) -> str:
    kind, action = event["type"], event["action"]
    return f"{kind} / {action}" if kind in EVENT_TYPES and action in ACTIONS else OTHER_TYPE


STANDARDS = {
    standard.name: standard
    for standard in (
        ComparedStandard(
            "xapi",
            _read_xapi_key,
            form_statement,
            name_correction,
            lambda statement, paired: None,
            lambda statement: VERBS.get(statement["verb"]["id"], OTHER_VERB),
        ),
        ComparedStandard(
            "caliper", _read_caliper_key, form_event, name_departure, name_addition, _describe_caliper
        ),
    )
}  # fmt: skip
