"""Reads the source of a plugin for what the contract forbids, without running it.

It reads the syntax tree only. A line may end with ``# learnrelay: allow LR110 because …`` to allow a code that is
not about privacy; the harness shows the reason. ``noqa`` has no effect here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from .. import __version__
from . import rules
from .origins import NameOrigins
from .visitor import RuleVisitor


@dataclass(frozen=True, slots=True, order=True)
class Flaw:
    """Describes a place in the source and what is wrong with it. ``allowed``: the written reason, if there is one."""

    file: str
    line: int
    column: int
    code: str
    message: str
    allowed: str = ""

    def __str__(self) -> str:
        """Formats the flaw as compilers do."""
        return f"{self.file}:{self.line}:{self.column + 1}: {self.code} {self.message}"


_NO_ROLES: Mapping[Path, rules.FileRole] = MappingProxyType({})
_ALLOW = re.compile(r"#\s*learnrelay:\s*allow\s+(LR\d+)\s+because\s+(.{10,})")


def lint_text(
    text: str, file: str = "<text>", decorators: Iterable[str] = (), kinds: Iterable[str] = (),
    undeclared: Collection[str] = (), role: rules.FileRole = rules.FileRole.OF_EVENTS,
) -> list[Flaw]:  # fmt: skip
    """Returns the flaws of one file.

    decorators, kinds: names that other files of the package use as such. undeclared: packages of installed plugins on
    which the distribution does not depend. role: what runs its code.
    """
    try:
        tree = ast.parse(text, file)
    except SyntaxError as error:
        return [Flaw(file, error.lineno or 1, error.offset or 0, "LR103", f"cannot be read: {error.msg}")]
    return lint_tree(tree, text.splitlines(), file, decorators, kinds, undeclared, role)


def lint_tree(
    tree: ast.Module, lines: Sequence[str], file: str, decorators: Iterable[str] = (), kinds: Iterable[str] = (),
    undeclared: Collection[str] = (), role: rules.FileRole = rules.FileRole.OF_EVENTS,
) -> list[Flaw]:  # fmt: skip
    """Returns the flaws of a parsed file."""
    origins = NameOrigins(tree)
    visitor = RuleVisitor(origins, origins.decorators.union(decorators), origins.kinds.union(kinds), undeclared, role)
    visitor.visit(tree)
    flaws = set()
    for node, code, detail in visitor.flaws:
        line = getattr(node, "lineno", 1)
        message = f"{rules.CODES[code]}: {detail}"
        allowed = _ALLOW.search(lines[line - 1]) if line <= len(lines) else None
        reason = allowed[2].strip() if allowed and allowed[1] == code and code not in rules.PRIVATE else ""
        flaws.add(Flaw(file, line, getattr(node, "col_offset", 0), code, message, reason))
    return sorted(flaws)


def lint_files(
    files: Sequence[Path], undeclared: Collection[str] = (), roles: Mapping[Path, rules.FileRole] = _NO_ROLES
) -> list[Flaw]:
    """Returns the flaws of all files of a package. ``roles``: of the files that do not handle events."""
    texts = {file: file.read_text(encoding="utf-8", errors="replace") for file in files}
    used = [_names_used_in(text) for text in texts.values()]
    decorators = frozenset(name for of_file, _ in used for name in of_file)
    kinds = frozenset(name for _, of_file in used for name in of_file)
    return [
        flaw
        for file, text in texts.items()
        for flaw in _lint_file(
            text, str(file), decorators, kinds, frozenset(undeclared), roles.get(file, rules.FileRole.OF_EVENTS)
        )
    ]


# The plugins of a package share most of its files.


@lru_cache(1_000)
def _names_used_in(text: str) -> tuple[frozenset[str], frozenset[str]]:
    """Returns the names that a file uses as decorators and as kinds."""
    with suppress(SyntaxError):  # reported when the file itself is linted
        origins = NameOrigins(ast.parse(text))
        return frozenset(origins.decorators), frozenset(origins.kinds)
    return frozenset(), frozenset()


@lru_cache(1_000)
def _lint_file(
    text: str,
    file: str,
    decorators: frozenset[str],
    kinds: frozenset[str],
    undeclared: frozenset[str],
    role: rules.FileRole,
) -> tuple[Flaw, ...]:
    return tuple(lint_text(text, file, decorators, kinds, undeclared, role))


class Flake8:
    """Provides the linter to flake8, which applies ``noqa`` (the harness ignores it)."""

    name = "learnrelay"
    version = __version__

    def __init__(self, tree: ast.Module, lines: Sequence[str], filename: str = "<text>") -> None:
        self.flaws = lint_tree(tree, [line.rstrip("\n") for line in lines], filename)

    def run(self) -> Iterator[tuple[int, int, str, type[Flake8]]]:
        """Yields line, column, text and type for flake8."""
        for flaw in self.flaws:
            if not flaw.allowed:
                yield flaw.line, flaw.column, f"{flaw.code} {flaw.message}", Flake8
