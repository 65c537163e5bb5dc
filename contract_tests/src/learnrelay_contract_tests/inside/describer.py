"""Describes as JSON what is enabled: plugins, mappings with their declarations, standards, stages, providers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import marshmallow
import orjson

from learnrelay import kinds
from learnrelay.config.fields import Flag
from learnrelay.plugins.discovery import PluginState
from learnrelay.privacy.samples import candidates, closed_list
from learnrelay.sample_values import SampleValues

from .text_probes import takes_from_text


class AssemblyDescriber:
    """Describes assemblies.

    texts: names in the plugin's source, for containers that hold something under each of them.
    """

    def __init__(self, texts: list[str]) -> None:
        self.container_probes = container_probes(texts)
        self.texts = texts
        self.kinds = {id(getattr(kinds, name)): name for name in vars(kinds) if not name.startswith("_")}
        self.containers = {id(kind) for kind in kinds.TAKES_CONTAINERS}
        self.sample_values = SampleValues()

    def describe(self, assembly: Any) -> dict[str, Any]:
        """Returns what is enabled, as JSON data."""
        self.sample_values = assembly.source.sample_values
        registry = assembly.registry
        stages, samples = [], {}
        for info, plugin in registry.plugins:
            given = vars(plugin).get("samples", ()) if hasattr(plugin, "__dict__") else ()
            samples[info.name] = [
                standard if _is_json(standard) and isinstance(standard, dict) else None for standard in given
            ]
            for hook in ("filter_event", "enrich_statement", "route_event"):
                function = getattr(plugin, hook, None)
                if isinstance(getattr(function, "learnrelay_impl", None), dict):
                    reads = getattr(function, "learnrelay_reads", None)
                    stages.append({"plugin": info.name, "hook": hook, "fields": self.fields(reads) if reads else []})
        return {
            "plugins": [
                {"name": i.name, "kind": i.kind, "distribution": i.distribution, "version": i.version}
                for i in assembly.plugins
                if i.state is PluginState.ACTIVE
            ],
            "transformers": [
                {
                    "name": transformer.name, "family": transformer.family, "standard": transformer.standard,
                    "file": _file(transformer.function),
                    "events": list(transformer.events), "fields": self.fields(transformer.reads),
                }
                for transformer in registry.transformers
            ],
            "mapped": sorted(f"{standard}:{event}" for standard, event in assembly.table),
            "source": self.source(assembly.source),
            "variants": {
                name: variants(standard.settings_schema, standard.settings)
                for name, standard in assembly.standards.items()
            },
            "settings_variants": {
                info.name: variants(plugin.settings_schema, registry.settings[info.name])
                for info, plugin in registry.plugins
                if getattr(plugin, "settings_schema", None) is not None
            },
            "scopes": {
                key: {"fields": self.fields(registry.make(scope, assembly.source).reads),
                      "origin": registry.origin_of(scope), "examples": list(getattr(scope, "examples", ()))}
                for key, scope in registry.scopes.items()
            },
            "stages": stages,
            "samples": samples,
            "identity_providers": list(registry.identity_providers),
            "course_providers": list(registry.course_providers),
        }  # fmt: skip

    def source(self, source: Any) -> dict[str, Any]:
        """Describes a source: its shape, its facts, and what it says of its platform."""
        personal = source.personal_names
        return {
            "name": source.name,
            "shape": dataclasses.asdict(source.shape),
            "facts": self.fields(source.facts),
            "who_reads": list(source.facts.who_reads),
            "sample_values": {"by_name": dict(source.sample_values.by_name), "keys": list(source.sample_values.keys)},
            "personal_names": {
                "direct": sorted(personal.direct), "indirect": sorted(personal.indirect),
                "closed": sorted(personal.closed),
                "known_paths": {path: grade.value for path, grade in personal.known_paths.items()},
            },
            "course_address": source.course_address,
            "terms": dict(source.terms),
        }  # fmt: skip

    def fields(self, reads: Any) -> list[dict[str, Any]]:
        """Describes declared fields. ``plain`` is False if the class keeps its declaration in an unusual way."""
        declared = reads.__dict__.get("declared")
        if type(reads) is not type or type(declared) is not dict:
            return [{"name": "?", "paths": [], "kind": "?", "plain": False}]
        return [
            {
                "name": name, "paths": list(field.paths), "needed": field.needed, "reason": field.reason,
                "kind": self.kinds.get(id(field.kind), "custom"), "container": id(field.kind) in self.containers,
                "examples": [example for example in field.examples if _is_json(example)]
                or self.accepted_candidates(field),
                "entries": self.fields(field.entries) if field.entries is not None else None, "plain": True,
                "digs": self.looks_into_containers(field),
                "is_never_taken": self.takes_no_sample(field),
                "reads_within": id(field.kind) not in self.kinds
                and field.entries is None
                and takes_from_text(field, self.texts),
            }
            for name, field in declared.items()
        ]  # fmt: skip

    def looks_into_containers(self, field: Any) -> bool:
        """Tells whether a kind of the plugin's own distinguishes containers by their contents, which are undeclared.

        It may map all of them to one value, such as one that means unreadable.
        """
        if id(field.kind) in self.kinds or field.entries is not None:
            return False
        results: list[Any] = []
        for probe in self.container_probes:
            try:
                result = field.kind(probe)
                if not any(type(result) is type(known) and result == known for known in results):
                    results.append(result)
            except Exception as error:
                results += [type(error)] if type(error) not in results else []
        return len(results) > 1

    def takes_no_sample(self, field: Any) -> bool:
        """Tells whether a kind of the plugin's own accepts none of the values that are tried."""
        return (
            id(field.kind) not in self.kinds
            and field.entries is None
            and not any(map(partial(_accepts, field.kind), field.examples or self.accepted_candidates(field)))
        )

    def accepted_candidates(self, field: Any) -> list[Any]:
        """Returns up to two values that a kind of the plugin's own accepts."""
        if id(field.kind) in self.kinds or field.entries is not None:
            return []
        values = []
        known = self.sample_values.by_name.get(field.paths[0].rpartition(".")[2], ())
        for value in [*closed_list(field.kind), *known, *candidates(self.sample_values)]:
            if _accepts(field.kind, value):
                values.append(value)
        return values[:2]


def _accepts(kind: Any, value: Any) -> bool:
    with suppress(Exception):  # a value that raises is not accepted
        return kind(value) is not None
    return False


def _file(function: Any) -> str:
    """Returns the file of a mapping; empty if it is unknown."""
    for candidate in (function, vars(type(function)).get("__call__")):
        code = getattr(candidate, "__code__", None)
        if code is not None:
            return str(code.co_filename)
    return ""


def variants(schema: Any, present: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lists each other choice that a section offers (`OneOf`, `Flag`, and marshmallow's equivalents)."""
    settings = []
    for key, field in schema().fields.items():
        choices = list(getattr(field, "choices", ()))
        if isinstance(field, (Flag, marshmallow.fields.Boolean)):
            choices = [True, False]
        for validator in getattr(field, "validators", ()):
            choices += getattr(validator, "choices", ())
        settings += [{key: choice} for choice in choices if choice != present.get(key) and _is_json(choice)]
    return settings


def container_probes(texts: list[str]) -> list[Any]:
    """Builds objects and lists of every form, with something under each name."""
    few = texts[:FEW]
    containers: list[Any] = []
    for leaf in ("lantern", 3, True):
        flat = dict.fromkeys([*texts, "0", "1"], leaf)
        small = dict.fromkeys(few, leaf)
        containers += [flat, dict.fromkeys(few, small), {key: dict.fromkeys(few, small) for key in few}]
        containers += [[leaf], [leaf] * 9, [flat] * 3, [[leaf] * 3] * 3, {key: [leaf] * 3 for key in texts}]
    return containers


FEW = 20


def _is_json(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True
