"""Resolves where the names of a file come from."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from functools import cache
from types import ModuleType

from . import rules

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

INITIALISERS = frozenset({"__init__", "__new__", "__post_init__", "__set_name__", "__init_subclass__"})
"""Methods that initialise an object or a class."""


class NameOrigins:
    """Holds the imports, definitions and decorators of a module."""

    def __init__(self, tree: ast.Module) -> None:
        self.imported: dict[str, str] = {}
        self.classes: dict[str, ast.ClassDef] = {}
        self.functions: dict[str, FunctionNode] = {}
        self.module_names: set[str] = set()
        self.decorators: set[str] = set()
        self.kinds: set[str] = set()
        self.called_at_import: set[str] = set()
        self.methods_at_import: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.imported[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom):
                prefix = "." * node.level + (node.module or "")
                for alias in node.names:
                    self.imported[alias.asname or alias.name] = f"{prefix}.{alias.name}"
            elif isinstance(node, ast.keyword) and node.arg == "kind":
                self.kinds |= set(_names_in(node.value))
            elif isinstance(node, ast.ClassDef | FunctionNode):
                for decorator in node.decorator_list:
                    self.decorators |= set(_names_in(decorator))
                    self.methods_at_import |= {
                        inner.attr for inner in ast.walk(decorator) if isinstance(inner, ast.Attribute)
                    }
        for node in tree.body:
            self._at_module_level(node)
        self.handles_events = "maps" in self.decorators or not rules.STAGES.isdisjoint(self.functions)

    def _at_module_level(self, node: ast.stmt) -> None:
        if isinstance(node, ast.ClassDef):
            self.classes[node.name] = node
        elif isinstance(node, FunctionNode):
            self.functions[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            self.module_names |= {target.id for target in targets if isinstance(target, ast.Name)}
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute):
                origin = self.dotted(node.value)
                if origin:
                    self.imported |= {target.id: origin for target in targets if isinstance(target, ast.Name)}
        for inner in ast.walk(node) if not isinstance(node, ast.ClassDef | FunctionNode) else ():
            if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name):
                self.called_at_import.add(inner.func.id)
            elif isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
                self.methods_at_import.add(inner.func.attr)
            if isinstance(inner, FunctionNode):
                self.functions.setdefault(inner.name, inner)

    def is_lasting(self, method: FunctionNode) -> bool:
        """Tells whether a method belongs to an object made at import, and is not called at import only."""
        return method.name not in self.methods_at_import | INITIALISERS and any(
            method in self.classes[name].body for name in self.classes.keys() & self.called_at_import
        )

    def is_cached(self, name: str) -> bool:
        """Tells whether a function's results are kept (`functools.cache`): whoever changes one changes a state."""
        function = self.functions.get(name)
        return function is not None and any(
            self.dotted(inner) in ("functools.cache", "functools.lru_cache", "functools.cached_property")
            for decorator in function.decorator_list
            for inner in ast.walk(decorator)
        )

    def dotted(self, node: ast.AST) -> str | None:
        """Returns the full name of what an expression refers to, if it starts at an import."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name) and node.id in self.imported:
            return _through_modules(".".join([self.imported[node.id], *reversed(parts)]))
        return None

    def declared_of(self, name: str, depth: int = 0) -> set[str] | None:
        """Returns the names that a declaration class declares; None if not all of it can be seen from here."""
        if depth > 10:
            return None
        if name in self.classes:
            node = self.classes[name]
            names = {
                target.id
                for statement in node.body
                if isinstance(statement, ast.Assign | ast.AnnAssign)
                for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
                if isinstance(target, ast.Name)
            }
            names |= {statement.name for statement in node.body if isinstance(statement, FunctionNode)}
            for base in node.bases:
                inherited = self.declared_of(base.id, depth + 1) if isinstance(base, ast.Name) else None
                if inherited is None:
                    return None
                names |= inherited
            return names
        origin = self.imported.get(name, "")
        module, _, attribute = origin.rpartition(".")
        if module.partition(".")[0] == "learnrelay":  # the core's own declarations can be imported
            try:
                known = getattr(importlib.import_module(module), attribute)
                return {*known.declared, *(name for name in vars(known) if not name.startswith("_"))}
            except (ImportError, AttributeError):
                return None
        return None


@cache
def _through_modules(name: str) -> str:
    """Returns the usual name of what lies in a module of the standard library: ``logging.sys.path`` is ``sys.path``."""
    top, *parts = name.split(".")
    if top not in sys.stdlib_module_names or not parts:
        return name
    try:
        holder: object = importlib.import_module(top)
    except ImportError:
        return name
    for number, part in enumerate(parts):
        holder = getattr(holder, part, None)
        if not isinstance(holder, ModuleType):
            return name
        inner = holder.__name__
        if inner.partition(".")[0] not in (top, "posixpath", "ntpath"):
            return _through_modules(".".join([inner, *parts[number + 1 :]]))
    return name


def _names_in(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield inner.id
        elif isinstance(inner, ast.Attribute):
            yield inner.attr
