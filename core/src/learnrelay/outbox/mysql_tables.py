"""Holds the outbox's tables in the words of MariaDB and MySQL, as migrations have made them up to `FIRST_VERSION`.

``migrations`` says what the tables are for. Names and ids are compared by their characters: upper and lower case,
accents and trailing blanks differ.
"""

from __future__ import annotations

FIRST_VERSION = 11
"""Version of the schema that these tables have. Later ones are made by migrations."""

_NAME = "VARCHAR(255)"
_WORD = "VARCHAR(32)"


# MariaDB and MySQL have no collation in common that does not ignore trailing blanks.
OPTIONS = """ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4
        /*M! COLLATE utf8mb4_nopad_bin */ /*!80000 COLLATE utf8mb4_0900_bin */"""
"""What follows the columns of each table."""


def _table(name: str, *parts: str) -> str:
    return f"CREATE TABLE learnrelay_{name} ({', '.join(parts)}) {OPTIONS}"


TABLES = (
    _table(
        "statement",
        "key BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY",
        "minute BIGINT NOT NULL",
        "standard VARCHAR(128) NOT NULL",
        "statement_id VARCHAR(512) NOT NULL",
        "content BIGINT NOT NULL",
        f"event_name {_NAME} NOT NULL",
        "event_time DOUBLE",
        "critical INTEGER NOT NULL",
        "taken DOUBLE NOT NULL",
        "payload LONGBLOB NOT NULL",
        "UNIQUE (minute, standard, statement_id, content)",
    ),
    _table(
        "delivery",
        f"destination {_NAME} NOT NULL",
        "key BIGINT NOT NULL",
        "attempts INTEGER NOT NULL DEFAULT 0",
        "next_attempt DOUBLE NOT NULL DEFAULT 0",
        "lease_until DOUBLE NOT NULL DEFAULT 0",
        f"lease_owner {_WORD}",
        "reason TEXT NOT NULL DEFAULT ('')",
        "batch VARCHAR(64)",
        "PRIMARY KEY (destination, key)",
        "INDEX learnrelay_delivery_key (key)",
        "INDEX learnrelay_delivery_batch (destination, batch)",
        "INDEX learnrelay_delivery_suspect (destination, attempts)",
    ),
    _table(
        "dead_letter",
        f"destination {_NAME} NOT NULL",
        "key BIGINT NOT NULL",
        "attempts INTEGER NOT NULL",
        "since DOUBLE NOT NULL",
        "reason TEXT NOT NULL",
        "conflict INTEGER NOT NULL DEFAULT 0",
        "PRIMARY KEY (destination, key)",
        "INDEX learnrelay_dead_letter_key (key)",
    ),
    _table(
        "delivery_counter",
        f"destination {_NAME} NOT NULL",
        "slot INTEGER NOT NULL",
        "accepted BIGINT NOT NULL DEFAULT 0",
        "duplicates BIGINT NOT NULL DEFAULT 0",
        "waiting BIGINT NOT NULL DEFAULT 0",
        "delivered BIGINT NOT NULL DEFAULT 0",
        "retried BIGINT NOT NULL DEFAULT 0",
        "died BIGINT NOT NULL DEFAULT 0",
        "dropped BIGINT NOT NULL DEFAULT 0",
        "PRIMARY KEY (destination, slot)",
    ),
    _table(
        "breaker",
        f"destination {_NAME} NOT NULL PRIMARY KEY",
        "failures INTEGER NOT NULL",
        "condition TEXT NOT NULL",
        "reason TEXT NOT NULL",
        "since DOUBLE NOT NULL",
        "paused_until DOUBLE NOT NULL",
        "proven INTEGER NOT NULL",
    ),
    _table(
        "alert",
        f"destination {_NAME} NOT NULL",
        f"condition {_WORD} NOT NULL",
        f"channel {_WORD} NOT NULL",
        "since DOUBLE NOT NULL",
        "PRIMARY KEY (destination, condition, channel)",
    ),
    _table(
        "timing",
        f"destination {_NAME} NOT NULL",
        f"what {_WORD} NOT NULL",
        "bucket INTEGER NOT NULL",
        "slot INTEGER NOT NULL",
        "number BIGINT NOT NULL",
        "seconds DOUBLE NOT NULL",
        "PRIMARY KEY (destination, what, bucket, slot)",
    ),
    _table(
        "outcome",
        f"subject {_NAME} NOT NULL",
        f"outcome {_WORD} NOT NULL",
        "reason VARCHAR(400) NOT NULL",
        "slot INTEGER NOT NULL",
        "number BIGINT NOT NULL",
        "PRIMARY KEY (subject, outcome, reason, slot)",
    ),
    _table("identity", "since DOUBLE NOT NULL PRIMARY KEY", f"identity {_NAME} NOT NULL"),
    _table(
        "look",
        f"queue {_NAME} NOT NULL PRIMARY KEY",
        "looked_at DOUBLE NOT NULL DEFAULT 0",
        "requested INTEGER NOT NULL DEFAULT 0",
        "planned_until DOUBLE NOT NULL DEFAULT 0",
        "checked_at DOUBLE NOT NULL DEFAULT 0",
    ),
    _table(
        "spool",
        f"segment {_NAME} NOT NULL PRIMARY KEY",
        "taken BIGINT NOT NULL",
        "removed DOUBLE",
        "INDEX learnrelay_spool_removed (removed)",
    ),
    _table(
        "refusal",
        f"reason {_NAME} NOT NULL",
        "slot INTEGER NOT NULL",
        "number BIGINT NOT NULL",
        "latest DOUBLE NOT NULL",
        "PRIMARY KEY (reason, slot)",
    ),
    _table(
        "input",
        "input VARCHAR(512) NOT NULL PRIMARY KEY",
        "position LONGTEXT NOT NULL",
        f"holder {_NAME} NOT NULL",
        "held_until DOUBLE NOT NULL",
        "stored DOUBLE NOT NULL",
    ),
)
