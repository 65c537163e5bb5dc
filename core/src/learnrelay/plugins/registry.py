"""Registers loaded plugins with pluggy, and collects their contributions, each with its origin."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any

import marshmallow
import pluggy

from .. import hookspecs
from ..auth import AuthScheme
from ..config.fields import NO_SETTINGS, Section, secret_keys
from ..errors import PluginError
from ..families import Family
from ..fields import Fields, compile_call, declared_paths
from ..inputs import Input
from ..mapping import ANY_EVENT, Transformer
from ..providers import CourseProvider, IdentityProvider
from ..scopes import Scope
from ..sinks import Sink
from ..sources import Source
from ..standards import Standard
from .contributed_classes import find_class_faults, place_of_class
from .discovery import PluginInfo
from .hook_trace import traced

STAGES = ("filter_event", "enrich_statement", "route_event")
CONTRIBUTIONS = (
    "register_sources", "register_inputs", "register_standards", "register_transformers", "register_identity_providers",
    "register_course_providers", "register_scopes", "register_sinks",
    "register_auth_schemes",
)  # fmt: skip

SETTINGS = "settings"
"""Parameter of stage functions and mappings that takes the settings of their plugin."""

_NO_SCHEMA = "declare them: settings_schema = …, a subclass of learnrelay.config.fields.Section"
_MARK = f"{hookspecs.PROJECT}_impl"


class BoundPlugin:
    """Holds the hook functions of a plugin as attributes, as pluggy expects them."""

    def __dir__(self) -> list[str]:
        """Lists these alone: pluggy looks at each name twice."""
        return list(vars(self))


class NoFields(Fields):
    """Declares no fields, for a stage function without a declaration."""


@dataclass(slots=True)
class Registry:
    """Holds the contributions of the enabled plugins by name, and the pluggy manager of their stage functions.

    read_more: ``FAMILY.SETTING`` that is on → the paths that mappings read for it, which they do not read by default.
    """

    manager: pluggy.PluginManager
    sources: dict[str, type[Source]] = field(default_factory=dict)
    inputs: dict[str, type[Input]] = field(default_factory=dict)
    standards: dict[str, type[Standard]] = field(default_factory=dict)
    transformers: list[Transformer] = field(default_factory=list)
    identity_providers: dict[str, type[IdentityProvider]] = field(default_factory=dict)
    course_providers: dict[str, type[CourseProvider]] = field(default_factory=dict)
    scopes: dict[str, type[Scope]] = field(default_factory=dict)
    sinks: dict[str, type[Sink]] = field(default_factory=dict)
    auth_schemes: dict[str, type[AuthScheme]] = field(default_factory=dict)
    plugins: list[tuple[PluginInfo, Any]] = field(default_factory=list)
    settings: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    read_more: dict[str, set[str]] = field(default_factory=dict)
    contributors: dict[int, PluginInfo] = field(default_factory=dict)

    def origin_of(self, contributed: Any) -> str:
        """Names the plugin and distribution that contributed an object."""
        info = self.contributors.get(id(contributed))
        return f"{info.name} of {info.origin}" if info else "the core"

    def make(self, contributed: type[Any], *arguments: Any) -> Any:
        """Makes a contributed source or scope, with the settings of its plugin as the last argument."""
        info = self.contributors.get(id(contributed))
        return contributed(*arguments, self.settings.get(info.name, NO_SETTINGS) if info else NO_SETTINGS)


_SPECS = ModuleType("hookspecs")
_SPECS.__dict__.update({name: getattr(hookspecs, name) for name in STAGES + CONTRIBUTIONS})
"""The specs alone: pluggy looks at each name of what it gets, and start-up makes a manager for each plugin."""


def new_manager() -> pluggy.PluginManager:
    """Makes a pluggy manager with the hook specs."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(_SPECS)
    return manager


def settings_schema_of(plugin: Any, info: PluginInfo) -> type[Section] | None:
    """Returns the schema of a plugin's section; None for a plugin without settings. Raises PluginError."""
    schema = getattr(plugin, "settings_schema", None)
    if schema is None:
        return None
    if not (isinstance(schema, type) and issubclass(schema, Section)):
        raise _error(info, "its settings_schema is no subclass of Section", "see learnrelay.config.fields")
    if secrets := ", ".join(secret_keys(schema)) if hasattr(plugin, "register_transformers") else "":
        raise _error(info, f"its settings hold a secret ({secrets})", "a family takes none: no mapping may see one")
    return schema


def default_settings(schema: type[marshmallow.Schema]) -> Mapping[str, Any]:
    """Returns the defaults of a section; without the keys that have none."""
    try:
        return MappingProxyType(schema().load({}))
    except marshmallow.ValidationError as error:
        return MappingProxyType(error.valid_data if isinstance(error.valid_data, dict) else {})


def list_hooks(plugin: Any) -> list[str]:
    """Lists the names of the functions of a plugin that are marked as hooks."""
    names = [name for name in dir(plugin) if not name.startswith("__")]  # half of all names, and nobody marks them
    marks = {name: getattr(inspect.getattr_static(plugin, name, None), _MARK, None) for name in names}
    return [name for name, mark in marks.items() if isinstance(mark, dict)]  # `sqlalchemy.func` has every attribute


def bind(plugin: Any, info: PluginInfo, settings: Mapping[str, Any] = NO_SETTINGS) -> BoundPlugin:
    """Binds the hook functions of a plugin: each stage function behind the extractor of its declared fields.

    pluggy calls it with the event's body in ``fields``; the plugin's own function sees the declared values and the
    plugin's ``settings`` only. Raises PluginError for a hook that does not exist, for arguments that its spec does not
    have, or without any hook.
    """
    if isinstance(plugin, Family) and plugin.name != info.name:
        raise _error(info, f"its family is named {plugin.name}", "give both the same name")
    bound = BoundPlugin()
    has_settings = settings_schema_of(plugin, info) is not None
    for name in list_hooks(plugin):
        function = getattr(plugin, name)
        if name not in STAGES + CONTRIBUTIONS:
            near = get_close_matches(name, STAGES + CONTRIBUTIONS, 1)
            raise _error(info, f"there is no hook {name}", f"did you mean {near[0]}?" if near else "see the hook specs")
        allowed = set(inspect.signature(getattr(hookspecs, name)).parameters)
        takes = [parameter for parameter in inspect.signature(function).parameters if parameter in allowed]
        if surplus := set(inspect.signature(function).parameters) - allowed:
            raise _error(
                info,
                f"{name} takes {', '.join(sorted(surplus))}",
                f"its spec has {', '.join(sorted(allowed))}",
            )
        if SETTINGS in takes and not has_settings:
            raise _error(info, f"{name} takes {SETTINGS}", _NO_SCHEMA)
        called = _adapter(name, function, takes, settings) if name in STAGES else function
        setattr(bound, name, traced(name, info.name, called))
    if not vars(bound):
        raise _error(info, "implements no hook", "mark a function with @hookimpl, or name a Family")
    return bound


def _adapter(
    name: str, function: Callable[..., Any], takes: Sequence[str], settings: Mapping[str, Any]
) -> Callable[..., Any]:
    """Generates a function with the parameters of the spec. It saves two calls an event against a generic adapter."""
    reads: type[Fields] = getattr(function, "learnrelay_reads", None) or NoFields
    by_name = {
        parameter.name
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    given = {taken: "self" if taken == "fields" else taken for taken in takes}
    call = ", ".join(f"{taken}={value}" if taken in by_name else value for taken, value in given.items())
    signature = ", ".join(name for name in inspect.signature(getattr(hookspecs, name)).parameters if name != SETTINGS)
    called = compile_call(function, reads, signature, call, settings=settings)
    called.__module__ = function.__module__  # whose lines errors name
    called.__dict__["learnrelay_calls"] = function  # whose texts are those of its reasons
    return hookspecs.hookimpl(reads=reads)(called)


def collect(
    plugins: Sequence[tuple[PluginInfo, Any]], settings: Mapping[str, Mapping[str, Any]] = NO_SETTINGS
) -> Registry:
    """Registers loaded plugins, given in the operator's order, and collects their contributions.

    ``settings``: name of a plugin → its settings; the defaults of the others. pluggy calls the last registered first;
    so they are registered backwards. Raises PluginError.
    """
    registry = Registry(new_manager(), plugins=list(plugins))
    for info, plugin in plugins:
        if (schema := settings_schema_of(plugin, info)) is not None:
            registry.settings[info.name] = settings.get(info.name) or default_settings(schema)
    bound = [(info, bind(plugin, info, registry.settings.get(info.name, NO_SETTINGS))) for info, plugin in plugins]
    for info, namespace in reversed(bound):
        registry.manager.register(namespace, name=f"{info.kind}:{info.name}")
    for info, namespace in bound:
        for hook in CONTRIBUTIONS:
            if (contribute := getattr(namespace, hook, None)) is not None:
                try:
                    contribute(register=partial(_add, registry, info, hook))
                except PluginError:
                    raise
                except Exception as error:
                    raise _error(info, f"{hook} raised {type(error).__name__}", "repair the plugin") from error
    return registry


def collect_sound(
    plugins: Sequence[tuple[PluginInfo, Any]],
) -> tuple[Registry, list[tuple[PluginInfo, PluginError]]]:
    """Collects plugins without those that are broken, or bring what an earlier one has; returns these too."""
    with suppress(PluginError):
        return collect(plugins), []
    sound, faults = [], []
    for info, plugin in plugins:
        try:
            collect([(info, plugin)])
            sound.append((info, plugin))
        except PluginError as error:
            faults.append((info, error))
    with suppress(PluginError):
        return collect(sound), faults
    registry = collect([])
    for info, plugin in sound:
        try:
            registry = collect([*registry.plugins, (info, plugin)])
        except PluginError as error:
            faults.append((info, error))
    return registry, faults


def _add(registry: Registry, info: PluginInfo, hook: str, contributed: Any) -> None:
    """Adds a contribution to the registry: checks its type, records its origin, refuses a name that is taken."""
    if hook == "register_transformers":
        if not isinstance(contributed, Transformer):
            raise _error(info, f"{hook} got {type(contributed).__name__}", "contribute a learnrelay.Transformer")
        if globs := [event for event in contributed.events if "*" in event and event != ANY_EVENT]:
            cure = f'name each event; "{ANY_EVENT}" alone is every event that no other mapping maps'
            raise _error(info, f"{contributed.name} maps {globs[0]!r}, which is no name of an event", cure)
        contributed = replace(
            contributed,
            reads=_declaration_chosen(contributed, info, registry),
            origin=f"{info.distribution}@{info.version}",
            settings=_settings_taken(contributed, info, registry.settings.get(info.name)),
        )
        registry.transformers.append(contributed)
    else:
        kind, attribute, names = {
            "register_sources": (Source, "name", registry.sources),
            "register_inputs": (Input, "name", registry.inputs),
            "register_standards": (Standard, "name", registry.standards),
            "register_identity_providers": (IdentityProvider, "name", registry.identity_providers),
            "register_course_providers": (CourseProvider, "name", registry.course_providers),
            "register_scopes": (Scope, "key", registry.scopes),
            "register_sinks": (Sink, "name", registry.sinks),
            "register_auth_schemes": (AuthScheme, "name", registry.auth_schemes),
        }[hook]
        if not (isinstance(contributed, type) and issubclass(contributed, kind)):
            raise _error(info, f"{hook} got {contributed!r}", f"contribute a subclass of learnrelay.{kind.__name__}")
        if faults := find_class_faults(contributed, kind):
            place = f" ({place})" if (place := place_of_class(contributed)) else ""
            cause = f"{contributed.__name__}: {'; '.join(faults)}{place}"
            raise _error(info, cause, f"see the docstring of {kind.__module__}.{kind.__name__}")
        name = getattr(contributed, attribute)
        if name in names:
            rival = registry.origin_of(names[name])
            raise _error(info, f"{attribute} {name!r} is already taken by {rival}", "enable only one of them")
        names[name] = contributed
    registry.contributors[id(contributed)] = info


def _declaration_chosen(transformer: Transformer, info: PluginInfo, registry: Registry) -> type[Fields]:
    """Returns what a mapping reads under the settings of its family. Raises PluginError for a setting without a key."""
    settings = registry.settings.get(info.name, NO_SETTINGS)
    for setting, declaration in transformer.reads_if.items():
        if setting not in settings:
            raise _error(info, f"{transformer.name} reads more if {setting}, which is no setting", _NO_SCHEMA)
        if settings[setting]:
            usual = {path for _, path, _ in declared_paths(transformer.reads)}
            paths = registry.read_more.setdefault(f"{info.name}.{setting}", set())
            paths |= {path for _, path, _ in declared_paths(declaration)} - usual
            return declaration
    return transformer.reads


def _settings_taken(
    transformer: Transformer, info: PluginInfo, settings: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Returns the settings for a mapping that takes them, else None. Raises PluginError for other parameters."""
    if _takes_two(transformer.function):
        return None
    place = f" ({transformer.place})" if transformer.place else ""
    parameters = inspect.signature(transformer.function).parameters
    needed = [name for name, parameter in list(parameters.items())[2:] if parameter.default is parameter.empty
              and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)]  # fmt: skip
    if surplus := ", ".join(name for name in needed if name != SETTINGS):
        raise _error(
            info, f"{transformer.name} takes {surplus}{place}", f"a mapping takes values, platform and {SETTINGS}"
        )
    if SETTINGS not in needed:
        return None
    if settings is None:
        raise _error(info, f"{transformer.name} takes {SETTINGS}{place}", _NO_SCHEMA)
    return settings


def _takes_two(function: Callable[..., Any]) -> bool:
    """Tells whether a plain function takes two arguments and no more, at a tenth of what a signature costs."""
    if type(function) is not FunctionType or hasattr(function, "__wrapped__"):
        return False
    return (function.__code__.co_argcount, function.__code__.co_kwonlyargcount) == (2, 0)


def _error(info: PluginInfo, cause: str, fix: str) -> PluginError:
    return PluginError(info.name, info.origin, cause, fix)
