"""Implements ``learnrelay migrate``, which brings the outbox to the version of this release."""

from __future__ import annotations

from pathlib import Path

import click

from ..assembly.assemble import assemble
from . import config_option


@click.command()
@config_option(required=True)
def command(config_path: str) -> None:
    """Create the tables of the outbox, or bring those of an older release to the version of this one.

    Workers and processes that emit do this when they start; commands that look at the outbox never do. An older release
    refuses a migrated outbox, so first end its processes. Make a backup before: there is no way back.
    """
    from ..outbox.database import Database
    from ..outbox.migrations import migrate, read_version

    delivery = assemble(Path(config_path)).config.delivery
    database = Database(delivery.database, lock_timeout=delivery.wait)
    try:
        database.create()
        before = read_version(database)
        after = migrate(database)
    finally:
        database.close()
    change = "nothing to do" if before == after else f"was {before or 'empty'}"
    click.echo(f"outbox {database.name}: version {after}, {change}")
