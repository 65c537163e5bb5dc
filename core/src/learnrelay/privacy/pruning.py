"""Prunes an event to the values that the enabled plugins declare.

A pruned event has the same outcome as the whole event: values stay raw and in their places. An object or list in the
place of a declared plain value is replaced by an empty one, so that the error stays the same. The keys of a collection
(`each`) are numbered, unless they are declared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from pluggy import HookImpl

from ..facts import Facts
from ..fields import ENTRY_KEY, Fields
from ..inner_texts import read_step, write_step
from ..kinds import INVALID, Invalid, Kind, scalar
from ..mapping import ANY_EVENT
from ..pipeline.plan import Plan
from ..pipeline.routing import DestinationRules
from ..plugins.registry import Registry

Prune = Callable[[Mapping[str, Any]], dict[str, Any]]
"""An event's body → the same with its declared values only."""

_NOT_SHOWN: dict[type, Any] = {dict: {"": None}, list: [None]}


class DeclaredPart:
    """Declares what is read at one place of an event: a value of some kinds, further keys, a collection."""

    __slots__ = ("entries", "keys", "kinds", "parts")

    def __init__(self) -> None:
        self.kinds: list[Kind] = []
        self.parts: dict[str, DeclaredPart] = {}
        self.entries: DeclaredPart | None = None
        self.keys = False

    def at(self, path: str) -> DeclaredPart:
        """Returns the part at a dotted path; makes it when there is none."""
        part = self
        for key in path.split("."):
            part = part.parts.setdefault(key, DeclaredPart())
        return part

    def add(self, fields: type[Fields]) -> None:
        """Adds the fields of a declaration that is read from here."""
        for field in fields.declared.values():
            for path in field.paths:
                if path == ENTRY_KEY:
                    continue
                part = self.at(path)
                if field.entries is None:
                    part.kinds.append(field.kind)
                    continue
                part.entries = part.entries or DeclaredPart()
                part.entries.add(field.entries)
                part.keys |= any(inner.paths == (ENTRY_KEY,) for inner in field.entries.declared.values())

    def keep(self, raw: Any) -> Any:
        """Copies the declared parts of a raw value; None when there are none."""
        if type(raw) not in (dict, list):
            return raw if self.kinds else None
        if any(_takes(kind, raw) for kind in self.kinds):
            return raw
        kept = self._of_object(raw) if type(raw) is dict else self._of_list(raw)
        return _NOT_SHOWN[type(raw)] if not kept and raw and self.kinds else kept

    def _of_object(self, raw: dict[str, Any]) -> dict[str, Any]:
        if self.entries is None:
            kept = ((key, part.keep(raw[key])) for key, part in self.parts.items() if raw.get(key) is not None)
            plain = {key: value for key, value in kept if value is not None}
            self._keep_inner_texts(raw, plain)
            return plain
        entries = {}
        for number, (key, item) in enumerate(raw.items()):
            value = self.entries.keep(item) if type(item) is dict else None
            if key in self.parts and item is not None:
                value = _merged(value, self.parts[key].keep(item))
            if value is not None:
                entries[key if self.keys or self.parts else str(number)] = value
        self._keep_inner_texts(raw, entries)
        return entries

    def _keep_inner_texts(self, raw: dict[str, Any], kept: dict[str, Any]) -> None:
        """Keeps of each text the values that are declared in it, unless the whole text is; else that it is unreadable.

        Of several forms that are declared of a text, it is written in one in which all read the same. Where there is
        none, for texts that hold values in two of them, it is kept whole.
        """
        read = self._read_inner_texts(raw)
        for key in dict.fromkeys(step.partition("|")[0] for step in read):
            if key not in kept:
                texts = [_text_of(step, inner) for step, inner in read.items() if step.partition("|")[0] == key]
                same = (text for text in texts if self._reads_same(key, text, read))
                kept[key] = next(same, raw[key])

    def _reads_same(self, key: str, text: str, read: Mapping[str, Any]) -> bool:
        steps = [step for step in self.parts if "|" in step and step.partition("|")[0] == key]
        other = self._read_inner_texts({key: text}) if len(steps) > 1 else {}
        return len(steps) == 1 or all(other.get(step) == read.get(step) for step in steps)

    def _read_inner_texts(self, holder: dict[str, Any]) -> dict[str, Any]:
        """Reads what is declared inside texts: step → the declared values, INVALID for a text of another form."""
        read = {step: read_step(holder, step) for step in self.parts if "|" in step}
        return {
            step: kept
            for step, inner in read.items()
            if (kept := inner if isinstance(inner, Invalid) else inner and self.parts[step].keep(inner))
        }

    def _of_list(self, raw: list[Any]) -> list[Any]:
        entries = self.entries
        return [] if entries is None else [entries.keep(item) if type(item) is dict else None for item in raw]


def _text_of(step: str, inner: Any) -> str:
    holder: dict[str, Any] = {}
    write_step(holder, step, inner)
    (text,) = holder.values()
    return cast("str", text)


def _merged(value: Any, other: Any) -> Any:
    """Merges two pruned copies of the same value."""
    if type(value) is dict and type(other) is dict:
        return value | {key: _merged(value.get(key), inner) for key, inner in other.items()}
    return value if other is None else other


def _takes(kind: Kind, raw: Any) -> bool:
    try:
        return kind is not scalar and kind(raw) not in (None, INVALID)
    except Exception:  # a plugin's own kind: the error is raised in the pipeline
        return True


def compile_pruners(plan: Plan, registry: Registry, facts: type[Facts]) -> dict[str, Prune]:
    """Maps each event of the allowlist to the function that prunes it, and `ANY_EVENT` to that of all other events."""
    hooks = registry.manager.hook
    everywhere = [*hooks.filter_event.get_hookimpls(), *hooks.enrich_statement.get_hookimpls()]
    stages = [_reads(impl) for impl in everywhere]
    routers = [_reads(impl) for impl in hooks.route_event.get_hookimpls()]
    prunes = {}
    mapped = {**plan.mappings, **({ANY_EVENT: plan.others} if plan.others else {})}
    for event, mappings in mapped.items():
        root = DeclaredPart()
        for path in ("name", "timestamp"):
            root.at(path).kinds.append(scalar)
        for reads in (*stages, facts):
            root.add(reads)
        for mapping in mappings:
            root.add(mapping.transformer.reads)
            for rules in plan.rules.get(mapping.standard, ()):
                _add_rules(root, rules, routers)
        prunes[event] = _prune(root)
    return prunes


def _reads(implementation: HookImpl) -> type[Fields]:
    reads: type[Fields] = getattr(implementation.function, "learnrelay_reads")  # noqa: B009  # set by `hookimpl`
    return reads


def _add_rules(root: DeclaredPart, rules: DestinationRules, routers: Iterable[type[Fields]]) -> None:
    for reads in [*(rule.reads for rule in rules.scopes), *routers]:
        root.add(reads)
    for path in rules.destination.match:
        root.at(path).kinds.append(scalar)


def _prune(root: DeclaredPart) -> Prune:
    return lambda body: {"data": None, "context": {}, **root.keep(body)}
