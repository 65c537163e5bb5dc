"""A proxy before a server that a test can freeze or close: what a partitioned network does to a connection."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from typing import Self

from sqlalchemy import make_url


class Proxy:
    """Passes bytes on between clients and a server, as long as ``frozen`` is not set.

    Frozen, it still accepts connections and acknowledges bytes, as the kernel of a stopped server does.
    """

    def __init__(self, host: str, port: int) -> None:
        self.frozen = threading.Event()
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @classmethod
    def before(cls, database_url: str) -> Self:
        """Opens a proxy before the server of a database."""
        url = make_url(database_url)
        return cls(url.host or "127.0.0.1", url.port or {"postgresql": 5432, "mysql": 3306}[url.get_backend_name()])

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                self._listener.close()
                return
            try:
                server = socket.create_connection(self._target)
            except OSError:  # a server that is down: its address refuses connections
                client.close()
                continue
            self._open += [client, server]
            threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        with selectors.DefaultSelector() as selector:
            for registered in other:
                selector.register(registered, selectors.EVENT_READ)
            while True:
                try:
                    for key, _ in selector.select(0.05):
                        if self.frozen.is_set():
                            time.sleep(0.05)
                            break
                        end: socket.socket = key.fileobj  # type: ignore[assignment]
                        received = end.recv(65536)
                        if not received:
                            raise ConnectionError
                        other[end].sendall(received)
                except OSError:
                    client.close()
                    server.close()
                    return

    def cut(self) -> None:
        """Ends the open connections, as a server does that is started again; new ones are taken."""
        ended, self._open = self._open, []
        for end in ended:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Refuses new connections, and closes the open ones, which ends their threads."""
        self.frozen.clear()
        for end in [self._listener, *self._open]:  # not close(): a thread that waits at a socket keeps it open
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
