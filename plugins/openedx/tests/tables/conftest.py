"""The tables of an LMS, made and filled for each test."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from services import mysql_database

from .lms_tables import LmsTables

SITE = Path(__file__).with_name("lms_site.py")


def run_in_lms(url: str, function: str, **arguments: Any) -> Any:
    """Runs a function of `lms_site` in a process with Django."""
    return run_all_in_lms(url, (function, arguments))[0]


def run_all_in_lms(url: str, *calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """Runs functions of `lms_site` in one process with Django."""
    pytest.importorskip("django", reason="Django is not installed")
    done = subprocess.run(
        [sys.executable, str(SITE), url, json.dumps(calls)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    answers: list[Any] = json.loads(done.stdout)
    return answers


@contextmanager
def made_tables(kind: str, folder: Path) -> Iterator[LmsTables]:
    """Makes the tables: ``sqlite``; ``mariadb``, as Django makes them; ``mysql``, with the columns of MySQL 8."""
    where = nullcontext(f"sqlite:///{folder}/lms.sqlite") if kind == "sqlite" else mysql_database()
    with where as url:
        tables = LmsTables(url)
        if tables.is_mysql:
            tables.execute("ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci")  # Tutor's
        if kind == "mariadb":
            run_in_lms(url, "create")
            (column,) = tables.execute("SHOW COLUMNS FROM external_user_ids_externalid LIKE 'external_user_id'")
            assert column[1] == "uuid"
        else:
            tables.create()
        yield tables


@pytest.fixture(scope="module", params=["sqlite", "mysql", pytest.param("mariadb", marks=pytest.mark.slow)])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LmsTables]:
    """Returns the tables with the columns of each server."""
    with made_tables(request.param, tmp_path_factory.mktemp("lms")) as tables:
        yield tables


@pytest.fixture
def lms(made: LmsTables) -> LmsTables:
    """Returns them empty, as on a platform since Palm."""
    made.empty()
    return made
