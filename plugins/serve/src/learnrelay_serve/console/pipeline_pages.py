"""Shows what the relay makes of events: one event stage by stage, plugins, mappings, the data map."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from learnrelay.assembly.warnings import list_notices
from learnrelay.errors import EventError
from learnrelay.mapping import ANY_EVENT
from learnrelay.personal_data import Grade
from learnrelay.plugins.discovery import PluginState, name_kind
from learnrelay.plugins.mapped_events import list_mapped_events
from learnrelay.privacy.access_words import describe_match, describe_scope
from learnrelay.privacy.data_map import Row
from learnrelay.privacy.explanation import explain_event, select_event

from .forms import read_page
from .pages import PAGE_SIZE, Page, PageError, ShownRelay, Visit, paginate

_PATIENCE = 3.0
"""Seconds that a request waits for the flows of an event."""
_LOUDNESS = {PluginState.ACTIVE: "well", PluginState.DISABLED: "plain"}


def show_event_form(_relay: ShownRelay, _visit: Visit) -> Page:
    """Shows the form that takes an event."""
    return Page("explain.html", {"explanation": None, "problem": ""})


def explain_pasted_event(relay: ShownRelay, visit: Visit) -> Page:
    """Shows what the pipeline makes of a pasted event. Its values are hidden, and it is not shown again."""
    explanation: dict[str, Any] | None = None
    problem = ""
    source = relay.assembly.source
    try:
        content = select_event(visit.form.get("event", "").encode("utf-8", "replace"))
        with relay.lock:
            explanation = explain_event(relay.assembly, source.event_from_line(content), show_values=False)
    except ValueError as error:
        problem = str(error)
    except EventError as error:
        explanation = {"event": {"readable": False, "reason": error.reason}}
    return Page("explain.html", {"explanation": explanation, "problem": problem})


def show_plugins(relay: ShownRelay, _visit: Visit) -> Page:
    """Shows all installed plugins with their states."""
    rows = [
        {"info": info, "kind": name_kind(info.kind), "loudness": _LOUDNESS.get(info.state, "bad")}
        for info in sorted(relay.assembly.plugins, key=lambda info: (info.kind, info.name))
    ]
    disabled = [row for row in rows if row["loudness"] == "plain"]
    return Page("plugins.html", {"enabled": [row for row in rows if row not in disabled], "disabled": disabled})


def show_mappings(relay: ShownRelay, visit: Visit) -> Page:
    """Shows which family maps which event, and to what."""
    text = visit.query.get("text", "")[:200]
    rows = [
        row
        for row in list_mapped_events(relay.assembly.registry)
        if text.lower() in f"{row.event} {row.family} {row.about} {' '.join(map(str, row.constants.values()))}".lower()
    ]
    pages = paginate(len(rows), read_page(visit.query), {"text": text})
    begin = (pages["page"] - 1) * PAGE_SIZE
    return Page("mappings.html", {"rows": rows[begin : begin + PAGE_SIZE], "pages": pages, "text": text})


def show_data_map(relay: ShownRelay, visit: Visit) -> Page:
    """Shows who may get what: the destinations, and the events, each with a page of its flows."""
    assembly = relay.assembly
    text = visit.query.get("text", "")[:200]
    events = [name for name in _list_events(relay) if text.lower() in name.lower()]
    pages = paginate(len(events), read_page(visit.query), {"text": text})
    begin = (pages["page"] - 1) * PAGE_SIZE
    destinations = [
        {
            "destination": destination,
            "scope": describe_scope(destination.scope),
            "match": describe_match(destination.match),
        }
        for destination in assembly.config.destinations.values()
    ]
    return Page("data_map.html", {
        "events": events[begin : begin + PAGE_SIZE], "pages": pages, "text": text, "destinations": destinations,
        "notices": list_notices(assembly.standards),
    })  # fmt: skip


def _list_events(relay: ShownRelay) -> list[str]:
    plan = relay.assembly.plan
    return sorted([*plan.mappings, *([ANY_EVENT] if plan.others else ())])


def show_event_flows(relay: ShownRelay, visit: Visit) -> Page:
    """Shows which source path of an event reaches which output path, in what form, and who may get it."""
    assembly = relay.assembly
    event, destination = visit.query.get("event", ""), visit.query.get("destination", "")
    grade = visit.query.get("grade", "")
    if event not in _list_events(relay) or destination not in ("", *assembly.config.destinations):
        raise PageError(404, "No enabled plugin maps such an event for such a destination.")
    rows = relay.flows.find(event, _PATIENCE)
    shown = [
        row
        for row in rows or ()
        if grade in ("", row.grade.value) and (not destination or destination in {to.name for to in row.destinations})
    ]
    return Page("event_flows.html", {
        "event": event, "is_ready": rows is not None, "blocks": _group_flows(shown),
        "destination": destination, "grade": grade,
        "destinations": sorted(assembly.config.destinations), "grades": [grade.value for grade in Grade],
    })  # fmt: skip


def _group_flows(rows: list[Row]) -> list[dict[str, Any]]:
    """Groups flows by standard and destinations, then by source path."""
    blocks = []
    for (standard, destinations), of_block in groupby(rows, key=lambda row: (row.standard, row.destinations)):
        sources = [
            {"path": path, "grade": grade.value, "reason": reason, "outputs": [row for row in flows if row.form]}
            for (path, grade, reason), flows in groupby(of_block, key=lambda row: (row.source, row.grade, row.reason))
        ]
        blocks.append({"standard": standard, "destinations": [*map(str, destinations)], "sources": sources})
    return blocks
