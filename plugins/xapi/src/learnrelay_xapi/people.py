"""Finds the people whom a statement names: its agents and groups (xAPI 1.0.3, Data 2.4.2; 2.0, 4.2.2.2).

Objects and activities of the context count by their whole id: a page about a learner is the learner's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from learnrelay import Statement

from .vocabulary import VOIDED
from .voiding import RELAY

_OF_STATEMENT, _OF_CONTEXT = ("actor", "object", "authority"), ("instructor", "team")
_WRAPPED = {"contextAgents": "agent", "contextGroups": "group"}
_IDENTIFIERS = ("mbox", "mbox_sha1sum", "openid")


def learner_names(statement: Statement) -> Iterator[str]:
    """Yields account names, addresses and ids of all agents, members of groups and objects."""
    if _table(statement.get("verb")).get("id") == VOIDED.id and _account_name(_table(statement.get("actor"))) == RELAY:
        return  # it is about a statement, and its actor is nobody
    context = _table(statement.get("context"))
    parties = [statement.get(key) for key in _OF_STATEMENT] + [context.get(key) for key in _OF_CONTEXT]
    parties += [_table(item).get(key) for name, key in _WRAPPED.items() for item in _listed(context.get(name))]
    for activities in _table(context.get("contextActivities")).values():
        parties += _listed(activities)
    for party in map(_table, parties):
        if party.get("objectType") == "SubStatement":
            yield from learner_names(party)
            continue
        for agent in (party, *map(_table, _listed(party.get("member")))):
            names = [agent.get(key) for key in _IDENTIFIERS]
            names += [_account_name(agent), agent.get("id")]
            yield from (name for name in names if isinstance(name, str))


def _account_name(agent: dict[str, Any]) -> Any:
    return _table(agent.get("account")).get("name")


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
