"""Finds which files of a package import which, without running them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

Name = tuple[str, ...]
"""A module's full name: ``("acme", "polls")``."""


class ModuleGraph:
    """Holds the modules of a package's folders, and what each of them imports of them, at import or later."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._files: dict[Name, Path] = {}
        for folder in folders:
            for file in folder.rglob("*.py"):
                name = file.relative_to(folder.parent).with_suffix("").parts
                self._files[name[:-1] if name[-1] == "__init__" else name] = file
        self._names = {file: name for name, file in self._files.items()}

    def file_of(self, module: str) -> Path | None:
        """Returns the file of a module; None if it is none of the package's."""
        return self._files.get(tuple(module.split(".")))

    def __contains__(self, file: Path) -> bool:
        """Tells whether a file is a module of the package's folders."""
        return file in self._names

    def reach(self, files: Iterable[Path]) -> set[Path]:
        """Returns the files and all that they import, directly or through others.

        A file that has a package as an object can reach every module of it, so all of them count.
        """
        reached: set[Path] = set()
        waiting = list(files)
        while waiting:
            file = waiting.pop()
            if file not in reached:
                reached.add(file)
                waiting += self._imports_of(file)
        return reached

    def packages_imported(self, files: Iterable[Path]) -> set[str]:
        """Returns the top-level packages that files import by their full names."""
        return {
            written.module[0]
            for file in files
            for written in _imports_in(file.read_text(encoding="utf-8"))
            if written.module and not written.level
        }

    def _imports_of(self, file: Path) -> Iterator[Path]:
        name = self._names.get(file)
        if name is None:
            return
        yield from self._with_parents(name)
        package = name if file.name == "__init__.py" else name[:-1]
        try:
            imports = _imports_in(file.read_text(encoding="utf-8", errors="replace"))
        except SyntaxError:  # the linter reports it
            return
        for written in imports:
            start = package[: len(package) - written.level + 1] if written.level else ()
            module = (*start, *written.module)
            yield from self._with_parents(module)
            for inner in written.names:
                yield from self._as_object((*start, *inner))

    def _with_parents(self, name: Name) -> Iterator[Path]:
        """Yields the files that run when a module is imported."""
        for length in range(1, len(name) + 1):
            if name[:length] in self._files:
                yield self._files[name[:length]]

    def _as_object(self, name: Name) -> Iterator[Path]:
        """Yields the files of a module that a file has as an object: of a package, all."""
        file = self._files.get(name)
        if file is not None and file.name != "__init__.py":
            yield file
            return
        for other, its_file in self._files.items():
            if other[: len(name)] == name:
                yield its_file


class _Import(NamedTuple):
    """Holds an import as it is written: the dots before it, the module, and what the file has as objects of it."""

    level: int
    module: Name
    names: tuple[Name, ...]


@lru_cache(1_000)
def _imports_in(text: str) -> tuple[_Import, ...]:
    """Lists the imports in a source. The plugins of a package share most of its files. Raises SyntaxError."""
    imports = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = tuple(alias.name.split("."))
                imports.append(_Import(0, parts, (parts if alias.asname else parts[:1],)))
        elif isinstance(node, ast.ImportFrom):
            module = tuple(node.module.split(".")) if node.module else ()
            imports.append(_Import(node.level, module, tuple((*module, alias.name) for alias in node.names)))
    return tuple(imports)
