"""Implements ``learnrelay serve``."""

from __future__ import annotations

import tomllib
from pathlib import Path

import click

EXAMPLE = """[inputs.web]
input = "http"

[inputs.web.tokens.lms]
token = "env:LMS_TOKEN"
"""


@click.command()
@click.option(
    "-c", "--config", "config_path", type=click.Path(dir_okay=False), envvar="LEARNRELAY_CONFIG", show_envvar=True,
    required=True, help="Configuration file (TOML).",
)  # fmt: skip
@click.pass_context
def serve(context: click.Context, config_path: str) -> None:
    """Take events by HTTP and deliver them, until SIGTERM or Ctrl-C.

    Runs the inputs "http" of the configuration file, as learnrelay worker does together with all other inputs:
    POST /events takes JSON lines, an array of objects, or what Vector and Fluent Bit post, packed with gzip or not. The
    answer is 202 when the events are stored, 400 with the numbers of those that cannot be read while the others are
    stored, 429 when it cannot store now. GET /healthz, /readyz and /metrics tell how the relay is.
    """
    try:
        tables = tomllib.loads(Path(config_path).read_text(encoding="utf-8-sig")).get("inputs", {})
    except (OSError, ValueError):
        tables = None  # the worker says what is wrong
    if tables is not None:
        names = [name for name, table in tables.items() if isinstance(table, dict) and table.get("input") == "http"]
        if not names:
            raise click.UsageError(f'{config_path} has no input "http":\n\n{EXAMPLE}')
    else:
        names = []
    group = context.parent.command if context.parent else None
    assert isinstance(group, click.Group)
    worker = group.get_command(context, "worker")
    assert worker is not None
    context.invoke(worker, config_path=config_path, until_empty=False, listen=None, names=tuple(names))
