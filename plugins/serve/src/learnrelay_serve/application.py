"""Answers requests: takes events, and tells whether the relay is well."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from learnrelay import InputHost

from .bodies import BodyError, NumberedEvent, split_events, unpack
from .request_queue import PendingRequest, RequestQueue
from .settings import Token

HEALTHY = b'{"status":"ok"}'
"""Answer of a server that runs."""
_RETRY_AFTER = 5
"""Seconds after which a client may try again."""
_SMALL = 2**16  # bytes of a body that is read in the loop itself


class RateLimiter:
    """Limits the events of a sender: so many a second, and as many at once."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._room = float(rate)
        self._at = time.monotonic()

    def take(self, events: int) -> float:
        """Counts events. Returns 0, or the seconds after which there is room; then they are not counted."""
        now = time.monotonic()
        self._room = min(self._rate, self._room + (now - self._at) * self._rate)
        self._at = now
        if self._room < min(events, self._rate):
            return (min(events, self._rate) - self._room) / self._rate
        self._room -= events
        return 0.0


class EventServer:
    """Answers the requests of one input."""

    def __init__(self, settings: Mapping[str, Any], queue: RequestQueue, host: InputHost) -> None:
        self._settings = settings
        self._tokens: Mapping[str, Token] = settings["tokens"]
        self._queue = queue
        self._host = host
        self._limiters = {name: RateLimiter(token.rate) for name, token in self._tokens.items() if token.rate}
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "learnrelay_http_requests", "Requests with events.", ["sender", "status"], registry=self._registry
        )
        self._events = Counter(
            "learnrelay_http_events", "Events that were stored.", ["sender"], registry=self._registry
        )
        self._refused = Counter(
            "learnrelay_http_refused", "Events that could not be read.", ["sender"], registry=self._registry
        )
        self.application = Starlette(
            routes=[
                Route("/events", self.take_events, methods=["POST"]),
                Route("/healthz", self.tell_health),
                Route("/readyz", self.tell_readiness),
                Route("/metrics", self.render_metrics),
            ]
        )

    async def tell_health(self, _request: Request) -> Response:
        """Answers 200: the server runs."""
        return Response(HEALTHY, media_type="application/json")

    async def tell_readiness(self, _request: Request) -> Response:
        """Answers 200 while events can be stored, 503 with the reason otherwise."""
        if reason := self._host.waiting_for():
            return JSONResponse({"status": "waiting", "reason": reason}, 503)
        return JSONResponse({"status": "ok"})

    async def render_metrics(self, _request: Request) -> Response:
        """Answers with the metrics of this server and of the outbox."""
        content = generate_latest(self._registry) + await run_in_threadpool(self._host.metrics)
        return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def take_events(self, request: Request) -> Response:
        """Stores the events of a body, and answers when they are stored."""
        sender = self._authenticate(request)
        if sender is None:
            response: Response = _refuse(401, "no token, or a wrong one", {"WWW-Authenticate": "Bearer"})
        else:
            try:
                response = await self._store(request, sender)
            except BodyError as error:
                response = _refuse(error.status, error.reason)
        self._requests.labels(sender or "", str(response.status_code)).inc()
        return response

    def _authenticate(self, request: Request) -> str | None:
        """Returns whose token a request has. Takes the same time for every wrong one."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        sender = None
        for name, token in self._tokens.items():
            if hmac.compare_digest(given.strip().encode(), token.secret.reveal().encode()):
                sender = name
        return sender if scheme.lower() == "bearer" else None

    async def _store(self, request: Request, sender: str) -> Response:
        limit = self._settings["largest"]
        if "msgpack" in request.headers.get("Content-Type", "").lower():
            raise BodyError(415, "MessagePack is not read: for Fluent Bit, set format json_lines")
        body = await self._read_body(request, limit)
        encoding = request.headers.get("Content-Encoding", "").strip().lower()
        events = (
            _read_events(body, encoding, limit)
            if len(body) <= _SMALL and not encoding
            else await run_in_threadpool(_read_events, body, encoding, limit)
        )
        if not events:
            raise BodyError(400, "the body holds no event")
        if (limiter := self._limiters.get(sender)) is not None and (seconds := limiter.take(len(events))):
            return _put_off(f"more than {self._tokens[sender].rate:,} events a second", seconds)
        size = sum(len(event.event) for event in events if isinstance(event.event, bytes))
        pending = PendingRequest(events, self._tokens[sender].trust, size, asyncio.get_running_loop().create_future())
        if not self._queue.put(pending):
            return _put_off("too many events wait to be stored")
        try:
            is_stored = await asyncio.wait_for(pending.stored, self._settings["wait"])
        except TimeoutError:
            return _put_off(self._host.waiting_for() or "the events could not be stored in time")
        finally:
            self._queue.withdraw(pending)
        if not is_stored:
            return _refuse(503, "the relay stops, or fails to store", {"Retry-After": str(_RETRY_AFTER)})
        refused = pending.refused()
        self._events.labels(sender).inc(len(events) - len(refused))
        self._refused.labels(sender).inc(len(refused))
        answer: dict[str, Any] = {"stored": len(events) - len(refused)}
        if refused:
            answer["refused"] = [{"number": number, "reason": reason} for number, reason in refused]
        return JSONResponse(answer, 400 if refused else 202)

    async def _read_body(self, request: Request, limit: int) -> bytes:
        """Reads a body. Raises BodyError when it is too large, too slow or cut."""
        if int(request.headers.get("Content-Length") or 0) > limit:
            raise BodyError(413, f"the body has more than {limit:,} bytes")
        pieces, size = [], 0
        try:
            async with asyncio.timeout(self._settings["patience"]):
                async for piece in request.stream():
                    size += len(piece)
                    if size > limit:
                        raise BodyError(413, f"the body has more than {limit:,} bytes")
                    pieces.append(piece)
        except TimeoutError:
            raise BodyError(408, f"the body took longer than {self._settings['patience']:g} s") from None
        except ClientDisconnect:
            raise BodyError(400, "the body is cut short") from None
        return b"".join(pieces)


def _read_events(body: bytes, encoding: str, limit: int) -> list[NumberedEvent]:
    return split_events(unpack(body, encoding, limit))


def _refuse(status: int, reason: str, headers: Mapping[str, str] | None = None) -> Response:
    # What is left of the body would be read as the next request.
    return JSONResponse({"stored": 0, "reason": reason}, status, {"Connection": "close", **(headers or {})})


def _put_off(reason: str, seconds: float = _RETRY_AFTER) -> Response:
    return JSONResponse({"stored": 0, "reason": reason}, 429, {"Retry-After": str(max(1, round(seconds)))})
