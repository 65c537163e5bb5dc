"""``learnrelay worker``: deliver what waits in the outbox."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from ..assembly import assemble
from . import config_option


@click.command()
@config_option(required=True)
@click.option("--until-empty", is_flag=True, help="Stop when nothing is due any more, instead of waiting for more.")
def command(config_path: str, until_empty: bool) -> None:
    """Deliver what waits in the outbox, with the embedded engine, until SIGTERM or Ctrl-C.

    On either signal what is under way is finished or handed back. Several workers may run at once.
    """
    from ..relay import Relay

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    assembly = assemble(Path(config_path))
    if assembly.config.delivery.engine == "celery":
        start = "celery -A learnrelay.delivery.celery_app worker"
        raise click.UsageError(f'delivery.engine is "celery": LEARNRELAY_CONFIG={config_path} {start}')
    with Relay(assembly) as relay:
        relay.start()
        click.echo(
            f"delivering to {', '.join(relay.assembly.config.destinations) or 'nobody'}; stop with Ctrl-C",
            err=True,
        )
        while not stop.wait(0.2):
            if until_empty and all(relay.outbox.queue(name).at_rest() for name in assembly.config.destinations):
                break
