"""Deletes statements for good: those about a learner, and those for a destination that is no longer configured.

The outbox records under which identity (provider and secret) its statements were made: pseudonyms of an earlier one
cannot be derived from the present settings, and statements with them must not be overlooked in silence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from ..standards import Statement
from .counters import add_counts, delete_unshared_payloads
from .database import retry_deadlocks
from .store import Store

_CHUNK = 500
_TABLES = ("learnrelay_delivery", "learnrelay_dead_letter")


LearnersOf = Callable[[Statement], Iterable[str]]
"""Lists the names of learners in a statement, as `learnrelay.Standard.learners` does."""


@dataclass(slots=True)
class LearnerSearch:
    """Finds the statements that name a learner, for all destinations, waiting or dead.

    ``learners``: standard → the function that lists the names in its statements. ``names``: standard → the learner's
    names. ``matches``: (standard, name) → keys of statements. ``unreadable``: standard → number of statements that
    could not be searched. ``users``: standard → the names of all users, where they can be listed; ``strangers``: number
    of statements that name none of them.
    """

    learners: Mapping[str, LearnersOf]
    names: Mapping[str, Collection[str]]
    matches: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    unreadable: Counter[str] = field(default_factory=Counter)
    users: Mapping[str, Collection[str]] | None = None
    strangers: int = 0

    def run(self, store: Store) -> None:
        """Searches all statements. Raises OutboxError."""
        after = -1
        while True:
            with store.database.transaction(write=False) as transaction:
                rows = transaction.execute(
                    """SELECT key, standard, payload FROM learnrelay_statement WHERE key > :after AND standard <> ''
                    ORDER BY key LIMIT :chunk""",
                    after=after,
                    chunk=_CHUNK,
                )
            if not rows:
                return
            after = rows[-1][0]
            for key, standard, payload in rows:
                self._search(key, standard, payload)

    def _search(self, key: int, standard: str, payload: bytes) -> None:
        try:
            named = set(self.learners[standard](orjson.loads(payload)))
        except Exception:  # no plugin for the standard, or a faulty one: the operator gets the number
            self.unreadable[standard] += 1
            return
        matching = named.intersection(self.names.get(standard, ()))
        for name in matching:
            self.matches.setdefault((standard, name), []).append(key)
        if named and not matching and self.users is not None and named.isdisjoint(self.users.get(standard, ())):
            self.strangers += 1

    @property
    def keys(self) -> list[int]:
        """Returns the keys of all matching statements, each once."""
        return sorted({key for keys in self.matches.values() for key in keys})


def stored_standards(store: Store) -> list[str]:
    """Lists the standards of all statements in the outbox. Raises OutboxError."""
    with store.database.transaction(write=False) as transaction:
        rows = transaction.execute("SELECT DISTINCT standard FROM learnrelay_statement WHERE standard <> ''")
    return sorted(standard for (standard,) in rows)


def delete_statements(store: Store, keys: Sequence[int]) -> int:
    """Deletes statements for all destinations. Returns the number of those that were still there."""
    return sum(_delete_statements(store, keys[start : start + _CHUNK]) for start in range(0, len(keys), _CHUNK))


def abandon_destination(store: Store, destination: str) -> int:
    """Deletes the deliveries and dead letters of ``destination``. Returns their number."""
    deleted = 0
    for table in _TABLES:
        number = _CHUNK
        while number >= _CHUNK:
            number = _abandon_oldest(store, table, destination)
            deleted += number
    return deleted


@retry_deadlocks
def _abandon_oldest(store: Store, table: str, destination: str) -> int:
    chunk = f"SELECT key FROM {table} WHERE destination = :destination ORDER BY key LIMIT {_CHUNK}"  # noqa: S608
    oldest = f"FROM {table} WHERE destination = :destination AND key <= :last"
    with store.database.transaction() as transaction:
        ((last,),) = transaction.execute(f"SELECT MAX(key) FROM ({chunk}) AS s", destination=destination)  # noqa: S608
        delete_unshared_payloads(transaction, f"SELECT key {oldest}", destination=destination, last=last)
        number = transaction.change(f"DELETE {oldest}", destination=destination, last=last)
        waiting = -number if table == _TABLES[0] else 0
        add_counts(transaction, destination, waiting=waiting, dropped=number)
    store.made_room()
    return number


@retry_deadlocks
def _delete_statements(store: Store, keys: Sequence[int]) -> int:
    deleted = 0
    with store.database.transaction() as transaction:
        for key in keys:
            # The statement first: whoever puts it again at this moment waits until all of it is deleted.
            deleted += transaction.change("DELETE FROM learnrelay_statement WHERE key = :key", key=key)
            for table in _TABLES:
                waiting = -1 if table == "learnrelay_delivery" else 0
                for (name,) in transaction.execute(
                    f"""SELECT destination FROM {table} WHERE key = :key AND destination IN
                    (SELECT destination FROM learnrelay_delivery_counter)""",  # noqa: S608
                    key=key,
                ):
                    dropped = transaction.change(
                        f"DELETE FROM {table} WHERE destination = :destination AND key = :key",  # noqa: S608
                        destination=name,
                        key=key,
                    )
                    add_counts(transaction, name, waiting=waiting * dropped, dropped=dropped)
    store.made_room()
    return deleted


# --- identities ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IdentityPeriod:
    """Counts the statements that are left of a period under one identity.

    ``identity``: its id, empty for the period before identities were recorded. ``since``, ``until``: seconds since
    1970, None where the period is open.
    """

    identity: str
    since: float | None
    until: float | None
    statements: int


def record_identity(store: Store, identity: str) -> None:
    """Records the id of the identity whose pseudonyms are stored from now on. Raises OutboxError."""
    latest = "SELECT identity FROM learnrelay_identity ORDER BY since DESC LIMIT 1"
    with store.database.transaction(write=False) as transaction:
        if transaction.execute(latest) == [(identity,)]:
            return
    with store.database.transaction() as transaction:
        if transaction.execute(latest) != [(identity,)]:
            transaction.change(
                """INSERT INTO learnrelay_identity (since, identity) VALUES (:now, :identity)
                ON CONFLICT (since) DO UPDATE SET identity = excluded.identity""",
                now=store.clock(),
                identity=identity,
            )


def identity_periods(store: Store) -> list[IdentityPeriod]:
    """Lists the periods of which statements are left, oldest first. Raises OutboxError."""
    with store.database.transaction(write=False) as transaction:
        recorded = transaction.execute("SELECT since, identity FROM learnrelay_identity ORDER BY since")
        starts: list[tuple[float | None, str]] = [(None, ""), *[(since, identity) for since, identity in recorded]]
        periods = []
        for (since, identity), (until, _) in zip(starts, [*starts[1:], (None, "")], strict=True):
            ((number,),) = transaction.execute(
                """SELECT COUNT(*) FROM learnrelay_statement
                WHERE standard <> '' AND taken >= :since AND taken < :until""",
                since=since or 0.0,
                until=until or 1e12,
            )
            periods.append(IdentityPeriod(identity, since, until, int(number)))
    return [period for period in periods if period.statements]
