"""Implements ``learnrelay backup``, which copies an SQLite outbox while it is used."""

from __future__ import annotations

from pathlib import Path

import click

from ..assembly.assemble import assemble
from . import config_option


@click.command()
@config_option(required=True)
@click.argument("target", type=click.Path(path_type=Path))
def command(config_path: str, target: Path) -> None:
    """Copy the outbox to the new file TARGET, and the spool to TARGET.spool, while processes go on using them.

    The copy is consistent and whole; a copy made with cp lacks what is still in the file -wal. It holds what learners
    did: only its owner may read it. A server has tools of its own: use pg_dump, mariadb-dump or mysqldump, and copy the
    folder of the spool before.

    To restore, end all processes that use the outbox, put the copies in their places and delete the files -wal and -shm
    beside the outbox. What was delivered since the copy was made is then sent again, with the same ids.
    """
    from ..outbox import Outbox

    outbox = Outbox.look(assemble(Path(config_path)).config.delivery, oldest=1)  # before a migration, too
    try:
        if outbox.database.has_server:
            dialect = outbox.database.dialect
            raise click.UsageError(f"delivery.database is {dialect.label}: make the backup with {dialect.backup_tool}")
        spool = target.with_name(f"{target.name}.spool")
        for path in (target, spool):
            if path.exists():
                raise click.UsageError(f"{path}: exists already; a backup replaces nothing")
        # The spool first: what is taken in between the two copies is in both, and the outbox knows that it is.
        segments = outbox.spool.copy_to(spool)
        outbox.database.copy_to(target)
    finally:
        outbox.close()
    click.echo(f"{target}: {target.stat().st_size:,} bytes")
    if segments:
        click.echo(f"{spool}: {segments:,} file{'s' * (segments != 1)}")
