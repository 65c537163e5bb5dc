"""Finds plugins through entry points, with a state and a reason for each, and loads them with stevedore.

stevedore's own entry-point cache forgets distributions and can miss a plugin installed moments ago, and an
AssertionError while a plugin imports would end the host: this module avoids both.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.metadata import EntryPoint, distribution, distributions
from pathlib import Path
from typing import Any, NamedTuple

from stevedore.exception import NoMatches
from stevedore.named import NamedExtensionManager

from ..config.fields import did_you_mean
from ..errors import PluginError
from ..hookspecs import CONTRACT, PLUGIN_COMMANDS

KINDS = ("sources", "inputs", "standards", "families", "filters", "enrichers", "routers", "resolvers", "sinks", "auth")
"""Kinds of plugins; the group of a kind is ``learnrelay.<kind>.v<contract>``."""

_ENABLED_BY = {
    "sources": "[platform] source enables it",
    "inputs": "input = … of [inputs.NAME] enables it",
    "sinks": "sink = … of a destination enables it",
    "auth": "auth = { scheme = … } of a destination enables it",
}
"""Kind of plugins that ``[plugins] enabled`` does not enable → what does."""

_PLACES = {
    "sources": "[platform] source",
    "inputs": "the inputs",
    "sinks": "the destinations",
    "auth": "the destinations",
}
"""Kind of plugins that ``[plugins] enabled`` does not enable → where an operator names them."""

_OPTIONAL_FAMILIES = "optional_families"
"""Kind in the group of families that are off by default: only their exact names enable them, no glob does."""

_OFF_BY_DEFAULT = "off by default: its exact name in [plugins] enabled enables it"

SOURCE_VARIABLE = "LEARNRELAY_SOURCE"
"""Environment variable with the source to take where several are installed and none is named."""

_PREFIX = "learnrelay."

_GROUP = re.compile(r"learnrelay\.(\w+)\.v(\d+)\Z")


class PluginState(Enum):
    """Tells whether a plugin is in use, and if not, why."""

    ACTIVE = "active"
    DISABLED = "disabled"
    MISSING = "missing"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    INCOMPATIBLE = "incompatible"
    CONFLICTING = "conflicting"


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """Describes a plugin: its kind, its distribution, its state and the reason for it.

    ``file``: the single file that it comes from, instead of an installed distribution; ``distribution`` is its name,
    ``version`` a digest of its content. ``optional``: whether a family is off by default.
    """

    name: str
    kind: str
    distribution: str
    version: str
    state: PluginState
    reason: str = ""
    entry_point: EntryPoint | None = None
    file: Path | None = None
    optional: bool = False

    @property
    def standard(self) -> str:
        """Returns the standard of a family: the part of its name before the dot."""
        return self.name.partition(".")[0]

    @property
    def origin(self) -> str:
        """Returns distribution or file, and version, for messages."""
        return f"{self.file or self.distribution} {self.version}".strip()


def installed() -> list[PluginInfo]:
    """Lists all installed plugins, none enabled; marks incompatible and conflicting ones. Imports nothing.

    Reads the files of the distributions, some hundred, again only where one of them has changed.
    """
    return list(_read_installed(tuple(_list_distribution_files())))


class _OwnedPoint(NamedTuple):
    """Holds an entry point with name and version of its distribution, whose metadata takes long to parse."""

    point: EntryPoint
    distribution: str
    version: str


@lru_cache(maxsize=1)
def _read_entry_points(_state: tuple[tuple[str, int], ...]) -> list[_OwnedPoint]:
    """Returns the entry points of our groups; those of other distributions are not parsed."""
    users = [user for user in distributions() if _PREFIX in (user.read_text("entry_points.txt") or "")]
    # of several with one name, the first of the path, as Python takes it; a broken uninstall leaves some without any
    named = [distribution(name) for name in sorted({user.name for user in users if user.name})]
    points: list[_OwnedPoint] = []
    for owner in [*named, *(user for user in users if not user.name)]:
        name, version = owner.name or "an unknown distribution", owner.version or ""
        owned = dict.fromkeys(point for point in owner.entry_points if point.group.startswith(_PREFIX))
        points += [_OwnedPoint(point, name, version) for point in owned]
    return points


@lru_cache(maxsize=1)
def _read_installed(state: tuple[tuple[str, int], ...]) -> list[PluginInfo]:
    distinct: dict[PluginInfo, None] = {}
    for point, distribution_name, version in _read_entry_points(state):
        match = _GROUP.match(point.group)
        if match is None or match[1] not in (*KINDS, _OPTIONAL_FAMILIES):
            continue
        optional = match[1] == _OPTIONAL_FAMILIES
        kind = "families" if optional else match[1]
        reason = _OFF_BY_DEFAULT if optional else _ENABLED_BY.get(kind, "not enabled")
        info = PluginInfo(
            point.name, kind, distribution_name, version, PluginState.DISABLED, reason, point, optional=optional
        )
        if int(match[2]) != CONTRACT:
            reason = f"made for contract v{match[2]}, this core has v{CONTRACT}"
            info = replace(info, state=PluginState.INCOMPATIBLE, reason=reason)
        distinct[info] = None
    by_name: dict[tuple[str, str], list[PluginInfo]] = {}
    for info in distinct:
        by_name.setdefault((info.kind, info.name), []).append(info)
    standards = {info.name for info in distinct if info.kind == "standards"}
    plugins = [_without_standard(_conflict(info, by_name[info.kind, info.name]), standards) for info in distinct]
    return sorted(plugins, key=lambda info: (KINDS.index(info.kind), info.name))


def _list_distribution_files() -> Iterator[tuple[str, int]]:
    """Yields the files that tell what is installed, with the time of their last change."""
    for directory in dict.fromkeys(sys.path):
        with suppress(OSError):  # no directory, such as an archive
            for entry in os.scandir(directory or "."):
                if entry.name.endswith((".dist-info", ".egg-info")):
                    for name in ("entry_points.txt", "METADATA"):
                        with suppress(OSError):
                            yield entry.path, os.stat(f"{entry.path}/{name}").st_mtime_ns  # noqa: PTH116  # a path takes twice as long
                    yield entry.path, 0


def name_kind(kind: str) -> str:
    """Returns a kind of plugins in the singular."""
    return f"{kind[:-3]}y" if kind.endswith("ies") else kind.removesuffix("s")


def unknown_groups(used_by: str | None = None) -> list[str]:
    """Describes the groups of entry points that look like ours and are not, with the nearest right one.

    ``used_by``: the distribution whose groups are meant; of all by default.
    """
    kinds = (*KINDS, _OPTIONAL_FAMILIES)
    known = [f"learnrelay.{kind}.v{CONTRACT}" for kind in kinds] + [PLUGIN_COMMANDS]
    reasons = []
    users: dict[str, set[str]] = {}
    for point, name, _ in _read_entry_points(tuple(_list_distribution_files())):
        users.setdefault(point.group, set()).add(name)
    for group, names in sorted(users.items()):
        match = _GROUP.match(group)
        if group in known or (match and match[1] in kinds) or (used_by is not None and used_by not in names):
            continue
        reasons.append(
            f'{" and ".join(sorted(names))}: no entry point of the group "{group}" is used'
            + (did_you_mean(group, known) or f"; the groups are {', '.join(known)}")
        )
    return reasons


def _conflict(info: PluginInfo, namesakes: Iterable[PluginInfo]) -> PluginInfo:
    rivals = sorted({
        other.origin for other in namesakes
        if other.entry_point != info.entry_point and PluginState.INCOMPATIBLE not in (other.state, info.state)
    })  # fmt: skip
    if not rivals:
        return info
    return replace(info, state=PluginState.CONFLICTING, reason=f"the same name comes from {' and '.join(rivals)} too")


def _without_standard(info: PluginInfo, standards: Collection[str]) -> PluginInfo:
    """Marks a family whose standard is not installed: to import it would fail."""
    if info.kind != "families" or info.standard in standards or info.state is not PluginState.DISABLED:
        return info
    cure = f"pip install '{info.distribution}[{info.standard}]'"
    return replace(info, state=PluginState.UNAVAILABLE, reason=f"the standard {info.standard} is not installed: {cure}")


def select(plugins: Sequence[PluginInfo], enabled: Sequence[str], source: PluginInfo | None = None) -> list[PluginInfo]:
    """Returns the plugins that the operator's names and globs enable (still to be loaded), in the operator's order.

    A standard is enabled with its first family. A name or glob without any match becomes a missing plugin. A glob skips
    families that are off by default, families whose standard is not installed, families of another platform than that
    of ``source``, and the kinds that other keys enable.
    """
    foreign = _of_other_platforms(plugins, source)
    chosen: dict[tuple[str, str], PluginInfo] = {}
    missing = []
    for pattern in enabled:
        matches = _matching(plugins, pattern)
        for info in _enabled_by(pattern, matches, foreign):
            for standard in standard_of(info, plugins):
                chosen.setdefault((standard.kind, standard.name), standard)
            chosen.setdefault((info.kind, info.name), info)
        if not matches:
            near = get_close_matches(pattern, [info.name for info in plugins], 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            missing.append(
                PluginInfo(pattern, "", "", "", PluginState.MISSING, f"no installed plugin has this name{hint}")
            )
    return [*map(_activated, chosen.values()), *missing]


def standard_of(info: PluginInfo, plugins: Sequence[PluginInfo]) -> list[PluginInfo]:
    """Returns the standard of a family, which is enabled with it; none for other plugins, and where it is missing."""
    standards = [other for other in plugins if (other.kind, other.name) == ("standards", info.standard)]
    return list(map(_activated, standards)) if info.kind == "families" else []


def _of_other_platforms(plugins: Sequence[PluginInfo], source: PluginInfo | None) -> dict[PluginInfo, str]:
    """Returns the families whose distribution brings a source, and not the chosen one, with that source's name."""
    if source is None:
        return {}
    brought: dict[str, list[str]] = {}
    for info in plugins:
        if info.kind == "sources":
            brought.setdefault(info.distribution, []).append(info.name)
    return {
        info: sources[0] for info in plugins
        if info.kind == "families" and (sources := brought.get(info.distribution)) and source.name not in sources
    }  # fmt: skip


def select_source(plugins: Sequence[PluginInfo], name: str | None) -> PluginInfo:
    """Returns the source with this name, or that of the environment, or the only one that is installed.

    Raises ValueError with the reason.
    """
    sources = [info for info in plugins if info.kind == "sources"]
    names = [info.name for info in sources]
    if name is None and len(sources) > 1:
        name = os.environ.get(SOURCE_VARIABLE) or None
    if name is not None and name not in names:
        hint = did_you_mean(name, names)
        raise ValueError(f'no source "{name}" is installed; installed: {", ".join(names) or "none"}{hint}')
    if not sources:
        raise ValueError("none is installed: install the package of your learning platform")
    if name is None and len(sources) > 1:
        raise ValueError(
            f'several are installed ({", ".join(names)}): name the one of your platform, source = "…" (without a file: '
            f"--source, or {SOURCE_VARIABLE})"
        )
    return _activated(next(info for info in sources if name in (None, info.name)))


def select_named(plugins: Sequence[PluginInfo], names: Collection[tuple[str, str]]) -> list[PluginInfo]:
    """Returns the plugins with these kinds and names (still to be loaded)."""
    return [_activated(info) for info in plugins if (info.kind, info.name) in names]


def idle_globs(plugins: Sequence[PluginInfo], enabled: Sequence[str], source: PluginInfo | None = None) -> list[str]:
    """Describes the globs that match installed plugins, but enable none of them."""
    foreign = _of_other_platforms(plugins, source)
    matched = {pattern: _matching(plugins, pattern) for pattern in enabled}
    return [
        f'"{pattern}" enables nothing: '
        + (f"for events of {foreign[matches[0]]}" if matches[0] in foreign else matches[0].reason)
        for pattern, matches in matched.items()
        if matches and not _enabled_by(pattern, matches, foreign)
    ]


def _matching(plugins: Sequence[PluginInfo], pattern: str) -> list[PluginInfo]:
    return [info for info in plugins if fnmatchcase(info.name, pattern)]


def _enabled_by(pattern: str, matches: Sequence[PluginInfo], foreign: Collection[PluginInfo]) -> Sequence[PluginInfo]:
    if pattern in [info.name for info in matches]:
        return matches
    return [
        info for info in matches
        if info.kind not in _ENABLED_BY and info.state is not PluginState.UNAVAILABLE
        and not info.optional and info not in foreign
    ]  # fmt: skip


def optional_families(plugins: Iterable[PluginInfo]) -> list[str]:
    """Returns the names of the families that are off by default and could be enabled."""
    return [info.name for info in plugins if info.optional and info.state is PluginState.DISABLED]


def _activated(info: PluginInfo) -> PluginInfo:
    return replace(info, state=PluginState.ACTIVE, reason="") if info.state is PluginState.DISABLED else info


class _SingleManager(NamedExtensionManager[Any]):
    """Manages exactly one given entry point with stevedore."""

    def __init__(self, point: EntryPoint) -> None:
        self._point = point
        super().__init__(point.group, [point.name], on_load_failure_callback=self._failed)

    def list_entry_points(self) -> list[EntryPoint]:
        return [self._point]

    @staticmethod
    def _failed(_manager: Any, _point: EntryPoint, error: BaseException) -> None:
        raise error


def load(info: PluginInfo) -> Any:
    """Imports a plugin. Raises PluginError naming distribution, entry point, cause and fix."""
    assert info.entry_point is not None
    try:
        return _SingleManager(info.entry_point)[info.name].plugin
    except (Exception, SystemExit, NoMatches) as error:
        # the text of an import error names modules and attributes; other texts are not shown
        detail = f": {error}" if isinstance(error, (ImportError, AttributeError)) else ""
        raise PluginError(
            f"{info.name} ({info.entry_point.value})",
            info.origin,
            f"cannot be imported: {type(error).__name__}{detail}",
            f"repair or upgrade {info.distribution}, or take {info.name} out of "
            + _PLACES.get(info.kind, "[plugins] enabled"),
        ) from error
