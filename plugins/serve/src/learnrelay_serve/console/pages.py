"""Holds what the pages of the console have in common: what they show, who visits, and what they answer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from learnrelay.assembly.assemble import Assembly
from learnrelay.outbox import Outbox
from learnrelay.outbox.rates import RateMeter

from .event_flows import EventFlows
from .sessions import Session

log = logging.getLogger("learnrelay.console")

PAGE_SIZE = 50
"""Entries of a page."""


@dataclass(frozen=True, slots=True)
class ShownRelay:
    """Holds the relay that is shown. ``lock``: for its plugins, which need not bear several threads at once."""

    assembly: Assembly
    outbox: Outbox
    rates: RateMeter
    flows: EventFlows
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class Visit:
    """Holds who asks, and for what: the parts of the address, its query, the form."""

    session: Session
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """Names a template, and gives its values."""

    template: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Redirect:
    """Sends the browser to another page, after an action."""

    address: str


class PageError(Exception):
    """Reports why there is no such page, with the status of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


Handler = Callable[[ShownRelay, Visit], Page | Redirect]


def paginate(number: int, page: int, query: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what the template of the links between pages needs. ``number``: entries in all."""
    last = max(1, -(-number // PAGE_SIZE))
    return {"page": min(page, last), "last": last, "number": number, "query": dict(query)}
