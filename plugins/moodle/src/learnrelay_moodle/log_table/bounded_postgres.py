"""Gives up a connection to PostgreSQL that does not answer; psycopg alone would wait for ever."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg

from . import log_connection


class BoundedPostgres(psycopg.Connection[Any]):
    """Limits each call, not only each query: a stopped server or a lost network keeps no limit of its own."""

    def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """Waits for the server. Raises psycopg.OperationalError when it has not answered in time."""
        try:
            return super().wait(_stop_in_time(gen), *arguments, **options)
        except psycopg.errors.ConnectionTimeout:
            self.close()  # a later answer would be taken for that to the next query
            raise


def _stop_in_time(steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Passes on what psycopg waits for, which asks ten times a second."""
    deadline = time.monotonic() + log_connection.CALL_LIMIT
    try:
        awaited = next(steps)
        while True:
            ready = yield awaited
            if time.monotonic() > deadline:
                raise psycopg.errors.ConnectionTimeout("no answer in time")
            awaited = steps.send(ready)
    except StopIteration as end:
        return end.value
