"""Assembles the operator's file into a plan, and reports all its problems together, at start-up.

`assemble` reads the file, finds and loads the enabled plugins, validates every section with its own schema, and
compiles the plan. It opens no database and no connection.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..auth import AUTH_SCHEMES, AuthScheme, NoAuth
from ..config.fields import BASE, UNKNOWN, did_you_mean, in_words
from ..config.models import Config, Delivery, Destination, InputConfig, Provider
from ..config.problems import load_section, read_toml
from ..config.schema import CoreSections, DestinationSection, InputSection, ProviderSection
from ..config.secrets import Secret, find_secrets
from ..core_auth.constant import BasicAuth, BearerAuth, HeaderAuth
from ..core_auth.oauth2 import OAuth2Auth
from ..core_inputs import CORE_INPUTS
from ..core_sinks.files import FilesSink
from ..core_sinks.http import HttpSink
from ..core_sinks.log import LogSink
from ..errors import ConfigurationError, ObjectionsError, PluginError, Problem, ProviderError
from ..inputs import Input
from ..lookups.courses import NoCourses, TableCourses
from ..lookups.guards import GuardedCourses, GuardedIdentity
from ..lookups.identity import KeyedIdentity, TableIdentity
from ..lookups.objections import Objections
from ..mapping import ANY_EVENT, Transformer
from ..pipeline.constants import check_constants
from ..pipeline.plan import Plan, compile_plan, transform_table
from ..pipeline.routing import DestinationRules, check_of_router
from ..platform import Platform
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
from ..plugins.registry import Registry, collect
from ..plugins.single_files import load_file
from ..providers import CORE_SPACE, CourseProvider, IdentityProvider
from ..sinks import Sink
from ..sources import Source
from ..standards import Standard
from .access_rules import AccessRuleCompiler, AccessRules
from .plugin_settings import load_settings

IDENTITY_PROVIDERS: dict[str, type[IdentityProvider]] = {"keyed": KeyedIdentity, "table": TableIdentity}
_CORE_KEYS = {"identity": ("objections",)}
"""Section of a provider → its keys that are the core's, besides ``provider``."""
COURSE_PROVIDERS: dict[str, type[CourseProvider]] = {"none": NoCourses, "table": TableCourses}
CORE_SINKS: dict[str, type[Sink]] = {"http": HttpSink, "log": LogSink, "files": FilesSink}
CORE_AUTH_SCHEMES: dict[str, type[AuthScheme]] = {
    scheme.name: scheme for scheme in (NoAuth, BasicAuth, BearerAuth, HeaderAuth, OAuth2Auth)
}


@dataclass(frozen=True, slots=True)
class Assembly:
    """Holds a valid configuration with the plan, plugins, standards and providers made of it."""

    config: Config
    plan: Plan
    registry: Registry
    source: Source
    standards: Mapping[str, Standard]
    table: Mapping[tuple[str, str], Transformer]
    courses: CourseProvider
    plugins: tuple[PluginInfo, ...]
    identity: IdentityProvider
    objections: Objections | None = None

    def make_sink(self, destination: Destination) -> Sink:
        """Makes a sink of a destination, for one thread."""
        sink = list_sinks(self.registry)[destination.sink]
        return sink(destination.settings, self.standards[destination.standard], destination)

    def input_class(self, name: str) -> type[Input]:
        """Returns the class of the input that has this name."""
        return list_inputs(self.registry)[name]


def list_sinks(registry: Registry) -> dict[str, type[Sink]]:
    """Lists the sinks of the core and those of the loaded plugins, by name."""
    return {**registry.sinks, **CORE_SINKS}


def list_inputs(registry: Registry) -> dict[str, type[Input]]:
    """Lists the inputs of the core and those of the loaded plugins, by name."""
    return {**registry.inputs, **CORE_INPUTS}


def list_named_plugins(raw: Mapping[str, Any]) -> dict[tuple[str, str], list[str]]:
    """Returns kind and name of the sinks, auth schemes and inputs that tables name and the core does not have.

    ``raw``: the parsed file. The values are the keys that name the plugin.
    """
    named: dict[tuple[str, str], list[str]] = {}
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


def assemble(path: Path, plugin_files: Sequence[str] = ()) -> Assembly:
    """Reads and assembles the operator's file. Raises ConfigurationError with every problem.

    ``plugin_files``: single-file plugins, in addition to those of the operator's file.
    """
    return assemble_from(add_plugin_files(read_toml(path), plugin_files), path)


def add_plugin_files(raw: Mapping[str, Any], files: Sequence[str]) -> Mapping[str, Any]:
    """Adds single-file plugins, named from the working directory, to a parsed file."""
    plugins = raw.get("plugins", {})
    if not files or not isinstance(plugins, Mapping):
        return raw
    listed = plugins.get("files", [])
    added = [str(Path(file).absolute()) for file in files]
    return {**raw, "plugins": {**plugins, "files": [*listed, *added] if isinstance(listed, list) else listed}}


def assemble_from(raw: Mapping[str, Any], path: Path) -> Assembly:
    """Assembles a parsed file; ``path`` is for messages, and relative paths start at its directory."""
    token = BASE.set(path.absolute().parent)
    try:
        return _Assembler(raw, path).assemble()
    finally:
        BASE.reset(token)


def load_standard(name: str) -> Standard | None:
    """Loads an installed standard that need not be enabled, with its default settings; None when there is none.

    Raises PluginError, and ConfigurationError where it has no defaults.
    """
    infos = [info for info in installed() if (info.kind, info.name) == ("standards", name)]
    for standard in collect([(info, load(info)) for info in infos]).standards.values():
        settings, problems = load_section(standard.settings_schema(), {}, name, name)
        if problems:
            raise ConfigurationError(problems)
        return standard(settings)
    return None


def list_notices(standards: Mapping[str, Standard]) -> list[str]:
    """Lists what the settings of the standards disclose beyond pseudonyms."""
    return [f"{name}: {notice}" for name, standard in standards.items() for notice in standard.notices()]


def _has_password(address: Secret) -> bool:
    """Tells whether an address has a password: ``scheme://user:password@host``."""
    return re.match(r"[\w+]+://[^/?#@]*:[^/?#]+@", address.reveal()) is not None


def _list_contributed(plugins: Sequence[tuple[PluginInfo, Any]]) -> Iterator[tuple[str, str]]:
    """Yields kind and name of the sinks, auth schemes and inputs that plugins contribute."""
    for info, plugin in plugins:
        with suppress(PluginError):  # reported where it is loaded with the others
            registry = collect([(info, plugin)])
            for kind, names in (
                ("sinks", registry.sinks), ("auth", registry.auth_schemes), ("inputs", registry.inputs),
            ):  # fmt: skip
                yield from ((kind, name) for name in names)


def _describe_unknown(name: str, plugins: Sequence[PluginInfo]) -> str:
    """Describes why a plugin that is there has no section; empty where there is no plugin of this name."""
    states = {info.state for info in plugins if info.name == name}
    if not states:
        return ""
    return f"the plugin {name} " + ("takes no settings" if PluginState.ACTIVE in states else "is not enabled")


class _Assembler:
    """Gathers problems on the way, so that the operator sees all of them at once."""

    def __init__(self, raw: Mapping[str, Any], path: Path) -> None:
        self.raw: Mapping[str, Any] = raw
        self.path = path
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self._failed: set[str] = set()
        """Names of plugins that did not load: what their sections may hold is not known."""

    def assemble(self) -> Assembly:
        core = self._load_core()
        enabled = core.get("plugins", {}).get("enabled") or ()
        prefer = core.get("plugins", {}).get("prefer", {})
        files = core.get("plugins", {}).get("files", ())
        infos, registry = self._load_plugins(enabled, files, core.get("platform", {}).get("source"))
        source = next((registry.make(source) for source in registry.sources.values()), None)
        standards = self._load_standards(registry, infos)
        self._check_sections(registry, infos)
        identity = self._load_provider("identity", {**IDENTITY_PROVIDERS, **registry.identity_providers}, None)
        courses = self._load_provider("courses", {**COURSE_PROVIDERS, **registry.course_providers}, "none")
        learners = GuardedIdentity(identity[0].name, identity[1]) if identity is not None else None
        objections = self._load_objections(learners) if learners is not None else None
        table, conflicts = transform_table(registry, prefer, str(self.path))
        self.problems += conflicts
        self._check_families(registry)
        token = AUTH_SCHEMES.set({**registry.auth_schemes, **CORE_AUTH_SCHEMES})
        try:
            destinations, access_rules = self._load_destinations(
                registry, infos, AccessRuleCompiler(registry, source, table, infos)
            )
        finally:
            AUTH_SCHEMES.reset(token)
        for name, destination in destinations.items():
            if destination.standard in standards:
                sink = list_sinks(registry)[destination.sink]
                for key, reason in sink.problems(destination.settings, standards[destination.standard]):
                    self._add_problem(f"destinations.{name}.{key}", reason)
            if destination.pseudonyms != "own":
                continue
            if identity is not None and (why := identity[1].own_spaces()) is not None:
                self._add_problem(f"destinations.{name}.pseudonyms", why)
            if destination.standard in standards and standards[destination.standard].needs_addresses():
                self._add_problem(
                    f"destinations.{name}.pseudonyms",
                    f'"own" goes without e-mail addresses, by which [{destination.standard}] is to name learners: it '
                    f'would get nothing. Take "own" away, or let [{destination.standard}] name learners by pseudonyms',
                )
        rules = self._compile_destination_rules(destinations, access_rules, registry)
        inputs = self._load_inputs(registry, source)
        if self.problems:
            raise ConfigurationError(self.problems)
        assert identity is not None
        assert learners is not None
        assert courses is not None
        assert source is not None
        identity[1].retired_prefix = identity[1].retired_prefix or source.retired_prefix
        with suppress(ProviderError):  # while the provider is away, ids of events are those of the run
            if learners.key_id() is not None:
                source.reader.id_key = learners.digest("event ids", CORE_SPACE).encode()
        config = Config(
            root_url=core["platform"]["root_url"].rstrip("/"),
            language=core["platform"]["language"],
            source=source.name,
            enabled=enabled,
            prefer=prefer,
            identity=identity[0],
            courses=courses[0],
            delivery=self._resolve_paths(core["delivery"]),
            destinations=destinations,
            standards={name: standard.settings for name, standard in standards.items()},
            inputs=inputs,
            settings=registry.settings,
            metrics=core["metrics"],
            path=self.path,
            warnings=(
                *self.warnings,
                *self._list_warnings(
                    *identity, core["delivery"], destinations, access_rules, standards, registry, inputs
                ),
            ),
            tests=tuple(core["tests"]),
        )
        titles = GuardedCourses(config.courses.name, courses[1])
        platforms = {
            name: Platform(config.root_url, source, learners, titles, name, language=config.language)
            for name in standards
        }
        own: dict[str, dict[str, Platform]] = {name: {} for name in standards}
        for name, destination in destinations.items():
            if destination.pseudonyms == "own":
                space = f"{destination.standard}/{name}"
                own[destination.standard][name] = Platform(
                    config.root_url, source, learners, titles, space, own=True, language=config.language
                )
        try:
            plan = compile_plan(registry, table, standards, platforms, rules, own, objections)
        except PluginError as error:
            raise ConfigurationError([Problem(str(self.path), "plugins.enabled", str(error))]) from error
        return Assembly(config, plan, registry, source, standards, table, titles, infos, identity[1], objections)

    def _add_problem(self, key: str, reason: str) -> None:
        self.problems.append(Problem(str(self.path), key, reason))

    def _load_core(self) -> dict[str, Any]:
        schema = CoreSections()
        sections = {name: self.raw[name] for name in schema.fields if name in self.raw}
        core, problems = load_section(schema, sections, str(self.path), "")
        self.problems += problems
        return core

    def _load_plugins(
        self, enabled: tuple[str, ...], files: Sequence[Path], source: str | None
    ) -> tuple[tuple[PluginInfo, ...], Registry]:
        plugins = installed()
        of_files = self._load_files(files, plugins)
        in_files = [replace(info, state=PluginState.DISABLED) for info, _ in of_files if info.kind == "sources"]
        sources = self._select_source([*plugins, *in_files], source)
        of_platform = sources[0] if sources else None
        known = set(_list_contributed(of_files))
        named = list_named_plugins(self.raw)
        to_find = {key: keys for key, keys in named.items() if key not in known}
        selected = [*sources, *select(plugins, enabled, of_platform), *select_named(plugins, to_find)]
        chosen = {(info.kind, info.name): info for info in selected}
        for info, _ in of_files:
            chosen |= {(standard.kind, standard.name): standard for standard in standard_of(info, plugins)}
            if info.kind != "sources":
                chosen[info.kind, info.name] = info
        self.warnings += unknown_groups()
        self.warnings += [f"plugins.enabled: {reason}" for reason in idle_globs(plugins, enabled, of_platform)]
        from_files = {(info.kind, info.name): plugin for info, plugin in of_files}
        loaded: list[tuple[PluginInfo, Any]] = []
        states = {(info.kind, info.name): info for info in plugins} | chosen
        for info in chosen.values():
            keys = named.get((info.kind, info.name), ["plugins.enabled"])
            if info.state is not PluginState.ACTIVE:
                for key in keys:
                    self._add_problem(key, f'"{info.name}": {info.reason}')
                continue
            try:
                plugin = from_files[info.kind, info.name] if info.file else load(info)
                collect([(info, plugin)])  # alone first, so that the error names the bad plugin
                loaded.append((info, plugin))
            except PluginError as error:
                for key in ("plugins.files",) if info.file else keys:
                    self._add_problem(key, str(error))
                states[info.kind, info.name] = replace(info, state=PluginState.FAILED, reason=error.cause)
                self._failed.add(info.name)
        settings, self.raw, problems = load_settings(loaded, self.raw, str(self.path))
        self.problems += problems
        try:
            registry = collect(loaded, settings)
        except PluginError as error:
            self._add_problem("plugins.enabled", str(error))
            registry = collect([])
        self._check_auth_schemes(named, states, registry)
        self._remove_unnamed_catch_alls(registry, {*enabled, *(info.name for info, _ in of_files)})
        return tuple(states.values()), registry

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
                self._add_problem(key, reason)

    def _remove_unnamed_catch_alls(self, registry: Registry, named: Collection[str]) -> None:
        """Removes mappings of every event from families that only a glob enables."""
        kept = []
        for transformer in registry.transformers:
            plugin = registry.contributors[id(transformer)].name
            if ANY_EVENT in transformer.events and plugin not in named:
                self.warnings.append(
                    f"plugins.enabled: {transformer.name} maps every event only where its exact name is enabled: "
                    f'"{plugin}"'
                )
                events = tuple(event for event in transformer.events if event != ANY_EVENT)
                contributor = registry.contributors[id(transformer)]
                transformer = replace(transformer, events=events)  # noqa: PLW2901
                registry.contributors[id(transformer)] = contributor
            kept.append(transformer)
        registry.transformers[:] = kept

    def _load_files(self, files: Sequence[Path], plugins: Sequence[PluginInfo]) -> list[tuple[PluginInfo, Any]]:
        """Loads single-file plugins. Two plugins of one kind and name are a problem."""
        taken = {(info.kind, info.name): info.origin for info in plugins}
        loaded = []
        for path in files:
            try:
                of_file = load_file(path)
            except PluginError as error:
                self._add_problem("plugins.files", str(error))
                self._failed.add(path.stem)
                continue
            for info, plugin in of_file:
                if (rival := taken.setdefault((info.kind, info.name), info.origin)) != info.origin:
                    self._add_problem("plugins.files", f'"{info.name}" of {info.origin} comes from {rival} too')
                else:
                    loaded.append((info, plugin))
        return loaded

    def _select_source(self, plugins: Sequence[PluginInfo], name: str | None) -> list[PluginInfo]:
        try:
            return [select_source(plugins, name)]
        except ValueError as error:
            self._add_problem("platform.source", str(error))
            return []

    def _load_standards(self, registry: Registry, plugins: Sequence[PluginInfo]) -> dict[str, Standard]:
        standards = {}
        for name, standard in registry.standards.items():
            raw = self.raw.get(name, {})
            if not isinstance(raw, Mapping):
                self._add_problem(name, "expected a table")
                continue
            schema = standard.settings_schema()
            families = [
                family.removeprefix(f"{name}.") for family in registry.settings if family.startswith(f"{name}.")
            ]
            for family in set(families).intersection(schema.fields):
                self._add_problem(
                    f"{name}.{family}", f"is a key of {name} and the section of the family {name}.{family}"
                )
            settings, problems = load_section(schema, raw, str(self.path), name, also=families)
            for problem in problems:
                if problem.reason.startswith(UNKNOWN):
                    if self._failed and isinstance(raw.get(problem.key.removeprefix(f"{name}.")), Mapping):
                        continue  # perhaps the section of a family that did not load
                    problem = replace(problem, reason=_describe_unknown(problem.key, plugins) or problem.reason)  # noqa: PLW2901
                self.problems.append(problem)
            if not problems:
                standards[name] = standard(settings)
        return standards

    def _check_sections(self, registry: Registry, plugins: Sequence[PluginInfo]) -> None:
        of_core = [*CoreSections().fields, "identity", "courses", "destinations", "inputs"]
        known = [*of_core, *registry.standards, *registry.settings]
        for name in {*of_core, *registry.standards}.intersection(registry.settings):
            self._add_problem(name, f"the plugin {name} cannot have settings: the section has another meaning")
        unsure = {*self._failed, *(info.name for info in plugins if self._failed and info.kind == "standards")}
        for name in self.raw:
            if (name not in known and name not in unsure) or "." in name:
                reason = (
                    f"write [{name}], without quotes"
                    if name in known
                    else _describe_unknown(name, plugins)
                    or f"{UNKNOWN}: no section, and no enabled standard or plugin with settings, has this name"
                    + did_you_mean(name, known)
                )
                self._add_problem(name, reason)

    def _load_provider(
        self, key: str, known: Mapping[str, type[Any]], default: str | None
    ) -> tuple[Provider, Any] | None:
        raw = self.raw.get(key, {"provider": default} if default else None)
        if raw is None:
            self._add_problem(key, f'is missing: name a provider, such as [{key}] provider = "{next(iter(known))}"')
            return None
        if not isinstance(raw, Mapping):
            self._add_problem(key, "expected a table")
            return None
        head, problems = load_section(
            ProviderSection(), {k: raw[k] for k in raw if k == "provider"}, str(self.path), key
        )
        self.problems += problems
        name = head.get("provider")
        if problems or name is None:
            return None
        if name not in known:
            hint = did_you_mean(name, list(known))
            self._add_problem(f"{key}.provider", f"no enabled plugin provides this; known: {', '.join(known)}{hint}")
            return None
        of_core = ["provider", *_CORE_KEYS.get(key, ())]
        own = {k: value for k, value in raw.items() if k not in of_core}
        settings, problems = load_section(known[name].settings_schema(), own, str(self.path), key, also=of_core)
        self.problems += problems
        return None if problems else (Provider(name, settings), known[name](settings))

    def _load_objections(self, identity: IdentityProvider) -> Objections | None:
        """Reads the list of learners who objected; no list, no objections. A list that cannot be read is a problem."""
        name = self.raw["identity"].get("objections")
        if name is None:
            return None
        at = "identity.objections"
        if not isinstance(name, str) or not name.strip():
            self._add_problem(at, f"expected the path of a file, found {in_words(name)}")
            return None
        path = BASE.get() / name
        if not path.is_file():
            self._add_problem(
                at,
                f"there is no file {path}. Copy it from where learners object; if none has objected yet, make an empty "
                f"one: install -m 600 /dev/null {path}",
            )
            return None
        try:
            objections = Objections(path, identity)
        except (ObjectionsError, ProviderError) as error:  # without the list nothing may be said
            self._add_problem(at, str(error))
            return None
        if warning := objections.check_permissions():
            self.warnings.append(f"{at}: {warning} {path}")
        return objections

    def _check_families(self, registry: Registry) -> None:
        for transformer in registry.transformers:
            if transformer.standard not in registry.standards:
                reason = (
                    f"{transformer.family} is a family of {transformer.standard}, and no enabled plugin brings that"
                )
                problem = Problem(str(self.path), "plugins.enabled", f"{reason} standard")
                if problem not in self.problems:
                    self.problems.append(problem)
            elif (constants := registry.standards[transformer.standard].constants) is not None:
                try:
                    check_constants(transformer, constants)
                except PluginError as error:
                    self._add_problem("plugins.enabled", str(error))

    def _load_destinations(
        self, registry: Registry, infos: Sequence[PluginInfo], compiler: AccessRuleCompiler
    ) -> tuple[dict[str, Destination], dict[str, AccessRules]]:
        """Returns the valid destinations and the rules of all. An invalid one hides no problem of another."""
        tables = self.raw.get("destinations", {})
        if not isinstance(tables, Mapping):
            self._add_problem("destinations", f"expected tables [destinations.NAME], found {in_words(tables)}")
            return {}, {}
        valid = {}
        access_rules = {}
        for name, raw in tables.items():
            at = f"destinations.{name}"
            if not isinstance(raw, Mapping):
                self._add_problem(at, f"expected a table, found {in_words(raw)}")
                continue
            schema = DestinationSection()
            of_core = {key: raw[key] for key in raw if key in schema.fields}
            values, problems = load_section(schema, of_core, str(self.path), at)
            sink = self._find_sink(values.get("sink"), registry, infos, at)
            settings: dict[str, Any] = {}
            if sink is not None:
                own = {key: raw[key] for key in raw if key not in schema.fields}
                settings, of_sink = load_section(
                    sink.settings_schema(), own, str(self.path), at, also=tuple(schema.fields)
                )
                named = {problem.key for problem in self.problems}  # a plugin that failed to load is no unknown one
                problems += [problem for problem in of_sink if problem.key not in named]
            self.problems += problems
            standard = values.get("standard")
            if standard is not None and standard not in registry.standards:
                hint = f"; enabled: {', '.join(registry.standards)}" if registry.standards else ""
                self._add_problem(f"{at}.standard", f"no enabled plugin brings this standard{hint}")
            access_rules[name] = compiler.compile_rules(
                standard or "", values.get("scope", "all"), values.get("match", {})
            )
            for key, reason in access_rules[name].problems:
                self._add_problem(f"{at}.{key}", reason)
            if sink is not None and not problems:
                valid[name] = Destination(name=name, settings=settings, address=sink.describe(settings), **values)
        return valid, access_rules

    def _find_sink(
        self, name: str | None, registry: Registry, infos: Sequence[PluginInfo], at: str
    ) -> type[Sink] | None:
        """Returns the sink that a destination names; None where that is a problem."""
        if name is None or (sink := list_sinks(registry).get(name)) is not None:
            return None if name is None else sink
        plugins = {info.name: info for info in infos if info.kind == "sinks"}
        if name not in plugins:
            known = [*CORE_SINKS, *plugins]
            self._add_problem(
                f"{at}.sink", f"no such sink is installed; known: {', '.join(known)}{did_you_mean(name, known)}"
            )
        elif plugins[name].state is PluginState.ACTIVE:
            self._add_problem(f"{at}.sink", f'{plugins[name].origin} contributes no sink with the name "{name}"')
        return None

    def _load_inputs(self, registry: Registry, source: Source | None) -> dict[str, InputConfig]:
        tables = self.raw.get("inputs", {})
        if not isinstance(tables, Mapping):
            self._add_problem("inputs", f"expected tables [inputs.NAME], found {in_words(tables)}")
            return {}
        classes = list_inputs(registry)
        inputs = {}
        for name, raw in tables.items():
            at = f"inputs.{name}"
            if not re.fullmatch(r"[\w.-]+", name):
                self._add_problem(at, 'expected a name of letters, digits, "-", "_" and "."')
                continue
            if not isinstance(raw, Mapping):
                self._add_problem(at, f"expected a table, found {in_words(raw)}")
                continue
            of_core = list(InputSection().fields)
            head, problems = load_section(
                InputSection(), {key: raw[key] for key in of_core if key in raw}, str(self.path), at
            )
            kind = head.get("input")
            if kind is not None and kind not in classes:
                hint = did_you_mean(kind, list(classes))
                problems.append(
                    Problem(
                        str(self.path), f"{at}.input", f"no such input is installed; known: {', '.join(classes)}{hint}"
                    )
                )
            elif kind is not None:
                own = {key: value for key, value in raw.items() if key not in of_core}
                settings, more = load_section(classes[kind].settings_schema(), own, str(self.path), at, also=of_core)
                problems += more
            if head.get("trust") == "client" and source is not None and source.shape.client_mark is None:
                reason = f'the source {source.name} has no mark for events that a client sent, so "client" says nothing'
                problems.append(Problem(str(self.path), f"{at}.trust", reason))
            self.problems += problems
            if not problems:
                inputs[name] = InputConfig(name, head["input"], settings, head["trust"])
        return inputs

    @staticmethod
    def _compile_destination_rules(
        destinations: Mapping[str, Destination], access_rules: Mapping[str, AccessRules], registry: Registry
    ) -> dict[str, list[DestinationRules]]:
        rules: dict[str, list[DestinationRules]] = {}
        routers = registry.manager.hook.route_event.get_hookimpls()
        for name, destination in destinations.items():
            router_checks = [
                (f"plugin {impl.plugin_name}", check_of_router(impl.function, destination))
                for impl in reversed(routers)
            ]
            of_destination = DestinationRules(
                destination, tuple(access_rules[name].checks), tuple(access_rules[name].scopes), tuple(router_checks)
            )
            rules.setdefault(destination.standard, []).append(of_destination)
        return rules

    def _resolve_paths(self, delivery: Delivery) -> Delivery:
        """Resolves relative paths from the directory of the operator's file; the spool is beside an SQLite file."""
        prefix, url = "sqlite:///", delivery.database.reveal()
        spool = f"{self.path.stem}.spool"  # two files in a folder are two outboxes
        if url.startswith(prefix) and url != prefix + ":memory:":
            file = (self.path.parent / url.removeprefix(prefix)).absolute()
            delivery = replace(delivery, database=Secret(prefix + str(file), delivery.database.source))
            spool = f"{str(file).partition('?')[0]}.spool"
        return replace(delivery, spool=(self.path.parent / (delivery.spool or spool)).absolute())

    @staticmethod
    def _list_warnings(
        identity: Provider,
        provider: IdentityProvider,
        delivery: Delivery,
        destinations: Mapping[str, Destination],
        access_rules: Mapping[str, AccessRules],
        standards: Mapping[str, Standard],
        registry: Registry,
        inputs: Mapping[str, InputConfig],
    ) -> list[str]:
        warnings = []
        secrets = {"identity.secret": identity.settings.get("secret"), "delivery.key": delivery.key}
        for name, destination in destinations.items():
            secrets |= dict(find_secrets(destination.settings, f"destinations.{name}"))
        for name, config in inputs.items():
            secrets |= dict(find_secrets(config.settings, f"inputs.{name}"))
            of_input = list_inputs(registry)[config.input].warnings(config.settings)
            warnings += [f"inputs.{name}.{key}: {reason}" for key, reason in of_input]
        secrets["delivery.alerts.webhook"] = delivery.alerts.webhook
        for name, settings in registry.settings.items():
            secrets |= dict(find_secrets(settings, name))
        for key, address in {"database": delivery.database, "broker": delivery.broker}.items():
            if address is not None and _has_password(address):
                secrets[f"delivery.{key}"] = address
        for key, secret in secrets.items():
            if isinstance(secret, Secret) and secret.source == "clear text":
                warnings.append(f'{key}: a secret stands here in clear text; write "env:NAME" or "file:PATH" instead')
        for name, destination in destinations.items():
            of_sink = list_sinks(registry)[destination.sink].warnings(destination.settings)
            warnings += [f"destinations.{name}.{key}: {reason}" for key, reason in of_sink]
            warnings += [f"destinations.{name}.{key}: {reason}" for key, reason in access_rules[name].warnings]
            if destination.pseudonyms == "own" and standards[destination.standard].notices():
                warnings.append(
                    f"destinations.{name}.pseudonyms: learners and sessions go there by pseudonyms and digests of its "
                    f"own, whatever the settings of [{destination.standard}]"
                )
        if not provider.knows_addresses():
            warnings += [
                f"{name}: it names learners by their e-mail addresses, of which the identity provider "
                f"{provider.name!r} knows none: every event will be skipped"
                for name, standard in standards.items()
                if standard.needs_addresses()
            ]
        if identity.name not in IDENTITY_PROVIDERS and delivery.key is None:
            warnings.append(
                f"delivery.key: is missing: an event whose learner the identity provider {identity.name!r} cannot look "
                "up for the moment fails; with a key it waits"
            )
        warnings += list_notices(standards)
        if not destinations:
            warnings.append("destinations: there is none; nothing will be delivered")
        return warnings
