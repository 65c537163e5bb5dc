"""The outbox's tables, and how an older outbox becomes a current one.

A statement's payload is stored once; every destination that is still to get it has one row in ``delivery``,
keyed by (destination, key): together with the unique statement id, the same statement emitted again while it
waits is no second delivery. ``key`` rises with time, so the primary key is also the queue, oldest first.

The unique key begins with the event's minute. Ids are random, and an index of them would have each statement
come to and go from a page of its own; by minute, neighbours in the queue are neighbours in the index.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..errors import OutboxError
from .database import Database, Transaction

Migration = Callable[[Transaction, bool], None]
"""(open transaction, is it PostgreSQL) → the tables one version further."""


def _version_1(transaction: Transaction, postgres: bool) -> None:
    key = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY" if postgres else "INTEGER PRIMARY KEY"
    clustered = "" if postgres else "WITHOUT ROWID"  # one B-tree a table: the queue is read in its order
    for sql in (
        f"""CREATE TABLE learnrelay_statement (
            key {key},
            minute BIGINT NOT NULL,
            standard TEXT NOT NULL,
            statement_id TEXT NOT NULL,
            content BIGINT NOT NULL,
            event_name TEXT NOT NULL,
            event_time DOUBLE PRECISION,
            critical INTEGER NOT NULL,
            taken DOUBLE PRECISION NOT NULL,
            payload {"BYTEA" if postgres else "BLOB"} NOT NULL,
            UNIQUE (minute, standard, statement_id, content))""",
        f"""CREATE TABLE learnrelay_delivery (
            destination TEXT NOT NULL,
            key BIGINT NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            next_attempt DOUBLE PRECISION NOT NULL DEFAULT 0,
            lease_until DOUBLE PRECISION NOT NULL DEFAULT 0,
            lease_owner TEXT,
            reason TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (destination, key)) {"WITH (fillfactor = 70)" if postgres else clustered}""",
        # The few statements that failed by themselves wait for their own time, out of the queue's way.
        """CREATE INDEX learnrelay_delivery_suspect
            ON learnrelay_delivery (destination, next_attempt) WHERE attempts > 0""",
        f"""CREATE TABLE learnrelay_dead_letter (
            destination TEXT NOT NULL,
            key BIGINT NOT NULL,
            attempts INTEGER NOT NULL,
            since DOUBLE PRECISION NOT NULL,
            reason TEXT NOT NULL,
            PRIMARY KEY (destination, key)) {clustered}""",
        # Several slots a destination, so that hosts which share a PostgreSQL do not queue for one row.
        f"""CREATE TABLE learnrelay_tally (
            destination TEXT NOT NULL,
            slot INTEGER NOT NULL,
            accepted BIGINT NOT NULL DEFAULT 0,
            duplicates BIGINT NOT NULL DEFAULT 0,
            waiting BIGINT NOT NULL DEFAULT 0,
            delivered BIGINT NOT NULL DEFAULT 0,
            retried BIGINT NOT NULL DEFAULT 0,
            died BIGINT NOT NULL DEFAULT 0,
            dropped BIGINT NOT NULL DEFAULT 0,
            PRIMARY KEY (destination, slot)) {clustered}""",
        f"""CREATE TABLE learnrelay_breaker (
            destination TEXT NOT NULL PRIMARY KEY,
            failures INTEGER NOT NULL,
            condition TEXT NOT NULL,
            reason TEXT NOT NULL,
            since DOUBLE PRECISION NOT NULL,
            paused_until DOUBLE PRECISION NOT NULL,
            proven INTEGER NOT NULL) {clustered}""",
    ):
        transaction.change(sql)
    if postgres:  # who else waits for a payload; SQLite answers that from the primary key, a seek a destination
        transaction.change("CREATE INDEX learnrelay_delivery_key ON learnrelay_delivery (key)")
        transaction.change("CREATE INDEX learnrelay_dead_letter_key ON learnrelay_dead_letter (key)")
        for table in ("statement", "delivery", "tally"):  # a queue turns over many times its size: vacuum by number
            transaction.change(
                f"""ALTER TABLE learnrelay_{table} SET
                (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)"""
            )


def _version_2(transaction: Transaction, postgres: bool) -> None:
    transaction.change(
        f"""CREATE TABLE learnrelay_alert (
            destination TEXT NOT NULL,
            condition TEXT NOT NULL,
            since DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (destination, condition)) {"" if postgres else "WITHOUT ROWID"}"""
    )


def _version_3(transaction: Transaction, postgres: bool) -> None:
    """What `figures` keeps: how long things took, and what became of events."""
    clustered = "" if postgres else "WITHOUT ROWID"
    for sql in (
        f"""CREATE TABLE learnrelay_timing (
            destination TEXT NOT NULL,
            what TEXT NOT NULL,
            bucket INTEGER NOT NULL,
            slot INTEGER NOT NULL,
            number BIGINT NOT NULL,
            seconds DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (destination, what, bucket, slot)) {clustered}""",
        f"""CREATE TABLE learnrelay_outcome (
            subject TEXT NOT NULL,
            outcome TEXT NOT NULL,
            reason TEXT NOT NULL,
            slot INTEGER NOT NULL,
            number BIGINT NOT NULL,
            PRIMARY KEY (subject, outcome, reason, slot)) {clustered}""",
    ):
        transaction.change(sql)


def _version_4(transaction: Transaction, postgres: bool) -> None:
    """A dead letter may be one that the consumer has already, in another form."""
    transaction.change("ALTER TABLE learnrelay_dead_letter ADD COLUMN conflict INTEGER NOT NULL DEFAULT 0")


def _version_5(transaction: Transaction, postgres: bool) -> None:
    """Each channel has its own alerts. What stands is said once more."""
    transaction.change("DROP TABLE learnrelay_alert")
    transaction.change(
        f"""CREATE TABLE learnrelay_alert (
            destination TEXT NOT NULL,
            condition TEXT NOT NULL,
            channel TEXT NOT NULL,
            since DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (destination, condition, channel)) {"" if postgres else "WITHOUT ROWID"}"""
    )


MIGRATIONS: tuple[Migration, ...] = (_version_1, _version_2, _version_3, _version_4, _version_5)
"""Version n is what the first n of these make. Append only: a released version never changes."""


def migrate(database: Database, migrations: tuple[Migration, ...] = MIGRATIONS) -> int:
    """Bring the tables to the newest version, all or nothing, and return it.

    Raises OutboxError when the outbox was written by a newer learnrelay than this one.
    """
    with database.transaction() as transaction:
        if database.postgres:
            transaction.execute("SELECT 1 FROM (SELECT pg_advisory_xact_lock(5071976)) AS one_host_at_a_time")
        transaction.change(
            """CREATE TABLE IF NOT EXISTS learnrelay_schema (
                version INTEGER PRIMARY KEY, applied DOUBLE PRECISION NOT NULL)"""
        )
        (current,) = transaction.execute("SELECT COALESCE(MAX(version), 0) FROM learnrelay_schema")[0]
        if current > len(migrations):
            raise OutboxError(
                f"outbox {database.name}: its tables have version {current}, this learnrelay knows up to "
                f"{len(migrations)}; upgrade learnrelay"
            )
        for version, step in enumerate(migrations[current:], current + 1):
            step(transaction, database.postgres)
            transaction.change(
                "INSERT INTO learnrelay_schema (version, applied) VALUES (:version, :applied)",
                version=version,
                applied=time.time(),
            )
    return len(migrations)
