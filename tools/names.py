"""Checks names: `make lint` runs it. Prints each name that breaks a rule of CONTRIBUTING.md, and exits with 1.

- Names of values say what the value is: ``told``, ``said``, ``one`` and ``found`` do not.
- A class name stands once in a distribution, and no plugin of ours takes one of the core's; standards may each have
  what their specifications call so.
- A module name stands once in a distribution, save those of a family's folder and the commands of the command line.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
EMPTY_NAMES = {"told", "said", "one", "found"}
DISTRIBUTIONS = {path.parent.name: path for path in sorted([*ROOT.glob("*/src"), *ROOT.glob("plugins/*/src")])}
OF_A_FAMILY = {"__init__", "__main__", "fields", "xapi", "caliper"}
"""Modules that stand in many folders."""


def files() -> Iterator[Path]:
    """Yields all Python files of the repository."""
    for folder in ("core", "plugins", "contract_tests", "examples", "benchmarks", "docs", "tools"):
        yield from sorted((ROOT / folder).rglob("*.py"))


def empty_names(path: Path) -> Iterator[str]:
    """Yields places where a value gets a name that says nothing."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        for name in bound_names(node):
            if name.strip("_") in EMPTY_NAMES:
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {name} does not say what the value is"  # type: ignore[attr-defined]


def bound_names(node: ast.AST) -> Iterator[str]:
    """Yields the names that a node itself gives to values, in whatever form Python has for it."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
            yield name
        case (
            ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name))
            | ast.MatchMapping(rest=str(name)) | ast.alias(asname=str(name))
        ):  # fmt: skip
            yield name


def classes(source: Path) -> Iterator[tuple[str, Path]]:
    """Yields the classes of a distribution's modules, public and private."""
    for path in sorted(source.rglob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                yield node.name, path


def clashes() -> Iterator[str]:
    """Yields classes and modules that share a name."""
    core = dict(classes(DISTRIBUTIONS["core"]))
    for distribution, source in DISTRIBUTIONS.items():
        homes: dict[str, list[Path]] = defaultdict(list)
        for name, path in classes(source):
            homes[name].append(path)
        for name, paths in homes.items():
            if distribution != "core" and name in core:
                paths.append(core[name])
            if len(paths) > 1:
                places = " and ".join(str(path.relative_to(ROOT)) for path in paths)
                yield f"class {name} stands in {places}"
        modules: dict[str, list[Path]] = defaultdict(list)
        for path in sorted(source.rglob("*.py")):
            if path.stem not in OF_A_FAMILY and path.parent.name != "cli":
                modules[path.stem].append(path)
        for stem, paths in modules.items():
            if len(paths) > 1:
                places = " and ".join(str(path.relative_to(ROOT)) for path in paths)
                yield f"module {stem} stands in {places}"


def main() -> int:
    """Returns the exit code."""
    problems = [*clashes(), *(problem for path in files() for problem in empty_names(path))]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
