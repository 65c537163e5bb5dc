"""``learnrelay status``: what waits where, and since when."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ..assembly import assemble
from . import config_option, json_option
from .output import print_json, print_table


@click.command()
@config_option(required=True)
@json_option
def command(config_path: str, as_json: bool) -> None:
    """Show, for each destination, what waits and since when, what was delivered, and what was given up."""
    from ..delivery import Outbox

    config = assemble(Path(config_path)).config
    outbox = Outbox.open(config.delivery)
    try:
        told = outbox.status(tuple(config.destinations))
    finally:
        outbox.close()
    if as_json:
        print_json({name: asdict(one) for name, one in told.items()})
    else:
        rows = [
            [name, *("" if value is None else value for value in asdict(one).values())] for name, one in told.items()
        ]
        columns = [field.replace("_", " ") for one in list(told.values())[:1] for field in asdict(one)]
        print_table(["destination", *columns], rows)
