"""What ``learnrelay status`` shows: across processes and restarts, and it adds up."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installation import Installation
from learnrelay.config.models import BatchLimits, Delivery
from learnrelay.config.secrets import Secret
from learnrelay.outbox import Outbox
from learnrelay.outbox.intake import OutgoingStatement
from learnrelay.outbox.looks import QueueLooks
from learnrelay.outbox.statistics import (
    LAST_BUCKET,
    LATENCY,
    MAX_REASONS,
    OTHER_REASONS,
    REQUEST,
    Recorder,
    Statistics,
    Timings,
    upper_bound,
)
from plain import event
from relay_files import relay_toml

from .conftest import Drain, TurnedClock, statements
from .consumer import Consumer

OpenOutbox = Callable[..., Outbox]


# --- how long it took -------------------------------------------------------------------------------------


@given(st.lists(st.floats(0.0005, 4e6), min_size=1, max_size=300), st.sampled_from([0.5, 0.9, 0.99]))
def test_quantiles_are_at_most_nine_percent_off(seconds: list[float], part: float) -> None:
    timings = Timings()
    timings.add(LATENCY, *seconds)
    histogram = timings.measured[LATENCY]
    exact = sorted(seconds)[max(0, -int(-part * len(seconds) // 1) - 1)]
    quantile = histogram.quantile(part)
    assert quantile is not None
    assert quantile == 0.001 if exact <= 0.001 else abs(quantile / exact - 1) < 0.091
    assert abs(histogram.seconds - sum(seconds)) < 1e-6 * sum(seconds)
    *_, (bound, number) = histogram.by_doubling()
    assert (bound, number) == (float("inf"), len(seconds))
    for bound, number in histogram.by_doubling():
        assert number == sum(duration <= bound for duration in seconds)


def test_the_last_bucket_has_no_end() -> None:
    timings = Timings()
    timings.add(LATENCY, 1e9, -5.0)
    assert timings.measured[LATENCY].buckets == {LAST_BUCKET: 1, 0: 1}
    assert upper_bound(LAST_BUCKET - 1) > 40 * 86_400


def test_latency_is_from_the_action_to_the_answer_and_outlives_the_process(
    open_outbox: OpenOutbox, make_drain: Callable[..., Drain], clock: TurnedClock, consumer: Consumer
) -> None:
    from datetime import UTC, datetime

    outbox = open_outbox(clock)
    at = datetime.fromtimestamp(clock.now - 30.0, UTC)
    outbox.put(
        [OutgoingStatement("plain", f"s{n}", "x", b'{"id":"s%d"}' % n, ("a",), event_time=at) for n in range(100)]
    )
    outbox.put([OutgoingStatement("plain", "no-time", "x", b'{"id":"no-time"}', ("a",))])

    def take_ten_seconds(ids: list[str]) -> int | None:
        clock.now += 10.0
        return 503 if len(consumer.requests) == 1 else None

    consumer.behave = take_ten_seconds
    make_drain(outbox, batch=BatchLimits(50, 0.0)).run()
    outbox.close()
    recorded = Statistics.read(open_outbox(clock))  # another process
    assert recorded.timing("a", REQUEST)["count"] == len(consumer.requests)
    latency = recorded.timing("a", LATENCY)
    assert latency["count"] == 100
    assert 40 < float(latency["p50"] or 0) < 90 and 40 < float(latency["p99"] or 0) < 100


# --- what became of events --------------------------------------------------------------------------------


def test_reasons_are_bounded(open_outbox: OpenOutbox) -> None:
    from learnrelay.pipeline.run import Outcome, OutcomeState

    outbox = open_outbox()
    recorder = Recorder(outbox, ["plain"])
    for number in range(MAX_REASONS + 50):
        recorder.count([[Outcome("plain", OutcomeState.SKIPPED, "x", reason=f"skipped because of {number}")]])
        if number == 60:
            recorder.flush()
    recorder.close()
    counts = Statistics.read(outbox).outcomes
    reasons = [reason for _, outcome, reason in counts if outcome == "skipped"]
    assert len(reasons) == MAX_REASONS + 1
    assert counts["plain", "skipped", OTHER_REASONS] == 50
    assert counts["", "read", ""] == MAX_REASONS + 50


def test_counts_wait_for_a_database_that_is_away(
    open_outbox: OpenOutbox, database_url: Secret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from learnrelay.errors import OutboxError, UnreadableEventError
    from learnrelay.pipeline.run import NOT_MAPPED, Outcome, OutcomeState

    outbox = open_outbox()
    recorder = Recorder(outbox, ["plain"])
    recorder.count([[Outcome("", OutcomeState.NOT_MAPPED, "x", reason=NOT_MAPPED)]])
    with outbox.database.transaction() as transaction:
        transaction.change("ALTER TABLE learnrelay_outcome RENAME TO learnrelay_away")
    with pytest.raises(OutboxError):
        recorder.flush()
    with outbox.database.transaction() as transaction:
        transaction.change("ALTER TABLE learnrelay_away RENAME TO learnrelay_outcome")
    blank = UnreadableEventError("blank line")
    recorder.count([[Outcome("", OutcomeState.FAILED, reason=blank.reason, error=blank)]])
    recorder.close()
    assert Statistics.read(outbox).outcomes == {
        ("", "read", ""): 2,
        ("", "unreadable", "blank line"): 1,
        ("plain", "not mapped", ""): 1,
    }


# --- the command ------------------------------------------------------------------------------------------


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
    usual = {"url": consumer.url, "batch": {"size": 10, "interval": "10ms"}}
    destinations = {"main": usual, "partner": {**usual, "match": {"context.org_id": ["Harbour"]}}}
    config.write_text(relay_toml(destinations=destinations, delivery={"database": database_url.reveal()}))
    monkeypatch.setenv("PYTHONPATH", str(plain_installation.site))
    monkeypatch.setenv("SECRET", "Kd7wq2Lmz9Xv4bTn")
    raws: list[Any] = []
    for number in range(20):
        raw = event(data={"video": f"v{number}", "secret": "hush"}, org_id="Harbour" if number < 5 else "Lagoon")
        raws.append({**raw, "timestamp": f"2026-03-02T09:00:{number:02}Z"})
    raws += [event(data={"secret": "hush"}), event(user_id=None), event("else"), event("else")]
    lines = [*map(json.dumps, raws), "no event", "{"]
    for part in (lines[:13], lines[13:]):
        subprocess.run([sys.executable, "-c", EMIT, config], input="\n".join(part), text=True, check=True, timeout=60)

    done = plain_installation.run("status", "--json", "--config", config)
    statuses = json.loads(done.stdout)
    assert set(statuses) == {"main", "partner"}
    main, partner = statuses["main"], statuses["partner"]
    assert (main["waiting"], main["delivered"], main["dead"], partner["delivered"]) == (0, 20, 0, 5)
    assert main["latency"] == {"count": 0, "p50": None, "p99": None}, "months old: that is no latency of ours"
    assert time.time() - main["looked_at"] < 600 and main["unattended"] is None
    assert main["request"]["count"] >= 4 and 0 < main["request"]["p99"] < 30
    events = main["events"]
    assert events == {
        "read": 26,
        "unreadable": {"no JSON object in the line": 1, "cut off: the line ends within its event": 1},
        "transformed": 20,
        "statements": 20,
        "not_mapped": 2,
        "skipped": {"nobody is signed in": 1},
        "failed": {"data.video: required field is missing or empty": 1},
        "denied": {},
        "not_added": {},
    }
    assert partner["events"]["denied"] == {"match: context.org_id has none of the wanted values": 15}
    assert "hush" not in done.stdout.decode()

    table = plain_installation.run("status", "--config", config).stdout.decode()
    assert "skipped: nobody is signed in" in table and "denied: match: context.org_id" in table
    assert re.search(r"^main .*\bok +http\S+ *$", table, flags=re.MULTILINE)
    assert table.count("unreadable: no JSON object") == 1
    assert "conflicts" not in table and "next try" not in table, "columns without a value are left out"


@pytest.fixture
def status_of(
    plain_installation: Installation, consumer: Consumer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Outbox, Callable[..., Any]]:
    """An outbox whose time the test turns, and the command as an operator runs it (with the real time)."""
    config = tmp_path / "relay.toml"
    database = f"sqlite:///{tmp_path}/outbox.db"
    config.write_text(relay_toml(destinations={"main": {"url": consumer.url}}, delivery={"database": database}))
    outbox = Outbox.open(Delivery(database=Secret(database)))
    return outbox, lambda *words: plain_installation.run(*words, "--config", config, SECRET="Kd7wq2Lmz9Xv4bTn")


def test_status_and_check_say_that_nobody_delivers(status_of: tuple[Outbox, Callable[..., Any]]) -> None:
    outbox, learnrelay = status_of
    assert learnrelay("status", "--alert").returncode == 0
    outbox.clock = lambda: time.time() - 600
    outbox.put(statements(1, 3, "main"))
    done = learnrelay("status", "--alert")
    assert done.returncode == 1
    assert re.search(r"^main .* nobody delivers +10(\.\d)? min +http\S+ *$", done.stdout.decode(), flags=re.MULTILINE)
    assert re.search(
        r"^main: nobody has delivered for 6\d\d s: is a worker up", done.stderr.decode(), flags=re.MULTILINE
    )
    checked = learnrelay("check", "--connect").stdout.decode()
    assert "nobody has delivered for 10 min" in checked, checked


def test_a_worker_that_starts_raises_no_alert_about_itself(status_of: tuple[Outbox, Callable[..., Any]]) -> None:
    outbox, learnrelay = status_of
    outbox.clock = lambda: time.time() - 600
    outbox.put(statements(1, 3, "main"))
    done = learnrelay("worker", "--until-empty")
    assert b"delivering to main" in done.stderr
    assert b"nobody has delivered" not in done.stderr


def test_status_says_since_when_and_when_next_and_resume_does_it_now(
    status_of: tuple[Outbox, Callable[..., Any]],
) -> None:
    outbox, learnrelay = status_of
    outbox.put(statements(1, 3, "main"))
    QueueLooks(outbox, "main").record()
    outbox.queue("main").trip("halted 401", "HTTP 401", lambda failures: 900.0, probe=False)
    halted = learnrelay("status", "--alert")
    assert halted.returncode == 1 and b"main: halted: HTTP 401" in halted.stderr
    assert re.search(
        r"halted: HTTP 401 +\S+ m?s +in 1\d(\.\d)? min +http\S+ *$", halted.stdout.decode(), flags=re.MULTILINE
    )
    resumed = learnrelay("resume", "main").stdout.decode()
    assert "main is tried again now (it was paused: HTTP 401)" in resumed
    assert re.search(r"HTTP 401 .* now +http\S+ *$", learnrelay("status").stdout.decode(), flags=re.MULTILINE)
    assert b'did you mean "main"' in learnrelay("resume", "mian").stderr
