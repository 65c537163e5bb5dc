"""Assembles what a command is given without an operator's file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ..assembly.assemble import Assembly, add_plugin_files, assemble_from
from ..plugins.discovery import PluginState


def assemble_without_config(raw: Mapping[str, Any], plugin_files: Sequence[str], title: str) -> Assembly:
    """Assembles sections that no operator wrote. Prints which families and standards are broken and left out.

    ``title``: stands for the file in messages.
    """
    assembly = assemble_from(add_plugin_files(raw, plugin_files), Path(title), is_written=False)
    for info in assembly.plugins:
        if info.state is PluginState.FAILED:
            click.echo(f"warning: {info.name} of {info.origin} is left out: {info.reason}", err=True)
    return assembly
