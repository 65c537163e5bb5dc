"""Provides the Celery application of a worker that runs shards of replays.

``LEARNRELAY_CONFIG=relay.toml celery -A learnrelay.replay.celery_app worker``; ``LEARNRELAY_REPLAY_STATE`` names the
state folder where it is not the one beside the operator's file.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..assembly.assemble import assemble
from ..errors import ConfigurationError, LearnrelayError, Problem
from .celery_shards import make_shard_app, serve_shards
from .checkpoint import STATE_DIRECTORY

try:
    if not (_path := os.environ.get("LEARNRELAY_CONFIG", "")):
        raise ConfigurationError([Problem("", "LEARNRELAY_CONFIG", "set it to the path of the operator's file")])
    _config = Path(_path)
    app = make_shard_app(assemble(_config).config.delivery)
except LearnrelayError as error:  # celery would print a traceback first
    raise SystemExit("\n".join(f"error: {line}" for line in str(error).splitlines())) from None
serve_shards(app, _config, Path(os.environ.get("LEARNRELAY_REPLAY_STATE") or _config.parent / STATE_DIRECTORY))
