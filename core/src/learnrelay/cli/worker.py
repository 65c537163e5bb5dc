"""``learnrelay worker``: deliver what waits in the outbox."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from marshmallow import ValidationError

from ..assembly import assemble
from ..config.fields import Address
from . import config_option

if TYPE_CHECKING:
    from ..relay import Relay


def _address(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, int] | None:
    try:
        return None if value is None else Address().deserialize(value)
    except ValidationError as error:
        raise click.BadParameter(str(error.messages[0])) from None


@click.command()
@config_option(required=True)
@click.option("--until-empty", is_flag=True, help="Stop when nothing is due any more, instead of waiting for more.")
@click.option(
    "--metrics",
    "listen",
    metavar="HOST:PORT",
    callback=_address,
    help="Answer Prometheus there; otherwise where [metrics] listen says, if it does.",
)
def command(config_path: str, until_empty: bool, listen: tuple[str, int] | None) -> None:
    """Deliver what waits in the outbox, with the embedded engine, until SIGTERM or Ctrl-C.

    On either signal what is under way is finished or handed back. Several workers may run at once.
    """
    from ..delivery.alerts import Watch, keep_house
    from ..relay import Relay

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    assembly = assemble(Path(config_path))
    if assembly.config.delivery.engine == "celery":
        start = "celery -A learnrelay.delivery.celery_app worker"
        raise click.UsageError(f'delivery.engine is "celery": LEARNRELAY_CONFIG={config_path} {start}')
    with Relay(assembly) as relay, ExitStack() as stack:
        if (where := listen or assembly.config.metrics.listen) is not None:
            _expose(relay, where, stack)
        relay.start()
        click.echo(
            f"delivering to {', '.join(relay.assembly.config.destinations) or 'nobody'}; stop with Ctrl-C",
            err=True,
        )
        while not stop.wait(0.2):
            if until_empty and relay.outbox.at_rest(relay.queues):
                keep_house(relay.outbox, Watch(relay.outbox))  # the engine's own look may come too late for it
                break


def _expose(relay: Relay, listen: tuple[str, int], stack: ExitStack) -> None:
    try:
        from ..delivery.metrics import expose
    except ImportError:
        raise click.UsageError(
            'metrics need the library "prometheus_client": pip install "learnrelay[metrics]"'
        ) from None
    try:
        server, _ = expose(relay.outbox, relay.queues, listen)
    except OSError as error:
        raise click.UsageError(f"metrics: cannot listen at {listen[0]}:{listen[1]}: {error.strerror}") from None
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
