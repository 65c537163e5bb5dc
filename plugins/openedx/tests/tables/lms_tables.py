"""Tables of an LMS in SQLite and MariaDB: as much of them as the providers read.

``python lms_tables.py URL`` makes those that ``contract.toml`` of learnrelay-openedx needs.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, create_engine, event, text

from learnrelay_contract_tests.host import TITLED_COURSE
from learnrelay_openedx.tables.database_settings import DatabaseSettings
from learnrelay_openedx.tables.providers import OpenedxCourses, OpenedxIdentity, OpenedxIdentitySettings

SECRET = "a secret of the tests of tables"
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC).replace(tzinfo=None)

_TABLES = {
    "auth_user": "{id}, username VARCHAR(150) NOT NULL UNIQUE, email VARCHAR(254) NOT NULL,"
    " password VARCHAR(128) NOT NULL, is_active {flag} NOT NULL, is_staff {flag} NOT NULL,"
    " is_superuser {flag} NOT NULL, first_name VARCHAR(150) NOT NULL, last_name VARCHAR(150) NOT NULL,"
    " date_joined {time} NOT NULL, last_login {time} NULL",
    "external_user_ids_externalidtype": "{id}, created {time} NOT NULL, modified {time} NOT NULL,"
    " name VARCHAR(32) NOT NULL UNIQUE, description {text} NOT NULL",
    "external_user_ids_externalid": "{id}, created {time} NOT NULL, modified {time} NOT NULL,"
    " external_user_id {uuid} NOT NULL UNIQUE, external_id_type_id INTEGER NOT NULL, user_id INTEGER NOT NULL,"
    " UNIQUE (user_id, external_id_type_id),"
    " FOREIGN KEY (user_id) REFERENCES auth_user (id),"
    " FOREIGN KEY (external_id_type_id) REFERENCES external_user_ids_externalidtype (id)",
    "external_user_ids_historicalexternalid": "{history_id}, id INTEGER NOT NULL, created {time} NOT NULL,"
    " modified {time} NOT NULL, external_user_id {uuid} NOT NULL, external_id_type_id INTEGER NULL,"
    " user_id INTEGER NULL, history_date {time} NOT NULL, history_change_reason VARCHAR(100) NULL,"
    " history_type VARCHAR(1) NOT NULL, history_user_id INTEGER NULL",
    "user_api_userretirementrequest": "{id}, created {time} NOT NULL, modified {time} NOT NULL,"
    " user_id INTEGER NOT NULL UNIQUE",
    "user_api_userretirementstatus": "{id}, user_id INTEGER NOT NULL UNIQUE, original_username VARCHAR(150) NOT NULL",
    "course_overviews_courseoverview": "id VARCHAR(255) NOT NULL PRIMARY KEY, org {text} NOT NULL,"
    " display_name {text} NULL, language {text} NULL",
}
_SQLITE = {
    "id": "id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "time": "DATETIME", "flag": "BOOL", "text": "TEXT",
    "history_id": "history_id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "uuid": "CHAR(32)",
}  # fmt: skip
_MARIADB = {
    "id": "id INTEGER AUTO_INCREMENT NOT NULL PRIMARY KEY", "time": "DATETIME(6)", "flag": "BOOL",
    "text": "LONGTEXT", "history_id": "history_id INTEGER AUTO_INCREMENT NOT NULL PRIMARY KEY", "uuid": "CHAR(32)",
}  # fmt: skip


class LmsTables:
    """Writes into the tables of a site of its own. ``url``: their address, as an operator gives it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine: Engine = create_engine(url)
        self.is_mysql = self.engine.dialect.name == "mysql"
        if not self.is_mysql:
            event.listen(self.engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))

    def create(self, **types: str) -> None:
        """Makes the tables. ``types``: other types of columns, by their names here."""
        words = (_MARIADB if self.is_mysql else _SQLITE) | types
        with self.engine.begin() as connection:
            for name, declared in _TABLES.items():
                connection.execute(text(f"CREATE TABLE {name} ({declared.format_map(words)})"))

    def execute(self, sql: str, **values: Any) -> list[Any]:
        """Runs a statement, and returns its rows."""
        with self.engine.begin() as connection:
            result = connection.execute(text(sql), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def insert(self, table: str, **values: Any) -> None:
        """Writes a row."""
        marks = ", ".join(f":{name}" for name in values)
        self.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", **values)

    def empty(self) -> None:
        """Removes all rows, and adds the types of external ids of a platform since Palm."""
        types = ", ".join(f"('{name}', '', :now, :now)" for name in ("lti", "xapi", "caliper"))
        add = f"INSERT INTO external_user_ids_externalidtype (name, description, created, modified) VALUES {types}"
        with self.engine.begin() as connection:
            for table in reversed(_TABLES):
                connection.execute(text(f"DELETE FROM {table}"))
            connection.execute(text(add), {"now": NOW})

    def add_user(self, user_id: int, username: str, email: str = "", **external_ids: str) -> None:
        """Adds a user. ``external_ids``: name of a type → the id."""
        self.insert(
            "auth_user", id=user_id, username=username, email=email, password="", is_active=True, is_staff=False,
            is_superuser=False, first_name="", last_name="", date_joined=NOW,
        )  # fmt: skip
        for type_name, external_id in external_ids.items():
            self.add_external_id(user_id, type_name, external_id)

    def add_external_id(self, user_id: int, type_name: str, external_id: str) -> None:
        """Adds an external id."""
        find = "SELECT id FROM external_user_ids_externalidtype WHERE name = :name"
        type_id = self.execute(find, name=type_name)[0][0]
        self.insert(
            "external_user_ids_externalid", external_user_id=uuid.UUID(external_id).hex, external_id_type_id=type_id,
            user_id=user_id, created=NOW, modified=NOW,
        )  # fmt: skip

    def external_ids(self) -> list[tuple[int, str, str]]:
        """Returns user, name of the type and id of all external ids."""
        rows = self.execute(
            "SELECT e.user_id, t.name, e.external_user_id FROM external_user_ids_externalid e"
            " JOIN external_user_ids_externalidtype t ON t.id = e.external_id_type_id ORDER BY e.user_id, t.name"
        )
        return [(user_id, name, str(uuid.UUID(str(external_id)))) for user_id, name, external_id in rows]

    def ask_to_retire(self, user_id: int) -> None:
        """Does what the platform does when a learner asks to be retired."""
        username = self.execute("SELECT username FROM auth_user WHERE id = :id", id=user_id)[0][0]
        self.insert("user_api_userretirementrequest", user_id=user_id, created=NOW, modified=NOW)
        self.insert("user_api_userretirementstatus", user_id=user_id, original_username=username)

    def rename(self, user_id: int, username: str) -> None:
        """Gives a user another name."""
        self.execute("UPDATE auth_user SET username = :username WHERE id = :id", id=user_id, username=username)

    def add_course(self, course_id: str, title: str | None, language: str | None = None) -> None:
        """Adds the overview of a course."""
        self.insert(
            "course_overviews_courseoverview", id=course_id, org="Harbour", display_name=title, language=language
        )

    def identity_settings(self, **settings: Any) -> Mapping[str, Any]:
        """Returns settings of the identity provider for these tables."""
        return {"database": self.url, "secret": SECRET, **settings}

    def identity(self, **settings: Any) -> OpenedxIdentity:
        """Makes the identity provider, as start-up does."""
        provider = OpenedxIdentity(OpenedxIdentitySettings().load(self.identity_settings(**settings)))
        provider.retired_prefix = provider.retired_prefix or "retired__user_"
        return provider

    def courses(self, **settings: Any) -> OpenedxCourses:
        """Makes the course provider."""
        return OpenedxCourses(DatabaseSettings().load({"database": self.url, **settings}))


def make_contract_tables(url: str) -> None:
    """Makes tables with the learners of ``contract.toml``."""
    lms = LmsTables(url)
    lms.create()
    lms.empty()
    lms.add_user(7, "mira", xapi="0b6a3f5e-8d1c-4c55-9f0a-2f3c8a7e1d07")
    lms.add_user(8, "tomas_v")
    lms.add_course(TITLED_COURSE, "Sailing", "en")


if __name__ == "__main__":
    make_contract_tables(sys.argv[1])
