"""Shows what each distribution brings: its plugins, and what these contribute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..fields import declared_paths
from ..plugins.discovery import PluginInfo, PluginState, name_kind
from ..plugins.registry import STAGES, Registry, list_hooks
from .output import wrap_line


@dataclass(frozen=True, slots=True)
class PluginNode:
    """Holds a plugin, and a line for each thing that it contributes; none where it is not loaded."""

    info: PluginInfo
    contributions: tuple[str, ...]


def build_tree(infos: Iterable[PluginInfo], registry: Registry) -> dict[str, list[PluginNode]]:
    """Returns the plugins of each distribution or file, with what those in the registry contribute."""
    contributed: dict[tuple[str, str], list[str]] = {}
    for info, plugin in registry.plugins:
        contributed[info.kind, info.name] = [*_list_contributions(info, registry), *_list_stages(plugin)]
    tree: dict[str, list[PluginNode]] = {}
    for info in sorted(infos, key=lambda info: (info.origin, info.kind, info.name)):
        is_loaded = info.state is not PluginState.FAILED
        lines = contributed.get((info.kind, info.name), ()) if is_loaded else ()
        tree.setdefault(info.origin, []).append(PluginNode(info, tuple(lines)))
    return tree


def format_tree(tree: Mapping[str, Sequence[PluginNode]]) -> Iterator[str]:
    """Yields the lines of the tree, for a terminal."""
    for origin, nodes in tree.items():
        yield from wrap_line(origin)
        for node in nodes:
            info = node.info
            state = "" if info.state is PluginState.ACTIVE else f" ({info.state.value}: {info.reason})"
            yield from wrap_line(f"{name_kind(info.kind)} {info.name}{state}", "  ", "    ")
            for line in node.contributions:
                yield from wrap_line(line, "    ")


def _list_contributions(info: PluginInfo, registry: Registry) -> Iterator[str]:
    for word, named in (
        ("source", registry.sources), ("input", registry.inputs), ("standard", registry.standards),
        ("identity provider", registry.identity_providers), ("course provider", registry.course_providers),
        ("scope", registry.scopes), ("sink", registry.sinks), ("auth scheme", registry.auth_schemes),
    ):  # fmt: skip
        yield from (f"{word} {name}" for name, brought in named.items() if registry.contributors[id(brought)] == info)
    for transformer in registry.transformers:
        if registry.contributors[id(transformer)] == info:
            name = transformer.name.partition(":")[2]
            yield f"{name} maps {', '.join(transformer.events)}"


def _list_stages(plugin: Any) -> Iterator[str]:
    for hook in list_hooks(plugin):
        if hook in STAGES:
            reads = getattr(getattr(plugin, hook), "learnrelay_reads", None)
            paths = dict.fromkeys(path for _, path, _ in declared_paths(reads)) if reads is not None else ()
            yield f"{hook} reads {', '.join(paths)}" if paths else hook
