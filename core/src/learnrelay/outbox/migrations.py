"""Creates the outbox's tables, and migrates those of an older version.

A statement's payload is stored once; every destination that is still to get it has one row in ``delivery``,
keyed by (destination, key): together with the unique statement id, the same statement emitted again while it
waits is no second delivery. ``key`` rises with time, so the primary key is also the queue, oldest first.

The unique key begins with the event's minute. Ids are random, so an index of ids would touch another page for each
statement; by minute, neighbours in the queue are neighbours in the index.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from ..errors import OutboxVersionError
from .database import Database, MigratingTransaction, Transaction, TransientError

Migration = Callable[[Transaction, bool], None]
"""(open transaction, is it PostgreSQL): brings the tables to the next version."""


def _version_1(transaction: Transaction, postgres: bool) -> None:
    key = "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY" if postgres else "INTEGER PRIMARY KEY"
    clustered = "" if postgres else "WITHOUT ROWID"  # one B-tree for each table: the queue is read in its order
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
        # The few deliveries that failed alone wait for a time of their own, apart from the queue.
        """CREATE INDEX learnrelay_delivery_suspect
            ON learnrelay_delivery (destination, next_attempt) WHERE attempts > 0""",
        f"""CREATE TABLE learnrelay_dead_letter (
            destination TEXT NOT NULL,
            key BIGINT NOT NULL,
            attempts INTEGER NOT NULL,
            since DOUBLE PRECISION NOT NULL,
            reason TEXT NOT NULL,
            PRIMARY KEY (destination, key)) {clustered}""",
        # Several slots for each destination, so that hosts which share a PostgreSQL do not queue for one row.
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
    if postgres:  # which other destination waits for a payload? SQLite finds that by the primary key
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
    """Adds the tables of `statistics`: durations, and outcomes of events."""
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
    """Adds conflicts: dead letters that the consumer has already, in another form."""
    transaction.change("ALTER TABLE learnrelay_dead_letter ADD COLUMN conflict INTEGER NOT NULL DEFAULT 0")


def _version_5(transaction: Transaction, postgres: bool) -> None:
    """Gives each channel its own alerts. Alerts that are raised are sent once more."""
    transaction.change("DROP TABLE learnrelay_alert")
    transaction.change(
        f"""CREATE TABLE learnrelay_alert (
            destination TEXT NOT NULL,
            condition TEXT NOT NULL,
            channel TEXT NOT NULL,
            since DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (destination, condition, channel)) {"" if postgres else "WITHOUT ROWID"}"""
    )


def _version_6(transaction: Transaction, postgres: bool) -> None:
    """Renames the table of counters after what it counts."""
    transaction.change("ALTER TABLE learnrelay_tally RENAME TO learnrelay_delivery_counter")
    if postgres:
        transaction.change("ALTER INDEX learnrelay_tally_pkey RENAME TO learnrelay_delivery_counter_pkey")


def _version_7(transaction: Transaction, postgres: bool) -> None:
    """Adds the record of the identities under which statements were made."""
    transaction.change(
        f"""CREATE TABLE learnrelay_identity (
            since DOUBLE PRECISION NOT NULL PRIMARY KEY,
            identity TEXT NOT NULL) {"" if postgres else "WITHOUT ROWID"}"""
    )


def _version_8(transaction: Transaction, postgres: bool) -> None:
    """Adds when a worker last looked at a queue, and which tasks the broker holds for it."""
    transaction.change(
        f"""CREATE TABLE learnrelay_look (
            queue TEXT NOT NULL PRIMARY KEY,
            looked_at DOUBLE PRECISION NOT NULL DEFAULT 0,
            requested INTEGER NOT NULL DEFAULT 0,
            planned_until DOUBLE PRECISION NOT NULL DEFAULT 0,
            checked_at DOUBLE PRECISION NOT NULL DEFAULT 0) {"" if postgres else "WITHOUT ROWID"}"""
    )


def _version_9(transaction: Transaction, postgres: bool) -> None:
    """Adds the offsets of the spool's segments, and the counts of what emit() could not store."""
    clustered = "" if postgres else "WITHOUT ROWID"
    for sql in (
        f"""CREATE TABLE learnrelay_spool (
            segment TEXT NOT NULL PRIMARY KEY,
            taken BIGINT NOT NULL,
            removed DOUBLE PRECISION) {clustered}""",
        f"""CREATE TABLE learnrelay_refusal (
            reason TEXT NOT NULL,
            slot INTEGER NOT NULL,
            number BIGINT NOT NULL,
            latest DOUBLE PRECISION NOT NULL,
            PRIMARY KEY (reason, slot)) {clustered}""",
    ):
        transaction.change(sql)


def _version_10(transaction: Transaction, postgres: bool) -> None:
    """Adds the batch of a delivery, for sinks that know batches: its members are sent together until it is settled."""
    transaction.change("ALTER TABLE learnrelay_delivery ADD COLUMN batch TEXT")
    transaction.change(
        """CREATE INDEX learnrelay_delivery_batch
            ON learnrelay_delivery (destination, batch, key) WHERE batch IS NOT NULL"""
    )


def _version_11(transaction: Transaction, postgres: bool) -> None:
    """Adds how far each input has been stored, and which process reads it."""
    transaction.change(
        f"""CREATE TABLE learnrelay_input (
            input TEXT NOT NULL PRIMARY KEY,
            position TEXT NOT NULL,
            holder TEXT NOT NULL,
            held_until DOUBLE PRECISION NOT NULL,
            stored DOUBLE PRECISION NOT NULL) {"" if postgres else "WITHOUT ROWID"}"""
    )


def _version_12(transaction: Transaction, postgres: bool) -> None:
    """Adds the course of the last day."""
    transaction.change(
        f"""CREATE TABLE learnrelay_history (
            sampled INTEGER NOT NULL,
            destination VARCHAR(255) NOT NULL,
            waiting BIGINT NOT NULL,
            delivered BIGINT NOT NULL,
            PRIMARY KEY (sampled, destination)) {transaction.dialect.table_options}"""
    )


def _version_13(transaction: Transaction, postgres: bool) -> None:
    """Adds latencies to the course of the last day."""
    transaction.change("ALTER TABLE learnrelay_history ADD COLUMN latency TEXT")


MIGRATION_LIMIT = 3600.0
"""Seconds that a migration may take."""

MIGRATIONS: tuple[Migration, ...] = (
    _version_1, _version_2, _version_3, _version_4, _version_5, _version_6, _version_7,
    _version_8, _version_9, _version_10, _version_11, _version_12, _version_13,
)  # fmt: skip
"""The first n of these make version n. Append only: a released version never changes."""


def read_version(database: Database) -> int:
    """Returns the version of the tables, 0 where there are none. Changes nothing."""
    with database.transaction(write=False) as transaction:
        if not any(name for (name,) in transaction.execute(database.dialect.find_schema)):
            return 0
        return _read_version(transaction)


def _read_version(transaction: Transaction) -> int:
    return int(transaction.execute("SELECT COALESCE(MAX(version), 0) FROM learnrelay_schema")[0][0])


def check_version(database: Database, oldest: int | None = None) -> None:
    """Checks that the tables have the newest version, or ``oldest`` at least. Raises OutboxError."""
    version = read_version(database) if database.exists else 0
    if version == 0:
        raise OutboxVersionError(
            f"outbox {database.name}: not created yet; the first process that emits or delivers does that, or "
            "learnrelay migrate"
        )
    _refuse_newer(database, version, len(MIGRATIONS))
    if version < (len(MIGRATIONS) if oldest is None else oldest):
        raise OutboxVersionError(
            f"outbox {database.name}: its tables have version {version}, this learnrelay needs {len(MIGRATIONS)}: run "
            "learnrelay migrate, when no process of the older release uses it any more (learnrelay backup copies it "
            "before)"
        )


def _refuse_newer(database: Database, version: int, newest: int) -> None:
    if version > newest:
        raise OutboxVersionError(
            f"outbox {database.name}: its tables have version {version}, this learnrelay knows up to {newest}; upgrade "
            "learnrelay"
        )


def migrate(database: Database, migrations: tuple[Migration, ...] = MIGRATIONS) -> int:
    """Brings the tables to the newest version, all or nothing, and returns it.

    MariaDB and MySQL commit each table and column by itself: there, what an attempt has done stays, and the next one
    goes on after it. Raises OutboxVersionError when the outbox was written by a newer learnrelay than this one.
    """
    dialect = database.dialect
    with database.transaction(limit=MIGRATION_LIMIT) as plain_transaction:
        transaction = MigratingTransaction.of(plain_transaction)
        if dialect.one_migration and transaction.execute(dialect.one_migration) != [(1,)]:
            raise TransientError(f"outbox {database.name}: another process is migrating it")
        transaction.change(
            """CREATE TABLE IF NOT EXISTS learnrelay_schema (
                version INTEGER PRIMARY KEY, applied DOUBLE PRECISION NOT NULL)"""
        )
        current = _read_version(transaction)
        _refuse_newer(database, current, len(migrations))
        if current < dialect.first_version:
            for table in dialect.tables:
                transaction.change(table)
            current = dialect.first_version
            _record_version(transaction, current)
        for version, upgrade in enumerate(migrations[current:], current + 1):
            upgrade(transaction, dialect.label == "PostgreSQL")
            _record_version(transaction, version)
    return len(migrations)


def _record_version(transaction: Transaction, version: int) -> None:
    transaction.change(
        "INSERT INTO learnrelay_schema (version, applied) VALUES (:version, :applied)",
        version=version,
        applied=time.time(),
    )
