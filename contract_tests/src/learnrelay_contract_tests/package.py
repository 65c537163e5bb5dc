"""Reads the distribution of a plugin: its files, its version, and what its author wrote in contract.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from learnrelay.plugins.discovery import installed
from learnrelay.plugins.registry import CONTRIBUTIONS, STAGES

from .lint.rules import FileRole
from .module_graph import ModuleGraph

LOCK = "contract.lock.json"
NOTES = "contract.toml"
"""Stands beside the package's ``__init__.py``: gaps with their reasons, configuration sections, known users."""

_PLUGINS = re.compile(r"learnrelay\.\w+\.v\d+")
_HANDLING_NO_EVENT = re.compile(r"learnrelay\.(sinks|resolvers|inputs)\.v\d+")
_OF_NO_EVENT = {"register_sinks", "register_identity_providers", "register_course_providers"}
_OTHER_HOOKS = re.compile(rf"\b({'|'.join({*STAGES, *CONTRIBUTIONS} - _OF_NO_EVENT)})\b")


@dataclass
class Package:
    """Describes where a plugin's source lies. ``roots``: directories or files that are the plugin's own code.

    ``intrusions``: messages about files or entry points that the contract forbids. ``plugins``: names of all plugins
    of the distribution. ``commands``: files of its own commands, and what they import if no plugin does.
    ``sink_files``: files that only sinks and providers of the distribution import. ``auth``: settings for its auth
    schemes. ``settings``: settings to test plugins with, besides their defaults, as nested tables like those of the
    operator's file. ``undeclared_plugins``: packages of other installed plugins on which it does not depend.
    """

    name: str
    version: str
    directory: Path | None
    roots: list[str]
    sources: list[Path]
    intrusions: list[str] = field(default_factory=list)
    gaps: dict[str, str] = field(default_factory=dict)
    sections: dict[str, Any] = field(default_factory=dict)
    auth: dict[str, Any] = field(default_factory=dict)
    users: list[list[Any]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    plugins: list[str] = field(default_factory=list)
    commands: set[Path] = field(default_factory=set)
    sink_files: set[Path] = field(default_factory=set)
    undeclared_plugins: set[str] = field(default_factory=set)

    @property
    def roles(self) -> dict[Path, FileRole]:
        """Returns what runs the code of files, where that is not events."""
        of_commands = dict.fromkeys(self.commands, FileRole.OF_A_COMMAND)
        return {**dict.fromkeys(self.sink_files, FileRole.OF_SINKS), **of_commands}

    @property
    def lock(self) -> Path | None:
        """Returns where the lock file stands or would stand; None without a directory."""
        return self.directory / LOCK if self.directory else None

    def read_notes(self, file: Path) -> None:
        """Reads ``contract.toml``, if there is one."""
        if not file.is_file():
            return
        contents = tomllib.loads(file.read_text(encoding="utf-8"))
        self.gaps = {str(key): str(reason) for key, reason in contents.get("gaps", {}).items()}
        self.sections = dict(contents.get("sections", {}))
        self.auth = dict(contents.get("auth", {}))
        self.users = list(contents.get("users", []))
        self.settings = dict(contents.get("settings", {}))

    def settings_of(self, plugin: str) -> list[dict[str, Any]]:
        """Lists the settings to test a plugin with: one table, or an array of them."""
        table: Any = self.settings
        for key in plugin.split("."):
            table = table.get(key, {}) if isinstance(table, dict) else {}
        return [settings for settings in (table if isinstance(table, list) else [table]) if settings]


def find_package(points: Sequence[EntryPoint]) -> Package:
    """Finds the package behind entry points of one distribution, without importing it."""
    dist = points[0].dist
    package = Package(dist.name if dist else "?", dist.version if dist else "0", None, [], [])
    tops = list(dict.fromkeys(point.module.partition(".")[0] for point in points))
    own = _top_level_modules(dist) if dist else []
    for top in dict.fromkeys([*tops, *own]):
        _add_module(package, top, main=top in tops)
    if dist is not None:
        package.intrusions += _find_intrusions(dist)
        _add_remaining_files(package, dist)
        groups = ((point.group, point.name) for point in dist.entry_points)
        package.plugins = [name for group, name in groups if _PLUGINS.fullmatch(group)]
        package.undeclared_plugins = _find_undeclared_plugins(dist)
        package.commands = _files_of(package, [p.module for p in dist.entry_points if p.group == "learnrelay.commands"])
        _find_roles(package, dist)
        inputs = _files_of(
            package, [point.module for point in dist.entry_points if point.group == "learnrelay.inputs.v1"]
        )
        of_host = _find_host_files(package, dist)
        package.sources = _without_folders(
            [file for file in package.sources if file not in of_host],
            {file.parent for file in inputs if file.parent != package.directory},
        )
    if package.directory:
        package.read_notes(package.directory / NOTES)
    return package


def describe_file(path: Path, version: str, plugins: Sequence[str]) -> Package:
    """Describes a single-file plugin; ``contract.toml`` may lie beside it. It has no lock."""
    package = Package(path.name, version, None, [str(path)], [path], plugins=list(plugins))
    package.read_notes(path.with_name(NOTES))
    return package


def _find_undeclared_plugins(dist: Distribution) -> set[str]:
    """Finds the packages of other installed plugins on which a distribution does not depend, not even by an extra."""
    required = [re.match(r"[\w.-]+", requirement) for requirement in dist.requires or ()]
    declared = {_normalized(dist.name), *(_normalized(name[0]) for name in required if name)}
    return {
        info.entry_point.module.partition(".")[0]
        for info in installed()
        if info.entry_point is not None and _normalized(info.distribution) not in declared
    }


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _add_module(package: Package, top: str, main: bool) -> None:
    spec = PathFinder.find_spec(top)
    if spec is None:
        if main:
            package.intrusions.append(f"module {top} of an entry point is not installed")
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
                    package.intrusions.append(f"{file.name} is a source file in __pycache__: move it to the package")
                continue
            if file.suffix == ".py":
                package.sources.append(file)
            elif file.suffix in (".so", ".pyd", ".pyc", ".dll", ".dylib"):
                package.intrusions.append(f"{file.name} is binary code, which cannot be checked: ship the source only")
    elif spec.origin and spec.origin.endswith(".py"):
        package.roots.append(spec.origin)
        package.sources.append(Path(spec.origin))
        if main and package.directory is None and len(list(Path(spec.origin).parent.glob("*.dist-info"))) == 1:
            package.directory = Path(spec.origin).parent
    else:
        package.intrusions.append(f"module {top} has no source, so it cannot be checked: ship the source")


def _add_remaining_files(package: Package, dist: Distribution) -> None:
    """Adds source that the distribution installs elsewhere: it is its own code too."""
    for file in dist.files or ():
        path = Path(str(dist.locate_file(file)))
        if file.suffix == ".py" and "__pycache__" not in file.parts and path not in package.sources and path.is_file():
            package.sources.append(path)
            package.roots.append(str(path))


def _files_of(package: Package, modules: Sequence[str]) -> set[Path]:
    ends = [Path(*module.split(".")) for module in modules]
    forms = {form for end in ends for form in (end.with_suffix(".py"), end / "__init__.py") if len(end.parts) > 1}
    return {file for file in package.sources if any(file.parts[-len(form.parts) :] == form.parts for form in forms)}


def _without_folders(sources: Sequence[Path], folders: set[Path]) -> list[Path]:
    """Leaves out the folders of inputs: these handle no event. A folder that other files import stays."""
    kept = [file for file in sources if not any(folder in file.parents for folder in folders)]
    texts = list(map(_read, kept))
    used = {folder for folder in folders if any(re.search(rf"\b{re.escape(folder.name)}\b", text) for text in texts)}
    return kept + [file for file in sources if any(folder in file.parents for folder in used)]


def _find_host_files(package: Package, dist: Distribution) -> set[Path]:
    """Finds the files of an app for the platform itself, which embeds a relay: no plugin of ours runs them.

    That are the folders of entry points for others than learnrelay, and what these import, but for what a plugin, or a
    file that names one of the hooks, imports too.
    """
    points = [point for point in dist.entry_points if not point.group.startswith("learnrelay.")]
    graph = _read_graph(package, dist)
    doors = {file.parent for point in points if (file := graph.file_of(point.module)) is not None}
    of_host = graph.reach(
        file for file in package.sources if any(door in file.parents for door in doors - {package.directory})
    )
    of_others = {graph.file_of(point.module) for point in dist.entry_points if point not in points}
    if None in of_others:  # it cannot be seen what it imports
        return set()
    of_others |= {file for file in package.sources if file not in graph or _OTHER_HOOKS.search(_read(file))}
    return of_host - graph.reach(file for file in of_others if file)


def _read_graph(package: Package, dist: Distribution) -> ModuleGraph:
    specs = [PathFinder.find_spec(top) for top in {point.module.partition(".")[0] for point in dist.entry_points}]
    folders = {Path(folder) for spec in specs if spec for folder in spec.submodule_search_locations or ()}
    return ModuleGraph(folders | {Path(root) for root in package.roots if root.endswith("/")})


def _find_roles(package: Package, dist: Distribution) -> None:
    """Finds the files that only sinks and providers import, and leaves out commands that what handles events imports.

    That are the other plugins, whatever names one of their hooks, and files outside of the packages' folders.
    """
    plugins = [point for point in dist.entry_points if _PLUGINS.fullmatch(point.group)]
    graph = _read_graph(package, dist)
    files = {graph.file_of(point.module) for point in plugins if not _HANDLING_NO_EVENT.fullmatch(point.group)}
    if None in files:  # it cannot be seen what it imports
        package.commands = set()
        return
    files |= {file for file in package.sources if file not in graph or _OTHER_HOOKS.search(_read(file))}
    of_events = graph.reach(file for file in files if file)
    asked = ("learnrelay.sinks.", "learnrelay.resolvers.")
    sinks = [graph.file_of(point.module) for point in plugins if point.group.startswith(asked)]
    package.sink_files = graph.reach(filter(None, sinks)) - of_events
    package.commands = (package.commands | (graph.reach(package.commands) - package.sink_files)) - of_events


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")


def _top_level_modules(dist: Distribution) -> list[str]:
    """Lists the top-level modules that a distribution installs; none for an editable one."""
    tops = []
    for file in dist.files or ():
        if len(file.parts) > 1 and file.name == "__init__.py" and len(file.parts) == 2:
            tops.append(file.parts[0])
        elif len(file.parts) == 1 and file.suffix == ".py":
            tops.append(file.stem)
    return [top for top in tops if top.isidentifier()]


OWN_DISTRIBUTIONS = ("learnrelay", "learnrelay-contract-tests")
RESERVED_PACKAGES = {"learnrelay", "learnrelay_contract_tests", "hypothesis", "pytest", "_pytest", "pluggy",
                     "stevedore", "orjson", "marshmallow", "click", "rich"}  # fmt: skip
"""Packages that the core and the harness depend on."""

GROUPS = ("learnrelay.", "console_scripts", "gui_scripts", "lms.djangoapp", "cms.djangoapp", "openedx.", "tutor.")
"""Beginnings of the groups of entry points that a plugin's distribution may have: its own and those of a platform."""

HARNESS_COMMANDS = ("contract-test", "lint")


def _find_intrusions(dist: Distribution) -> list[str]:
    """Lists how a distribution affects every Python process or the harness itself."""
    intrusions = []
    editable = '"editable": true' in (dist.read_text("direct_url.json") or "")
    if dist.name not in OWN_DISTRIBUTIONS:
        taken = {file.parts[0] for file in dist.files or () if len(file.parts) > 1} & RESERVED_PACKAGES
        intrusions += [f"it installs files into {top}, a package of another distribution" for top in sorted(taken)]
        intrusions += [
            f"it has an entry point of the group {group}, which other programs run, be it where plugins are judged"
            for group in sorted({point.group for point in dist.entry_points})
            if not group.startswith(GROUPS)
        ]
    for file in dist.files or ():
        if len(file.parts) != 1:
            continue
        if file.suffix == ".pth" and not editable:
            text = Path(str(dist.locate_file(file))).read_text(encoding="utf-8", errors="replace")
            if any(line.startswith(("import ", "import\t")) for line in text.splitlines()):
                intrusions.append(f"{file.name} runs code at the start of every Python process: remove it")
            elif text.strip():
                intrusions.append(f"{file.name} adds directories to sys.path of every Python process: remove it")
        if file.name in ("sitecustomize.py", "usercustomize.py"):
            intrusions.append(f"{file.name} runs at the start of every Python process: remove it")
    for point in dist.entry_points:
        if point.group == "learnrelay.commands" and point.name in HARNESS_COMMANDS:
            intrusions.append(
                f"entry point {point.name} of learnrelay.commands would replace the harness's own command"
            )
    return intrusions


def version_of(name: str) -> str:
    """Returns the version of an installed distribution, empty if it is not installed."""
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return ""
