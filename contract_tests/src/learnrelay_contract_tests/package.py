"""The distribution that a plugin comes in: its files, its version, and what its author wrote for the harness."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

LOCK = "contract.lock.json"
NOTES = "contract.toml"
"""Beside the package's ``__init__.py``: gaps with their reasons, sections of the operator's file, known users."""


@dataclass
class Package:
    """Where a plugin's source lies. ``roots``: directories or files that are the plugin's own code.

    ``plugins``: names of all plugins that the distribution brings. ``commands``: files of its own commands.
    """

    name: str
    version: str
    directory: Path | None
    roots: list[str]
    sources: list[Path]
    strange: list[str] = field(default_factory=list)
    gaps: dict[str, str] = field(default_factory=dict)
    sections: dict[str, Any] = field(default_factory=dict)
    users: list[list[Any]] = field(default_factory=list)
    plugins: list[str] = field(default_factory=list)
    commands: set[Path] = field(default_factory=set)

    @property
    def lock(self) -> Path | None:
        """Where its lock file stands or would stand."""
        return self.directory / LOCK if self.directory else None


def find(points: Sequence[EntryPoint]) -> Package:
    """The package behind entry points of one distribution, without importing anything of it."""
    dist = points[0].dist
    package = Package(dist.name if dist else "?", dist.version if dist else "0", None, [], [])
    tops = list(dict.fromkeys(point.module.partition(".")[0] for point in points))
    own = _tops_of(dist) if dist else []
    for top in dict.fromkeys([*tops, *own]):
        _add(package, top, main=top in tops)
    if dist is not None:
        package.strange += _strange(dist)
        _add_the_rest(package, dist)
        groups = ((point.group, point.name) for point in dist.entry_points)
        package.plugins = [name for group, name in groups if re.fullmatch(r"learnrelay\.\w+\.v\d+", group)]
        package.commands = _files_of(package, [p.module for p in dist.entry_points if p.group == "learnrelay.commands"])
    notes = package.directory / NOTES if package.directory else None
    if notes is not None and notes.is_file():
        told = tomllib.loads(notes.read_text(encoding="utf-8"))
        package.gaps = {str(key): str(reason) for key, reason in told.get("gaps", {}).items()}
        package.sections = dict(told.get("sections", {}))
        package.users = list(told.get("users", []))
    return package


def _add(package: Package, top: str, main: bool) -> None:
    spec = PathFinder.find_spec(top)
    if spec is None:
        if main:
            package.strange.append(f"module {top} is not found")
        return
    if spec.submodule_search_locations:
        directory = Path(next(iter(spec.submodule_search_locations)))
        if main and package.directory is None:
            package.directory = directory
        package.roots.append(f"{directory}/")
        for file in sorted(directory.rglob("*")):
            if not file.is_file():
                continue
            if "__pycache__" in file.parts:
                if file.suffix == ".py":
                    package.strange.append(f"{file.name} is source that hides among compiled files")
                continue
            if file.suffix == ".py":
                package.sources.append(file)
            elif file.suffix in (".so", ".pyd", ".pyc", ".dll", ".dylib"):
                package.strange.append(f"{file.name} is code without source: nobody can say what it does")
    elif spec.origin and spec.origin.endswith(".py"):
        package.roots.append(spec.origin)
        package.sources.append(Path(spec.origin))
        if main and package.directory is None and len(list(Path(spec.origin).parent.glob("*.dist-info"))) == 1:
            package.directory = Path(spec.origin).parent
    else:
        package.strange.append(f"module {top} has no source: nobody can say what it does")


def _add_the_rest(package: Package, dist: Distribution) -> None:
    """Source that the distribution installs anywhere else is its own code too."""
    for file in dist.files or ():
        path = Path(str(dist.locate_file(file)))
        if file.suffix == ".py" and "__pycache__" not in file.parts and path not in package.sources and path.is_file():
            package.sources.append(path)
            package.roots.append(str(path))


def _files_of(package: Package, modules: Sequence[str]) -> set[Path]:
    ends = [Path(*module.split(".")) for module in modules]
    forms = {form for end in ends for form in (end.with_suffix(".py"), end / "__init__.py") if len(end.parts) > 1}
    return {file for file in package.sources if any(file.parts[-len(form.parts) :] == form.parts for form in forms)}


def _tops_of(dist: Distribution) -> list[str]:
    """Top-level modules that a distribution installs; nothing for an editable one."""
    tops = []
    for file in dist.files or ():
        if len(file.parts) > 1 and file.name == "__init__.py" and len(file.parts) == 2:
            tops.append(file.parts[0])
        elif len(file.parts) == 1 and file.suffix == ".py":
            tops.append(file.stem)
    return [top for top in tops if top.isidentifier()]


OURS = ("learnrelay", "learnrelay-contract-tests")
NOT_THEIRS = {"learnrelay", "learnrelay_contract_tests", "hypothesis", "pytest", "_pytest", "pluggy", "stevedore",
              "orjson", "marshmallow", "click", "rich"}  # fmt: skip
"""Packages that the core and the harness stand on."""

HARNESS_COMMANDS = ("contract-test", "lint")


def _strange(dist: Distribution) -> list[str]:
    """Ways in which a distribution reaches into every Python process, or into the harness itself."""
    found = []
    editable = '"editable": true' in (dist.read_text("direct_url.json") or "")
    if dist.name not in OURS:
        taken = {file.parts[0] for file in dist.files or () if len(file.parts) > 1} & NOT_THEIRS
        found += [f"it installs files into {top}, which belongs to somebody else" for top in sorted(taken)]
        if any(point.group == "pytest11" for point in dist.entry_points):
            found.append("an entry point of pytest11 runs in every test session")
    for file in dist.files or ():
        if len(file.parts) != 1:
            continue
        if file.suffix == ".pth" and not editable:
            text = Path(str(dist.locate_file(file))).read_text(encoding="utf-8", errors="replace")
            if any(line.startswith(("import ", "import\t")) for line in text.splitlines()):
                found.append(f"{file.name} runs code at the start of every Python process")
            elif text.strip():
                found.append(f"{file.name} adds directories to the path of every Python process")
        if file.name in ("sitecustomize.py", "usercustomize.py"):
            found.append(f"{file.name} runs at the start of every Python process")
    for point in dist.entry_points:
        if point.group == "learnrelay.commands" and point.name in HARNESS_COMMANDS:
            found.append(f"entry point {point.name} of learnrelay.commands would replace the harness's own command")
    return found


def version_of(name: str) -> str:
    """Version of an installed distribution, empty where there is none."""
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return ""
