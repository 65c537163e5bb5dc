"""The Celery application of a machine that helps with replays.

``LEARNRELAY_CONFIG=relay.toml celery -A learnrelay.replay.celery_app worker``
"""

from __future__ import annotations

import os
from pathlib import Path

from ..assembly import assemble
from ..errors import ConfigurationError, LearnrelayError, Problem
from .fleet import fleet_app, serve

try:
    if not (_path := os.environ.get("LEARNRELAY_CONFIG", "")):
        raise ConfigurationError([Problem("", "LEARNRELAY_CONFIG", "set it to the path of the operator's file")])
    app = fleet_app(assemble(Path(_path)).config.delivery)
except LearnrelayError as error:  # celery would print a traceback first
    raise SystemExit("\n".join(f"error: {line}" for line in str(error).splitlines())) from None
serve(app, Path(_path))
