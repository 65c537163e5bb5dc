"""Finding plugins: entry points through stevedore, with a state and a reason for each, nothing imported needlessly.

stevedore's own entry-point cache forgets distributions and can miss a plugin installed moments ago, and an
AssertionError while a plugin imports would end the host; both are cured here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from fnmatch import fnmatchcase
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from stevedore.exception import NoMatches
from stevedore.named import NamedExtensionManager

from ..errors import PluginError
from ..hookspecs import CONTRACT

KINDS = ("standards", "families", "filters", "enrichers", "routers", "resolvers")
"""Kinds of plugins; the group of a kind is ``learnrelay.<kind>.v<contract>``."""

_GROUP = re.compile(r"learnrelay\.(\w+)\.v(\d+)\Z")


class State(Enum):
    """What became of a plugin."""

    ACTIVE = "active"
    DISABLED = "disabled"
    MISSING = "missing"
    FAILED = "failed"
    INCOMPATIBLE = "incompatible"
    CONFLICTING = "conflicting"


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One plugin as installed: what it is, where it comes from, its state and the reason for it."""

    name: str
    kind: str
    distribution: str
    version: str
    state: State
    reason: str = ""
    entry_point: EntryPoint | None = None

    @property
    def standard(self) -> str:
        """For a family the part of the name before the dot."""
        return self.name.partition(".")[0]

    @property
    def origin(self) -> str:
        """Distribution with version, for messages."""
        return f"{self.distribution} {self.version}".strip()


def installed() -> list[PluginInfo]:
    """All installed plugins, disabled for now; incompatible and conflicting ones are marked. Imports nothing."""
    found: list[PluginInfo] = []
    points = entry_points()
    groups = [known for group in points.groups if (known := _GROUP.match(group)) and known[1] in KINDS]
    for match, point in ((group, point) for group in groups for point in points.select(group=group[0])):
        distribution = point.dist.name if point.dist else "an unknown distribution"
        version = point.dist.version if point.dist else ""
        info = PluginInfo(point.name, match[1], distribution, version, State.DISABLED, "not enabled", point)
        if int(match[2]) != CONTRACT:
            reason = f"made for contract v{match[2]}, this core speaks v{CONTRACT}"
            info = replace(info, state=State.INCOMPATIBLE, reason=reason)
        if info not in found:
            found.append(info)
    return sorted((_conflict(info, found) for info in found), key=lambda info: (KINDS.index(info.kind), info.name))


def _conflict(info: PluginInfo, found: Iterable[PluginInfo]) -> PluginInfo:
    rivals = sorted({
        other.origin for other in found
        if (other.kind, other.name) == (info.kind, info.name) and other.entry_point != info.entry_point
        and State.INCOMPATIBLE not in (other.state, info.state)
    })  # fmt: skip
    if not rivals:
        return info
    return replace(info, state=State.CONFLICTING, reason=f"the same name comes from {' and '.join(rivals)} too")


def select(found: Sequence[PluginInfo], enabled: Sequence[str]) -> list[PluginInfo]:
    """Mark what the operator's names and globs enable (still to be loaded), in the operator's order.

    A standard is enabled with its first family. A name that nothing bears becomes a missing plugin; a glob that
    matches nothing as well.
    """
    chosen: dict[tuple[str, str], PluginInfo] = {}
    missing = []
    for pattern in enabled:
        matches = [info for info in found if fnmatchcase(info.name, pattern)]
        for info in matches:
            if info.kind == "families":
                for standard in found:
                    if standard.kind == "standards" and standard.name == info.standard:
                        chosen.setdefault((standard.kind, standard.name), standard)
            chosen.setdefault((info.kind, info.name), info)
        if not matches:
            near = get_close_matches(pattern, [info.name for info in found], 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            missing.append(PluginInfo(pattern, "", "", "", State.MISSING, f"no installed plugin has this name{hint}"))
    active = [
        replace(info, state=State.ACTIVE, reason="") if info.state is State.DISABLED else info
        for info in chosen.values()
    ]
    return [*active, *missing]


class _OneEntryPoint(NamedExtensionManager[Any]):
    """A stevedore manager of exactly the entry point it is given."""

    def __init__(self, point: EntryPoint) -> None:
        self._point = point
        super().__init__(point.group, [point.name], on_load_failure_callback=self._failed)

    def list_entry_points(self) -> list[EntryPoint]:
        return [self._point]

    @staticmethod
    def _failed(_manager: Any, _point: EntryPoint, error: BaseException) -> None:
        raise error


def load(info: PluginInfo) -> Any:
    """Import a plugin. Raises PluginError naming distribution, entry point, cause and fix."""
    assert info.entry_point is not None
    try:
        return _OneEntryPoint(info.entry_point)[info.name].plugin
    except (Exception, NoMatches) as error:
        # the text of an import error names modules and attributes; other texts are not shown
        told = f": {error}" if isinstance(error, (ImportError, AttributeError)) else ""
        raise PluginError(
            f"{info.name} ({info.entry_point.value})",
            info.origin,
            f"cannot be imported: {type(error).__name__}{told}",
            f"mend or upgrade {info.distribution}, or take {info.name} out of [plugins] enabled",
        ) from error
