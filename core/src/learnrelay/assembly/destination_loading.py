"""Makes the destinations of the operator's file, each with the rules of who receives what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..auth import AUTH_SCHEMES
from ..config.destination_schema import DestinationSection
from ..config.fields import did_you_mean
from ..config.models import Destination
from ..config.problems import load_section
from ..pipeline.routing import DestinationRules, check_of_router
from ..plugins.discovery import PluginState, installed
from ..plugins.registry import Registry
from ..providers import IdentityProvider
from ..sinks import Sink
from ..standards import Standard
from .access_rules import AccessRuleCompiler, AccessRules
from .core_plugins import CORE_AUTH_SCHEMES, CORE_SINKS, list_sinks
from .operator_file import OperatorFile
from .plugin_loading import LoadedPlugins


def load_destinations(
    file: OperatorFile, plugins: LoadedPlugins, compiler: AccessRuleCompiler
) -> tuple[dict[str, Destination], dict[str, AccessRules]]:
    """Returns the valid destinations and the rules of all. An invalid one hides no problem of another."""
    token = AUTH_SCHEMES.set({**plugins.registry.auth_schemes, **CORE_AUTH_SCHEMES})
    try:
        return _load_tables(file, plugins, compiler)
    finally:
        AUTH_SCHEMES.reset(token)


def _load_tables(
    file: OperatorFile, plugins: LoadedPlugins, compiler: AccessRuleCompiler
) -> tuple[dict[str, Destination], dict[str, AccessRules]]:
    registry = plugins.registry
    valid = {}
    access_rules = {}
    for name, raw in file.list_tables("destinations"):
        at = f"destinations.{name}"
        schema = DestinationSection()
        of_core = {key: raw[key] for key in raw if key in schema.fields}
        values, problems = load_section(schema, of_core, str(file.path), at)
        sink = _find_sink(file, values.get("sink"), plugins, at)
        settings: dict[str, Any] = {}
        if sink is not None:
            own = {key: raw[key] for key in raw if key not in schema.fields}
            settings, of_sink = load_section(sink.settings_schema(), own, str(file.path), at, also=tuple(schema.fields))
            named = {problem.key for problem in file.problems}  # a plugin that failed to load is no unknown one
            problems += [problem for problem in of_sink if problem.key not in named]
        file.problems += problems
        standard = values.get("standard")
        if standard is not None and standard not in registry.standards:
            file.add_problem(f"{at}.standard", _unknown_standard(standard, registry))
        access_rules[name] = compiler.compile_rules(standard or "", values.get("scope", "all"), values.get("match", {}))
        for key, reason in access_rules[name].problems:
            file.add_problem(f"{at}.{key}", reason)
        if sink is not None and not problems:
            valid[name] = Destination(name=name, settings=settings, address=sink.describe(settings), **values)
    return valid, access_rules


def _unknown_standard(name: str, registry: Registry) -> str:
    """Says why a standard is not there, and what to do."""
    installed_standards = [info.name for info in installed() if info.kind == "standards"]
    if name in installed_standards:
        return f'no enabled plugin brings this standard: add "{name}.*" to [plugins] enabled'
    enabled = f"; enabled: {', '.join(registry.standards)}" if registry.standards else ""
    return f"no enabled plugin brings this standard{did_you_mean(name, installed_standards) or enabled}"


def _find_sink(file: OperatorFile, name: str | None, plugins: LoadedPlugins, at: str) -> type[Sink] | None:
    """Returns the sink that a destination names; None where that is a problem."""
    if name is None or (sink := list_sinks(plugins.registry).get(name)) is not None:
        return None if name is None else sink
    of_plugins = {info.name: info for info in plugins.infos if info.kind == "sinks"}
    if name not in of_plugins:
        known = [*CORE_SINKS, *of_plugins]
        file.add_problem(
            f"{at}.sink", f"no such sink is installed; known: {', '.join(known)}{did_you_mean(name, known)}"
        )
    elif of_plugins[name].state is PluginState.ACTIVE:
        file.add_problem(f"{at}.sink", f'{of_plugins[name].origin} contributes no sink with the name "{name}"')
    return None


def check_destinations(
    file: OperatorFile,
    destinations: Mapping[str, Destination],
    registry: Registry,
    standards: Mapping[str, Standard],
    identity: IdentityProvider | None,
) -> None:
    """Reports what sinks, standards and the identity provider cannot do together."""
    for name, destination in destinations.items():
        at = f"destinations.{name}"
        standard = standards.get(destination.standard)
        if standard is not None:
            for key, reason in list_sinks(registry)[destination.sink].problems(destination.settings, standard):
                file.add_problem(f"{at}.{key}", reason)
        if destination.pseudonyms != "own":
            continue
        if identity is not None and (why := identity.own_spaces()) is not None:
            file.add_problem(f"{at}.pseudonyms", why)
        if standard is not None and standard.needs_addresses():
            file.add_problem(
                f"{at}.pseudonyms",
                f'"own" goes without e-mail addresses, by which [{destination.standard}] is to name learners: it '
                f'would get nothing. Take "own" away, or let [{destination.standard}] name learners by pseudonyms',
            )


def compile_destination_rules(
    destinations: Mapping[str, Destination], access_rules: Mapping[str, AccessRules], registry: Registry
) -> dict[str, list[DestinationRules]]:
    """Returns the rules of the destinations of each standard: match and scope of the file, then routing plugins."""
    rules: dict[str, list[DestinationRules]] = {}
    routers: Sequence[Any] = registry.manager.hook.route_event.get_hookimpls()
    for name, destination in destinations.items():
        router_checks = [
            (f"plugin {impl.plugin_name}", check_of_router(impl.function, destination)) for impl in reversed(routers)
        ]
        of_destination = DestinationRules(
            destination, tuple(access_rules[name].checks), tuple(access_rules[name].scopes), tuple(router_checks)
        )
        rules.setdefault(destination.standard, []).append(of_destination)
    return rules
