"""What is enabled, as JSON: plugins, transformers with their declarations, standards, stages, providers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import marshmallow
import orjson

from learnrelay import kinds
from learnrelay.config.fields import Flag
from learnrelay.plugins.discovery import State, load


class Description:
    """Describes assemblies.

    candidates: values to offer to kinds that only the plugin knows. texts: names that its source knows, to offer
    containers that hold something under each of them.
    """

    def __init__(self, candidates: Mapping[str, list[Any]], texts: list[str]) -> None:
        self.probes = probes(texts)
        self.kinds = {id(getattr(kinds, name)): name for name in vars(kinds) if not name.startswith("_")}
        self.containers = {id(kind) for kind in kinds.TAKES_CONTAINERS}
        self.candidates = candidates

    def of(self, assembly: Any) -> dict[str, Any]:
        """What is enabled, as JSON."""
        registry = assembly.registry
        stages, samples = [], {}
        for info in assembly.plugins:
            if info.state is not State.ACTIVE:
                continue
            plugin = load(info)
            given = vars(plugin).get("samples", ()) if hasattr(plugin, "__dict__") else ()
            samples[info.name] = [one if _is_json(one) and isinstance(one, dict) else None for one in given]
            for hook in ("filter_event", "enrich_statement", "route_event"):
                function = getattr(plugin, hook, None)
                if hasattr(function, "learnrelay_impl"):
                    reads = getattr(function, "learnrelay_reads", None)
                    stages.append({"plugin": info.name, "hook": hook, "fields": self.fields(reads) if reads else []})
        return {
            "plugins": [
                {"name": i.name, "kind": i.kind, "distribution": i.distribution, "version": i.version}
                for i in assembly.plugins
                if i.state is State.ACTIVE
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
            "standards": {name: self.fields(one.common) for name, one in assembly.standards.items()},
            "variants": {name: variants(one) for name, one in assembly.standards.items()},
            "scopes": {
                key: {"fields": self.fields(scope.reads), "origin": registry.origin_of(scope),
                      "examples": list(getattr(scope, "examples", ()))}
                for key, scope in registry.scopes.items()
            },
            "stages": stages,
            "samples": samples,
            "identity_providers": list(registry.identity_providers),
            "course_providers": list(registry.course_providers),
        }  # fmt: skip

    def fields(self, reads: Any) -> list[dict[str, Any]]:
        """A declaration. ``plain`` is False where the class keeps its declaration in an unusual way."""
        declared = reads.__dict__.get("declared")
        if type(reads) is not type or type(declared) is not dict:
            return [{"name": "?", "paths": [], "kind": "?", "plain": False}]
        return [
            {
                "name": name, "paths": list(field.paths), "needed": field.needed, "reason": field.reason,
                "kind": self.kinds.get(id(field.kind), "custom"), "container": id(field.kind) in self.containers,
                "examples": [one for one in field.examples if _is_json(one)] or self.taken(field),
                "entries": self.fields(field.entries) if field.entries is not None else None, "plain": True,
                "digs": self.digs(field),
            }
            for name, field in declared.items()
        ]  # fmt: skip

    def digs(self, field: Any) -> bool:
        """Whether a kind of the plugin's own tells one object or list from another: what lies in it is undeclared.

        It may have one word for all of them, such as one that means unreadable.
        """
        if id(field.kind) in self.kinds or field.entries is not None:
            return False
        found: list[Any] = []
        for probe in self.probes:
            try:
                told = field.kind(probe)
                if not any(type(told) is type(one) and told == one for one in found):
                    found.append(told)
            except Exception as error:
                found += [type(error)] if type(error) not in found else []
        return len(found) > 1

    def taken(self, field: Any) -> list[Any]:
        """Values that a kind of the plugin's own takes: nobody else knows them."""
        if id(field.kind) in self.kinds or field.entries is not None:
            return []
        found = []
        for value in [*self.candidates.get(field.paths[0].rpartition(".")[2], ()), *self.candidates["*"]]:
            with suppress(Exception):  # what raises is not taken
                if field.kind(value) is not None:
                    found.append(value)
        return found[:2]


def _file(function: Any) -> str:
    """Where a mapping stands; empty where that cannot be seen."""
    for one in (function, vars(type(function)).get("__call__")):
        code = getattr(one, "__code__", None)
        if code is not None:
            return str(code.co_filename)
    return ""


def variants(standard: Any) -> list[dict[str, Any]]:
    """Each other choice that the standard's settings offer (`OneOf`, `Flag`, and what marshmallow has for them)."""
    found = []
    for key, field in standard.settings_schema().fields.items():
        choices = list(getattr(field, "choices", ()))
        if isinstance(field, (Flag, marshmallow.fields.Boolean)):
            choices = [True, False]
        for validator in getattr(field, "validators", ()):
            choices += getattr(validator, "choices", ())
        found += [{key: choice} for choice in choices if choice != standard.settings.get(key) and _is_json(choice)]
    return found


def probes(texts: list[str]) -> list[Any]:
    """Objects and lists of every form, with something under each name."""
    few = texts[:FEW]
    found: list[Any] = []
    for leaf in ("lantern", 3, True):
        flat = dict.fromkeys([*texts, "0", "1"], leaf)
        small = dict.fromkeys(few, leaf)
        found += [flat, dict.fromkeys(few, small), {key: dict.fromkeys(few, small) for key in few}]
        found += [[leaf], [leaf] * 9, [flat] * 3, [[leaf] * 3] * 3, {key: [leaf] * 3 for key in texts}]
    return found


FEW = 20


def _is_json(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True
