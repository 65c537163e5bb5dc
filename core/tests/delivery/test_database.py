"""What is wrong with a database is said in words that lead to its cure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from learnrelay.config.models import Delivery
from learnrelay.delivery import Outbox
from learnrelay.errors import OutboxError
from learnrelay.secrets import Secret

from .conftest import POSTGRES, parcels


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "the outbox's tables are not there; was the file replaced?"), (b"notes\n" * 999, "not an SQLite database")],
)
@pytest.mark.parametrize("in_place", [True, False])
def test_another_file_in_its_place(content: bytes, reason: str, in_place: bool, tmp_path: Path) -> None:
    outbox = Outbox.open(Delivery(database=Secret(f"sqlite:///{tmp_path}/outbox.db")))
    outbox.put(parcels(1, 1, "a"))
    if in_place:
        outbox.close()  # else SQLite goes on with what it has in memory
    else:
        for part in tmp_path.iterdir():
            part.unlink()
    (tmp_path / "outbox.db").write_bytes(content)
    with pytest.raises(OutboxError, match=reason.replace("?", r"\?")):
        outbox.put(parcels(2, 2, "a"))
    outbox.close()


@pytest.mark.skipif(not POSTGRES, reason="no LEARNRELAY_TEST_POSTGRES_URL")
@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (lambda url: url.rpartition("/")[0] + "/nonesuch", "the database does not exist"),
        (lambda url: url.replace("//postgres@", "//nobody:x@"), "the database refuses the credentials"),
        (lambda url: url.replace(":5432", ":1"), "the database server does not answer"),
    ],
)
def test_a_server_that_does_not_let_us_in(address: Callable[[str], str], reason: str) -> None:
    with pytest.raises(OutboxError, match=reason):
        Outbox.open(Delivery(database=Secret(address(POSTGRES)), wait=1.0))
