"""The Celery application of a worker.

``LEARNRELAY_CONFIG=relay.toml celery -A learnrelay.delivery.celery_app worker``
"""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import ConfigurationError, Problem
from ..relay import Relay
from .celery_engine import make_app, serve

if not (_path := os.environ.get("LEARNRELAY_CONFIG", "")):
    raise ConfigurationError([Problem("", "LEARNRELAY_CONFIG", "set it to the path of the operator's file")])

_relay = Relay.from_file(Path(_path))
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
