"""From the operator's file to a running plan: everything that can be wrong is found here, at start-up, together.

`assemble` reads the file, finds and loads the enabled plugins, validates every section with its own schema, and
compiles the plan. It opens no database and no connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .access import Access, Rulings
from .config.fields import BASE, did_you_mean, in_words
from .config.models import Config, Delivery, Destination, Provider
from .config.problems import load_section, read_toml
from .config.schema import CoreSections, DestinationSection, ProviderSection
from .errors import ConfigurationError, PluginError, Problem
from .families import Transformer
from .plugins.discovery import PluginInfo, State, installed, load, select
from .plugins.plan import Gate, Plan, compile_plan, transform_table
from .plugins.registry import Registry, collect
from .resolvers.courses import NoCourses, TableCourses
from .resolvers.identity import KeyedIdentity, TableIdentity
from .routing import check_of_router
from .secrets import Secret
from .site import CourseProvider, IdentityProvider, Site
from .standards import Standard

IDENTITY_PROVIDERS: dict[str, type[IdentityProvider]] = {"keyed": KeyedIdentity, "table": TableIdentity}
COURSE_PROVIDERS: dict[str, type[CourseProvider]] = {"none": NoCourses, "table": TableCourses}


@dataclass(frozen=True, slots=True)
class Assembly:
    """A sound configuration with all that was made of it."""

    config: Config
    plan: Plan
    registry: Registry
    standards: Mapping[str, Standard]
    table: Mapping[tuple[str, str], Transformer]
    courses: CourseProvider
    plugins: tuple[PluginInfo, ...]


def assemble(path: Path) -> Assembly:
    """Read and assemble the operator's file. Raises ConfigurationError with every problem found."""
    return assemble_from(read_toml(path), path)


def assemble_from(raw: Mapping[str, Any], path: Path) -> Assembly:
    """The same from a parsed file; ``path`` is for messages, and relative paths start at its directory."""
    token = BASE.set(path.absolute().parent)
    try:
        return _Assembler(raw, path).assemble()
    finally:
        BASE.reset(token)


def _has_password(address: Secret) -> bool:
    """Whether an address carries one: ``scheme://user:password@host``."""
    return re.match(r"[\w+]+://[^/?#@]*:[^/?#]+@", address.reveal()) is not None


class _Assembler:
    """Gathers problems on the way, so that the operator sees all of them at once."""

    def __init__(self, raw: Mapping[str, Any], path: Path) -> None:
        self.raw = raw
        self.path = path
        self.problems: list[Problem] = []

    def assemble(self) -> Assembly:
        core = self._core()
        enabled = core.get("plugins", {}).get("enabled", ())
        prefer = core.get("plugins", {}).get("prefer", {})
        infos, registry = self._plugins(enabled)
        standards = self._standards(registry)
        self._unknown_sections(registry)
        identity = self._provider("identity", {**IDENTITY_PROVIDERS, **registry.identity_providers}, None)
        courses = self._provider("courses", {**COURSE_PROVIDERS, **registry.course_providers}, "none")
        table, conflicts = transform_table(registry, prefer, str(self.path))
        self.problems += conflicts
        self._families(registry, standards)
        destinations, rulings = self._destinations(registry, Access(registry, table, infos))
        for name, one in destinations.items():
            if one.pseudonyms != "own":
                continue
            if identity is not None and (why := identity[1].own_spaces()) is not None:
                self._problem(f"destinations.{name}.pseudonyms", why)
            if one.standard in standards and standards[one.standard].needs_addresses():
                self._problem(
                    f"destinations.{name}.pseudonyms",
                    f'"own" goes without e-mail addresses, by which [{one.standard}] is to name learners: it would get '
                    f'nothing. Take "own" away, or let [{one.standard}] name learners by pseudonyms',
                )
        gates = self._gates(destinations, rulings, registry)
        if self.problems:
            raise ConfigurationError(self.problems)
        assert identity is not None
        assert courses is not None
        config = Config(
            root_url=core["platform"]["root_url"].rstrip("/"),
            enabled=enabled,
            prefer=prefer,
            identity=identity[0],
            courses=courses[0],
            delivery=self._delivery(core["delivery"]),
            destinations=destinations,
            standards={name: standard.settings for name, standard in standards.items()},
            metrics=core["metrics"],
            path=self.path,
            warnings=tuple(self._warnings(*identity, core["delivery"], destinations, rulings, standards)),
        )
        sites = {name: Site(config.root_url, identity[1], courses[1], name) for name in standards}
        own: dict[str, dict[str, Site]] = {name: {} for name in standards}
        for name, one in destinations.items():
            if one.pseudonyms == "own":
                space = f"{one.standard}/{name}"
                own[one.standard][name] = Site(config.root_url, identity[1], courses[1], space, own=True)
        plan = compile_plan(registry, table, standards, sites, gates, own)
        return Assembly(config, plan, registry, standards, table, courses[1], infos)

    def _problem(self, key: str, reason: str) -> None:
        self.problems.append(Problem(str(self.path), key, reason))

    def _core(self) -> dict[str, Any]:
        schema = CoreSections()
        sections = {name: self.raw[name] for name in schema.fields if name in self.raw}
        core, problems = load_section(schema, sections, str(self.path), "")
        self.problems += problems
        return core

    def _plugins(self, enabled: tuple[str, ...]) -> tuple[tuple[PluginInfo, ...], Registry]:
        found = installed()
        chosen = select(found, enabled)
        loaded: list[tuple[PluginInfo, Any]] = []
        states: dict[tuple[str, str], PluginInfo] = {(info.kind, info.name): info for info in [*found, *chosen]}
        for info in chosen:
            if info.state is not State.ACTIVE:
                self._problem("plugins.enabled", f'"{info.name}": {info.reason}')
                continue
            try:
                plugin = load(info)
                collect([(info, plugin)])  # alone first, so that one bad plugin is told by its own name
                loaded.append((info, plugin))
            except PluginError as error:
                self._problem("plugins.enabled", str(error))
                states[info.kind, info.name] = replace(info, state=State.FAILED, reason=error.cause)
        try:
            registry = collect(loaded)
        except PluginError as error:
            self._problem("plugins.enabled", str(error))
            registry = collect([])
        return tuple(states.values()), registry

    def _standards(self, registry: Registry) -> dict[str, Standard]:
        standards = {}
        for name, standard in registry.standards.items():
            raw = self.raw.get(name, {})
            if not isinstance(raw, Mapping):
                self._problem(name, "expected a table")
                continue
            settings, problems = load_section(standard.settings_schema(), raw, str(self.path), name)
            self.problems += problems
            if not problems:
                standards[name] = standard(settings)
        return standards

    def _unknown_sections(self, registry: Registry) -> None:
        known = [*CoreSections().fields, "identity", "courses", "destinations", *registry.standards]
        for name in self.raw:
            if name not in known:
                self._problem(
                    name,
                    f"unknown key: no section or enabled standard has this name{did_you_mean(name, known)}",
                )

    def _provider(self, key: str, known: Mapping[str, type[Any]], default: str | None) -> tuple[Provider, Any] | None:
        raw = self.raw.get(key, {"provider": default} if default else None)
        if raw is None:
            self._problem(key, f'is missing: say who provides it, such as [{key}] provider = "{next(iter(known))}"')
            return None
        if not isinstance(raw, Mapping):
            self._problem(key, "expected a table")
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
            self._problem(f"{key}.provider", f"no enabled plugin provides this; known: {', '.join(known)}{hint}")
            return None
        own = {k: value for k, value in raw.items() if k != "provider"}
        settings, problems = load_section(known[name].settings_schema(), own, str(self.path), key, also=["provider"])
        self.problems += problems
        return None if problems else (Provider(name, settings), known[name](settings))

    def _families(self, registry: Registry, standards: Mapping[str, Standard]) -> None:
        for transformer in registry.transformers:
            if transformer.standard not in registry.standards:
                reason = (
                    f"{transformer.family} is a family of {transformer.standard}, and no enabled plugin brings that"
                )
                problem = Problem(str(self.path), "plugins.enabled", f"{reason} standard")
                if problem not in self.problems:
                    self.problems.append(problem)

    def _destinations(self, registry: Registry, access: Access) -> tuple[dict[str, Destination], dict[str, Rulings]]:
        """Each destination with its own problems, so that one that is broken hides no mistake of another."""
        tables = self.raw.get("destinations", {})
        if not isinstance(tables, Mapping):
            self._problem("destinations", f"expected tables [destinations.NAME], found {in_words(tables)}")
            return {}, {}
        sound = {}
        rulings = {}
        for name, raw in tables.items():
            at = f"destinations.{name}"
            if not isinstance(raw, Mapping):
                self._problem(at, f"expected a table, found {in_words(raw)}")
                continue
            values, problems = load_section(DestinationSection(), raw, str(self.path), at)
            self.problems += problems
            standard = values.get("standard")
            if standard is not None and standard not in registry.standards:
                hint = f"; enabled: {', '.join(registry.standards)}" if registry.standards else ""
                self._problem(f"{at}.standard", f"no enabled plugin brings this standard{hint}")
            rulings[name] = access.rulings(standard or "", values.get("scope", "all"), values.get("match", {}))
            for key, reason in rulings[name].problems:
                self._problem(f"{at}.{key}", reason)
            if not problems:
                sound[name] = Destination(name=name, **values)
        return sound, rulings

    @staticmethod
    def _gates(
        destinations: Mapping[str, Destination], rulings: Mapping[str, Rulings], registry: Registry
    ) -> dict[str, list[Gate]]:
        gates: dict[str, list[Gate]] = {}
        routers = registry.manager.hook.route_event.get_hookimpls()
        for name, destination in destinations.items():
            asked = [
                (f"plugin {impl.plugin_name}", check_of_router(impl.function, destination))
                for impl in reversed(routers)
            ]
            gate = Gate(destination, tuple(rulings[name].checks), tuple(rulings[name].scopes), tuple(asked))
            gates.setdefault(destination.standard, []).append(gate)
        return gates

    def _delivery(self, delivery: Delivery) -> Delivery:
        """A relative SQLite path starts at the operator's file."""
        prefix, url = "sqlite:///", delivery.database.reveal()
        if not url.startswith(prefix) or url.startswith(prefix + "/") or url == prefix + ":memory:":
            return delivery
        absolute = (self.path.parent / url.removeprefix(prefix)).absolute()
        return replace(delivery, database=Secret(prefix + str(absolute), delivery.database.source))

    @staticmethod
    def _warnings(
        identity: Provider,
        provider: IdentityProvider,
        delivery: Delivery,
        destinations: Mapping[str, Destination],
        rulings: Mapping[str, Rulings],
        standards: Mapping[str, Standard],
    ) -> list[str]:
        told = []
        secrets = {"identity.secret": identity.settings.get("secret"), "delivery.key": delivery.key}
        secrets |= {f"destinations.{name}.auth": one.auth.secret for name, one in destinations.items()}
        secrets["delivery.alerts.webhook"] = delivery.alerts.webhook
        for key, address in {"database": delivery.database, "broker": delivery.broker}.items():
            if address is not None and _has_password(address):
                secrets[f"delivery.{key}"] = address
        for key, secret in secrets.items():
            if isinstance(secret, Secret) and secret.source == "clear text":
                told.append(f'{key}: a secret stands here in clear text; write "env:NAME" or "file:PATH" instead')
        for name, one in destinations.items():
            if one.verify is False:
                told.append(f"destinations.{name}.verify_tls: certificates are not checked")
            if one.url.startswith("http://") and one.auth.secret is not None:
                told.append(f"destinations.{name}.url: credentials travel without TLS")
            told += [f"destinations.{name}.{key}: {reason}" for key, reason in rulings[name].warnings]
            if one.pseudonyms == "own" and standards[one.standard].notices():
                told.append(
                    f"destinations.{name}.pseudonyms: learners and sessions go there by pseudonyms and digests of its "
                    f"own, whatever [{one.standard}] says"
                )
        if not provider.knows_addresses():
            told += [
                f"{name}: it names learners by their e-mail addresses, of which the identity provider "
                f"{provider.name!r} knows none: every event will be skipped"
                for name, standard in standards.items()
                if standard.needs_addresses()
            ]
        told += [f"{name}: {notice}" for name, standard in standards.items() for notice in standard.notices()]
        if not destinations:
            told.append("destinations: there is none; nothing will be delivered")
        return told
