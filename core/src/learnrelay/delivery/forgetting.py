"""Remove for good what still waits or lies dead: about a learner, or for a destination that is no more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson

from .ledger import count, forget_payloads

if TYPE_CHECKING:
    from .outbox import Outbox

_CHUNK = 500
_TABLES = ("learnrelay_delivery", "learnrelay_dead_letter")


def forget(outbox: Outbox, pseudonym: str) -> int:
    """Remove every statement that names ``pseudonym``, for all destinations; says how many statements.

    It is looked for in the whole statement as a word of its own, however a standard writes it (account name,
    mbox, part of an IRI). What a consumer already has is the consumer's to forget.
    """
    if not pseudonym:
        return 0
    written = re.escape(orjson.dumps(pseudonym)[1:-1])  # as it stands in JSON
    more = rb"\.?" if "@" in pseudonym else b""  # example.org is not example.org.uk
    word = re.compile(rb"(?<![0-9A-Za-z_-])" + written + rb"(?!" + more + rb"[0-9A-Za-z_-])")
    removed, after = 0, -1
    while True:
        with outbox.database.transaction(write=False) as transaction:
            rows = transaction.execute(
                "SELECT key, payload FROM learnrelay_statement WHERE key > :after ORDER BY key LIMIT :chunk",
                after=after,
                chunk=_CHUNK,
            )
        if not rows:
            return removed
        after = rows[-1][0]
        keys = [key for key, payload in rows if word.search(payload)]
        removed += _remove(outbox, keys)


def abandon(outbox: Outbox, destination: str) -> int:
    """Remove all that waits or lies dead for ``destination``; says how many deliveries."""
    removed = 0
    for table in _TABLES:
        some = f"SELECT key FROM {table} WHERE destination = :destination ORDER BY key LIMIT {_CHUNK}"  # noqa: S608
        gone = _CHUNK
        while gone == _CHUNK:
            with outbox.database.transaction() as transaction:
                forget_payloads(transaction, f"SELECT key FROM ({some}) AS s", destination=destination)  # noqa: S608
                gone = transaction.change(
                    f"DELETE FROM {table} WHERE destination = :destination AND key IN ({some})",  # noqa: S608
                    destination=destination,
                )
                count(transaction, destination, waiting=-gone if table == _TABLES[0] else 0, dropped=gone)
            outbox.made_room()
            removed += gone
    return removed


def _remove(outbox: Outbox, keys: list[int]) -> int:
    removed = 0
    with outbox.database.transaction() as transaction:
        for key in keys:
            # First the statement: what is being put for it at this moment waits until nothing is left of it.
            removed += transaction.change("DELETE FROM learnrelay_statement WHERE key = :key", key=key)
            for table in _TABLES:
                waiting = -1 if table == "learnrelay_delivery" else 0
                for (name,) in transaction.execute(
                    f"""DELETE FROM {table} WHERE key = :key
                    AND destination IN (SELECT destination FROM learnrelay_tally) RETURNING destination""",  # noqa: S608
                    key=key,
                ):
                    count(transaction, name, waiting=waiting, dropped=1)
    outbox.made_room()
    return removed
