"""A consumer that may be killed at any time: ``durable_consumer.py PORT FILE``.

Writes the statements of a request to the file, a line each, and answers a moment later: killed in between, it has
stored what its client does not know to be stored.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from delivery.consumer import Consumer, Reply

MOMENT = 0.01


class DurableConsumer(Consumer):
    """Writes statements to a file before it answers."""

    def __init__(self, port: int, file: Path) -> None:
        self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        content = file.read_bytes()
        os.ftruncate(self._file, content.rfind(b"\n") + 1)  # a line that it was killed over was not answered
        super().__init__(port)

    def answer(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Stores the statements of a request. Returns the answer."""
        lines = [json.dumps(statement).encode() + b"\n" for statement in json.loads(body)]
        os.write(self._file, b"".join(lines))
        time.sleep(MOMENT)
        return super().answer(body, headers)


if __name__ == "__main__":
    DurableConsumer(int(sys.argv[1]), Path(sys.argv[2]))
    signal.pause()
