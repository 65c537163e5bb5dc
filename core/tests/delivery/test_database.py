"""What is wrong with a database is said in words that lead to its cure."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.errors import OutboxError
from learnrelay.outbox import Outbox
from services import postgres_url

from .conftest import statements


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "the outbox's tables are not there; was the file replaced?"), (b"notes\n" * 999, "not an SQLite database")],
)
@pytest.mark.parametrize("in_place", [True, False])
def test_another_file_in_its_place(content: bytes, reason: str, in_place: bool, tmp_path: Path) -> None:
    outbox = Outbox.open(Delivery(database=Secret(f"sqlite:///{tmp_path}/outbox.db")))
    outbox.put(statements(1, 1, "a"))
    if in_place:
        outbox.close()  # else SQLite goes on with what it has in memory
    else:
        for part in tmp_path.iterdir():
            part.unlink()
    (tmp_path / "outbox.db").write_bytes(content)
    with pytest.raises(OutboxError, match=reason.replace("?", r"\?")):
        outbox.put(statements(2, 2, "a"))
    outbox.close()


TAKE = """
import sys
from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.outbox import Outbox
outbox = Outbox.open(Delivery(database=Secret(sys.argv[1])))
print(len(outbox.queue("a").claim(9).rows))
outbox.close()
"""


def test_a_file_that_is_opened_twice_in_a_process_stays_the_file_of_all(tmp_path: Path) -> None:
    """To open the file and to close it again drops the locks of the whole process: then SQLite deletes a live WAL."""
    url = f"sqlite:///{tmp_path}/outbox.db"
    first = Outbox.open(Delivery(database=Secret(url)))
    first.put(statements(1, 3, "a"))
    second = Outbox.open(Delivery(database=Secret(url)))
    second.put(statements(4, 4, "a"))
    taken = subprocess.run([sys.executable, "-c", TAKE, url], capture_output=True, text=True, check=True, timeout=60)
    assert taken.stdout == "4\n"
    assert [first.status()["a"].leased, second.status()["a"].leased] == [4, 4]
    first.put(statements(5, 5, "a"))
    taken = subprocess.run([sys.executable, "-c", TAKE, url], capture_output=True, text=True, check=True, timeout=60)
    assert taken.stdout == "1\n"
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (lambda url: url.rpartition("/")[0] + "/nonesuch", "the database does not exist"),
        (lambda url: url.replace("//postgres@", "//nobody:x@"), "the database refuses the credentials"),
        (lambda url: url.replace(":5432", ":1"), "the database server does not answer"),
    ],
)
def test_a_server_that_does_not_let_us_in(address: Callable[[str], str], reason: str) -> None:
    database = Secret(address(postgres_url()))
    with pytest.raises(OutboxError, match=reason):
        Outbox.open(Delivery(database=database, wait=1.0))
