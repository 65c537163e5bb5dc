"""Implements ``learnrelay console``."""

from __future__ import annotations

import logging
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from learnrelay.outbox import Outbox
    from learnrelay.outbox.rates import RateMeter

EXAMPLE = """[console.tokens.ada]
token = "env:CONSOLE_TOKEN"
role = "act"

A token is a password: python -c "import secrets; print(secrets.token_urlsafe(32))"
"""

_SAMPLE_INTERVAL = 5.0
"""Seconds between two readings of the counters."""
_MOST_CONNECTIONS = 100
_STOP_TIMEOUT = 5


@click.command()
@click.option(
    "-c", "--config", "config_path", type=click.Path(dir_okay=False), envvar="LEARNRELAY_CONFIG", show_envvar=True,
    required=True, help="Configuration file (TOML).",
)  # fmt: skip
def console(config_path: str) -> None:
    """Show in a browser what is delivered, and retry, drop or resume there, until SIGTERM or Ctrl-C.

    Needs [console] in the configuration file, with a token for each person. It delivers nothing itself: a worker or the
    processes that emit do that.
    """
    import uvicorn

    from learnrelay.assembly.assemble import assemble
    from learnrelay.logs import EscapingFormatter
    from learnrelay.outbox import Outbox
    from learnrelay.outbox.rates import RateMeter

    from ..connections import BoundedProtocol
    from .console_server import ConsoleServer
    from .event_flows import EventFlows
    from .pages import ShownRelay

    assembly = assemble(Path(config_path))
    config = assembly.config.console
    if not config.tokens:
        raise click.UsageError(f"{config_path}: nobody may use the console, because it has no token:\n\n{EXAMPLE}")
    for handler in logging.getLogger().handlers:
        handler.setFormatter(EscapingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.getLogger("learnrelay.console").setLevel(logging.INFO)
    outbox, rates, stop = Outbox.look(assembly.config.delivery), RateMeter(), threading.Event()
    host, port = config.listen
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        outbox.close()
        raise click.UsageError(f"console.listen: cannot listen at {host}:{port}: {error.strerror}") from None
    sampler = threading.Thread(target=_sample, args=(outbox, rates, stop), name="learnrelay-rates", daemon=True)
    server = uvicorn.Server(
        uvicorn.Config(
            ConsoleServer(ShownRelay(assembly, outbox, rates, EventFlows(assembly)), config).application,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=_STOP_TIMEOUT,
        )
    )
    who = ", ".join(f"{name} ({token.role})" for name, token in config.tokens.items())
    address = config.address or f"http://{f'[{host}]' if ':' in host else host}:{port}"
    click.echo(f"console at {address} for {who}; stop with Ctrl-C", err=True)
    sampler.start()
    try:
        server.run([listener])
    finally:
        stop.set()
        sampler.join(_STOP_TIMEOUT)
        outbox.close()


def _sample(outbox: Outbox, rates: RateMeter, stop: threading.Event) -> None:
    """Reads the counters again and again, for the rates."""
    from learnrelay.errors import OutboxError

    while not stop.is_set():
        try:
            rates.add(time.monotonic(), outbox.count_delivered())
        except OutboxError as error:
            logging.getLogger("learnrelay.console").debug("rates: %s", error)  # the pages say so
        stop.wait(_SAMPLE_INTERVAL)
