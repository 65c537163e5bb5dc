"""What ``learnrelay status`` tells: across processes and restarts, and it adds up."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installation import Installation
from learnrelay.config.models import Batch
from learnrelay.delivery import Outbox, figures
from learnrelay.delivery.figures import LAST, LATENCY, MOST_REASONS, OTHER, REQUEST, Figures, Timings, upper_bound
from learnrelay.delivery.intake import Parcel
from learnrelay.secrets import Secret
from plain import event

from .conftest import Drain, TurnedClock
from .consumer import Consumer

OpenOutbox = Callable[..., Outbox]


# --- how long it took -------------------------------------------------------------------------------------


@given(st.lists(st.floats(0.0005, 4e6), min_size=1, max_size=300), st.sampled_from([0.5, 0.9, 0.99]))
def test_quantiles_are_at_most_nine_percent_off(seconds: list[float], part: float) -> None:
    timings = Timings()
    timings.add(LATENCY, *seconds)
    histogram = timings.measured[LATENCY]
    exact = sorted(seconds)[max(0, -int(-part * len(seconds) // 1) - 1)]
    found = histogram.quantile(part)
    assert found is not None
    assert found == 0.001 if exact <= 0.001 else abs(found / exact - 1) < 0.091
    assert abs(histogram.seconds - sum(seconds)) < 1e-6 * sum(seconds)
    *_, (bound, number) = histogram.by_doubling()
    assert (bound, number) == (float("inf"), len(seconds))
    for bound, number in histogram.by_doubling():
        assert number == sum(one <= bound for one in seconds)


def test_the_last_bucket_has_no_end() -> None:
    timings = Timings()
    timings.add(LATENCY, 1e9, -5.0)
    assert timings.measured[LATENCY].buckets == {LAST: 1, 0: 1}
    assert upper_bound(LAST - 1) > 40 * 86_400


def test_latency_is_from_the_action_to_the_answer_and_outlives_the_process(
    open_outbox: OpenOutbox, drain: Callable[..., Drain], clock: TurnedClock, consumer: Consumer
) -> None:
    from datetime import UTC, datetime

    outbox = open_outbox(clock)
    at = datetime.fromtimestamp(clock.now - 30.0, UTC)
    outbox.put([Parcel("plain", f"s{n}", "x", b'{"id":"s%d"}' % n, ("a",), event_time=at) for n in range(100)])
    outbox.put([Parcel("plain", "no-time", "x", b'{"id":"no-time"}', ("a",))])

    def take_ten_seconds(ids: list[str]) -> int | None:
        clock.now += 10.0
        return 503 if len(consumer.requests) == 1 else None

    consumer.behave = take_ten_seconds
    drain(outbox, batch=Batch(50, 0.0)).run()
    outbox.close()
    told = Figures.read(open_outbox(clock))  # another process
    assert told.timing("a", REQUEST)["count"] == len(consumer.requests)
    latency = told.timing("a", LATENCY)
    assert latency["count"] == 100
    assert 40 < float(latency["p50"] or 0) < 90 and 40 < float(latency["p99"] or 0) < 100


# --- what became of events --------------------------------------------------------------------------------


def test_reasons_are_bounded(open_outbox: OpenOutbox) -> None:
    from learnrelay.pipeline import Outcome, State

    outbox = open_outbox()
    recorder = figures.Recorder(outbox, ["plain"])
    for number in range(MOST_REASONS + 50):
        recorder.count([Outcome("plain", State.SKIPPED, "x", reason=f"skipped because of {number}")])
        if number == 60:
            recorder.flush()
    recorder.close()
    counts = Figures.read(outbox).outcomes
    reasons = [reason for _, outcome, reason in counts if outcome == "skipped"]
    assert len(reasons) == MOST_REASONS + 1
    assert counts["plain", "skipped", OTHER] == 50
    assert counts["", "read", ""] == MOST_REASONS + 50


def test_counts_wait_for_a_database_that_is_away(
    open_outbox: OpenOutbox, database_url: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from learnrelay.errors import OutboxError
    from learnrelay.pipeline import NOT_MAPPED, Outcome, State

    outbox = open_outbox()
    recorder = figures.Recorder(outbox, ["plain"])
    recorder.count([Outcome("", State.NOT_MAPPED, "x", reason=NOT_MAPPED)])
    with outbox.database.transaction() as transaction:
        transaction.change("ALTER TABLE learnrelay_outcome RENAME TO learnrelay_away")
    with pytest.raises(OutboxError):
        recorder.flush()
    with outbox.database.transaction() as transaction:
        transaction.change("ALTER TABLE learnrelay_away RENAME TO learnrelay_outcome")
    recorder.count_unreadable("blank line")
    recorder.close()
    assert Figures.read(outbox).outcomes == {
        ("", "read", ""): 2,
        ("", "unreadable", "blank line"): 1,
        ("plain", "not mapped", ""): 1,
    }


# --- the command ------------------------------------------------------------------------------------------

CONFIG = """
[platform]
root_url = "https://learn.example.org"
[plugins]
enabled = ["plain.*"]
[identity]
provider = "keyed"
secret = "env:SECRET"
[delivery]
database = "{database}"
[destinations.main]
standard = "plain"
url = "{url}"
scope = "all"
batch = {{ size = 10, interval = "10ms" }}
[destinations.partner]
standard = "plain"
url = "{url}"
scope = "all"
match = {{ "context.org_id" = ["Harbour"] }}
batch = {{ size = 10, interval = "10ms" }}
"""

EMIT = """
import sys
from learnrelay import Relay
with Relay.from_file(sys.argv[1]) as relay:
    for line in sys.stdin:
        relay.emit(line)
    relay.engine.drained(30)
"""


def test_status_adds_up_over_two_processes(
    plain_installation: Installation,
    consumer: Consumer,
    database_url: Secret,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(CONFIG.format(url=consumer.url, database=database_url.reveal()))
    monkeypatch.setenv("PYTHONPATH", str(plain_installation.site))
    monkeypatch.setenv("SECRET", "s" * 32)
    raws: list[Any] = []
    for number in range(20):
        raw = event(data={"video": f"v{number}", "secret": "hush"}, org_id="Harbour" if number < 5 else "Lagoon")
        raws.append({**raw, "timestamp": f"2026-03-02T09:00:{number:02}Z"})
    raws += [event(data={"secret": "hush"}), event(user_id=None), event("else"), event("else")]
    lines = [*map(json.dumps, raws), "no event", "{"]
    for part in (lines[:13], lines[13:]):
        subprocess.run([sys.executable, "-c", EMIT, config], input="\n".join(part), text=True, check=True, timeout=60)

    done = plain_installation.run("status", "--json", "--config", config)
    told = json.loads(done.stdout)
    assert set(told) == {"main", "partner"}
    main, partner = told["main"], told["partner"]
    assert (main["waiting"], main["delivered"], main["dead"], partner["delivered"]) == (0, 20, 0, 5)
    assert main["latency"]["count"] == 20 and main["latency"]["p50"] > 86_400
    assert main["request"]["count"] >= 4 and 0 < main["request"]["p99"] < 30
    events = main["events"]
    assert events == {
        "read": 26,
        "unreadable": {"no JSON object in the line": 1, "not valid JSON: unexpected end of data": 1},
        "transformed": 20,
        "statements": 20,
        "not_mapped": 2,
        "skipped": {"nobody is signed in": 1},
        "failed": {"data.video: required field is missing or empty": 1},
        "denied": {},
    }
    assert partner["events"]["denied"] == {"match: context.org_id has none of the wanted values": 15}
    assert "hush" not in done.stdout.decode()

    table = plain_installation.run("status", "--config", config).stdout.decode()
    assert "skipped: nobody is signed in" in table and "denied: match: context.org_id" in table
    assert "main" in table and "well" in table
