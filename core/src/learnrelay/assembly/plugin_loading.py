"""Finds and loads the plugins that the operator's file enables or names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config.fields import did_you_mean
from ..core_inputs import CORE_INPUTS
from ..errors import PluginError
from ..hookspecs import CONTRACT
from ..mapping import ANY_EVENT
from ..plugins.discovery import (
    PluginInfo,
    PluginState,
    idle_globs,
    installed,
    load,
    select,
    select_named,
    select_source,
    standard_of,
    unknown_groups,
)
from ..plugins.registry import Registry, collect, list_hooks
from ..plugins.single_files import load_file
from .core_plugins import CORE_AUTH_SCHEMES, CORE_SINKS, COURSE_PROVIDERS, IDENTITY_PROVIDERS
from .operator_file import OperatorFile
from .plugin_settings import load_settings

SKIPPABLE = frozenset({"families", "enrichers"})
"""Kinds of plugins without which a relay may run: they do not decide who receives events."""


_SKIPPABLE_HOOKS = frozenset({"register_transformers", "enrich_statement"})


@dataclass(frozen=True, slots=True)
class LoadedPlugins:
    """Holds every plugin that is installed or in a file, and what the enabled ones contribute.

    Attributes:
        infos: All, with their states.
        registry: What the active ones contribute.
        failed: Names of those that did not load: what their sections may hold is not known.
    """

    infos: tuple[PluginInfo, ...]
    registry: Registry
    failed: frozenset[str]

    def may_lack_family(self, name: str) -> bool:
        """Tells whether a relay may run without a family: it is installed, and in no single file."""
        return any((info.kind, info.name) == ("families", name) and info.file is None for info in self.infos)

    def without_family(self, name: str, cause: str) -> LoadedPlugins:
        """Returns these plugins without the mappings of a family, which counts as failed."""
        self.registry.transformers[:] = [other for other in self.registry.transformers if other.family != name]
        infos = tuple(
            replace(info, state=PluginState.FAILED, reason=cause)
            if (info.kind, info.name) == ("families", name)
            else info
            for info in self.infos
        )
        return replace(self, infos=infos, failed=self.failed | {name})

    def list_left_out(self) -> list[PluginInfo]:
        """Lists the families and enrichers that did not load."""
        return [info for info in self.infos if info.state is PluginState.FAILED and info.kind in SKIPPABLE]

    def describe_unknown(self, name: str) -> str:
        """Describes why a plugin that is there has no section; empty where there is no plugin of this name."""
        states = {info.state for info in self.infos if info.name == name}
        if not states:
            return ""
        if PluginState.ACTIVE in states:
            return f"the plugin {name} takes no settings"
        return f"the plugin {name} is not enabled: [plugins] enabled names what is"


def list_named_plugins(raw: Mapping[str, Any]) -> dict[tuple[str, str], list[str]]:
    """Returns kind and name of the providers, sinks, auth schemes and inputs that tables name and the core lacks.

    ``raw``: the parsed file. The values are the keys that name the plugin.
    """
    named: dict[tuple[str, str], list[str]] = {}
    for section, of_section in {"identity": [*IDENTITY_PROVIDERS], "courses": [*COURSE_PROVIDERS]}.items():
        table = raw.get(section)
        provider = table.get("provider") if isinstance(table, Mapping) else None
        if isinstance(provider, str) and provider not in of_section:
            named.setdefault(("resolvers", provider), []).append(f"{section}.provider")
    for name, table in _tables_of(raw, "destinations"):
        auth = table.get("auth")
        scheme = auth.get("scheme") if isinstance(auth, Mapping) else None
        for kind, plugin, of_core, key in (
            ("sinks", table.get("sink"), CORE_SINKS, "sink"),
            ("auth", scheme, CORE_AUTH_SCHEMES, "auth.scheme"),
        ):
            if isinstance(plugin, str) and plugin not in of_core:
                named.setdefault((kind, plugin), []).append(f"destinations.{name}.{key}")
    for name, table in _tables_of(raw, "inputs"):
        if isinstance(plugin := table.get("input"), str) and plugin not in CORE_INPUTS:
            named.setdefault(("inputs", plugin), []).append(f"inputs.{name}.input")
    return named


def _tables_of(raw: Mapping[str, Any], section: str) -> list[tuple[str, Mapping[str, Any]]]:
    tables = raw.get(section)
    pairs = tables.items() if isinstance(tables, Mapping) else ()
    return [(name, table) for name, table in pairs if isinstance(table, Mapping)]


def load_plugins(
    file: OperatorFile, enabled: Sequence[str], files: Sequence[Path], source: str | None
) -> LoadedPlugins:
    """Loads what the file enables and names. Takes the sections of plugins out of the file.

    ``files``: single-file plugins. ``source``: the name of ``[platform] source``; needed where several are there.
    """
    return _PluginLoader(file).load(enabled, files, source)


class _PluginLoader:
    def __init__(self, file: OperatorFile) -> None:
        self.file = file
        self.failed: set[str] = set()

    def load(self, enabled: Sequence[str], files: Sequence[Path], source: str | None) -> LoadedPlugins:
        plugins = installed()
        of_files = self._load_files(files, plugins)
        in_files = [replace(info, state=PluginState.DISABLED) for info, _ in of_files if info.kind == "sources"]
        sources = self._select_source([*plugins, *in_files], source)
        of_platform = sources[0] if sources else None
        known = set(_list_contributed(of_files))
        named = list_named_plugins(self.file.raw)
        to_find = {key: keys for key, keys in named.items() if key not in known}
        elsewhere = [name for name in enabled if name not in {info.name for info, _ in of_files}]
        selected = [*sources, *select(plugins, elsewhere, of_platform), *select_named(plugins, to_find)]
        chosen = {(info.kind, info.name): info for info in selected}
        for info, _ in of_files:
            chosen |= {(standard.kind, standard.name): standard for standard in standard_of(info, plugins)}
            if info.kind != "sources":
                chosen[info.kind, info.name] = info
        self.file.warnings += unknown_groups()
        self.file.warnings += [f"plugins.enabled: {reason}" for reason in idle_globs(plugins, elsewhere, of_platform)]
        from_files = {(info.kind, info.name): plugin for info, plugin in of_files}
        loaded: list[tuple[PluginInfo, Any]] = []
        states = {(info.kind, info.name): info for info in plugins} | chosen
        for info in chosen.values():
            keys = named.get((info.kind, info.name), ["plugins.enabled"])
            if info.state is PluginState.INCOMPATIBLE and info.kind in self.file.leaves_out:
                states[info.kind, info.name] = self._leave_out(info, info.reason)
                continue
            if info.kind == "families" and not self.file.is_written and info.standard in self.failed:
                states[info.kind, info.name] = self._leave_out(info, f"its standard {info.standard} does not load")
                continue
            if info.state is not PluginState.ACTIVE:
                for key in keys:
                    self.file.add_problem(key, f'"{info.name}": {info.reason}')
                continue
            hooks: list[str] = []
            try:
                plugin = from_files[info.kind, info.name] if info.file else load(info)
                hooks = list_hooks(plugin)
                collect([(info, plugin)])  # alone first, so that the error names the bad plugin
                loaded.append((info, plugin))
            except PluginError as error:
                is_skipped = info.kind in self.file.leaves_out and not info.file and _SKIPPABLE_HOOKS.issuperset(hooks)
                of_glob = info.kind in ("families", "standards") and not info.file and info.name not in enabled
                if not is_skipped and (self.file.is_written or not of_glob):
                    for key in ("plugins.files",) if info.file else keys:
                        self.file.add_problem(key, str(error))
                states[info.kind, info.name] = self._leave_out(info, error.cause)
            self._check_skippable(info, hooks)
        settings, self.file.raw, problems = load_settings(loaded, self.file.raw, str(self.file.path))
        self.file.problems += problems
        try:
            registry = collect(loaded, settings)
        except PluginError as error:
            self.file.add_problem("plugins.enabled", str(error))
            registry = collect([])
        self._check_auth_schemes(named, states, registry)
        self._remove_unnamed_catch_alls(registry, {*enabled, *(info.name for info, _ in of_files)})
        return LoadedPlugins(tuple(states.values()), registry, frozenset(self.failed))

    def _check_skippable(self, info: PluginInfo, hooks: Sequence[str]) -> None:
        """Reports a plugin that could be left out, and with it what decides who receives an event."""
        others = sorted(set(hooks) - _SKIPPABLE_HOOKS)
        if info.kind in self.file.leaves_out and not info.file and others:
            group = f"learnrelay.{info.kind}.v{CONTRACT}"
            self.file.add_problem(
                "plugins.on_error",
                f'"skip" might leave out {", ".join(others)} of {info.origin}, because {info.name} stands in the group '
                f'{group}: write "stop", or ask its author for an entry point in the right group',
            )

    def _leave_out(self, info: PluginInfo, cause: str) -> PluginInfo:
        """Returns the state of a plugin that does not load."""
        self.failed.add(info.name)
        return replace(info, state=PluginState.FAILED, reason=cause)

    def _load_files(self, files: Sequence[Path], plugins: Sequence[PluginInfo]) -> list[tuple[PluginInfo, Any]]:
        """Loads single-file plugins. Two plugins of one kind and name are a problem."""
        taken = {(info.kind, info.name): info.origin for info in plugins}
        loaded = []
        for path in files:
            try:
                of_file = load_file(path)
            except PluginError as error:
                self.file.add_problem("plugins.files", str(error))
                self.failed.add(path.stem)
                continue
            for info, plugin in of_file:
                if (rival := taken.setdefault((info.kind, info.name), info.origin)) != info.origin:
                    self.file.add_problem("plugins.files", f'"{info.name}" of {info.origin} comes from {rival} too')
                else:
                    loaded.append((info, plugin))
        return loaded

    def _select_source(self, plugins: Sequence[PluginInfo], name: str | None) -> list[PluginInfo]:
        try:
            return [select_source(plugins, name)]
        except ValueError as error:
            self.file.add_problem("platform.source", str(error))
            return []

    def _check_auth_schemes(
        self,
        named: Mapping[tuple[str, str], Sequence[str]],
        states: Mapping[tuple[str, str], PluginInfo],
        registry: Registry,
    ) -> None:
        """Reports auth schemes that destinations name and no plugin brings; other faults of plugins are known."""
        known = [*CORE_AUTH_SCHEMES, *(name for kind, name in states if kind == "auth")]
        for (kind, name), keys in named.items():
            info = states.get((kind, name))
            if kind != "auth" or name in registry.auth_schemes or (info and info.state is not PluginState.ACTIVE):
                continue
            reason = f"no such auth scheme is installed; known: {', '.join(known)}{did_you_mean(name, known)}"
            if info is not None:
                reason = f'{info.origin} contributes no auth scheme with the name "{name}"'
            for key in keys:
                self.file.add_problem(key, reason)

    def _remove_unnamed_catch_alls(self, registry: Registry, named: Collection[str]) -> None:
        """Removes mappings of every event from families that only a glob enables."""
        kept = []
        for transformer in registry.transformers:
            plugin = registry.contributors[id(transformer)].name
            if ANY_EVENT in transformer.events and plugin not in named:
                self.file.warnings.append(
                    f"plugins.enabled: {transformer.name} maps every event only where its exact name is enabled: "
                    f'"{plugin}"'
                )
                events = tuple(event for event in transformer.events if event != ANY_EVENT)
                contributor = registry.contributors[id(transformer)]
                transformer = replace(transformer, events=events)  # noqa: PLW2901
                registry.contributors[id(transformer)] = contributor
            kept.append(transformer)
        registry.transformers[:] = kept


def _list_contributed(plugins: Sequence[tuple[PluginInfo, Any]]) -> Iterator[tuple[str, str]]:
    """Yields kind and name of the sinks, auth schemes and inputs that plugins contribute."""
    for info, plugin in plugins:
        with suppress(PluginError):  # reported where it is loaded with the others
            registry = collect([(info, plugin)])
            for kind, names in (
                ("sinks", registry.sinks), ("auth", registry.auth_schemes), ("inputs", registry.inputs),
            ):  # fmt: skip
                yield from ((kind, name) for name in names)
