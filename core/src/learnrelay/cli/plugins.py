"""``learnrelay plugins``: what is installed, enabled and mapped."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from ..config.problems import read_toml
from ..errors import ConfigurationError, PluginError, Problem
from ..plugins.discovery import PluginInfo, State, installed, load, select
from ..plugins.registry import Registry, collect
from . import config_option, json_option
from .output import print_json, print_table


@click.command()
@config_option()
@click.option("--events", is_flag=True, help="Show each mapped event and what is said of it.")
@json_option
def command(config_path: str | None, events: bool, as_json: bool) -> None:
    """Show all installed plugins with their state and its reason.

    With --config (or LEARNRELAY_CONFIG) the states are those of that file; without it nothing is enabled, and
    --events shows the events of all that is installed. What is not enabled is not imported.
    """
    found = installed()
    if config_path is None:
        chosen = select(found, ["*"]) if events and found else []
    else:
        chosen = select(found, _enabled(Path(config_path)))
    registry, states = _load(chosen)
    if events:
        _print_events(registry, as_json)
    else:
        merged = {(info.kind, info.name, info.origin): info for info in [*found, *states]}
        _print_plugins(list(merged.values()), as_json)
    if any(info.state not in (State.ACTIVE, State.DISABLED) for info in states):
        sys.exit(1)


def _enabled(path: Path) -> tuple[str, ...]:
    enabled = read_toml(path).get("plugins", {})
    names = enabled.get("enabled") if isinstance(enabled, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigurationError([Problem(str(path), "plugins.enabled", "expected a list of texts")])
    return tuple(names)


def _load(chosen: list[PluginInfo]) -> tuple[Registry, list[PluginInfo]]:
    """Load what is enabled; a plugin that fails is shown as failed and stops nothing here."""
    loaded: list[tuple[PluginInfo, Any]] = []
    states: list[PluginInfo] = []
    for info in chosen:
        state = info
        if info.state is State.ACTIVE:
            try:
                plugin = load(info)
                collect([*loaded, (info, plugin)])
                loaded.append((info, plugin))
            except PluginError as error:
                state = replace(info, state=State.FAILED, reason=error.cause)
        states.append(state)
    return collect(loaded), states


def _print_plugins(infos: list[PluginInfo], as_json: bool) -> None:
    infos.sort(key=lambda info: (info.kind, info.name))
    if as_json:
        print_json([
            {
                "name": info.name, "kind": info.kind, "distribution": info.distribution, "version": info.version,
                "state": info.state.value, "reason": info.reason,
            }
            for info in infos
        ])  # fmt: skip
    elif not infos:
        click.echo("no plugin is installed; pip install the package of a standard, which brings its families")
    else:
        print_table(
            ["plugin", "kind", "distribution", "state", "reason"],
            ((info.name, _one(info.kind), info.origin, info.state.value, info.reason) for info in infos),
        )


def _one(kind: str) -> str:
    """A kind of plugins in the singular."""
    return f"{kind[:-3]}y" if kind.endswith("ies") else kind.removesuffix("s")


def _print_events(registry: Registry, as_json: bool) -> None:
    rows: list[dict[str, Any]] = [
        {
            "event": event,
            "standard": transformer.standard,
            "family": transformer.family,
            "says": {name: _in_words(value) for name, value in transformer.constants.items()},
            "about": transformer.about,
        }
        for transformer in registry.transformers
        for event in transformer.events
    ]
    rows.sort(key=lambda row: (str(row["event"]), str(row["standard"])))
    if as_json:
        print_json(rows)
    elif not rows:
        click.echo("no plugin maps an event; pip install the package of a standard, which brings its families")
    else:
        print_table(
            ["event", "standard", "family", "says"],
            (
                (
                    row["event"],
                    row["standard"],
                    row["family"],
                    ", ".join(f"{k}={v}" for k, v in row["says"].items()),
                )
                for row in rows
            ),
        )


def _in_words(constant: Any) -> Any:
    """A constant of a declaration as text; of several each."""
    if isinstance(constant, (list, tuple)) and type(constant) in (list, tuple):
        return " | ".join(str(one) for one in constant)
    return constant if isinstance(constant, (bool, int, float, str)) else str(constant)
