"""Lists the sections that the operator's file may have with the given plugins, and makes its JSON Schema of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from marshmallow import Schema

from ..auth import AuthScheme
from ..config.destination_schema import DestinationSection
from ..config.fields import Section, Text, described
from ..config.keys import Key, json_schema_of, list_keys
from ..config.schema import CoreSections, IdentitySection, InputSection, ProviderSection
from ..plugins.registry import Registry, settings_schema_of
from .core_plugins import CORE_AUTH_SCHEMES, COURSE_PROVIDERS, IDENTITY_PROVIDERS, list_inputs, list_sinks

_ABOUT = {
    "platform": "The learning platform that the events come from.",
    "plugins": "The plugins that are enabled.",
    "identity": "Who learners are in statements: the provider of their pseudonyms.",
    "courses": "Titles of courses: the provider that knows them.",
    "destinations.NAME": "A consumer of statements; one table for each.",
    "destinations.NAME.auth": "The credentials of the requests to a consumer.",
    "delivery": "Who delivers, where statements wait, and what happens when they cannot be stored.",
    "inputs.NAME": "What a worker reads events from; one table for each.",
    "metrics": "Metrics for Prometheus.",
    "telemetry": "Metrics and traces by OpenTelemetry, sent by `learnrelay worker` and by Celery workers.",
    "console": "The console of `learnrelay console`, and who may use it.",
    "tests": "Tests of routes, which `learnrelay check` runs; they may stand in a file beside, `relay.tests.toml`.",
}


class AuthSection(Section):
    """Describes the key of ``auth`` that names the scheme, whose keys the others are."""

    scheme = Text(required=True, metadata=described("name of the auth scheme", '"basic"'))


@dataclass(frozen=True, slots=True)
class FileSection:
    """Describes a table of the operator's file, or the keys that one kind of it has besides.

    path: ``delivery``; names that the operator chooses are in capitals. choice: ``sink = "files"`` where the keys
    belong to that sink, else empty. names: see `name_plugins`.
    """

    path: str
    schema: type[Schema]
    about: str
    choice: str = ""
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def heading(self) -> str:
        """Returns how the table begins in the file."""
        table = "[[tests]]" if self.path == "tests" else f"[{self.path}]"
        if self.path.endswith(".auth"):
            table = f"[{self.path.removesuffix('.auth')}] auth"
        return f"{table} {self.choice}".rstrip()

    def list_keys(self) -> Iterator[Key]:
        """Yields the keys, with those of the tables in it."""
        return (key.with_names(self.names) for key in list_keys(self.schema, self.path))


def name_plugins(sources: Iterable[str], standards: Iterable[str]) -> dict[str, str]:
    """Returns what stands for the placeholders ``SOURCE`` and ``STANDARD`` in texts of the core: the first of each."""
    first = {"SOURCE": next(iter(sources), None), "STANDARD": next(iter(standards), None)}
    return {placeholder: name for placeholder, name in first.items() if name is not None}


def list_sections(registry: Registry) -> list[FileSection]:
    """Lists the sections in the order of a file: the core's, and those of the registered plugins."""
    core = {name: field.section for name, field in CoreSections().fields.items() if hasattr(field, "section")}
    schemes = {**registry.auth_schemes, **CORE_AUTH_SCHEMES}
    sections = [
        *(FileSection(name, core[name], _ABOUT[name]) for name in ("platform", "plugins")),
        *_with_choices("identity", IdentitySection, "provider", {**IDENTITY_PROVIDERS, **registry.identity_providers}),
        *_with_choices("courses", ProviderSection, "provider", {**COURSE_PROVIDERS, **registry.course_providers}),
        *(FileSection(name, kind.settings_schema, _first_line(kind)) for name, kind in registry.standards.items()),
        *_with_choices("destinations.NAME", DestinationSection, "sink", list_sinks(registry)),
        *_with_choices("destinations.NAME.auth", AuthSection, "scheme", schemes),
        FileSection("delivery", core["delivery"], _ABOUT["delivery"]),
        *_with_choices("inputs.NAME", InputSection, "input", list_inputs(registry)),
        *(FileSection(name, core[name], _ABOUT[name]) for name in ("metrics", "telemetry", "console", "tests")),
    ]
    for info, plugin in registry.plugins:
        if (schema := settings_schema_of(plugin, info)) is not None:
            sections.append(
                FileSection(info.name, schema, f"Settings of the plugin {info.name} ({info.distribution}).")
            )
    names = name_plugins(registry.sources, registry.standards)
    return [replace(section, names=names) for section in sections]


def _with_choices(path: str, base: type[Schema], key: str, kinds: Mapping[str, type[Any]]) -> Iterator[FileSection]:
    yield FileSection(path, base, _ABOUT[path])
    for name, kind in kinds.items():
        yield FileSection(path, kind.settings_schema, _first_line(kind), f'{key} = "{name}"')


def _first_line(kind: type[Any]) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0].replace("``", "`")


def make_file_schema(registry: Registry) -> dict[str, Any]:
    """Makes the JSON Schema (draft 7) of the whole file, for editors."""
    core = CoreSections().fields
    schemes: dict[str, type[AuthScheme]] = {**registry.auth_schemes, **CORE_AUTH_SCHEMES}
    file = json_schema_of(CoreSections)
    properties = file["properties"]
    for name in core:
        properties[name]["description"] = _ABOUT.get(name, "")
    providers = {**IDENTITY_PROVIDERS, **registry.identity_providers}
    properties["identity"] = _chosen(IdentitySection, "provider", providers)
    properties["courses"] = _chosen(ProviderSection, "provider", {**COURSE_PROVIDERS, **registry.course_providers})
    destination = _chosen(DestinationSection, "sink", list_sinks(registry), default="http")
    properties["destinations"] = {"type": "object", "additionalProperties": destination}
    properties["inputs"] = {
        "type": "object",
        "additionalProperties": _chosen(InputSection, "input", list_inputs(registry)),
    }
    of_plugins = {name: kind.settings_schema for name, kind in registry.standards.items()}
    of_plugins |= {
        info.name: schema for info, plugin in registry.plugins if (schema := settings_schema_of(plugin, info))
    }
    for name in sorted(of_plugins, key=lambda name: name.count(".")):  # a family's table lies in its standard's
        table, *inner = name.split(".", 1)
        place = properties
        for part in inner:
            place = properties.setdefault(table, {"type": "object", "properties": {}})["properties"]
            table = part
        place[table] = json_schema_of(of_plugins[name])
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "learnrelay",
        **file,
        "required": [*file["required"], "identity"],
        "definitions": {"auth": _chosen(AuthSection, "scheme", schemes)},
    }


def _chosen(base: type[Schema], key: str, kinds: Mapping[str, type[Any]], default: str | None = None) -> dict[str, Any]:
    """Returns the schema of a table of which ``key`` says what other keys it has."""
    common = json_schema_of(base)
    branches = []
    for name, kind in kinds.items():
        own = json_schema_of(kind.settings_schema)
        named: dict[str, Any] = {"properties": {key: {"const": name}}}
        if name != default:
            named["required"] = [key]
        branches.append({
            "if": named,
            "then": {
                "properties": common["properties"] | own["properties"],
                "required": own.get("required", []),
                "additionalProperties": False,
            },
        })  # fmt: skip
    return {
        "type": "object",
        "properties": {key: {**common["properties"][key], "enum": list(kinds)}},
        "required": common.get("required", []),
        "allOf": branches,
    }
