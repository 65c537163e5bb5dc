"""Describes how an endpoint misbehaves: in what way, for which requests and how often."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.client import NO_CONTENT, OK
from typing import Any, Literal

from learnrelay_contract_tests.endpoints.connections import HttpResponse

ItemPredicate = Callable[[Any], bool]


@dataclass(frozen=True)
class Misbehaviour:
    """Describes the misbehaviour for one request. ``delay`` can be combined with each of the others.

    ``status``: answer this and store nothing; with ``body``, ``headers`` and ``retry_after`` (seconds,
    or an aware datetime, which is sent as an HTTP date).
    ``redirect``: the same with status 307 (or ``status``) and this Location.
    ``drop``: close the connection without a response, ``"before"`` or ``"after"`` storing.
    ``truncate``: store, then send half of the body that Content-Length promises.
    ``pad``: store, then send the body filled with blanks up to this many octets.
    ``delay``: seconds to wait before anything else; an endpoint that stops meanwhile drops the request.
    """

    status: int | None = None
    body: str | bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | datetime | None = None
    redirect: str | None = None
    drop: Literal["before", "after"] | None = None
    truncate: bool = False
    pad: int = 0
    delay: float = 0.0

    def __post_init__(self) -> None:
        refuses = self.status is not None or self.redirect is not None
        ends = [refuses, self.drop is not None, self.truncate, self.pad > 0]
        if sum(ends) > 1:
            raise ValueError("status (or redirect), drop, truncate and pad exclude each other")
        if (self.body or self.headers or self.retry_after is not None) and not refuses:
            raise ValueError("body, headers and retry_after need a status")
        if not (any(ends) or self.delay > 0):
            raise ValueError("give at least one of status, redirect, drop, truncate, pad and delay")

    @property
    def refusal(self) -> HttpResponse | None:
        """Returns the response that replaces the endpoint's own; None if there is none."""
        if self.status is None and self.redirect is None:
            return None
        headers = dict(self.headers)
        if isinstance(self.retry_after, datetime):
            headers["Retry-After"] = format_datetime(self.retry_after.astimezone(UTC), usegmt=True)
        elif self.retry_after is not None:
            headers["Retry-After"] = f"{self.retry_after:g}"
        if self.redirect is not None:
            headers["Location"] = self.redirect
        body = self.body.encode() if isinstance(self.body, str) else self.body
        return HttpResponse(self.status or 307, body, headers)

    @property
    def handles_request(self) -> bool:
        """Tells whether the endpoint still processes the request."""
        return self.drop != "before" and self.refusal is None

    def apply(self, answer: HttpResponse | None) -> HttpResponse | None:
        """Returns the response as it is sent; None if the connection is dropped."""
        if answer is None or self.drop is not None:
            return None
        if (self.truncate or self.pad) and answer.status == NO_CONTENT:
            answer = answer._replace(status=OK)
        return answer._replace(truncate=self.truncate, pad=self.pad)


@dataclass
class _QueuedMisbehaviour:
    misbehaviour: Misbehaviour
    times: int | None
    matching: ItemPredicate | None


class MisbehaviourQueue:
    """Queues misbehaviours. Each request takes the first one that applies to it and is not used up."""

    def __init__(self) -> None:
        self._orders: list[_QueuedMisbehaviour] = []

    def add(self, misbehaviour: Misbehaviour, times: int | None, matching: ItemPredicate | None) -> None:
        """Appends a misbehaviour for so many requests (None: all), if one of their statements matches."""
        if times is not None and times < 1:
            raise ValueError("times must be at least 1, or None for all requests")
        self._orders.append(_QueuedMisbehaviour(misbehaviour, times, matching))

    def clear(self) -> None:
        """Clears the queue."""
        self._orders.clear()

    def take_next(self, items: Iterable[Any]) -> Misbehaviour | None:
        """Returns the misbehaviour for a request with these items and counts it as used; None if none applies."""
        items = list(items)
        for index, order in enumerate(self._orders):
            if order.matching is None or any(map(order.matching, items)):
                if order.times is not None:
                    order.times -= 1
                    if not order.times:
                        del self._orders[index]
                return order.misbehaviour
        return None
