"""What a site has answered is at the consumer, once, whatever was killed meanwhile.

`python -m benchmarks.site_faults` does the same with 10,000 requests.
"""

from __future__ import annotations

import pytest

from delivery.consumer import Consumer
from services import mysql_database

from .conftest import CampusSite
from .site_faults import FaultySite


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_stored_twice(campus: CampusSite) -> None:
    consumer = Consumer()
    with mysql_database() as url:
        site = FaultySite(campus, url, consumer)
        try:
            count = site.run(100, kills=3)
        finally:
            site.close()
            consumer.stop()
    assert (count.lost, count.twice) == (0, 0), campus.logs()[-3000:]
    assert count.answered > count.requests / 2
    assert count.killed["connections"] == count.killed["workers of learnrelay"] == 3
    assert count.killed["web workers"] > 0
