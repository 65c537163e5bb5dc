"""Defines the input ``http``: a server that takes events, and answers when they are stored."""

from __future__ import annotations

import errno
import http.client
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import uvicorn

from learnrelay import Input, InputBatch, hookimpl
from learnrelay.config.fields import is_loopback
from learnrelay.inputs import InputEvent, Position, ProbeResult

from .application import HEALTHY, EventServer
from .connections import BoundedProtocol
from .request_queue import RequestQueue
from .settings import HttpSettings

_QUEUE_SHARE = 4  # bodies of the largest size that may wait to be stored
_PROBE_TIMEOUT = 5.0  # seconds
_REACHED_BY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # what the operator listens at
_STOP_TIMEOUT = 5.0  # seconds that requests have at the end


class HttpInput(Input):
    """Takes events by HTTP. A request is answered with 202 when its events are stored."""

    name = "http"
    settings_schema = HttpSettings
    is_waited_for = True

    def __init__(self, settings: Mapping[str, Any], key: bytes) -> None:
        super().__init__(settings, key)
        self._queue = RequestQueue(_QUEUE_SHARE * settings["largest"])
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._last = 0

    @classmethod
    def warnings(cls, settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """Warns of an address that other machines reach: tokens travel there without TLS."""
        if not is_loopback(settings["listen"][0]):
            yield "listen", "tokens and events travel without TLS: listen at 127.0.0.1, behind a proxy that has TLS"

    def open(self, position: Position | None) -> None:
        """Listens. Raises OSError where the address is taken. Where a former process has stopped means nothing here."""
        listener = self._listen()
        server = EventServer(self.settings, self._queue, self.host)
        config = uvicorn.Config(
            server.application,
            http=BoundedProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=self.settings["connections"],
            timeout_keep_alive=int(self.settings["patience"]),
            timeout_graceful_shutdown=int(_STOP_TIMEOUT),
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="learnrelay-http", daemon=True
        )
        self._thread.start()

    def _listen(self) -> socket.socket:
        host, port = self.settings["listen"]
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)

    def probe(self) -> ProbeResult:
        """Tries to listen at the address; where that is taken, asks whether a server of this kind has it."""
        host, port = self.settings["listen"]
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            self._listen().close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise OSError(error.errno, f"{place}: {error.strerror}") from None
            if not _is_served(host, port):
                return ProbeResult(False, f"{place} is taken by another program")
            return ProbeResult(True, f"{place} is served now")
        return ProbeResult(True, f"{place} is free")

    def read(self, timeout: float) -> InputBatch | None:
        """Returns the events of the next requests. Raises OSError when the server has ended."""
        if self._thread is not None and not self._thread.is_alive():
            raise OSError(0, "the HTTP server has ended")
        requests = self._queue.take(timeout)
        if not requests:
            return None
        events: list[InputEvent] = []
        positions: list[Position] = []
        for request in requests:
            request.first = len(events)
            events += [event.event for event in request.events]
            # Behind its last event a request is stored, and only then.
            positions += [self._last] * (len(request.events) - 1) + [request.number]
            self._last = request.number
        batch = InputBatch(events, positions, requests[0].trust)
        for request in requests:
            request.batch = batch
        return batch

    def commit(self, position: Position) -> None:
        """Answers the requests that are stored."""
        self._queue.settle(position)

    def close(self) -> None:
        """Answers what is not stored with 503, and stops to listen."""
        self._queue.abandon()
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(2 * _STOP_TIMEOUT)


def _is_served(host: str, port: int) -> bool:
    """Tells whether a server of this kind answers."""
    connection = http.client.HTTPConnection(_REACHED_BY.get(host, host), port, timeout=_PROBE_TIMEOUT)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        return (answer.status, answer.read(len(HEALTHY) + 1)) == (200, HEALTHY)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@hookimpl
def register_inputs(register: Callable[[type[Input]], None]) -> None:
    """Contributes the input."""
    register(HttpInput)
