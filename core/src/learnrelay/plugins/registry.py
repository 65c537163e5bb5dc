"""Registering loaded plugins with pluggy and collecting what they contribute, each thing with its origin."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from typing import Any

import pluggy

from .. import hookspecs
from ..errors import PluginError
from ..families import Transformer
from ..fields import Fields, compile_call
from ..routing import Scope
from ..site import CourseProvider, IdentityProvider
from ..standards import Standard
from .discovery import PluginInfo

STAGES = ("filter_event", "enrich_statement", "route_event")
CONTRIBUTIONS = (
    "register_standards", "register_transformers", "register_identity_providers",
    "register_course_providers", "register_scopes",
)  # fmt: skip

_MARK = f"{hookspecs.PROJECT}_impl"


class Bound:
    """A plugin as pluggy gets it: its hook functions as attributes."""


class NoFields(Fields):
    """What a stage function reads that declares nothing."""


@dataclass(slots=True)
class Registry:
    """All contributions of the enabled plugins by name, and the pluggy manager that holds their stage functions."""

    manager: pluggy.PluginManager
    standards: dict[str, type[Standard]] = field(default_factory=dict)
    transformers: list[Transformer] = field(default_factory=list)
    identity_providers: dict[str, type[IdentityProvider]] = field(default_factory=dict)
    course_providers: dict[str, type[CourseProvider]] = field(default_factory=dict)
    scopes: dict[str, type[Scope]] = field(default_factory=dict)
    origins: dict[int, str] = field(default_factory=dict)

    def origin_of(self, contributed: Any) -> str:
        """Which plugin of which distribution contributed an object."""
        return self.origins.get(id(contributed), "the core")


def new_manager() -> pluggy.PluginManager:
    """A pluggy manager that knows the hook specs."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def bind(plugin: Any, info: PluginInfo) -> Bound:
    """The plugin as pluggy gets it: each stage function behind the extractor of the fields that it declares.

    pluggy calls it with the event's body in ``fields``; the plugin's own function sees the declared values only.
    Raises PluginError for a hook that does not exist, arguments that its spec does not have, or no hook at all.
    """
    bound = Bound()
    for name in dir(plugin):
        function = inspect.getattr_static(plugin, name, None)
        if not hasattr(function, _MARK):
            continue
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
        setattr(bound, name, _adapter(name, function, takes) if name in STAGES else function)
    if not vars(bound):
        raise _error(info, "implements no hook", "mark a function with @hookimpl, or name a Family")
    return bound


def _adapter(name: str, function: Callable[..., Any], takes: Sequence[str]) -> Callable[..., Any]:
    """A function with the parameters of the spec, generated: two calls an event less than one that looks them up."""
    reads: type[Fields] = getattr(function, "learnrelay_reads", None) or NoFields
    by_name = {one.name for one in inspect.signature(function).parameters.values() if one.kind is one.KEYWORD_ONLY}
    given = {taken: "self" if taken == "fields" else taken for taken in takes}
    call = ", ".join(f"{taken}={value}" if taken in by_name else value for taken, value in given.items())
    signature = ", ".join(inspect.signature(getattr(hookspecs, name)).parameters)
    return hookspecs.hookimpl(reads=reads)(compile_call(function, reads, signature, call))


def collect(plugins: Sequence[tuple[PluginInfo, Any]]) -> Registry:
    """Register loaded plugins, given in the operator's order, and gather their contributions.

    pluggy calls the last registered first; so they are registered backwards. Raises PluginError.
    """
    registry = Registry(new_manager())
    bound = [(info, bind(plugin, info)) for info, plugin in plugins]
    for info, namespace in reversed(bound):
        registry.manager.register(namespace, name=f"{info.kind}:{info.name}")
    for info, namespace in bound:
        for hook in CONTRIBUTIONS:
            if (contribute := getattr(namespace, hook, None)) is not None:
                try:
                    contribute(register=partial(_take, registry, info, hook))
                except PluginError:
                    raise
                except Exception as error:
                    raise _error(info, f"{hook} raised {type(error).__name__}", "mend the plugin") from error
    return registry


def _take(registry: Registry, info: PluginInfo, hook: str, contributed: Any) -> None:
    """The ``register`` callback: checks the type, remembers the origin, refuses a name that is taken."""
    if hook == "register_transformers":
        if not isinstance(contributed, Transformer):
            raise _error(info, f"{hook} got {type(contributed).__name__}", "contribute a learnrelay.Transformer")
        registry.transformers.append(contributed)
    else:
        kind, attribute, names = {
            "register_standards": (Standard, "name", registry.standards),
            "register_identity_providers": (IdentityProvider, "name", registry.identity_providers),
            "register_course_providers": (CourseProvider, "name", registry.course_providers),
            "register_scopes": (Scope, "key", registry.scopes),
        }[hook]
        if not (isinstance(contributed, type) and issubclass(contributed, kind)):
            raise _error(info, f"{hook} got {contributed!r}", f"contribute a subclass of learnrelay.{kind.__name__}")
        name = getattr(contributed, attribute)
        if name in names:
            rival = registry.origin_of(names[name])
            raise _error(info, f"{attribute} {name!r} is already taken by {rival}", "enable only one of them")
        names[name] = contributed
    registry.origins[id(contributed)] = f"{info.name} of {info.origin}"


def _error(info: PluginInfo, cause: str, fix: str) -> PluginError:
    return PluginError(info.name, info.origin, cause, fix)
