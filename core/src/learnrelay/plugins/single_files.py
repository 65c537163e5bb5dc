"""Loads plugins from single files: ``[plugins] files = ["polls.py"]`` in the operator's file.

Such a file is a module like that of an installed plugin. Each `Family` in it is a plugin of that name, and its marked
functions are a plugin with the name of the file. They need no entry point, and naming the file enables them.
"""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import PluginError
from ..families import Family
from ..hookspecs import PROJECT
from ..mapping import place_in_words
from .discovery import PluginInfo, PluginState

KINDS_BY_HOOK = {
    "register_sources": "sources", "register_inputs": "inputs", "register_standards": "standards",
    "register_identity_providers": "resolvers", "register_course_providers": "resolvers", "register_sinks": "sinks",
    "register_auth_schemes": "auth", "register_scopes": "routers", "route_event": "routers",
    "enrich_statement": "enrichers", "register_transformers": "families", "filter_event": "filters",
}  # fmt: skip
"""Hook → kind of a plugin that implements it; of several the first counts."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")


def load_file(path: Path) -> list[tuple[PluginInfo, Any]]:
    """Imports a file, and returns its plugins. Raises PluginError naming file, line, cause and cure."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _error(path, "", f"cannot be read: {error.strerror or type(error).__name__}") from None
    version = sha256(content).hexdigest()[:12]
    if not _NAME.fullmatch(path.stem):
        raise _error(path, version, "its name is no name of a plugin: letters, digits, - and _, a letter first")
    module = _import(path, content, version)
    plugins = [
        (PluginInfo(name, kind, path.name, version, PluginState.ACTIVE, file=path), plugin)
        for name, kind, plugin in _plugins_of(module, path.stem)
    ]
    if not plugins:
        raise _error(path, version, "holds no plugin: no Family, and no function marked with @hookimpl")
    return plugins


def _plugins_of(module: ModuleType, stem: str) -> Iterator[tuple[str, str, Any]]:
    """Yields (name, kind, plugin)."""
    hooks = {name for name, value in vars(module).items() if hasattr(value, f"{PROJECT}_impl")}
    if hooks:
        yield stem, next((kind for hook, kind in KINDS_BY_HOOK.items() if hook in hooks), "filters"), module
    families = {id(value): value for value in vars(module).values() if isinstance(value, Family)}
    for family in families.values():
        functions = [transformer.function for transformer in family.transformers]
        if not functions or any(function.__module__ == module.__name__ for function in functions):  # none imported
            yield family.name, "families", family


def _import(path: Path, content: bytes, version: str) -> ModuleType:
    """Imports a file once for each content, without a trace beside it. Raises PluginError."""
    name = f"{re.sub('-', '_', path.stem)}_{sha256(str(path).encode() + content).hexdigest()[:12]}"
    if (known := sys.modules.get(name)) is not None:
        return known
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # where dataclasses look for it
    try:
        exec(compile(content, str(path), "exec", dont_inherit=True), vars(module))  # noqa: S102  # the operator's code
    except Exception as error:
        del sys.modules[name]
        raise _error(path, version, f"cannot be imported: {_describe(error, path)}") from error
    return module


def _describe(error: Exception, path: Path) -> str:
    """Describes an error by type and place; only texts about names and syntax, which hold no other value, are shown."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} at {place_in_words(str(path), error.lineno or 0)}"
    lines = [frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    text = f": {error}" if isinstance(error, (ImportError, AttributeError, NameError)) else ""
    return f"{type(error).__name__}{text}" + (f" at {place_in_words(str(path), lines[-1])}" if lines else "")


def _error(path: Path, version: str, cause: str) -> PluginError:
    return PluginError(path.name, f"{path} {version}".strip(), cause, "repair it, or take it out of [plugins] files")
