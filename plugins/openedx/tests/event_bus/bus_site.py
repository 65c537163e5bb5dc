"""A platform's side of the event bus, for tests: entries as edx-event-bus-redis writes them, streams, servers."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import redis

from learnrelay import Input
from learnrelay_openedx.event_bus.bus_input import RedisBusInput
from learnrelay_openedx.event_bus.bus_settings import RedisBusSection
from learnrelay_openedx.event_bus.tracking_record import EVENT_TYPE
from services import redis_server, redis_url

WORD = "Kd7wq2Lmz9Xv4bTn"


def enrolled(number: int) -> dict[str, Any]:
    """Returns an event that gives one statement, of its own for each number."""
    course = "course-v1:Harbour+SAIL101+2026"
    return {
        "name": "edx.course.enrollment.activated",
        "timestamp": f"2026-03-02T10:{number // 60 % 60:02}:{number % 60:02}.{number:06}+00:00",
        "data": {"course_id": course, "user_id": 7, "mode": "audit"},
        "context": {"course_id": course, "org_id": "Harbour", "user_id": 7, "username": "ada"},
    }


def line_of_event(event: Mapping[str, Any]) -> bytes:
    """Returns the line that the input gives for an event."""
    parts = [f'"{key}":'.encode() + json.dumps(event[key]).encode() for key in ("name", "timestamp", "data", "context")]
    return b"{" + b",".join(parts) + b"}"


def written_as_avro(*texts: str | bytes) -> bytes:
    """Writes strings as Avro does."""
    content = b""
    for text in texts:
        encoded = text.encode() if isinstance(text, str) else text
        content += length_as_avro(len(encoded)) + encoded
    return content


def length_as_avro(number: int) -> bytes:
    """Writes a number as zigzag varint."""
    number = number * 2 if number >= 0 else -number * 2 - 1
    content = b""
    while number > 0x7F:
        content += bytes([number & 0x7F | 0x80])
        number >>= 7
    return content + bytes([number])


def record_of(event: Mapping[str, Any]) -> bytes:
    """Returns ``event_data`` of an event."""
    return written_as_avro(event["name"], event["timestamp"], json.dumps(event["data"]), json.dumps(event["context"]))


class BusStream:
    """Holds a stream of a Redis: writes entries, and makes inputs that read it."""

    def __init__(self, url: str, name: str = "") -> None:
        self.url = url
        self.redis = redis.Redis.from_url(url)
        self.name = name or f"analytics-{uuid.uuid4().hex}"

    def add(self, *events: Mapping[str, Any], most: int | None = None) -> list[bytes]:
        """Writes events, and returns the ids of their entries."""
        return [self.add_fields({"event_data": record_of(event)}, most=most) for event in events]

    def add_fields(self, fields: Mapping[str, Any], entry_id: str = "*", most: int | None = None) -> bytes:
        """Writes an entry with the headers of the bus, of which ``fields`` may replace some; None leaves one out."""
        headers = {
            "type": EVENT_TYPE, "id": str(uuid.uuid1()), "source": "openedx/lms/web", "sourcehost": "lms",
            "time": "2026-03-02T10:00:00.000001+00:00", "minorversion": "0", "sourcelib": "10.5.0",
        }  # fmt: skip
        entry = {key: value for key, value in {**headers, **fields}.items() if value is not None}
        return self.redis.xadd(self.name, entry, id=entry_id, maxlen=most, approximate=False)  # type: ignore

    def input(self, **keys: Any) -> RedisBusInput:
        """Makes an input of this stream, with its settings as the operator's file gives them."""
        settings = RedisBusSection().load({"url": self.url, "topic": self.name, **keys})
        return RedisBusInput(settings, b"key")

    def group(self, name: str = "learnrelay") -> dict[str, Any]:
        """Returns what Redis says of a group."""
        return next(group for group in self.redis.xinfo_groups(self.name) if group["name"] == name.encode())

    def delete(self) -> None:
        """Deletes the stream with its groups, as an eviction does."""
        self.redis.delete(self.name)


@contextmanager
def bus_stream() -> Iterator[BusStream]:
    """Yields a fresh stream on the server of `redis_url`."""
    stream = BusStream(redis_url())
    yield stream
    stream.delete()
    stream.redis.close()


def read_pairs(made: Input, number: int, patience: float = 5.0) -> list[tuple[Any, Any]]:
    """Reads so many events, or those that come within ``patience`` seconds, with the positions behind them."""
    pairs: list[tuple[Any, Any]] = []
    until = time.monotonic() + patience
    while len(pairs) < number and time.monotonic() < until:
        if (batch := made.read(0.05)) is not None:
            pairs += zip(batch.events, batch.positions, strict=True)
    return pairs


def read_numbers(made: Input, number: int, patience: float = 5.0) -> list[int]:
    """Reads so many events of `enrolled`, and returns their numbers."""
    return [number_of(event) for event, _ in read_pairs(made, number, patience)]


def number_of(event: bytes) -> int:
    """Returns the number of an event of `enrolled`."""
    return int(json.loads(event)["timestamp"][20:26])


@contextmanager
def redis_of_our_own(directory: Path, *options: str, port: int = 0, tls: Path | None = None) -> Iterator[str]:
    """Starts a Redis for this test alone, yields its address, and kills it.

    ``port``: 0 for any. ``tls``: folder with server.pem and ca.pem.
    """
    with socket.create_server(("127.0.0.1", port)) as taken:
        port = taken.getsockname()[1]
    ports = ["--port", str(port)]
    if tls is not None:
        files = [
            "--tls-cert-file",
            f"{tls}/server.pem",
            "--tls-key-file",
            f"{tls}/server.pem",
            "--tls-auth-clients",
            "no",
        ]
        ports = ["--port", "0", "--tls-port", str(port), "--tls-ca-cert-file", f"{tls}/ca.pem", *files]
    command = [redis_server(), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory), *ports, *options]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
                break
            time.sleep(0.02)
        yield f"{'redis' if tls is None else 'rediss'}://127.0.0.1:{port}/0"
    finally:
        server.kill()
        server.wait()
