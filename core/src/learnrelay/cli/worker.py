"""``learnrelay worker``: deliver what waits in the outbox."""

from __future__ import annotations

import signal
import threading

import click

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
    with Relay.from_file(config_path) as relay:
        relay.start()
        click.echo(
            f"delivering to {', '.join(relay.assembly.config.destinations) or 'nobody'}; stop with Ctrl-C",
            err=True,
        )
        while not stop.wait(0.2):
            if until_empty and relay.engine.drained(timeout=0.0):
                break
