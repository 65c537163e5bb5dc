"""Implements ``learnrelay keys``, the reference of the operator's file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click

from ..assembly.file_reference import FileSection, list_sections, make_file_schema
from ..config.fields import did_you_mean
from ..config.keys import Key
from ..errors import PluginError
from ..plugins.discovery import PluginState, installed, load
from ..plugins.registry import Registry, collect_sound
from . import json_option
from .output import print_json, print_line, print_wrapped


@click.command()
@click.argument("path", required=False)
@click.option("--json-schema", "as_schema", is_flag=True, help="JSON Schema of the file (draft 7), for editors.")
@json_option
def command(path: str | None, as_schema: bool, as_json: bool) -> None:
    r"""Show what the operator's file may hold: each key with type, default, meaning and example.

    PATH is a section, a table or a key; without it all are shown. The keys of all installed plugins are among them,
    enabled or not.

    \b
    Examples:
      learnrelay keys delivery.wait
      learnrelay keys destinations.NAME
      learnrelay keys --json-schema > relay.schema.json

    An editor with the language server Taplo checks a file that begins with: #:schema ./relay.schema.json
    """
    registry = _load_installed()
    if as_schema:
        if path:
            raise click.UsageError("--json-schema is about the whole file; leave PATH out")
        print_json(make_file_schema(registry))
        return
    sections = list_sections(registry)
    chosen = [(section, keys) for section in sections if (keys := _select(section, path)) or path is None]
    if path and not chosen:
        paths = [key.path for section in sections for key in section.list_keys()]
        tables = {other[:place] for other in paths for place, mark in enumerate(other) if mark == "."}
        ends = sorted(other for other in {*paths, *tables} if other.endswith(f".{path}"))
        hint = f"; there is {' and '.join(ends)}" if ends else did_you_mean(path, [*paths, *tables])
        raise click.UsageError(f'there is no key "{path}"{hint}')
    if as_json:
        print_json([
            {"section": section.heading, "about": section.about, "keys": [asdict(key) for key in keys]}
            for section, keys in chosen
        ])  # fmt: skip
    else:
        _print(chosen)


def _load_installed() -> Registry:
    """Loads all installed plugins; warns of those that cannot be loaded, whose keys are missing."""
    loaded = []
    for info in installed():
        if info.state is not PluginState.DISABLED:  # broken, or without its standard
            continue
        try:
            loaded.append((info, load(info)))
        except PluginError as error:
            click.echo(f"warning: {error}", err=True)
    registry, faults = collect_sound(loaded)
    for _, fault in faults:
        click.echo(f"warning: {fault}", err=True)
    return registry


def _select(section: FileSection, path: str | None) -> list[Key]:
    """Returns the keys of a section that lie under a path; in it, any name stands for one in capitals."""
    keys = list(section.list_keys())
    if path is None:
        return keys
    wanted = path.removeprefix("[").removesuffix("]").split(".")
    return [key for key in keys if _lies_under(key.path.split("."), wanted)]


def _lies_under(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    return len(parts) >= len(wanted) and all(
        part == name or part.isupper() for part, name in zip(parts, wanted, strict=False)
    )


def _print(chosen: Sequence[tuple[FileSection, Sequence[Key]]]) -> None:
    for number, (section, keys) in enumerate(chosen):
        if number:
            print_line("")
        print_line(section.heading)
        print_wrapped(section.about)
        for key in keys:
            default = "required" if key.is_required else f"default: {key.default.replace('`', '')}"
            unit = f" ({key.unit})" if key.unit else ""
            print_line("")
            print_wrapped(f"{key.path}: {key.form}{unit}, {default}", "  ")
            if key.meaning:
                print_wrapped(key.meaning.replace("`", ""), "    ")
            if key.example:
                print_line(f"    {key.path.rpartition('.')[2]} = {key.example}")
