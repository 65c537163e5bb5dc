"""Has Python find the plugins of a project's folder, or of a running test, as if they were installed."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import invalidate_caches
from pathlib import Path
from typing import Any

from learnrelay.errors import LearnrelayError

_PLUGINS = re.compile(r"learnrelay\.\w+\.v\d+")
_VERSION = re.compile(r"""^__version__\s*(?::\s*\w+\s*)?=\s*["']([^"']+)["']""", re.MULTILINE)

EntryPoints = Mapping[str, Mapping[str, str]]
"""Group → name → ``module:attribute``."""


class ProjectError(LearnrelayError):
    """Reports that a folder is no project with plugins: the file, and what it lacks."""


@contextmanager
def found_in_folder(folder: Path) -> Iterator[list[str]]:
    """Has this process, and those that it starts, find the plugins of a project; yields their names.

    They come before a distribution of the same name that is installed. Raises ProjectError.
    """
    file = folder / "pyproject.toml"
    try:
        contents = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProjectError(f"{file}: cannot be read ({error.strerror}); expected the folder of a project") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectError(f"{file}: not valid TOML: {error}") from None
    project = contents.get("project", {})
    points: EntryPoints = project.get("entry-points", {})
    names = [name for group, of_group in points.items() if _PLUGINS.fullmatch(group) for name in of_group]
    if not names or "name" not in project:
        raise ProjectError(f"{file}: has no name and entry points of a group learnrelay.….v1 under [project]")
    roots = _source_roots(folder, contents)
    required = [*project.get("dependencies", ())]
    required += [name for extra in project.get("optional-dependencies", {}).values() for name in extra]
    version = project.get("version") or _dynamic_version(folder, contents, roots)
    with found_distribution(project["name"], version, points, required, roots):
        yield list(dict.fromkeys(names))


@contextmanager
def found_distribution(
    name: str,
    version: str,
    points: EntryPoints,
    required: Sequence[str] = (),
    roots: Sequence[Path] = (),
    for_children: bool = True,
) -> Iterator[None]:
    """Has this process find a distribution whose modules lie in these folders.

    ``for_children``: the processes that it starts too.
    """
    with tempfile.TemporaryDirectory(prefix="learnrelay-") as site:
        info = Path(site, f"{re.sub('[-_.]+', '_', name)}-{version}.dist-info")
        info.mkdir()
        head = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
        head += [f"Requires-Dist: {requirement}" for requirement in required]
        (info / "METADATA").write_text("\n".join(head) + "\n", encoding="utf-8")
        lines = [
            f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in of_group.items())
            for group, of_group in points.items()
        ]
        (info / "entry_points.txt").write_text("".join(lines), encoding="utf-8")
        before, paths = os.environ.get("PYTHONPATH"), [site, *map(str, roots)]
        sys.path[:0] = paths
        if for_children:
            os.environ["PYTHONPATH"] = os.pathsep.join([*paths, *([before] if before else [])])
        invalidate_caches()
        try:
            yield
        finally:
            for path in paths:
                sys.path.remove(path)
            if for_children:
                os.environ.pop("PYTHONPATH")
                os.environ.update({} if before is None else {"PYTHONPATH": before})


def _source_roots(folder: Path, contents: Mapping[str, Any]) -> list[Path]:
    """Returns the folders in which the project's packages lie."""
    wheel = contents.get("tool", {}).get("hatch", {}).get("build", {}).get("targets", {}).get("wheel", {})
    packages = [(folder / package).parent for package in wheel.get("packages", ())]
    usual = folder / "src" if (folder / "src").is_dir() else folder
    return list(dict.fromkeys(path.absolute() for path in packages or [usual]))


def _dynamic_version(folder: Path, contents: Mapping[str, Any], roots: Sequence[Path]) -> str:
    """Returns the version that a file of the project holds as ``__version__``; 0 without one."""
    declared = contents.get("tool", {}).get("hatch", {}).get("version", {}).get("path")
    files = [folder / declared] if declared else sorted(path for root in roots for path in root.glob("*/__init__.py"))
    for file in files:
        if file.is_file() and (match := _VERSION.search(file.read_text(encoding="utf-8"))):
            return match[1]
    return "0"
