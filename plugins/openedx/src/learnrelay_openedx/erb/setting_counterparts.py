"""Lists ERB's settings and the fields of its routers, each with what learnrelay has for it.

`learnrelay import-erb` reads the settings that stand here, and docs/moving-from-erb.md shows both tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Counterpart(NamedTuple):
    """Describes what learnrelay has for a setting or a field of a router.

    default: ERB's. ours: the key of the operator's file; empty for none. carried: what `import-erb` makes of it.
    expected: type of the value; None for one that is not looked at.
    """

    default: str
    ours: str
    carried: str
    expected: type | None = None


COUNTERPARTS = {
    "LMS_ROOT_URL": Counterpart("", "platform.root_url", "as it is", str),
    "XAPI_EVENTS_ENABLED": Counterpart("True", "", "False: no xAPI destination is active", bool),
    "CALIPER_EVENTS_ENABLED": Counterpart("False", "", "False: no Caliper destination is active", bool),
    "EVENT_TRACKING_BACKENDS_ALLOWED_XAPI_EVENTS": Counterpart(
        "65 names", "destinations.NAME.match", "names that ERB maps, as `match` of `name`", list
    ),
    "EVENT_TRACKING_BACKENDS_ALLOWED_CALIPER_EVENTS": Counterpart(
        "26 names", "destinations.NAME.match", "names that ERB maps, as `match` of `name`", list
    ),
    "EVENT_TRACKING_BACKENDS_BUSINESS_CRITICAL_EVENTS": Counterpart(
        "3 names", "delivery.critical", "where it is set; otherwise families say which events are critical", list
    ),
    "XAPI_AGENT_IFI_TYPE": Counterpart(
        "external_id",
        "xapi.actor",
        "as it is; `mbox` and `mbox_sha1sum` with the provider `openedx`, which reads the addresses",
        str,
    ),
    "EVENT_ROUTING_BACKEND_MAX_RETRIES": Counterpart(
        "3", "destinations.NAME.retry", "`attempts`, one more; ours by default: 12", int
    ),
    "EVENT_ROUTING_BACKEND_COUNTDOWN": Counterpart(
        "30 seconds", "destinations.NAME.retry", "`backoff` and `ceiling`; ours by default: 2 s, growing to 15 min", int
    ),
    "EVENT_ROUTING_BACKEND_BATCHING_ENABLED": Counterpart(
        "False", "", "not needed: statements are always sent in batches", bool
    ),
    "EVENT_ROUTING_BACKEND_BATCH_SIZE": Counterpart(
        "100", "destinations.NAME.batch", "`size`, where batching was on; at most 10,000", int
    ),
    "EVENT_ROUTING_BACKEND_BATCH_INTERVAL": Counterpart(
        "60 seconds", "destinations.NAME.batch", "`interval`, where batching was on", int
    ),
    "XAPI_EVENT_LOGGING_ENABLED": Counterpart(
        "True", "destinations.NAME.sink", 'no: `sink = "log"` writes the lines that Vector reads', bool
    ),
    "CALIPER_EVENT_LOGGING_ENABLED": Counterpart("False", "destinations.NAME.sink", 'no: `sink = "log"`', bool),
    "OPEN_EDX_FILTERS_CONFIG": Counterpart(
        "", "", "no: its 13 hooks of `event_routing_backends.processors` run code; write a plugin", dict
    ),
    "EVENT_TRACKING_BACKENDS": Counterpart("", "", "no: it says how the LMS passes events on, not what is sent"),
    "EVENT_BUS_TRACKING_LOGS": Counterpart(
        "the names of both lists", "", "no: the LMS still needs it for the event bus"
    ),
    "EVENT_TRACKING_BACKENDS_CACHE_TTL": Counterpart(
        "600 seconds", "", "not needed: the file is read at start; restart after a change"
    ),
    "EVENT_ROUTING_BACKEND_BULK_DOWNLOAD_MAX_RETRIES": Counterpart("3", "", "no: `learnrelay replay` reads files"),
    "EVENT_ROUTING_BACKEND_BULK_DOWNLOAD_COUNTDOWN": Counterpart("1 second", "", "no: `learnrelay replay` reads files"),
}
"""Setting of the LMS → counterpart."""

ROUTER_COUNTERPARTS = {
    "backend_name": Counterpart("xAPI", "destinations.NAME.standard", "as it is"),
    "route_url": Counterpart(
        "", "destinations.NAME.url", "for xAPI with `statements` at the end, which ERB adds when it sends"
    ),
    "enabled": Counterpart("", "", "a router that is off becomes a comment"),
    "auth_scheme": Counterpart("none", "destinations.NAME.auth", "`Basic` and `Bearer`"),
    "username": Counterpart("", "destinations.NAME.auth", "as it is"),
    "password, auth_key": Counterpart("", "destinations.NAME.auth", "as `env:` names, which the command lists"),
    "configurations.match_params": Counterpart(
        "everything", "destinations.NAME.match", "see [Expressions](#expressions)"
    ),
    "configurations.headers": Counterpart(
        "none", "destinations.NAME.headers", "for Caliper, values as `env:` names; ERB's xAPI routers ignore them"
    ),
    "configurations.override_args": Counterpart("none", "", "no: write an enricher; `authority` is the LRS's to set"),
    "(none)": Counterpart("", "destinations.NAME.scope", '`"all"`, which is what a router is'),
}
"""Field of a router → counterpart."""


def list_rows(first: str, counterparts: dict[str, Counterpart]) -> Iterator[str]:
    """Yields a table of the page in Markdown. ``first``: heading of the first column."""
    yield f"| {first} | ERB's default | learnrelay | carried over |"
    yield "|---|---|---|---|"
    for name, row in counterparts.items():
        ours = f"`{row.ours}`" if row.ours else ""
        yield f"| {name if name.startswith('(') else f'`{name}`'} | {row.default} | {ours} | {row.carried} |"
