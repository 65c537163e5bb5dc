"""Finds the values that a plugin's source compares with, so that samples contain them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from types import FunctionType, ModuleType
from typing import Any

MOST, MOST_TEXTS = 24, 400
LONGEST = 60
_COMPARING_CALLS = frozenset({
    "startswith", "endswith", "get", "index", "find", "count", "removeprefix", "removesuffix", "split", "partition",
    "rpartition", "__contains__", "__getitem__", "__eq__", "fullmatch", "match", "search", "itemgetter", "eq",
    "getitem", "contains",
})  # fmt: skip


MOST_KEYS = 16
"""Keys of one table that a mapping looks something up in."""


def literals_of_files(files: Iterable[Path]) -> list[Any]:
    """Lists texts and numbers in comparisons, patterns, look-ups and tables of whole files, in order of appearance."""
    literals: dict[Any, None] = {}
    for tree in _trees(files):
        for node in ast.walk(tree):
            literals |= dict.fromkeys(
                value for place in (*_compared(node), *_looked_up(node)) for value in _constants(place)
            )
    return list(literals)[:MOST]


def literals_of_function(function: Callable[..., Any]) -> list[Any]:
    """Lists whole values that a function compares with, and all that it calls in its own distribution and in the core.

    A table that it looks something up in counts with its keys.
    """
    literals: dict[Any, None] = {}
    visited: set[FunctionType] = set()

    def visit(value: Any) -> None:
        function = inspect.unwrap(value) if callable(value) else value
        if isinstance(function, Mapping):
            literals.update(dict.fromkeys([key for key in function if isinstance(key, str)][:MOST_KEYS]))
        if not isinstance(function, FunctionType) or function in visited:
            return
        visited.add(function)
        if function.__module__.partition(".")[0] not in (home, "learnrelay"):
            return
        with suppress(OSError, SyntaxError):  # a function without a source, or a lambda within a longer expression
            tree = ast.parse(dedent(inspect.getsource(function)))
            for node in ast.walk(tree):
                literals.update(dict.fromkeys(value for place in _compared(node) for value in _constants(place)))
            for used in _globals_named(tree, function.__globals__):
                visit(used)

    home = inspect.unwrap(function).__module__.partition(".")[0]
    visit(function)
    return list(literals)


def texts_of_files(files: Iterable[Path]) -> list[str]:
    """Lists all short texts of a source: possible keys of look-ups."""
    texts: dict[str, None] = {}
    for tree in _trees(files):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and type(node.value) is str and 0 < len(node.value) <= LONGEST:
                texts[node.value] = None
    return list(texts)[:MOST_TEXTS]


def _trees(files: Iterable[Path]) -> Iterator[ast.AST]:
    for file in files:
        with suppress(SyntaxError):  # the linter names it
            yield ast.parse(file.read_bytes())


def _globals_named(tree: ast.AST, names: Mapping[str, Any]) -> Iterator[Any]:
    """Yields the values of global names in the source: ``function``, ``TABLE``, and ``module.function``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in names:
            yield names[node.id]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = names.get(node.value.id)
            if isinstance(module, ModuleType) and hasattr(module, node.attr):
                yield getattr(module, node.attr)


def _compared(node: ast.AST) -> Iterator[ast.AST]:
    """Parts of a node in which a constant is a whole value to be compared with."""
    if isinstance(node, ast.Compare):
        yield from (node.left, *node.comparators)
    elif isinstance(node, ast.MatchValue):
        yield node.value


def _looked_up(node: ast.AST) -> Iterator[ast.AST]:
    """Parts of a node in which a constant is searched or looked up: in a text, in a set, as a key."""
    if isinstance(node, ast.MatchMapping):
        yield from node.keys
    elif isinstance(node, ast.Set):
        yield from node.elts
    elif isinstance(node, ast.Subscript):
        yield node.slice
    elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
        yield from (key for key in node.value.keys if key is not None)
    elif isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _COMPARING_CALLS:
            yield from node.args


def _constants(node: ast.AST) -> Iterator[Any]:
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        for inner in node.elts:
            yield from _constants(inner)
    elif isinstance(node, ast.Constant):
        value = node.value
        if type(value) is str and 0 < len(value) <= LONGEST:
            yield value
        elif isinstance(value, int | float) and type(value) is not bool and abs(value) < 2**53:
            yield from (value, value + 1, value - 1)
