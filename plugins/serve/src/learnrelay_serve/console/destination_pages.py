"""Shows the destinations, and resumes one that is paused."""

from __future__ import annotations

from learnrelay.config.fields import did_you_mean
from learnrelay.outbox.history import INTERVAL, SAMPLES, read_history
from learnrelay.outbox.outbox import Status
from learnrelay.outbox.statistics import LATENCY, Statistics
from learnrelay.outbox.status_words import describe_next_try, describe_since, describe_state
from learnrelay.outbox.store import utc

from .pages import Page, PageError, Redirect, ShownRelay, Visit, log
from .plots import HEIGHT, draw_day

_LOUDNESS = {"ok": "well", "not in the file": "plain", "unavailable": "warn"}
"""State → how it looks; all others are bad."""
_REFRESH = (10, 60)
"""Seconds after which the page may load itself again, if one asks for it."""


def show_destinations(relay: ShownRelay, visit: Visit) -> Page:
    """Shows each destination's queue, rate, latency and state."""
    outbox, config = relay.outbox, relay.assembly.config
    statuses = outbox.status(tuple(config.destinations))
    statistics, now = Statistics.read(outbox), outbox.clock()
    history, newest = read_history(outbox), int(now // INTERVAL)
    spool, refusals = outbox.read_spool_status(), outbox.read_refusals()
    rows = []
    for name, status in statuses.items():
        state = describe_state(status)
        rows.append({
            "name": name,
            "status": status,
            "state": state,
            "loudness": _LOUDNESS.get(state.word, "bad"),
            "since": describe_since(status, now),
            "next_try": describe_next_try(status, now),
            "rate": relay.rates.rate_of(name),
            "latency": statistics.timing(name, LATENCY),
            "goes_to": config.destinations[name].address if name in config.destinations else "",
            "plots": draw_day(history.get(name, ()), newest),
            "can_resume": _can_resume(status),
        })  # fmt: skip
    every = visit.query.get("every", "")
    return Page("destinations.html", {
        "rows": rows, "spool": spool,
        "refusals": {reason: (number, utc(latest)) for reason, (number, latest) in refusals.items()},
        "intervals": _REFRESH, "height": HEIGHT, "width": SAMPLES,
        "every": int(every) if every in map(str, _REFRESH) else None,
    })  # fmt: skip


def _can_resume(status: Status) -> bool:
    return bool(status.paused) or status.waiting > status.due + status.leased


def resume_destination(relay: ShownRelay, visit: Visit) -> Redirect:
    """Ends the pause of a destination."""
    name = visit.form.get("destination", "")
    statuses = relay.outbox.status(tuple(relay.assembly.config.destinations))
    if name not in statuses:
        raise PageError(404, f"There is no destination {name}{did_you_mean(name, [*statuses])}.")
    before, waits = relay.outbox.queue(name).resume()
    log.info("%s resumed %s", visit.session.name, name)
    state = "is tried again now" if before.failures else "was not paused"
    visit.session.tell("done", f"{name} {state}; {waits:,} statements that failed alone are due now.")
    return Redirect("/")
