"""The linter: what a plugin's source shows before any of it runs.

It reads the syntax tree only. A line ends with ``# learnrelay: allow LR110 because …`` where a code that is no
privacy matter is meant; the harness shows the reason. ``noqa`` has no effect here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from . import rules
from .names import Origins
from .visitor import Visitor


@dataclass(frozen=True, slots=True, order=True)
class Flaw:
    """A place in the source and what is wrong with it. ``allowed``: the written reason, where there is one."""

    file: str
    line: int
    column: int
    code: str
    message: str
    allowed: str = ""

    def __str__(self) -> str:
        """As compilers write it."""
        return f"{self.file}:{self.line}:{self.column + 1}: {self.code} {self.message}"


_ALLOW = re.compile(r"#\s*learnrelay:\s*allow\s+(LR\d+)\s+because\s+(.{10,})")


def lint_text(text: str, file: str = "<text>", decorators: Iterable[str] = (), kinds: Iterable[str] = ()) -> list[Flaw]:
    """Flaws of one file. ``decorators``, ``kinds``: names that other files of the package use as such."""
    try:
        tree = ast.parse(text, file)
    except SyntaxError as error:
        return [Flaw(file, error.lineno or 1, error.offset or 0, "LR103", f"cannot be read: {error.msg}")]
    return lint_tree(tree, text.splitlines(), file, decorators, kinds)


def lint_tree(
    tree: ast.Module, lines: Sequence[str], file: str, decorators: Iterable[str] = (), kinds: Iterable[str] = ()
) -> list[Flaw]:
    """Flaws of a parsed file."""
    origins = Origins(tree)
    visitor = Visitor(origins, origins.decorators.union(decorators), origins.kinds.union(kinds))
    visitor.visit(tree)
    found = set()
    for node, code, detail in visitor.found:
        line = getattr(node, "lineno", 1)
        message = f"{rules.CODES[code]}: {detail}"
        allowed = _ALLOW.search(lines[line - 1]) if line <= len(lines) else None
        reason = allowed[2].strip() if allowed and allowed[1] == code and code not in rules.PRIVATE else ""
        found.add(Flaw(file, line, getattr(node, "col_offset", 0), code, message, reason))
    return sorted(found)


def lint_files(files: Sequence[Path]) -> list[Flaw]:
    """Flaws of all files of a package."""
    texts = {file: file.read_text(encoding="utf-8", errors="replace") for file in files}
    decorators, kinds = set(), set()
    for text in texts.values():
        with suppress(SyntaxError):  # told when the file itself is read
            origins = Origins(ast.parse(text))
            decorators |= origins.decorators
            kinds |= origins.kinds
    return [flaw for file, text in texts.items() for flaw in lint_text(text, str(file), decorators, kinds)]


class Flake8:
    """The same for flake8 (which has its own way with ``noqa``; the harness ignores it)."""

    name = "learnrelay"
    version = __version__

    def __init__(self, tree: ast.Module, lines: Sequence[str], filename: str = "<text>") -> None:
        self.flaws = lint_tree(tree, [line.rstrip("\n") for line in lines], filename)

    def run(self) -> Iterator[tuple[int, int, str, type[Flake8]]]:
        """Line, column, text, for flake8."""
        for flaw in self.flaws:
            if not flaw.allowed:
                yield flaw.line, flaw.column, f"{flaw.code} {flaw.message}", Flake8
