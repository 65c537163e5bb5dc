"""Assembles the operator's file into a plan, and reports all its problems together, at start-up.

`assemble` reads the file, finds and loads the enabled plugins, validates every section with its own schema, and
compiles the plan. It opens no database and no connection.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..config.fields import BASE, UNKNOWN, did_you_mean_or_all
from ..config.models import Config, Delivery, Destination, InputConfig
from ..config.problems import load_section, read_toml
from ..config.schema import CoreSections
from ..config.secrets import Secret
from ..errors import ConfigurationError, PluginError, Problem, ProviderError
from ..inputs import Input
from ..lookups.guards import GuardedCourses, GuardedIdentity
from ..lookups.objections import Objections
from ..mapping import Transformer
from ..pipeline.constants import check_constants
from ..pipeline.plan import Plan, Sites, compile_plan, transform_table
from ..platform import Platform
from ..plugins.discovery import PluginInfo, installed, load
from ..plugins.registry import Registry, collect
from ..providers import CORE_SPACE, CourseProvider, IdentityProvider
from ..sinks import Sink
from ..sources import UNREADABLE_COURSE, Source
from ..standards import Standard
from .access_rules import AccessRuleCompiler
from .core_plugins import COURSE_PROVIDERS, IDENTITY_PROVIDERS, list_inputs, list_sinks
from .destination_loading import check_destinations, compile_destination_rules, load_destinations
from .input_loading import load_inputs
from .operator_file import OperatorFile
from .plugin_loading import SKIPPABLE, LoadedPlugins, load_plugins
from .provider_loading import load_objections, load_provider
from .warnings import list_warnings


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

    def make_input(self, config: InputConfig) -> Input:
        """Makes an input. Raises ProviderError while the identity provider, which has the key, is away."""
        key = GuardedIdentity(self.identity.name, self.identity).digest("inputs", CORE_SPACE)
        return self.input_class(config.input)(config.settings, key.encode())

    def input_class(self, name: str) -> type[Input]:
        """Returns the class of the input that has this name."""
        return list_inputs(self.registry)[name]


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


def assemble_from(raw: Mapping[str, Any], path: Path, is_written: bool = True) -> Assembly:
    """Assembles a parsed file; ``path`` is for messages, and relative paths start at its directory.

    ``is_written``: see `OperatorFile`.
    """
    token = BASE.set(path.absolute().parent)
    try:
        return _assemble(OperatorFile(raw, path, is_written))
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


def _assemble(file: OperatorFile) -> Assembly:
    schema = CoreSections()
    core, _ = file.load_table(schema, {name: file.raw[name] for name in schema.fields if name in file.raw}, "")
    enabled = core.get("plugins", {}).get("enabled") or ()
    prefer = core.get("plugins", {}).get("prefer", {})
    if core.get("plugins", {}).get("on_error") == "skip":
        file.leaves_out = SKIPPABLE
    plugins = load_plugins(
        file, enabled, core.get("plugins", {}).get("files", ()), core.get("platform", {}).get("source")
    )
    registry = plugins.registry
    source = next((registry.make(source) for source in registry.sources.values()), None)
    standards = _load_standards(file, plugins)
    _check_sections(file, plugins)
    identity = load_provider(file, "identity", {**IDENTITY_PROVIDERS, **registry.identity_providers}, None)
    courses = load_provider(file, "courses", {**COURSE_PROVIDERS, **registry.course_providers}, "none")
    learners = GuardedIdentity(identity[0].name, identity[1]) if identity is not None else None
    objections = load_objections(file, learners) if learners is not None else None
    plugins = _check_families(file, plugins)
    present = {key: family for key, family in prefer.items() if not (file.leaves_out and family in plugins.failed)}
    table, conflicts = transform_table(registry, present, str(file.path))
    file.problems += conflicts
    compiler = AccessRuleCompiler(registry, source, table, plugins.infos)
    destinations, access_rules = load_destinations(file, plugins, compiler)
    check_destinations(file, destinations, registry, standards, identity and identity[1])
    inputs = load_inputs(file, registry, source)
    sites = _load_sites(file, core.get("platform", {}), source)
    if file.problems:
        raise ConfigurationError(file.problems)
    assert identity is not None
    assert learners is not None
    assert courses is not None
    assert source is not None
    identity[1].retired_prefix = identity[1].retired_prefix or source.retired_prefix
    with suppress(ProviderError):  # while the provider is away, ids of events are those of the run
        if learners.key_id() is not None:
            source.reader.id_key = learners.digest("event ids", CORE_SPACE).encode()
    source.reader.use_request_names({event for _, event in table})
    titles = GuardedCourses(courses[0].name, courses[1])
    platforms, own = _make_platforms(core, source, learners, titles, standards, destinations)
    rules = compile_destination_rules(destinations, access_rules, registry)
    while True:
        try:
            plan = compile_plan(registry, table, standards, platforms, rules, own, objections, sites)
            break
        except PluginError as error:
            family = error.entry_point.partition(":")[0]
            if not (file.leaves_out and plugins.may_lack_family(family)) or family in plugins.failed:
                raise ConfigurationError([Problem(str(file.path), "plugins.enabled", str(error))]) from error
            plugins = plugins.without_family(family, error.cause)
            table = {key: transformer for key, transformer in table.items() if transformer.family != family}
    left_out = plugins.list_left_out() if file.leaves_out else []
    file.warnings += [f"plugins.on_error: {info.name} of {info.origin} is left out: {info.reason}" for info in left_out]
    warnings = list_warnings(
        identity,
        courses[0],
        core["delivery"],
        destinations,
        access_rules,
        standards,
        registry,
        inputs,
        core["console"],
    )
    config = Config(
        root_url=core["platform"]["root_url"].rstrip("/"),
        language=core["platform"]["language"],
        source=source.name,
        enabled=enabled,
        prefer=prefer,
        identity=identity[0],
        courses=courses[0],
        delivery=_resolve_paths(core["delivery"], file.path),
        destinations=destinations,
        standards={name: standard.settings for name, standard in standards.items()},
        inputs=inputs,
        settings=registry.settings,
        sites=sites.roots if sites is not None else {},
        metrics=core["metrics"],
        telemetry=core["telemetry"],
        console=core["console"],
        path=file.path,
        warnings=(*file.warnings, *warnings),
        left_out={info.name: info.reason for info in left_out},
        tests=tuple(core["tests"]),
    )
    return Assembly(config, plan, registry, source, standards, table, titles, plugins.infos, identity[1], objections)


def _make_platforms(
    core: Mapping[str, Any],
    source: Source,
    learners: IdentityProvider,
    titles: CourseProvider,
    standards: Collection[str],
    destinations: Mapping[str, Destination],
) -> tuple[dict[str, Platform], dict[str, dict[str, Platform]]]:
    """Makes the platform of each standard, and for each the platforms of destinations with pseudonyms of their own."""
    root_url, language = core["platform"]["root_url"].rstrip("/"), core["platform"]["language"]
    platforms = {name: Platform(root_url, source, learners, titles, name, language=language) for name in standards}
    own: dict[str, dict[str, Platform]] = {name: {} for name in standards}
    for name, destination in destinations.items():
        if destination.pseudonyms == "own":
            space = f"{destination.standard}/{name}"
            own[destination.standard][name] = Platform(
                root_url, source, learners, titles, space, own=True, language=language
            )
    return platforms, own


def _load_sites(file: OperatorFile, platform: Mapping[str, Any], source: Source | None) -> Sites | None:
    """Reads the addresses of sites, and reports organisations that the source can tell of no event."""
    roots = {org: root_url.rstrip("/") for org, root_url in platform.get("sites", {}).items()}
    if not roots or source is None:
        return None
    if source.course_proof is None:
        file.add_problem("platform.sites", f"events of the source {source.name} do not tell their organisation")
        return None
    for org in roots:
        if source.course_proof.read_org(org) == UNREADABLE_COURSE:
            file.add_problem(f"platform.sites.{org}", f"is no organisation of the source {source.name}")
    return Sites(roots, source.course_proof.read_key)


def _load_standards(file: OperatorFile, plugins: LoadedPlugins) -> dict[str, Standard]:
    """Makes the standards with their settings. Sections of families in a standard's table are not its own."""
    registry = plugins.registry
    standards = {}
    for name, standard in registry.standards.items():
        raw = file.raw.get(name, {})
        if not isinstance(raw, Mapping):
            file.add_problem(name, "expected a table")
            continue
        schema = standard.settings_schema()
        families = [family.removeprefix(f"{name}.") for family in registry.settings if family.startswith(f"{name}.")]
        for family in set(families).intersection(schema.fields):
            file.add_problem(f"{name}.{family}", f"is a key of {name} and the section of the family {name}.{family}")
        settings, problems = load_section(schema, raw, str(file.path), name, also=families)
        for problem in problems:
            if problem.reason.startswith(UNKNOWN):
                if plugins.failed and isinstance(raw.get(problem.key.removeprefix(f"{name}.")), Mapping):
                    continue  # perhaps the section of a family that did not load
                problem = replace(problem, reason=plugins.describe_unknown(problem.key) or problem.reason)  # noqa: PLW2901
            file.problems.append(problem)
        if not problems:
            standards[name] = standard(settings)
    return standards


def _check_sections(file: OperatorFile, plugins: LoadedPlugins) -> None:
    """Reports sections that nothing reads."""
    registry = plugins.registry
    of_core = [*CoreSections().fields, "identity", "courses", "destinations", "inputs"]
    known = [*of_core, *registry.standards, *registry.settings]
    for name in {*of_core, *registry.standards}.intersection(registry.settings):
        file.add_problem(name, f"the plugin {name} cannot have settings: the section has another meaning")
    unsure = {
        *plugins.failed,
        *(info.name for info in plugins.infos if plugins.failed and info.kind == "standards"),
    }
    for name in file.raw:
        if (name not in known and name not in unsure) or "." in name:
            reason = (
                f"write [{name}], without quotes"
                if name in known
                else plugins.describe_unknown(name)
                or f"{UNKNOWN}: no section, and no enabled standard or plugin with settings, has this name"
                + did_you_mean_or_all(name, known)
            )
            file.add_problem(name, reason)


def _check_families(file: OperatorFile, plugins: LoadedPlugins) -> LoadedPlugins:
    """Reports families whose standard is not enabled, and constants that their standard does not allow.

    Where families may be left out, it returns the plugins without those that declare such constants.
    """
    registry = plugins.registry
    for transformer in list(registry.transformers):
        if transformer.standard not in registry.standards:
            reason = f"{transformer.family} is a family of {transformer.standard}, and no enabled plugin brings that"
            problem = Problem(str(file.path), "plugins.enabled", f"{reason} standard")
            if problem not in file.problems:
                file.problems.append(problem)
        elif (constants := registry.standards[transformer.standard].constants) is not None:
            try:
                check_constants(transformer, constants)
            except PluginError as error:
                if file.leaves_out and plugins.may_lack_family(transformer.family):
                    plugins = plugins.without_family(transformer.family, f"{error.cause}; {error.fix}")
                else:
                    file.add_problem("plugins.enabled", str(error))
    return plugins


def _resolve_paths(delivery: Delivery, path: Path) -> Delivery:
    """Resolves relative paths from the directory of the operator's file; the spool is beside an SQLite file."""
    prefix, url = "sqlite:///", delivery.database.reveal()
    spool = f"{path.stem}.spool"  # two files in a folder are two outboxes
    if url.startswith(prefix) and url != prefix + ":memory:":
        database = (path.parent / url.removeprefix(prefix)).absolute()
        delivery = replace(delivery, database=Secret(prefix + str(database), delivery.database.source))
        spool = f"{str(database).partition('?')[0]}.spool"
    return replace(delivery, spool=(path.parent / (delivery.spool or spool)).absolute())
