"""A server on the framework of ``learnrelay serve`` that only parses bodies and stores their lines by bare inserts.

``python benchmarks/bare_server.py DATABASE`` prints its port.
"""

from __future__ import annotations

import socket
import sqlite3
import sys
import uuid

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

BARE = sqlite3.connect(sys.argv[1], isolation_level=None, check_same_thread=False)
BARE.execute("PRAGMA journal_mode = WAL")
BARE.execute("PRAGMA synchronous = FULL")
BARE.execute("CREATE TABLE event (key INTEGER PRIMARY KEY, id TEXT UNIQUE, name TEXT, content BLOB)")
BARE.execute("CREATE TABLE delivery (destination TEXT, id TEXT, PRIMARY KEY (destination, id)) WITHOUT ROWID")


def store(body: bytes) -> int:
    """Parses lines and writes them, in one transaction."""
    lines = body.splitlines()
    rows = [(str(uuid.uuid4()), orjson.loads(line)["name"], line) for line in lines]
    BARE.execute("BEGIN IMMEDIATE")
    BARE.executemany("INSERT INTO event (id, name, content) VALUES (?, ?, ?)", rows)
    BARE.executemany("INSERT INTO delivery VALUES ('main', ?)", [row[:1] for row in rows])
    BARE.execute("COMMIT")
    return len(rows)


async def take_events(request: Request) -> Response:
    """Stores the events of a body."""
    return JSONResponse({"stored": await run_in_threadpool(store, await request.body())}, 202)


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        Starlette(routes=[Route("/events", take_events, methods=["POST"])]),
        log_config=None, access_log=False, ws="none", lifespan="off",
    )  # fmt: skip
    uvicorn.Server(config).run([listener])
