"""An outbox of an older version becomes a current one by itself, with what waits in it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from learnrelay.config.models import Delivery
from learnrelay.delivery import Outbox
from learnrelay.delivery.database import Database, Transaction
from learnrelay.delivery.tables import MIGRATIONS, migrate
from learnrelay.errors import OutboxError
from learnrelay.secrets import Secret

from .conftest import parcels


def add_a_column(transaction: Transaction, postgres: bool) -> None:
    transaction.change("ALTER TABLE learnrelay_statement ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey'")


def break_down(transaction: Transaction, postgres: bool) -> None:
    transaction.change("ALTER TABLE learnrelay_statement ADD COLUMN shape TEXT")
    transaction.change("ALTER TABLE learnrelay_nothing ADD COLUMN shape TEXT")


def version(database: Database) -> int:
    with database.transaction(write=False) as transaction:
        return int(transaction.execute("SELECT MAX(version) FROM learnrelay_schema")[0][0])


def test_forward_with_what_waits(database_url: Secret) -> None:
    outbox = Outbox.open(Delivery(database=database_url))
    outbox.put(parcels(1, 3, "a"))
    assert version(outbox.database) == len(MIGRATIONS)
    assert migrate(outbox.database, (*MIGRATIONS, add_a_column)) == len(MIGRATIONS) + 1
    with outbox.database.transaction() as transaction:
        assert transaction.execute("SELECT DISTINCT colour FROM learnrelay_statement") == [("grey",)]
    assert len(outbox.queue("a").claim(9).rows) == 3
    with pytest.raises(OutboxError, match="upgrade learnrelay"):
        Outbox.open(Delivery(database=database_url))
    outbox.close()


def test_all_or_nothing(database_url: Secret) -> None:
    outbox = Outbox.open(Delivery(database=database_url))
    with pytest.raises(OutboxError):
        migrate(outbox.database, (*MIGRATIONS, add_a_column, break_down))
    assert version(outbox.database) == len(MIGRATIONS)
    migrate(outbox.database, (*MIGRATIONS, add_a_column))
    outbox.close()


def test_many_processes_may_start_at_once(database_url: Secret) -> None:
    with ThreadPoolExecutor(8) as pool:
        outboxes = list(pool.map(lambda _: Outbox.open(Delivery(database=database_url)), range(8)))
    for outbox in outboxes:
        outbox.close()
