"""A consumer that is faster than what is measured: it takes everything, counts it, and says 200.

``python benchmarks/receiver.py`` prints its port; GET gives the counts as JSON.
"""

from __future__ import annotations

import asyncio
import sys

import orjson

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"


class Counter:
    """Counts what came in so far. ``ids`` is kept where ``--ids`` asks for it."""

    def __init__(self, keep: bool) -> None:
        self.requests = self.statements = 0
        self.ids: set[str] | None = set() if keep else None

    def take(self, body: bytes) -> bytes:
        """Counts one request: an array of statements, or an envelope around them."""
        payload = orjson.loads(body)
        statements = payload["data"] if type(payload) is dict else payload
        ids = [statement["id"] for statement in statements]
        self.requests += 1
        self.statements += len(ids)
        if self.ids is not None:
            self.ids.update(ids)
        return orjson.dumps(ids)

    def counts(self) -> bytes:
        """Returns the counts as JSON."""
        counts = {"requests": self.requests, "statements": self.statements}
        if self.ids is not None:
            counts["distinct"] = len(self.ids)
        return orjson.dumps(counts)


class Connection(asyncio.Protocol):
    """Speaks as much of HTTP as a client of ours needs."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.held = bytearray()
        self.needed = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.held += data
        while len(self.held) >= self.needed and (end := self.held.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.held[:end]).lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
            self.needed = end + 4 + length
            if len(self.held) < self.needed:
                return
            body = bytes(self.held[end + 4 : self.needed])
            del self.held[: self.needed]
            self.needed = 0
            answer = self.counter.counts() if head.startswith(b"get") else self.counter.take(body)
            self.transport.write(ANSWER % (len(answer), answer))


async def main() -> None:
    """Serves until it is killed."""
    counter = Counter("--ids" in sys.argv)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(counter), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
