"""Values that a plugin's source compares with: whoever behaves differently for one of them shall meet it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

MOST, MOST_TEXTS = 24, 400
LONGEST = 60
_ASKING = frozenset({"startswith", "endswith", "get", "index", "find", "count", "removeprefix", "removesuffix", "split",
                     "partition", "rpartition", "__contains__", "__getitem__", "__eq__", "fullmatch", "match", "search",
                     "itemgetter", "eq", "getitem", "contains"})  # fmt: skip


def compared(files: Iterable[Path]) -> list[Any]:
    """Texts and numbers in comparisons, patterns, look-ups and tables, in order of appearance."""
    found: dict[Any, None] = {}
    for file in files:
        with suppress(SyntaxError):  # told by the linter
            for node in ast.walk(ast.parse(file.read_bytes())):
                found |= dict.fromkeys(value for inner in _places(node) for value in _constants(inner))
    return list(found)[:MOST]


def texts(files: Iterable[Path]) -> list[str]:
    """All short texts of a source: names under which something might be looked up."""
    found: dict[str, None] = {}
    for file in files:
        with suppress(SyntaxError):
            for node in ast.walk(ast.parse(file.read_bytes())):
                if isinstance(node, ast.Constant) and type(node.value) is str and 0 < len(node.value) <= LONGEST:
                    found[node.value] = None
    return list(found)[:MOST_TEXTS]


def _places(node: ast.AST) -> Iterator[ast.AST]:
    """Parts of a node in which a constant is something to be compared with."""
    if isinstance(node, ast.Compare):
        yield from (node.left, *node.comparators)
    elif isinstance(node, ast.MatchValue):
        yield node.value
    elif isinstance(node, ast.MatchMapping):
        yield from node.keys
    elif isinstance(node, ast.Set):
        yield from node.elts
    elif isinstance(node, ast.Subscript):
        yield node.slice
    elif isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
        yield from (key for key in node.value.keys if key is not None)
    elif isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _ASKING:
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
