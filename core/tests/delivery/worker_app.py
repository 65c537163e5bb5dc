"""A worker's application for tests: what ``learnrelay.delivery.celery_app`` is, with the plain standard."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # imported by the celery command, outside of pytest

from delivery.consumer import PlainStandard
from learnrelay.config.models import Batch, Delivery, Destination
from learnrelay.delivery import Outbox, celery_engine
from learnrelay.secrets import Secret

given = json.loads(os.environ["LEARNRELAY_TEST_WORKER"])
celery_engine.QUEUE = given["queue"]
celery_engine.SWEEP = 1.0

delivery = Delivery("celery", Secret(given["database"]), Secret(given["broker"]), wait=60, lease=2.0)
app = celery_engine.make_app(delivery)
destinations = {
    name: Destination(name, "plain", url, "all", batch=Batch(20, 0.3)) for name, url in given["urls"].items()
}
celery_engine.serve(app, Outbox.open(delivery), destinations, {"plain": PlainStandard()})
