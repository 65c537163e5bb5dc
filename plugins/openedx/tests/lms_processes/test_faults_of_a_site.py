"""What a site has taken is at the consumer, once, whatever was killed meanwhile.

`python -m benchmarks.site_faults` does the same with 10,000 requests.
"""

from __future__ import annotations

import pytest

from .conftest import CampusSite
from .site_faults import SITES, FaultySite


@pytest.mark.slow
@pytest.mark.parametrize("site_class", SITES.values(), ids=SITES)
def test_nothing_is_lost_and_nothing_stored_twice(site_class: type[FaultySite], campus: CampusSite) -> None:
    site = site_class(campus)
    try:
        count = site.run(100, kills=2)
    finally:
        site.close()
    assert (count.lost, count.twice) == (0, 0), campus.logs()[-3000:]
    assert count.taken > count.requests / 4
    assert count.killed.pop("web workers", 0) > 0
    assert set(count.killed.values()) == {2}
