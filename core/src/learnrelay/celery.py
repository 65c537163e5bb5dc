"""Makes the Celery application of a worker.

``LEARNRELAY_CONFIG=relay.toml celery -A learnrelay.celery worker``
"""

from __future__ import annotations

import os
from pathlib import Path

from .assembly.assemble import assemble
from .delivery.celery_engine import configure_worker, make_app
from .errors import ConfigurationError, OutboxError, Problem
from .relay import Relay


def _open() -> Relay:
    """Opens the relay, or ends the process with the problems: celery would print a traceback first."""
    try:
        if not (path := os.environ.get("LEARNRELAY_CONFIG", "")):
            raise ConfigurationError([Problem("", "LEARNRELAY_CONFIG", "set it to the path of the configuration file")])
        assembly = assemble(Path(path))
        if (engine := assembly.config.delivery.engine) != "celery":
            reason = f'is "{engine}": a Celery worker needs engine = "celery"; or run learnrelay worker'
            raise ConfigurationError([Problem(path, "delivery.engine", reason)])
        return Relay(assembly)
    except (ConfigurationError, OutboxError) as error:
        raise SystemExit("\n".join(f"error: {line}" for line in str(error).splitlines())) from None


_relay = _open()
_assembly = _relay.assembly

app = make_app(_assembly.config.delivery)
configure_worker(
    app,
    _relay.outbox,
    _assembly.config.destinations,
    _assembly.make_sink,
    _relay.internal_queues,
    _assembly.config.metrics.listen,
    _assembly.config.telemetry,
)
