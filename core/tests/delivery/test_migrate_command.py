"""A schema changes by ``learnrelay migrate`` and by who delivers, not by a look; ``learnrelay backup`` copies all."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from installation import Installation
from learnrelay.config.models import Delivery
from learnrelay.config.secrets import Secret
from learnrelay.errors import OutboxError
from learnrelay.outbox import Outbox
from learnrelay.outbox.database import Database
from learnrelay.outbox.migrations import MIGRATIONS, migrate, read_version
from relay_files import relay_toml

from .conftest import statements

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(plain_installation: Installation, database_url: Secret, tmp_path: Path) -> Run:
    """Runs a command on an operator's file; returns its exit code and all that it wrote."""
    config = tmp_path / "relay.toml"
    config.write_text(relay_toml(delivery={"database": database_url.reveal()}))

    def run(command: str, *arguments: str | Path) -> tuple[int, str]:
        done = plain_installation.run(command, *arguments, SECRET="Kd7wq2Lmz9Xv4bTn", LEARNRELAY_CONFIG=str(config))
        return done.returncode, (done.stdout + done.stderr).decode()

    return run


ON_OLDER = pytest.mark.parametrize("database_url", ["sqlite", "postgres"], indirect=True)
"""On MariaDB and MySQL there is no outbox of version 5."""


def older_outbox(database_url: Secret) -> Database:
    database = Database(database_url, lock_timeout=5.0)
    database.create()
    migrate(database, MIGRATIONS[:5])
    return database


@ON_OLDER
def test_to_look_changes_nothing(run: Run, database_url: Secret) -> None:
    database = older_outbox(database_url)
    for look in (["status"], ["failed", "list"], ["failed", "abandon", "gone", "--yes"], ["status", "--json"]):
        code, output = run(*look)
        assert code == 2, output
        assert f"version 5, this learnrelay needs {len(MIGRATIONS)}: run learnrelay migrate" in output
    code, output = run("check", "--connect")
    assert code == 1
    assert "run learnrelay migrate" in output.replace("\n", " ")
    assert read_version(database) == 5

    code, output = run("migrate")
    assert (code, f"version {len(MIGRATIONS)}, was 5" in output) == (0, True), output
    assert read_version(database) == len(MIGRATIONS)
    assert run("status")[0] == run("check", "--connect")[0] == 0
    assert "nothing to do" in run("migrate")[1]
    database.close()


def test_to_look_creates_nothing(run: Run, database_url: Secret, tmp_path: Path) -> None:
    for look in (["status"], ["failed", "list"]):
        code, output = run(*look)
        assert (code, "not created yet" in output) == (2, True), output
    code, output = run("check", "--connect")
    assert (code, "without tables yet" in output) == (0, True), output
    assert not (tmp_path / "outbox.db").exists()
    assert "was empty" in run("migrate")[1]
    assert run("status")[0] == 0


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_older_outbox_can_be_copied_before_it_is_migrated(run: Run, database_url: Secret, tmp_path: Path) -> None:
    older_outbox(database_url).close()
    code, output = run("backup", tmp_path / "copy.db")
    assert code == 0, output
    copy = Database(Secret(f"sqlite:///{tmp_path / 'copy.db'}"), lock_timeout=1)
    assert read_version(copy) == 5
    copy.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_backup_has_what_is_still_in_the_log_beside_the_file(run: Run, database_url: Secret, tmp_path: Path) -> None:
    outbox = Outbox.open(Delivery(database=database_url))
    outbox.put(statements(1, 500, "a", "b"))
    with outbox.database.transaction(write=False) as reading:  # so that the log stays, and the copy is made beside it
        reading.execute("SELECT COUNT(*) FROM learnrelay_statement")
        outbox.put(statements(501, 600, "a", "b"))
        target = tmp_path / "copy.db"
        mask = os.umask(0)
        try:
            code, output = run("backup", target)
        finally:
            os.umask(mask)
        assert code == 0, output
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.glob("copy*")] == ["copy.db"]
    copy = Outbox.open(Delivery(database=Secret(f"sqlite:///{target}")))
    assert copy.status()["a"].waiting == copy.status()["b"].waiting == 600
    copy.close()
    code, output = run("backup", target)
    assert (code, "replaces nothing" in output) == (2, True)
    outbox.close()


@pytest.mark.parametrize(
    ("database_url", "tool"), [("postgres", "pg_dump"), ("mysql", "mariadb-dump")], indirect=["database_url"]
)
def test_a_backup_of_a_server_is_for_its_tools(run: Run, database_url: Secret, tool: str, tmp_path: Path) -> None:
    Outbox.open(Delivery(database=database_url)).close()
    code, output = run("backup", tmp_path / "copy.db")
    assert (code, tool in output) == (2, True)


def make_read_only(server: Any, _: object) -> None:
    if isinstance(server, psycopg.Connection):
        server.set_read_only(True)
    else:
        server.query("SET SESSION TRANSACTION READ ONLY")


def test_a_database_that_takes_no_more_is_noticed_and_left_as_it_was(database_url: Secret) -> None:
    outbox = Outbox.open(Delivery(database=database_url))
    outbox.put(statements(1, 10, "a"))
    outbox.database.check_room()
    assert read_version(outbox.database) == len(MIGRATIONS)
    if not outbox.database.has_server:
        outbox.database.close()
        event.listen(outbox.database._pool, "connect", lambda file, _: file.execute("PRAGMA max_page_count = 40"))
    else:
        event.listen(outbox.database._pool, "connect", make_read_only)
        outbox.database.close()
    with pytest.raises(OutboxError, match=r"the disk is full|read-only"):
        outbox.database.check_room()
    assert outbox.status()["a"].waiting == 10
    outbox.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_disk_that_takes_no_more_is_noticed(database_url: Secret, tmp_path: Path) -> None:
    outbox = Outbox.open(Delivery(database=database_url))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, limits[1]))
    try:
        with pytest.raises(OutboxError, match="File too large"):
            outbox.database.check_room()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    outbox.database.check_room()
    assert {path.suffix for path in tmp_path.iterdir()} <= {".db", ".db-wal", ".db-shm"}
    outbox.close()
