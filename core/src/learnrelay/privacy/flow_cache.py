"""Keeps traced flows in a folder of the user: tracing takes long, and its result depends on code and settings alone.

A file of the folder is named by a digest of both, so nothing of other code is ever read. It holds paths and forms, and
no value. What cannot be read or written is derived again, silently: the map is the same with and without the folder.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from hashlib import blake2b
from importlib.metadata import distributions
from pathlib import Path
from uuid import uuid4

from ..assembly.assemble import Assembly
from ..private_files import create_private_folder, open_private
from .shipped_flows import FlowName, Flows, ShippedFlows, sorted_settings
from .tracing import Form

_MOST_FILES = 8  # each is of one state of code and settings, and has some hundred kilobytes


def find_folder() -> Path:
    """Returns the folder of the user's caches."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "learnrelay" / "flows"


class FlowCache:
    """Finds the flows that need no tracing: shipped with a package, or traced before with this code and settings."""

    def __init__(self, assembly: Assembly, folder: Path) -> None:
        """Reads nothing yet."""
        self._assembly = assembly
        self._folder = folder
        self._shipped = ShippedFlows(assembly)
        self._added: dict[str, Flows] = {}

    def find(self, name: FlowName) -> Flows | None:
        """Returns the flows of a mapping, or None where they are not known."""
        shipped = self._shipped.find(name)
        return self._kept.get(str(name)) if shipped is None else shipped

    def is_shipped(self, name: FlowName) -> bool:
        """Tells whether the flows of a mapping come with its package."""
        return self._shipped.find(name) is not None

    def disbelieve_shipped(self) -> None:
        """Finds no shipped flows any more."""
        self._shipped.is_believed = False

    def add(self, name: FlowName, flows: Flows) -> None:
        """Remembers the flows of a mapping."""
        self._added[str(name)] = flows

    @cached_property
    def _path(self) -> Path:
        return self._folder / f"{_digest(self._assembly)}.json"

    @cached_property
    def _kept(self) -> Mapping[str, Flows]:
        """What an earlier run has kept."""
        try:
            kept = json.loads(self._path.read_bytes())
            return {key: _read_flows(flows) for key, flows in kept.items()}
        except (OSError, ValueError, TypeError, AttributeError):  # none, or no such file
            return {}

    def save(self) -> None:
        """Writes what is new, and removes the files that were used least recently."""
        with suppress(OSError):
            if self._added:
                create_private_folder(self._folder)
                part = self._folder / f"{uuid4().hex}.part"
                with open_private(part) as file:
                    file.write(json.dumps({**self._kept, **self._added}, separators=(",", ":")).encode())
                part.replace(self._path)
            elif "_kept" in self.__dict__:
                self._path.touch()
            else:  # nothing was read, nothing is written
                return
            files = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
            for path in files[_MOST_FILES:]:
                path.unlink(missing_ok=True)


def _read_flows(kept: Mapping[str, Mapping[str, int]]) -> Flows:
    return {source: {output: Form(form) for output, form in outputs.items()} for source, outputs in kept.items()}


def _digest(assembly: Assembly) -> str:
    """Returns a digest of all that flows depend on: the code that is loaded, what else is installed, the settings."""
    digest = blake2b(digest_size=20)
    for part in _list_parts(assembly):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


def _list_parts(assembly: Assembly) -> Iterator[str]:
    yield sys.version
    yield from sorted(f"{each.name} {each.version}" for each in distributions())
    for path in sorted(_list_files(assembly)):
        yield f"{path} {blake2b(path.read_bytes()).hexdigest()}"
    config = assembly.config
    providers = config.identity.name, config.courses.name
    yield repr(
        (config.root_url, config.language, config.source, config.enabled, sorted_settings(config.sites), *providers)
    )
    yield repr(
        (sorted_settings(config.standards), sorted_settings(config.settings))
    )  # a secret shows where it comes from only
    yield repr(sorted((key, made.family, made.function.__qualname__) for key, made in assembly.table.items()))


def _list_files(assembly: Assembly) -> set[Path]:
    """Lists the files of the packages that flows come from, and whatever else is loaded that no version names."""
    hooks = assembly.registry.manager.hook.enrich_statement.get_hookimpls()
    names = {
        "learnrelay",
        type(assembly.source).__module__,
        *(type(standard).__module__ for standard in assembly.standards.values()),
        *(transformer.function.__module__ for transformer in assembly.table.values()),
        *(hook.function.__module__ for hook in hooks),
    }
    files: set[Path] = set()
    for name in {name.partition(".")[0] for name in names}:
        for folder in getattr(sys.modules.get(name), "__path__", ()):
            files |= {path for path in Path(folder).rglob("*") if path.suffix != ".pyc" and path.is_file()}
    versioned = sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")
    for module in [*sys.modules.values()]:
        path = getattr(module, "__file__", None)
        if path and not path.startswith(versioned) and Path(path).is_file():
            files.add(Path(path))
    return files
