"""The Celery application of a worker.

``LEARNRELAY_CONFIG=relay.toml celery -A learnrelay.delivery.celery_app worker``
"""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import ConfigurationError, OutboxError, Problem
from ..relay import Relay
from .celery_engine import make_app, serve


def _open() -> Relay:
    """Ends the process with the problems in words: celery would print a traceback first."""
    try:
        if not (path := os.environ.get("LEARNRELAY_CONFIG", "")):
            raise ConfigurationError([Problem("", "LEARNRELAY_CONFIG", "set it to the path of the operator's file")])
        return Relay.from_file(Path(path))
    except (ConfigurationError, OutboxError) as error:
        raise SystemExit("\n".join(f"error: {line}" for line in str(error).splitlines())) from None


_relay = _open()
_assembly = _relay.assembly

app = make_app(_assembly.config.delivery)
serve(
    app,
    _relay.outbox,
    _assembly.config.destinations,
    _assembly.standards,
    _relay.others,
    _assembly.config.metrics.listen,
)
