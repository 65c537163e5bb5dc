"""Routers from the LMS's database. The tokens were made by django-fernet-fields-v2 0.9, with two keys."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import create_engine, text

from learnrelay_openedx.erb.import_command import import_erb
from services import mysql_database

KEYS = {"ERB_KEY": "a key of the tests", "ERB_OLD_KEY": "an older key of the tests"}
PASSWORD = (
    "gAAAAABrDYasWZEyUUgWbMY4I6rJR8Aoy9LC67E2W8knqfWveT4JzQ6BdkpAyp7jzI4YCc3aAFaaUhEThICV0_zqiAZupBSTyIda7bOrFgOqhvY3"
    "ava6s5s="
)  # invented-password
CONFIGURATIONS = (
    "gAAAAABrDYasDwrwNc8gIqJ3FFHQwyd1URlouTap2aEMnBuwDWNuemRNUo0YN0WhreZlio6Q71ghC3A4FgOn9vRRMINHpVP02wmaGcyh4NYlhLm0"
    "jVj3K_OjFm5VGLy9BFz4nycOiQaq"
)  # {"match_params": {"context.org_id": "Reef"}}
USERNAME = (  # ferry, with the older key
    "gAAAAABrDYasvDzS8_jZ3EYnM7MybT1ML-tGY84wXBXd7SZniB5qz9gczzqrkMlWgT1a-SWJKBZ6xHSKo8UxPIC_kT29DLSplg=="
)
TABLE = """
CREATE TABLE event_routing_backends_routerconfiguration (
    id INTEGER PRIMARY KEY, change_date {time} NOT NULL, changed_by_id INTEGER NULL, enabled {flag} NOT NULL,
    backend_name VARCHAR(50) NOT NULL, route_url VARCHAR(255) NOT NULL, auth_scheme VARCHAR(6) NULL,
    auth_key {blob} NULL, username {blob} NULL, password {blob} NULL, configurations {blob} NULL)
"""


@pytest.fixture(params=["sqlite", "mysql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yields the URL of an LMS's database with two routers, of which the first is history."""
    if request.param == "sqlite":
        yield filled(f"sqlite:///{tmp_path / 'lms.db'}", time="TEXT", flag="BOOL", blob="BLOB")
    else:
        with mysql_database() as url:
            yield filled(url, time="DATETIME(6)", flag="TINYINT(1)", blob="LONGBLOB")


def filled(url: str, **types: str) -> str:
    row = "(:id, '2026-03-02 09:00:00', NULL, :enabled, 'xAPI', 'https://lrs.reef.example/', 'Basic', NULL, :u, :p, :c)"
    values = {"enabled": True, "u": USERNAME.encode(), "p": PASSWORD.encode()}
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(TABLE.format(**types)))
        for number, configurations in ((3, None), (4, CONFIGURATIONS.encode())):
            insert = text(f"INSERT INTO event_routing_backends_routerconfiguration VALUES {row}")
            connection.execute(insert, {**values, "id": number, "c": configurations})
    engine.dispose()
    return url


def run(monkeypatch: pytest.MonkeyPatch, url: str, *keys: str) -> Result:
    for name, key in {**KEYS, "LMS_DATABASE": url}.items():
        monkeypatch.setenv(name, key)
    options = [option for key in keys for option in ("--fernet-key", key)]
    arguments = ["--database", "env:LMS_DATABASE", *options, "--root-url", "https://campus.example"]
    return CliRunner().invoke(import_erb, arguments, catch_exceptions=False)


def test_rows_are_decrypted(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, database, "env:ERB_KEY", "env:ERB_OLD_KEY")
    assert result.exit_code == 0, result.stderr
    ((name, destination),) = tomllib.loads(result.stdout)["destinations"].items()
    assert name == "lrs-reef-example-4"
    assert destination["auth"]["username"] == "ferry"
    assert destination["match"]["context.org_id"] == ["glob:*Reef*"]
    assert "invented" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("url", "keys", "message"),
    [
        ("", ["env:ERB_OLD_KEY"], "router 3: password cannot be decrypted with this key"),
        ("sqlite:///{folder}/empty.db", ["env:ERB_KEY"], "cannot be read (OperationalError)"),
        ("no address", ["env:ERB_KEY"], "address cannot be used (ArgumentError)"),
        ("oracle+none://ann:invented@x/y", ["env:ERB_KEY"], "address cannot be used (NoSuchModuleError)"),
        ("mysql+pymysql://ann:invented@127.0.0.1:1/lms", ["env:ERB_KEY"], "cannot be read (OperationalError)"),
        ("", ["a key of the tests"], "--fernet-key: expected env:NAME"),
        ("", ["env:NOBODY_SET_THIS"], "environment variable NOBODY_SET_THIS is not set or empty"),
        ("", [], "--database and --fernet-key go together"),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, keys: list[str], message: str
) -> None:
    url = url.format(folder=tmp_path) or filled(
        f"sqlite:///{tmp_path / 'lms.db'}", time="TEXT", flag="BOOL", blob="BLOB"
    )
    result = run(monkeypatch, url, *keys)
    assert (bool(result.exit_code), result.stdout) == (True, "")
    assert message in result.stderr
    assert "invented" not in result.stderr
    assert "key of the tests" not in result.stderr


@pytest.mark.parametrize("module", ["cryptography.fernet", "re2"])
def test_without_the_extra_the_cure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    result = run(monkeypatch, f"sqlite:///{tmp_path / 'lms.db'}", "env:ERB_KEY")
    assert "pip install 'learnrelay-openedx[erb]'" in result.stderr
