"""From what an operator wrote (``scope`` and ``match`` of a destination) to the rules of its gate.

::

    scope = "all"                                            # stands for everyone: said, never implied
    scope = { org = ["Harbour", "Lagoon"] }                  # one of them
    scope = { enterprise = "UUID", org = "Harbour" }         # both
    scope = { org = "Harbour", family = "acme.video" }       # and only these events of it
    scope = { org = "Harbour", deny = { course = "Harbour+SAIL" } }
    scope = { all = true, deny = { event = "glob:acme.forum.*" } }

Keys are joined by *and*, the values of a list by *or*; any key under ``deny`` is enough to keep an event away. The core
knows ``all``, ``event``, ``family`` and ``deny``; the others come from plugins.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from .config.fields import did_you_mean
from .config.models import Rules
from .fields import declared_paths
from .plugins.discovery import PluginInfo, State
from .plugins.registry import Registry
from .privacy import KNOWN_PATHS
from .routing import Check, NameRule, Scope, ScopeRule, Wanted, check_of_rule, texts

ALL, DENY, EVENT, FAMILY = "all", "deny", "event", "family"


@dataclass(frozen=True, slots=True)
class Rulings:
    """What a destination's section comes down to. ``problems`` and ``warnings`` are (key below it, reason)."""

    checks: list[tuple[str, Check]] = field(default_factory=list)
    scopes: list[ScopeRule] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


class Access:
    """What rules can be about: the enabled events and families of each standard, the scopes of the plugins."""

    def __init__(self, registry: Registry, table: Mapping[tuple[str, str], Any], plugins: Sequence[PluginInfo]) -> None:
        self.families: dict[str, dict[str, str]] = {name: {} for name in registry.standards}
        self.paths: dict[str, set[str]] = {name: {*KNOWN_PATHS, "name"} for name in registry.standards}
        for (standard, event), transformer in table.items():
            if standard in self.families:
                self.families[standard][event] = transformer.family
                for reads in (transformer.reads, registry.standards[standard].common):
                    self.paths[standard].update(path for _, path, _ in declared_paths(reads))
        self.installed = {info.name for info in plugins if info.kind == "families"}
        self.disabled = sorted(info.name for info in plugins if info.kind == "routers" and info.state is State.DISABLED)
        self.scopes: dict[str, Scope] = {key: scope() for key, scope in registry.scopes.items()}

    def rulings(self, standard: str, scope: str | Mapping[str, Any], match: Rules) -> Rulings:
        """The rules of a destination, with all that is wrong about them."""
        made = Rulings()
        if isinstance(scope, Mapping):
            self._scope(standard, scope, made)
        for path, values in match.items():
            self._match(standard, path, values, made)
        return made

    def _scope(self, standard: str, scope: Mapping[str, Any], made: Rulings) -> None:
        permits = {key: value for key, value in scope.items() if key not in (ALL, DENY)}
        denials = scope.get(DENY, {})
        if scope.get(ALL, True) is not True:
            made.problems.append((f"scope.{ALL}", "expected true"))
        if ALL in scope and permits:
            made.problems.append((f"scope.{ALL}", f"contradicts {', '.join(permits)}: leave one of them out"))
        if not permits and ALL not in scope:
            made.problems.append(
                ("scope", f'says whom to deny, not whom it stands for: add {ALL} = true, or such as org = "…"')
            )
        if not isinstance(denials, Mapping) or (DENY in scope and not denials):
            made.problems.append((f"scope.{DENY}", 'expected a table such as { course = "…" }'))
            denials = {}
        for key, value in permits.items():
            self._rule(standard, key, value, denies=False, made=made)
        for key, value in denials.items():
            self._rule(standard, key, value, denies=True, made=made)

    def _rule(self, standard: str, key: str, value: Any, denies: bool, made: Rulings) -> None:
        at = f"scope.{DENY}.{key}" if denies else f"scope.{key}"
        try:
            if key in (EVENT, FAMILY):
                made.checks.append(self._named(standard, key, value, denies, at, made))
            elif key in self.scopes:
                made.scopes.append(ScopeRule(self.scopes[key], value, denies))
            else:
                hint = did_you_mean(key, [*self.scopes, EVENT, FAMILY])
                if self.disabled:
                    hint += f"; installed, but not enabled: {', '.join(self.disabled)}"
                raise ValueError(f"no enabled plugin knows this scope{hint}")
        except ValueError as error:
            made.problems.append((at, str(error)))

    def _named(self, standard: str, key: str, value: Any, denies: bool, at: str, made: Rulings) -> tuple[str, NameRule]:
        """A rule on event names or families: which events it means is known now."""
        mapped = self.families.get(standard, {})
        meant: set[str] = set()
        for one in texts(value):
            wanted = Wanted([one])
            found = {event for event, family in mapped.items() if wanted(event if key == EVENT else family)}
            meant |= found
            if not found:
                self._nothing_meant(standard, key, one, at, made)
        name = f"{'deny' if denies else 'scope'} {key}"
        if denies:
            return name, NameRule(mapped.keys() - meant, f"{name}: the {key} is kept from it")
        return name, NameRule(meant, f"{name}: the {key} is not among those that it may have")

    def _nothing_meant(self, standard: str, key: str, value: str, at: str, made: Rulings) -> None:
        """A name that nothing bears is a mistake; one of another standard, or not enabled, is worth a warning."""
        everywhere: set[str] = set(self.installed) if key == FAMILY else set()
        for families in self.families.values():
            everywhere.update(families.values() if key == FAMILY else families)
        if value in everywhere or value.startswith(("glob:", "regex:")):
            made.warnings.append((at, f'"{value}" means nothing that is enabled for {standard}'))
        else:
            made.problems.append((at, f'there is no enabled {key} "{value}"{did_you_mean(value, sorted(everywhere))}'))

    def _match(self, standard: str, path: str, values: tuple[Any, ...], made: Rulings) -> None:
        at = f'match."{path}"'
        try:
            made.checks.append(("match", self._names_matched(standard, values, at, made) if path == "name"
                                else check_of_rule(path, values)))  # fmt: skip
        except ValueError as error:
            made.problems.append((at, str(error)))
            return
        known = self.paths.get(standard)
        if known is not None and not any(_covers(one, path) for one in known):
            near = _nearest(path, known)
            hint = f'; did you mean "{near}"?' if near else ""
            made.warnings.append((at, f"no enabled {standard} event reads this, so perhaps none has it{hint}"))

    def _names_matched(self, standard: str, values: tuple[Any, ...], at: str, made: Rulings) -> NameRule:
        mapped = self.families.get(standard, {})
        wanted = Wanted(values)
        meant = {event for event in mapped if wanted(event)}
        if not meant:
            made.warnings.append((at, f"no enabled {standard} event has such a name"))
        return NameRule(meant, "match: name has none of the wanted values")


def _covers(declared: str, path: str) -> bool:
    """Whether a declared path is the path, or one that is read with all that lies below it."""
    return declared == path or (declared.endswith(".**") and path.startswith(declared[:-2]))


def _nearest(path: str, known: Collection[str]) -> str | None:
    """A known path with the same last part, or one that is spelled nearly so."""
    last = path.rpartition(".")[2]
    same = sorted(
        (one for one in known if one.rpartition(".")[2] == last), key=lambda one: (not one.startswith("context"), one)
    )
    if same:
        return same[0]
    near = get_close_matches(path, sorted(known), 1)
    return near[0] if near else None
