"""Implements ``learnrelay plugins``, which lists installed plugins and mapped events."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from ..assembly.plugin_loading import SKIPPABLE, list_named_plugins
from ..assembly.plugin_settings import load_settings
from ..config.fields import BASE
from ..config.problems import read_toml
from ..errors import ConfigurationError, PluginError, Problem
from ..pipeline.constants import check_constants
from ..plugins.discovery import (
    PluginInfo,
    PluginState,
    idle_globs,
    installed,
    load,
    name_kind,
    optional_families,
    select,
    select_named,
    select_source,
    standard_of,
    unknown_groups,
)
from ..plugins.mapped_events import list_mapped_events
from ..plugins.registry import Registry, collect, collect_sound
from ..plugins.single_files import load_file
from . import config_option, json_option
from .output import describe_settings, print_json, print_line, print_table, print_wrapped, show_settings
from .plugin_tree import PluginNode, build_tree, format_tree


@click.command()
@config_option()
@click.option("--events", is_flag=True, help="List of the mapped events, instead of the plugins.")
@click.option("--tree", "as_tree", is_flag=True, help="Who brings what: distributions, plugins, contributions.")
@json_option
def command(config_path: str | None, events: bool, as_tree: bool, as_json: bool) -> None:
    """Show all installed plugins with their state and its reason.

    With --config (or LEARNRELAY_CONFIG) the states are those of that file; without it nothing is enabled, and --events
    shows the events of all installed families, --tree what all plugins bring. Other plugins that are not enabled are
    not imported.
    """
    if events and as_tree:
        raise click.UsageError("--events and --tree are two lists: give one of them")
    plugins = installed()
    sections = {} if config_path is None else read_toml(Path(config_path))
    if config_path is None:
        chosen = select(plugins, ["*", *optional_families(plugins)]) if (events or as_tree) and plugins else []
        if as_tree:  # the kinds that no glob enables, too
            of_chosen = {(info.kind, info.name) for info in chosen}
            chosen += select_named(plugins, {(info.kind, info.name) for info in plugins} - of_chosen)
    else:
        chosen = _chosen(plugins, sections, config_path)
    for reason in unknown_groups():
        click.echo(f"warning: {reason}", err=True)
    of_files, failed = _load_files(sections, Path(config_path or ""))
    chosen += [standard for info, _ in of_files for standard in standard_of(info, plugins) if standard not in chosen]
    loaded, states = _load(chosen, is_skipping=_value(sections, "plugins", "on_error") == "skip")
    loaded, states = loaded + of_files, states + [info for info, _ in of_files] + failed
    shown = states if config_path else [info for info in states if _is_faulty(info)]
    merged = list({(info.kind, info.name, info.origin): info for info in [*plugins, *shown]}.values())
    if events:
        _print_events(collect(loaded), as_json)
    elif as_tree:
        _print_tree(build_tree(merged, collect(loaded)), as_json)
    else:
        _print_plugins(merged, _settings(loaded, sections, config_path), as_json)
    faulty = [info for info in states if _is_faulty(info)]
    if config_path is None:  # nobody has asked for them
        for info in faulty:
            click.echo(f"warning: {info.name} of {info.origin} is left out: {info.reason}", err=True)
    elif faulty:
        sys.exit(1)


def _chosen(plugins: list[PluginInfo], sections: dict[str, Any], path: str) -> list[PluginInfo]:
    """Returns the installed plugins that a configuration enables. Prints a warning for each glob that enables none."""
    enabled = _value(sections, "plugins", "enabled")
    if enabled is None and _value(sections, "plugins", "files"):
        enabled = []
    if not isinstance(enabled, list) or not all(isinstance(name, str) for name in enabled):
        raise ConfigurationError([Problem(path, "plugins.enabled", "expected a list of texts")])
    source = None
    with suppress(ValueError):  # `learnrelay check` gives the reason
        source = select_source(plugins, _value(sections, "platform", "source"))
    for reason in idle_globs(plugins, enabled, source):
        click.echo(f"warning: {path}: plugins.enabled: {reason}", err=True)
    chosen = [*select(plugins, enabled, source), *([] if source is None else [source])]
    chosen += select_named(plugins, list_named_plugins(sections))
    return list({(info.kind, info.name): info for info in chosen}.values())


def _value(sections: dict[str, Any], section: str, key: str) -> Any:
    table = sections.get(section)
    return table.get(key) if isinstance(table, dict) else None


def _load(chosen: list[PluginInfo], is_skipping: bool = False) -> tuple[list[tuple[PluginInfo, Any]], list[PluginInfo]]:
    """Loads the enabled plugins. A plugin that fails gets the state failed, and stops nothing here.

    ``is_skipping``: a relay leaves out families and enrichers that fail.
    """
    loaded: list[tuple[PluginInfo, Any]] = []
    faults: dict[tuple[str, str], PluginError] = {}
    for info in chosen:
        if info.state is PluginState.ACTIVE:
            try:
                loaded.append((info, load(info)))
            except PluginError as error:
                faults[info.kind, info.name] = error
    registry, broken = collect_sound(loaded)
    faults |= {(info.kind, info.name): error for info, error in [*broken, *_find_wrong_constants(registry)]}
    states = []
    for info in chosen:
        if (fault := faults.get((info.kind, info.name))) is not None:
            word = "left out: " if is_skipping and info.kind in SKIPPABLE else ""
            info = replace(info, state=PluginState.FAILED, reason=f"{word}{fault.cause}")  # noqa: PLW2901
        states.append(info)
    return [(info, plugin) for info, plugin in loaded if (info.kind, info.name) not in faults], states


def _find_wrong_constants(registry: Registry) -> Iterator[tuple[PluginInfo, PluginError]]:
    """Yields the families with constants that their standard does not allow."""
    for transformer in registry.transformers:
        standard = registry.standards.get(transformer.standard)
        if standard is not None and standard.constants is not None:
            try:
                check_constants(transformer, standard.constants)
            except PluginError as error:
                yield registry.contributors[id(transformer)], error


def _load_files(sections: dict[str, Any], path: Path) -> tuple[list[tuple[PluginInfo, Any]], list[PluginInfo]]:
    """Loads the single-file plugins. Returns also those that failed."""
    files = _value(sections, "plugins", "files")
    loaded: list[tuple[PluginInfo, Any]] = []
    failed: list[PluginInfo] = []
    for name in files if isinstance(files, list) else ():
        file = path.absolute().parent / str(name)
        try:
            of_file = load_file(file)
            collect([*loaded, *of_file])
            loaded += of_file
        except PluginError as error:
            failed.append(PluginInfo(file.stem, "", file.name, "", PluginState.FAILED, error.cause, file=file))
    return loaded, failed


def _settings(
    loaded: list[tuple[PluginInfo, Any]], sections: dict[str, Any], path: str | None
) -> dict[str, Mapping[str, Any]]:
    """Returns the settings of the enabled plugins. Prints a warning for each that is not valid."""
    if path is None:
        return {}
    token = BASE.set(Path(path).absolute().parent)
    try:
        settings, _, problems = load_settings(loaded, sections, path)
    finally:
        BASE.reset(token)
    for problem in problems:
        click.echo(f"warning: {problem}", err=True)
    return settings


def _print_plugins(infos: list[PluginInfo], settings: dict[str, Mapping[str, Any]], as_json: bool) -> None:
    infos.sort(key=lambda info: (info.kind, info.name))
    if as_json:
        print_json([
            {
                "name": info.name, "kind": info.kind, "distribution": info.distribution, "version": info.version,
                "state": info.state.value, "reason": info.reason,
                **({"file": str(info.file)} if info.file else {}),
                **({"settings": show_settings(settings[info.name])} if _has_settings(info, settings) else {}),
            }
            for info in infos
        ])  # fmt: skip
    elif not infos:
        click.echo("no plugin is installed; pip install the package of your platform and of a standard")
    else:
        print_table(
            ["plugin", "kind", "distribution", "state", "reason"],
            ((info.name, name_kind(info.kind), info.origin, info.state.value, info.reason) for info in infos),
        )
        for info in infos:
            if _has_settings(info, settings):
                print_line(f"[{info.name}] {describe_settings(settings[info.name])}")


def _has_settings(info: PluginInfo, settings: dict[str, Mapping[str, Any]]) -> bool:
    return info.state is PluginState.ACTIVE and info.name in settings


def _is_faulty(info: PluginInfo) -> bool:
    return info.state not in (PluginState.ACTIVE, PluginState.DISABLED)


def _print_tree(tree: Mapping[str, Sequence[PluginNode]], as_json: bool) -> None:
    if not as_json:
        for line in format_tree(tree):
            click.echo(line)
        return
    print_json([
        {
            "distribution": nodes[0].info.distribution, "version": nodes[0].info.version,
            "plugins": [
                {
                    "name": node.info.name, "kind": node.info.kind, "state": node.info.state.value,
                    "reason": node.info.reason, "brings": list(node.contributions),
                }
                for node in nodes
            ],
        }
        for nodes in tree.values()
    ])  # fmt: skip


def _print_events(registry: Registry, as_json: bool) -> None:
    rows = list_mapped_events(registry)
    if as_json:
        print_json([asdict(row) for row in rows])
    elif not rows:
        click.echo("no plugin maps an event; pip install the package of your platform and of a standard")
    else:
        for event, mapped in groupby(rows, key=lambda row: row.event):
            print_line(event)
            for row in mapped:
                print_wrapped(f"{row.family}: {row.about}", "  ", "    ")
                for name, value in row.constants.items():
                    shown = str(value).lower() if isinstance(value, bool) else value
                    print_wrapped(f"{name}: {shown}", "      ", "    ")
