"""Bounds the time that a client may take for the head of a request."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_PATIENCE = 10.0
"""Seconds for the head of a request, from its first byte on, or from the connection on for the first."""


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose client sends the head of a request too slowly. The server bounds all that follows."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to wait for the first request.

        Head and body of an answer are written one after the other: without the option, the body waits for the client
        to acknowledge the head, 40 ms. asyncio sets it only on sockets that name their protocol.
        """
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)
        self._restart()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the waiting."""
        self._stop()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Begins to wait for the end of the head."""
        self._restart()
        super().on_message_begin()

    def on_headers_complete(self) -> Any:
        """Ends the waiting."""
        self._stop()
        return super().on_headers_complete()

    def _restart(self) -> None:
        self._stop()
        self._timer = self.loop.call_later(HEAD_PATIENCE, self.transport.close)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
