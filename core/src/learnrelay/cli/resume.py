"""Implements ``learnrelay resume``, which ends the pause of a destination."""

from __future__ import annotations

from pathlib import Path

import click

from ..assembly.assemble import assemble
from ..config.fields import did_you_mean
from . import config_option
from .output import print_line


@click.command()
@config_option(required=True)
@click.argument("destination")
def command(config_path: str, destination: str) -> None:
    """Try a DESTINATION again now, instead of at the end of its pause.

    Use it when you have mended what was wrong. A destination that was failing is asked with one statement first. What
    failed alone is due at once too. A worker must be running; learnrelay status shows it.
    """
    from ..outbox import Outbox

    config = assemble(Path(config_path)).config
    outbox = Outbox.look(config.delivery)
    try:
        statuses = outbox.status(config.destinations)
        if destination not in statuses:
            raise click.UsageError(f"there is no destination {destination}{did_you_mean(destination, [*statuses])}")
        before, waits = outbox.queue(destination).resume()
    finally:
        outbox.close()
    state = f"is tried again now (it was paused: {before.reason})" if before.failures else "was not paused"
    print_line(f"{destination} {state}; {waits:,} statements that failed alone are due now")
