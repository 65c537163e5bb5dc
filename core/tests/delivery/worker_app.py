"""A worker's application for tests: what ``learnrelay.celery`` is, with the plain standard."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # imported by the celery command, outside of pytest

from destinations import http_destination, http_sinks
from learnrelay.config.models import BatchLimits, Delivery
from learnrelay.config.secrets import Secret
from learnrelay.delivery import celery_engine
from learnrelay.outbox import Outbox

given = json.loads(os.environ["LEARNRELAY_TEST_WORKER"])
celery_engine.QUEUE = given["queue"]
celery_engine.SWEEP_INTERVAL = 1.0

delivery = Delivery(
    "celery",
    Secret(given["database"]),
    Secret(given["broker"]),
    wait=60,
    lease=2.0,
    spool=Path(given["spool"]),
)
app = celery_engine.make_app(delivery)
destinations = {
    name: http_destination(name, "plain", url, batch=BatchLimits(20, 0.3)) for name, url in given["urls"].items()
}
celery_engine.configure_worker(app, Outbox.open(delivery), destinations, http_sinks())
