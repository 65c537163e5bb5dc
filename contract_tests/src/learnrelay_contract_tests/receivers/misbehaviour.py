"""Misbehaviour on order: what a receiver does wrong, for which requests and how often."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.client import NO_CONTENT, OK
from typing import Any, Literal

from learnrelay_contract_tests.receivers.connections import Answer

Matching = Callable[[Any], bool]


@dataclass(frozen=True)
class Misbehaviour:
    """What is done to one request. Give what is wanted; ``delay`` goes with each of the others.

    ``status``: answer this and store nothing; with ``body``, ``headers`` and ``retry_after`` (seconds,
    or an aware datetime, which is sent as an HTTP date).
    ``redirect``: the same with status 307 (or ``status``) and this Location.
    ``drop``: close the connection without an answer, ``"before"`` or ``"after"`` storing.
    ``truncate``: store, then answer with half of the body that Content-Length promises.
    ``pad``: store, then answer with a body blown up with blanks to this many octets.
    ``delay``: seconds to wait before anything else; a receiver that goes down meanwhile drops the request.
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
            raise ValueError("a misbehaviour must misbehave")

    @property
    def refusal(self) -> Answer | None:
        """The answer that is given instead of the receiver's own; None where there is none."""
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
        return Answer(self.status or 307, body, headers)

    @property
    def obeys(self) -> bool:
        """Whether the receiver still does its own work on the request."""
        return self.drop != "before" and self.refusal is None

    def applied_to(self, answer: Answer | None) -> Answer | None:
        """The answer as it goes out, if any."""
        if answer is None or self.drop is not None:
            return None
        if (self.truncate or self.pad) and answer.status == NO_CONTENT:
            answer = answer._replace(status=OK)
        return answer._replace(truncate=self.truncate, pad=self.pad)


@dataclass
class _Order:
    misbehaviour: Misbehaviour
    times: int | None
    matching: Matching | None


class Script:
    """The orders of a receiver. Each request takes the first one that applies to it and is not used up."""

    def __init__(self) -> None:
        self._orders: list[_Order] = []

    def add(self, misbehaviour: Misbehaviour, times: int | None, matching: Matching | None) -> None:
        """Append an order: for so many requests (None: all), if one of their statements matches."""
        if times is not None and times < 1:
            raise ValueError("times must be at least 1, or None for all requests")
        self._orders.append(_Order(misbehaviour, times, matching))

    def clear(self) -> None:
        """Forget all orders."""
        self._orders.clear()

    def take(self, items: Iterable[Any]) -> Misbehaviour | None:
        """What to do to a request that holds these statements or events, counted as done."""
        items = list(items)
        for index, order in enumerate(self._orders):
            if order.matching is None or any(map(order.matching, items)):
                if order.times is not None:
                    order.times -= 1
                    if not order.times:
                        del self._orders[index]
                return order.misbehaviour
        return None
