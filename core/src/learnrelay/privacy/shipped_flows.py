"""Reads and writes the flows that a distribution ships in ``data_flows.json.gz``, beside its ``contract.lock.json``.

A family's entry is believed where it was traced from the code and settings that are here: it names a digest of both,
and a seal of its contents. What is not believed is traced.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from ..assembly.assemble import Assembly
from ..assembly.core_plugins import IDENTITY_PROVIDERS
from ..config.models import Config
from .tracing import Form

Flows = dict[str, dict[str, Form]]
"""Source path → output path → form."""


class FlowName(NamedTuple):
    """Names the flows of a mapping; ``own``: with pseudonyms of one destination."""

    standard: str
    family: str
    own: bool
    event: str

    def __str__(self) -> str:
        """Shows ``STANDARD FAMILY shared EVENT``, or ``own`` in the place of ``shared``."""
        return f"{self.standard} {self.family} {'own' if self.own else 'shared'} {self.event}"


FILE = "data_flows.json.gz"
ROOMS_ABOVE = frozenset({
    "__main__", "cli", "comparison", "ingest", "replay", "celery", "relay", "delivery", "outbox", "taps",
})  # fmt: skip
"""Rooms of the core that nothing that traces may import: flows do not depend on them."""
_ROOT = "{root_url}"


@dataclass(frozen=True, slots=True)
class Frame:
    """Describes what flows depend on besides code and settings.

    addresses: whether the identity provider may know e-mail addresses. by_both: whether id and name of a user identify
    only together. titles: whether there are titles of courses.
    """

    addresses: bool = False
    by_both: bool = False
    titles: bool = False

    @classmethod
    def of(cls, config: Config) -> Frame:
        """Returns the frame of a configuration."""
        return cls(
            addresses=config.identity.name != "keyed",
            by_both=config.identity.name not in IDENTITY_PROVIDERS,
            titles=config.courses.name != "none",
        )

    def __str__(self) -> str:
        """Names the frame: ``keyed titles``."""
        identity = ("provider" if self.by_both else "addresses") if self.addresses else "keyed"
        return f"{identity} {'titles' if self.titles else 'none'}"


FRAMES = ((Frame(), False), (Frame(titles=True), False))
"""Frames that are shipped, and whether with pseudonyms of one destination; flows in others are traced."""


class ShippedFlows:
    """Finds the shipped flows of an assembly's mappings."""

    def __init__(self, assembly: Assembly, frame: Frame | None = None) -> None:
        """Reads nothing yet. ``frame``: by default that of the configuration."""
        self._assembly = assembly
        self._frame = frame or Frame.of(assembly.config)
        self._entries: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._files: dict[Path, dict[str, Any]] = {}
        self.is_believed = not assembly.registry.manager.hook.enrich_statement.get_hookimpls()

    def find(self, name: FlowName) -> Flows | None:
        """Returns the flows of a mapping; None where none are shipped that can be believed."""
        if not self.is_believed:
            return None
        standard, family, own, event = name
        entry = self._entries.get((standard, family))
        if entry is None:
            entry = self._entries[standard, family] = self._believed(standard, family)
        number = entry.get("of", {}).get(_key(self._frame, own, event))
        if number is None:
            return None
        root = self._assembly.config.root_url
        return {
            source: {output.replace(_ROOT, root): Form(form) for output, form in outputs.items()}
            for source, outputs in entry["flows"][number].items()
        }

    def _believed(self, standard: str, family: str) -> Mapping[str, Any]:
        try:
            path = folder_of(self._assembly, standard, family) / FILE
            if path not in self._files:
                self._files[path] = {}  # as long as it cannot be read
                self._files[path] = read_entries(path)
            entry = self._files[path][f"{standard} {family}"]
            digest = digest_of(self._assembly, standard, family, entry["files"])
            return entry if entry["seal"] == _seal(digest, entry) else {}
        except (OSError, EOFError, ValueError, LookupError, TypeError):  # none, or no such file
            return {}


def make_entry(
    assembly: Assembly, standard: str, family: str, files: Iterable[str], flows: Mapping[tuple[Frame, bool, str], Flows]
) -> dict[str, Any]:
    """Makes the entry of a family of its flows by frame, whether with pseudonyms of its own, and event.

    ``files``: those that its mappings and its source can reach by imports, from the folder that holds the package.
    """
    root = assembly.config.root_url
    tables: list[Any] = []
    numbers: dict[str, int] = {}
    for (frame, own, event), table in flows.items():
        made = {
            source: {output.replace(root, _ROOT): int(form) for output, form in outputs.items()}
            for source, outputs in table.items()
        }
        if made not in tables:
            tables.append(made)
        numbers[_key(frame, own, event)] = tables.index(made)
    entry: dict[str, Any] = {"files": sorted(files), "of": numbers, "flows": tables}
    return {**entry, "seal": _seal(digest_of(assembly, standard, family, entry["files"]), entry)}


def read_entries(path: Path) -> dict[str, Any]:
    """Reads the entries of a distribution by ``standard family``."""
    entries: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return entries


def write_entries(path: Path, entries: Mapping[str, Any]) -> None:
    """Writes entries beside those that are there; the same entries are the same bytes."""
    known = read_entries(path) if path.is_file() else {}
    text = json.dumps({**known, **entries}, sort_keys=True, separators=(",", ":"))
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))


def folder_of(assembly: Assembly, standard: str, family: str) -> Path:
    """Returns the folder of the package that has a family's mappings. Raises LookupError where that is not one."""
    modules = {made.function.__module__ for made in _mappings_of(assembly, standard, family)}
    folders = {path for name in modules for path in getattr(sys.modules[name.partition(".")[0]], "__path__", [""])}
    if len(folders) != 1 or "" in folders:
        raise LookupError(f"{family} is in no package of its own")
    return Path(folders.pop())


def digest_of(assembly: Assembly, standard: str, family: str, files: Iterable[str]) -> str:
    """Returns a digest of what a family's flows depend on: files, source, standard, the core, their settings."""
    folder = folder_of(assembly, standard, family)
    config = assembly.config
    made = assembly.standards[standard]
    digest = blake2b(digest_size=20)
    packages = [type(part).__module__.partition(".")[0] for part in (made, assembly.source)]
    parts = [_digest_of_package(name) for name in ("learnrelay", *packages) if name != folder.name]
    parts += [f"{name} {_digest_of_file(folder.parent / name)}" for name in sorted(files)]
    settings = (made.settings, config.settings.get(family), config.settings.get(assembly.source.name))
    parts += [type(assembly.source).__module__, repr(list(map(sorted_settings, settings)))]
    parts += sorted(f"{each.name} {sorted(each.events)}" for each in _mappings_of(assembly, standard, family))
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


def list_package_files(folder: Path) -> Iterator[Path]:
    """Yields the files of a package's folder that its code consists of."""
    for path in folder.rglob("*.py"):
        if folder.name != "learnrelay" or path.relative_to(folder).with_suffix("").parts[0] not in ROOMS_ABOVE:
            yield path


def sorted_settings(settings: Any) -> Any:
    """Returns settings whose text does not depend on their order; a secret shows where it comes from only."""
    if not isinstance(settings, Mapping):
        return settings
    return sorted((key, sorted_settings(value)) for key, value in settings.items())


def _mappings_of(assembly: Assembly, standard: str, family: str) -> list[Any]:
    return [made for (of, _), made in assembly.table.items() if (of, made.family) == (standard, family)]


def _key(frame: Frame, own: bool, event: str) -> str:
    return f"{frame} {'own' if own else 'shared'} {event}"


def _seal(digest: str, entry: Mapping[str, Any]) -> str:
    sealed = json.dumps([digest, entry["files"], entry["of"], entry["flows"]], sort_keys=True)
    return blake2b(sealed.encode(), digest_size=20).hexdigest()


@lru_cache
def _digest_of_package(name: str) -> str:
    digest = blake2b(digest_size=20)
    for folder in map(Path, sys.modules[name].__path__):
        for path in sorted(list_package_files(folder)):
            digest.update(f"{path.relative_to(folder).as_posix()} {_digest_of_file(path)}\n".encode())
    return digest.hexdigest()


@lru_cache
def _digest_of_file(path: Path) -> str:
    return blake2b(path.read_bytes(), digest_size=20).hexdigest()
