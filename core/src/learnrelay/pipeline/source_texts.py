"""Tells which texts stand in a plugin's source: the reasons and paths that it gives must be among them.

A text that was made while an event is handled may hold a value of it, and reasons are counted, logged and shown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

from ..errors import EventError, TransformError
from ..fields import Fields, declared_paths
from ..mapping import Skip, Transformer
from .error_places import package_of, raised_by

NO_CONSTANT = "for a reason that is no constant of its source"
"""What is said instead of a reason that was built while an event was handled."""


class _Texts(NamedTuple):
    module_count: int
    texts: frozenset[str]


class _Packages:
    """Holds the texts of a package's modules that are loaded."""

    def __init__(self) -> None:
        self.texts: dict[str, _Texts] = {}


_packages = _Packages()


def is_constant(text: str, plugin: Any) -> bool:
    """Tells whether a text is one of the source of a plugin's package, or was made of it when it was imported."""
    package = package_of(plugin)
    if package not in sys.modules:  # code that no import has made known, such as a test's
        return text in _texts_of_globals(plugin)
    known = _packages.texts.get(package)
    if known is not None and text in known.texts:
        return True
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] == package]
    if known is None or known.module_count != len(modules):
        known = _packages.texts[package] = _Texts(len(modules), frozenset(_texts_of(modules)))
    return text in known.texts or text in _texts_of_plugin(plugin)


@lru_cache(1_000)
def _texts_of_globals(plugin: Any) -> frozenset[str]:
    return frozenset(_texts_of([], getattr(plugin, "__globals__", {})))


@lru_cache(1_000)
def _texts_of_plugin(plugin: Any) -> frozenset[str]:
    """Returns the texts of a function that its module does not hold: one that another function has made."""
    return frozenset(_texts_of([], {"__name__": package_of(plugin), "plugin": plugin}))


def with_constant_reason(skip: Skip, name: str, plugin: Any) -> Skip:
    """Returns a plugin's skip; without its reason, where that is no constant. ``name``: of the plugin, for messages."""
    if type(skip.reason) is not str or not skip.reason or is_constant(skip.reason, plugin):
        return skip
    return Skip(f"{name} skips {NO_CONSTANT}")


def with_constant_texts(error: EventError, transformer: Transformer) -> EventError:
    """Returns an error of a mapping; another one without its texts, where the mapping made them of values.

    Errors that the core and the standard raise have their texts from declarations.
    """
    function = transformer.function
    if not raised_by(error, function) or (
        is_constant(error.reason, function) and (not error.path or _is_path(error.path, transformer.reads, function))
    ):
        return error
    return TransformError(f"{transformer.name} raised {type(error).__name__} {NO_CONSTANT}")


def _is_path(path: str, reads: type[Fields], function: Any) -> bool:
    return is_constant(path, function) or any(path == declared for _, declared, _ in declared_paths(reads))


def _texts_of(modules: Sequence[ModuleType], *namespaces: Mapping[str, Any]) -> Iterator[str]:
    packages = {module.__name__.partition(".")[0] for module in modules}
    packages |= {str(namespace.get("__name__")).partition(".")[0] for namespace in namespaces}
    seen: dict[int, Any] = {}  # with the values themselves: what is gone leaves its id to the next
    todo: list[Any] = [*map(vars, modules), *namespaces]
    while todo:
        value = todo.pop()
        if isinstance(value, str):
            yield value
            continue
        if id(value) in seen:
            continue
        seen[id(value)] = value
        if isinstance(value, Mapping):
            todo += [*value.keys(), *value.values()]
        elif isinstance(value, (tuple, list, set, frozenset)):
            todo += value
        elif isinstance(value, CodeType):
            todo += value.co_consts
        elif isinstance(value, FunctionType):
            todo += [value.__code__, *(value.__defaults__ or ()), value.__kwdefaults__ or {}, value.__dict__]
            todo += [cell.cell_contents for cell in value.__closure__ or () if _is_filled(cell)]
        elif isinstance(value, MethodType):
            todo += [value.__func__, value.__self__]
        elif isinstance(value, Skip):
            todo.append(value.reason)
        elif isinstance(value, (staticmethod, classmethod)):
            todo.append(value.__func__)
        elif isinstance(value, property):
            todo += [value.fget, value.fset]
        elif _is_own(value, packages):
            todo.append(dict(vars(value)))


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _is_own(value: Any, packages: set[str]) -> bool:
    """Tells whether a value is a class of the packages, or an object of one."""
    kind = value if isinstance(value, type) else type(value)
    return str(getattr(kind, "__module__", "")).partition(".")[0] in packages and hasattr(value, "__dict__")
