"""Implements ``learnrelay worker``, which delivers the statements in the outbox."""

from __future__ import annotations

import gc
import logging
import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from marshmallow import ValidationError

from ..assembly.assemble import assemble
from ..config.fields import Address, did_you_mean
from ..logs import EscapingFormatter
from . import config_option

if TYPE_CHECKING:
    from ..config.models import Config, InputConfig
    from ..relay import Relay


def _address(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, int] | None:
    try:
        return None if value is None else Address().deserialize(value)
    except ValidationError as error:
        raise click.BadParameter(str(error.messages[0])) from None


@click.command()
@config_option(required=True)
@click.option("--until-empty", is_flag=True, help="Stop when no delivery is due, instead of waiting for more.")
@click.option(
    "--metrics",
    "listen",
    metavar="HOST:PORT",
    callback=_address,
    help="Address for Prometheus metrics; by default that of [metrics] listen.",
)
@click.option(
    "--input",
    "names",
    multiple=True,
    metavar="NAME",
    help="Input of [inputs.NAME] to read; repeatable.  [default: all]",
)
def command(config_path: str, until_empty: bool, listen: tuple[str, int] | None, names: tuple[str, ...]) -> None:
    """Deliver the statements in the outbox, and read the inputs of [inputs], until SIGTERM or Ctrl-C.

    Also for processes that only store statements (delivery.engine "none"). With delivery.engine "celery" it reads the
    inputs, and Celery workers deliver.

    On either signal, what was read is stored, and deliveries under way are finished or released. Several workers may
    run at once: each input is read by one of them.
    """
    from ..delivery.alerts import AlertMonitor, run_maintenance
    from ..ingest.input_threads import InputThreads
    from ..relay import Relay

    for handler in logging.getLogger().handlers:
        handler.setFormatter(EscapingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    assembly = assemble(Path(config_path))
    inputs = _select_inputs(assembly.config, names)
    is_celery = assembly.config.delivery.engine == "celery"
    if is_celery and not inputs:
        start = "celery -A learnrelay.celery worker"
        raise click.UsageError(f'delivery.engine is "celery": LEARNRELAY_CONFIG={config_path} {start}')
    with Relay(assembly, engine="celery" if is_celery else "embedded") as relay, ExitStack() as stack:
        if (where := listen or assembly.config.metrics.listen) is not None:
            _expose(relay, where, stack)
        _export(relay, stack)
        relay.start()
        threads = InputThreads(relay, inputs, is_direct=not is_celery, until_end=until_empty)
        stack.callback(threads.stop)
        gc.freeze()  # the assembly stays: the garbage collector need not visit it
        threads.start()
        reading = f"reading {', '.join(config.name for config in inputs)}; " if inputs else ""
        click.echo(
            f"{reading}delivering to {', '.join(relay.assembly.config.destinations) or 'nobody'}; stop with Ctrl-C",
            err=True,
        )
        while not stop.wait(0.2):
            if until_empty and not threads.are_running and relay.outbox.is_idle(relay.queues):
                # the engine's own maintenance may come too late for it
                run_maintenance(relay.outbox, AlertMonitor(relay.outbox, relay.queues))
                break


def _select_inputs(config: Config, names: tuple[str, ...]) -> list[InputConfig]:
    """Returns the inputs with these names, or all. Raises UsageError."""
    for name in names:
        if name not in config.inputs:
            hint = did_you_mean(name, list(config.inputs)) or f"; there are: {', '.join(config.inputs) or 'none'}"
            raise click.BadParameter(f"{config.path} has no input {name}{hint}", param_hint="--input")
    return [config.inputs[name] for name in names or config.inputs]


def _export(relay: Relay, stack: ExitStack) -> None:
    """Sends metrics and spans to the collector of the file, if it names one; both end within the same seconds."""
    telemetry = relay.assembly.config.telemetry
    if telemetry.endpoint is None:
        return
    from ..delivery.telemetry import MetricExporter, SpanExporter, stop_all

    exporters: list[MetricExporter | SpanExporter] = [MetricExporter(relay.outbox, relay.queues, telemetry)]
    if telemetry.traces:
        exporters.append(SpanExporter(telemetry))
    stack.callback(stop_all, exporters)


def _expose(relay: Relay, listen: tuple[str, int], stack: ExitStack) -> None:
    try:
        from ..delivery.metrics import expose_metrics
    except ImportError:
        raise click.UsageError(
            'metrics need the library "prometheus_client": pip install "learnrelay[metrics]"'
        ) from None
    try:
        server, _ = expose_metrics(relay.outbox, relay.queues, listen)
    except OSError as error:
        raise click.UsageError(f"metrics: cannot listen at {listen[0]}:{listen[1]}: {error.strerror}") from None
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
