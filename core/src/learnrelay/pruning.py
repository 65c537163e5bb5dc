"""Pruning: of an event, what the enabled plugins declare that they read of it, and nothing else.

What is pruned gives the pipeline the same outcome as the whole event: values stay raw and in their places. An object
or list that nobody may see, where a plain value is declared, leaves an empty one behind, so that the error says the
same. A collection (`each`) whose keys nobody reads has them numbered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pluggy import HookImpl

from .fields import ENTRY_KEY, Fields
from .kinds import Kind, scalar
from .plugins.plan import Gate, Plan
from .plugins.registry import Registry

Prune = Callable[[Mapping[str, Any]], dict[str, Any]]
"""An event's body → the same with its declared values only."""

_NOT_SHOWN: dict[type, Any] = {dict: {"": None}, list: [None]}


class Part:
    """What is read at one place of an event: as a value of some kinds, by further keys, as a collection."""

    __slots__ = ("entries", "keys", "kinds", "parts")

    def __init__(self) -> None:
        self.kinds: list[Kind] = []
        self.parts: dict[str, Part] = {}
        self.entries: Part | None = None
        self.keys = False

    def at(self, path: str) -> Part:
        """The part at a dotted path."""
        part = self
        for key in path.split("."):
            part = part.parts.setdefault(key, Part())
        return part

    def add(self, fields: type[Fields]) -> None:
        """Add a declaration that is read from here."""
        for field in fields.declared.values():
            for path in field.paths:
                if path == ENTRY_KEY:
                    continue
                part = self.at(path)
                if field.entries is None:
                    part.kinds.append(field.kind)
                    continue
                part.entries = part.entries or Part()
                part.entries.add(field.entries)
                part.keys |= any(inner.paths == (ENTRY_KEY,) for inner in field.entries.declared.values())

    def keep(self, raw: Any) -> Any:
        """What is declared of a raw value; None where that is nothing."""
        if type(raw) not in (dict, list):
            return raw if self.kinds else None
        if any(_takes(kind, raw) for kind in self.kinds):
            return raw
        kept = self._of_object(raw) if type(raw) is dict else self._of_list(raw)
        return _NOT_SHOWN[type(raw)] if not kept and raw and self.kinds else kept

    def _of_object(self, raw: dict[str, Any]) -> dict[str, Any]:
        if self.entries is None:
            found = ((key, part.keep(raw[key])) for key, part in self.parts.items() if raw.get(key) is not None)
            return {key: value for key, value in found if value is not None}
        kept = {}
        for number, (key, item) in enumerate(raw.items()):
            value = self.entries.keep(item) if type(item) is dict else None
            if key in self.parts and item is not None:
                value = _merged(value, self.parts[key].keep(item))
            if value is not None:
                kept[key if self.keys or self.parts else str(number)] = value
        return kept

    def _of_list(self, raw: list[Any]) -> list[Any]:
        entries = self.entries
        return [] if entries is None else [entries.keep(item) if type(item) is dict else None for item in raw]


def _merged(one: Any, other: Any) -> Any:
    """Both of what is kept of the same value."""
    if type(one) is dict and type(other) is dict:
        return one | {key: _merged(one.get(key), value) for key, value in other.items()}
    return one if other is None else other


def _takes(kind: Kind, raw: Any) -> bool:
    try:
        return kind is not scalar and kind(raw) is not None
    except Exception:  # a plugin's own kind; it is to raise where the pipeline sees it
        return True


def pruners(plan: Plan, registry: Registry) -> dict[str, Prune]:
    """For each event of the allowlist: what keeps of it all that anything enabled declares to read of it."""
    hooks = registry.manager.hook
    everywhere = [*hooks.filter_event.get_hookimpls(), *hooks.enrich_statement.get_hookimpls()]
    stages = [_reads(impl) for impl in everywhere]
    routers = [_reads(impl) for impl in hooks.route_event.get_hookimpls()]
    prunes = {}
    for event, steps in plan.steps.items():
        root = Part()
        for path in ("name", "timestamp"):
            root.at(path).kinds.append(scalar)
        for reads in stages:
            root.add(reads)
        for step in steps:
            root.add(step.transformer.reads)
            root.add(registry.standards[step.standard].common)
            for gate in plan.gates.get(step.standard, ()):
                _add_gate(root, gate, routers)
        prunes[event] = _prune(root)
    return prunes


def _reads(implementation: HookImpl) -> type[Fields]:
    reads: type[Fields] = getattr(implementation.function, "learnrelay_reads")  # noqa: B009  # set by `hookimpl`
    return reads


def _add_gate(root: Part, gate: Gate, routers: Iterable[type[Fields]]) -> None:
    for reads in [*(rule.reads for rule in gate.scopes), *routers]:
        root.add(reads)
    for path in gate.destination.match:
        root.at(path).kinds.append(scalar)


def _prune(root: Part) -> Prune:
    return lambda body: {"data": None, "context": {}, **root.keep(body)}
