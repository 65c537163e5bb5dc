"""Asks the database of the LMS inside of it, by the settings, the driver and the models that the LMS has."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.contrib.auth import get_user_model
from django.db import Error as DjangoError
from django.db import connections

from learnrelay import Unavailable

from .database import LOCK_LIMIT, LmsDatabase, Row, log

_DATABASE = "default"
_APP = "external_user_ids"
_MYSQL_PORT = 3306


def is_of_this_lms(address: str) -> bool:
    """Tells whether this process is the LMS whose database has that address.

    Then ``"django"`` is better than the address, which a file has that a worker reads too: it sees what a request has
    just written, and external ids are made by the platform. Studio has no model of them.
    """
    from sqlalchemy import make_url  # which "django" does without

    url, connection = make_url(address), connections[_DATABASE]
    own = connection.settings_dict
    return (
        "externalid" in apps.all_models[_APP]
        and url.get_backend_name() == connection.vendor == "mysql"
        and (url.host, url.port or _MYSQL_PORT) == (own["HOST"], int(own["PORT"] or _MYSQL_PORT))
        and url.database == own["NAME"]
    )


class DjangoDatabase(LmsDatabase):
    """Uses the connection of a transaction that is open, which sees what the request has written, else one of its own.

    The first has the time limits of the LMS's DATABASES, the second those of the operator's file.
    """

    def __init__(self, timeout: float) -> None:
        super().__init__(timeout, DjangoError)

    def _run(self, sql: str, values: Mapping[str, Any]) -> list[Row]:
        if connections[_DATABASE].in_atomic_block:
            return _execute(connections[_DATABASE], sql, values)
        with closing(self._copy()) as connection:
            return _execute(connection, sql, values)

    def _copy(self) -> Any:
        """Returns an own connection, not yet open, with limits of time where its driver has them."""
        connection = connections[_DATABASE].copy(_DATABASE)
        if connection.vendor == "mysql":
            limit = max(1, round(self.timeout))  # mysqlclient takes whole seconds
            limits = {"connect_timeout": limit, "read_timeout": limit, "write_timeout": limit}
            connection.settings_dict["OPTIONS"] = {**connection.settings_dict["OPTIONS"], **limits}
        return connection

    def create_external_id(self, user_id: int, type_name: str) -> str | None:
        """Has the platform make the external id, so that its history and its signals are as ever.

        A thread of its own does it, outside of the request's transaction: where that fails, the id must not be gone,
        for statements have it. A row that the request holds cannot be waited for in it.
        """
        try:
            model = apps.get_model(_APP, "ExternalId")
        except LookupError as error:
            log.warning("no external id can be made: %s is no app of this process; one of the LMS can", _APP)
            raise Unavailable from error
        creation = _Creation(model, user_id, type_name)
        thread = threading.Thread(target=creation.run, name="learnrelay-external-id", daemon=True)
        thread.start()
        thread.join(2 * self.timeout + LOCK_LIMIT)
        if thread.is_alive():
            raise self.unavailable(TimeoutError())
        if creation.error is not None:
            if isinstance(creation.error, self.driver_errors):
                raise self.unavailable(creation.error) from creation.error
            raise creation.error
        return creation.external_id

    def retired_salts(self) -> Sequence[str]:
        """Returns those of the LMS."""
        return tuple(getattr(django_settings, "RETIRED_USER_SALTS", ()))


class _Creation:
    """Makes an external id in a thread, with Django's connection of that thread."""

    def __init__(self, model: Any, user_id: int, type_name: str) -> None:
        self._model = model
        self._user_id = user_id
        self._type_name = type_name
        self.external_id: str | None = None
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            if connections[_DATABASE].vendor == "mysql":
                with connections[_DATABASE].cursor() as cursor:
                    cursor.execute(f"SET SESSION innodb_lock_wait_timeout = {LOCK_LIMIT}")
            user = get_user_model().objects.filter(pk=self._user_id).first()
            if user is not None:
                created, _ = self._model.add_new_user_id(user, self._type_name)
                self.external_id = None if created is None else str(created.external_user_id)
        except Exception as error:  # raised again in the thread that waits
            self.error = error
        finally:
            connections.close_all()


def _execute(connection: Any, sql: str, values: Mapping[str, Any]) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
