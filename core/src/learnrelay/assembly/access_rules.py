"""Compiles ``scope`` and ``match`` of a destination into its access rules.

::

    scope = "all"                                            # stands for everyone: written, never implied
    scope = { org = ["Harbour", "Lagoon"] }                  # either of them
    scope = { enterprise = "UUID", org = "Harbour" }         # both
    scope = { org = "Harbour", family = "acme.video" }       # and only these events of it
    scope = { org = "Harbour", deny = { course = "Harbour+SAIL" } }
    scope = { all = true, deny = { event = "glob:acme.forum.*" } }

Keys are joined by *and*, the values of a list by *or*; any key under ``deny`` is enough to keep an event away. The core
knows ``all``, ``event``, ``family`` and ``deny``; the others come from plugins.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from ..config.fields import did_you_mean
from ..config.models import Rules
from ..fields import declared_paths
from ..mapping import ANY_EVENT
from ..pipeline.match_rules import ValueMatcher, check_of_rule
from ..pipeline.routing import Check, NameRule, ScopeRule, texts
from ..plugins.discovery import PluginInfo, PluginState
from ..plugins.registry import Registry
from ..scopes import Scope
from ..sources import Source

ALL, DENY, EVENT, FAMILY = "all", "deny", "event", "family"


_PATTERNS = ("glob:", "regex:")
"""Beginnings of the values that are patterns."""


@dataclass(frozen=True, slots=True)
class AccessRules:
    """Holds the compiled rules of a destination. ``problems`` and ``warnings`` are (key below it, reason)."""

    checks: list[tuple[str, Check]] = field(default_factory=list)
    scopes: list[ScopeRule] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


class AccessRuleCompiler:
    """Compiles access rules, from the enabled events and families of each standard and the scopes of plugins."""

    def __init__(
        self,
        registry: Registry,
        source: Source | None,
        table: Mapping[tuple[str, str], Any],
        plugins: Sequence[PluginInfo],
    ) -> None:
        self.families: dict[str, dict[str, str]] = {name: {} for name in registry.standards}
        known_paths = source.personal_names.known_paths if source else ()
        self.paths: dict[str, set[str]] = {name: {*known_paths, "name"} for name in registry.standards}
        for (standard, event), transformer in table.items():
            if standard in self.families:
                self.families[standard][event] = transformer.family
                for reads in (transformer.reads, *([source.facts] if source else [])):
                    self.paths[standard].update(path for _, path, _ in declared_paths(reads))
        self.installed = {info.name for info in plugins if info.kind == "families"}
        self.disabled = sorted(
            info.name for info in plugins if info.kind == "routers" and info.state is PluginState.DISABLED
        )
        self.source = source
        self._made: dict[str, Scope] = {}
        self._registry = registry
        self.scopes = registry.scopes

    def _scope_of(self, key: str, source: Source) -> Scope:
        if key not in self._made:
            self._made[key] = self._registry.make(self.scopes[key], source)
        return self._made[key]

    def compile_rules(self, standard: str, scope: str | Mapping[str, Any], match: Rules) -> AccessRules:
        """Compiles the rules of a destination, with all their problems and warnings."""
        rules = AccessRules()
        if isinstance(scope, Mapping):
            self._compile_scope(standard, scope, rules)
        for path, values in match.items():
            self._compile_match(standard, path, values, rules)
        return rules

    def _compile_scope(self, standard: str, scope: Mapping[str, Any], rules: AccessRules) -> None:
        permits = {key: value for key, value in scope.items() if key not in (ALL, DENY)}
        denials = scope.get(DENY, {})
        if scope.get(ALL, True) is not True:
            rules.problems.append((f"scope.{ALL}", "expected true"))
        if ALL in scope and permits:
            rules.problems.append((f"scope.{ALL}", f"contradicts {', '.join(permits)}: leave one of them out"))
        if not permits and ALL not in scope:
            rules.problems.append(("scope", f'denies, but allows nobody: add {ALL} = true, or such as org = "…"'))
        if not isinstance(denials, Mapping) or (DENY in scope and not denials):
            rules.problems.append((f"scope.{DENY}", 'expected a table such as { course = "…" }'))
            denials = {}
        for key, value in permits.items():
            self._compile_rule(standard, key, value, denies=False, rules=rules)
        for key, value in denials.items():
            self._compile_rule(standard, key, value, denies=True, rules=rules)

    def _compile_rule(self, standard: str, key: str, value: Any, denies: bool, rules: AccessRules) -> None:
        at = f"scope.{DENY}.{key}" if denies else f"scope.{key}"
        try:
            if key in (EVENT, FAMILY):
                rules.checks.append(self._compile_names(standard, key, value, denies, at, rules))
            elif key in self.scopes:
                if self.source is not None:  # a missing source is reported already
                    rules.scopes.append(ScopeRule(self._scope_of(key, self.source), value, denies))
            else:
                hint = did_you_mean(key, [*self.scopes, EVENT, FAMILY])
                if self.disabled:
                    hint += f"; installed, but not enabled: {', '.join(self.disabled)}"
                raise ValueError(f"no enabled plugin knows this scope{hint}")
        except ValueError as error:
            rules.problems.append((at, str(error)))

    def _compile_names(
        self, standard: str, key: str, value: Any, denies: bool, at: str, rules: AccessRules
    ) -> tuple[str, NameRule]:
        """Compiles a rule on event names or families into the set of events that it selects."""
        mapped, of_others = self._named_and_others(standard)
        wanted = ValueMatcher(texts(value))
        selected = {event for event, family in mapped.items() if wanted(event if key == EVENT else family)}
        for written in texts(value):
            matches = ValueMatcher([written])
            is_open = of_others is not None and (key == EVENT or matches(of_others))
            if not is_open and not any(matches(event if key == EVENT else mapped[event]) for event in mapped):
                self._report_unmatched(standard, key, written, at, rules)
        name = f"{'deny' if denies else 'scope'} {key}"
        others: Callable[[str], bool] | None = None
        if of_others is not None and key == EVENT:
            others = (lambda event: not wanted(event)) if denies else wanted
        elif of_others is not None and wanted(of_others) is not denies:
            others = bool  # each of them
        if denies:
            return name, NameRule(mapped.keys() - selected, f"{name}: the {key} is kept from it", mapped, others)
        return name, NameRule(selected, f"{name}: the {key} is not among those that it may have", mapped, others)

    def _named_and_others(self, standard: str) -> tuple[dict[str, str], str | None]:
        """Returns event name → family, and the family that maps every other event, if there is one."""
        mapped = self.families.get(standard, {})
        return {event: family for event, family in mapped.items() if event != ANY_EVENT}, mapped.get(ANY_EVENT)

    def _report_unmatched(self, standard: str, key: str, value: str, at: str, rules: AccessRules) -> None:
        """Reports an unknown name as a problem, and a name of another standard or of a disabled family as a warning."""
        everywhere: set[str] = set(self.installed) if key == FAMILY else set()
        for families in self.families.values():
            everywhere.update(families.values() if key == FAMILY else families)
        if value in everywhere or value.startswith(_PATTERNS):
            rules.warnings.append((at, f'"{value}" selects nothing that is enabled for {standard}'))
        else:
            rules.problems.append((at, f'there is no enabled {key} "{value}"{did_you_mean(value, sorted(everywhere))}'))

    def _compile_match(self, standard: str, path: str, values: tuple[Any, ...], rules: AccessRules) -> None:
        at = f'match."{path}"'
        try:
            rules.checks.append(("match", self._compile_name_match(standard, values, at, rules) if path == "name"
                                else check_of_rule(path, values)))  # fmt: skip
        except ValueError as error:
            rules.problems.append((at, str(error)))
            return
        for value in values:
            if isinstance(value, str) and any(mark in value for mark in "*?[") and not value.startswith(_PATTERNS):
                rules.warnings.append((at, f'"{value}" is this very text; a pattern is written "glob:{value}"'))
        known = self.paths.get(standard)
        if known is not None and not any(_covers(declared, path) for declared in known):
            near = _nearest(path, known)
            hint = f'; did you mean "{near}"?' if near else ""
            rules.warnings.append((at, f"no enabled {standard} event reads this, so perhaps none has it{hint}"))

    def _compile_name_match(self, standard: str, values: tuple[Any, ...], at: str, rules: AccessRules) -> NameRule:
        mapped, of_others = self._named_and_others(standard)
        wanted = ValueMatcher(values)
        events = {event for event in mapped if wanted(event)}
        if not events and of_others is None:
            rules.warnings.append((at, f"no enabled {standard} event has such a name"))
        others = None if of_others is None else wanted
        return NameRule(events, "match: name has none of the wanted values", mapped, others)


def _covers(declared: str, path: str) -> bool:
    """Tells whether a declared path is the path, or covers it because everything below it is read."""
    return declared == path or (declared.endswith(".**") and path.startswith(declared[:-2]))


def _nearest(path: str, known: Collection[str]) -> str | None:
    """Finds a known path with the same last part, or with a similar spelling."""
    name = path.rpartition(".")[2]
    same_name = [candidate for candidate in known if candidate.rpartition(".")[2] == name]
    if same_name:
        return min(same_name, key=lambda candidate: (not candidate.startswith("context"), candidate))
    near = get_close_matches(path, sorted(known), 1)
    return near[0] if near else None
