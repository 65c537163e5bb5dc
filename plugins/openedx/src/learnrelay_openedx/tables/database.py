"""Asks the database of the LMS within bounds of time, and says what its errors mean."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from learnrelay import Unavailable

from .database_settings import IN_DJANGO, is_django_ready

log = logging.getLogger("learnrelay.openedx")

Row = Sequence[Any]

LOCK_LIMIT = 1
"""Seconds that a new external id waits for a row that another transaction of the LMS holds."""

_DENIED = "the user may not do that: docs/openedx-tables.md lists the grants"
_REASONS: Mapping[int, str] = {
    1146: "a table of the LMS is not there: is it the LMS's database?",
    1054: "a column is not there: learnrelay does not know this release of the platform",
    **dict.fromkeys((1044, 1142, 1143, 1290, 1792), _DENIED),
    **dict.fromkeys((1045, 1698), "the database refuses the credentials"),
    1049: "the database does not exist",
    **dict.fromkeys((1040, 1203, 1226), "the database has too many connections"),
    **dict.fromkeys((1205, 3572), "another transaction holds the learner's row"),
    **dict.fromkeys((1969, 3024), "the database took too long"),
}
_NOT_STORABLE = (1267, 1270, 1366, 3854, 3988)
"""The server cannot compare a text with a column: its character set does not have the text, so no row does."""


class LmsDatabase(ABC):
    """Runs queries on the tables of the LMS. Threads may share it.

    Statements have values as ``%(name)s``. No call waits longer than a few times ``timeout``, in seconds.
    """

    def __init__(self, timeout: float, driver_error: type[Exception]) -> None:
        self.timeout = timeout
        self.driver_errors = (driver_error, OSError)

    def query(self, sql: str, values: Mapping[str, Any]) -> list[Row]:
        """Returns the rows; none where no column can hold a value. Raises Unavailable."""
        try:
            return self._run(sql, values)
        except self.driver_errors as error:
            if code_of(error) in _NOT_STORABLE:
                return []
            raise self.unavailable(error) from error

    @abstractmethod
    def _run(self, sql: str, values: Mapping[str, Any]) -> list[Row]:
        """Returns the rows. Raises what the driver raises."""

    @abstractmethod
    def create_external_id(self, user_id: int, type_name: str) -> str | None:
        """Returns the external id of a user, which is made if there is none; None without the user or the type.

        Raises Unavailable.
        """

    def retired_salts(self) -> Sequence[str]:
        """Returns the salts of the names of retired users, as far as the LMS's settings are at hand."""
        return ()

    def unavailable(self, error: Exception) -> Unavailable:
        """Logs why the database does not answer, without values, and returns the exception to raise."""
        code = code_of(error)
        reason = _REASONS.get(code) if code is not None else None
        if reason is None and code is not None and code < 2000:
            reason = "the database reports an error"
        shown = f" ({code})" if code is not None else f" ({type(error).__name__})"
        log.warning("the LMS's database: %s%s", reason or "it does not answer", shown)
        return Unavailable()


def code_of(error: Exception) -> int | None:
    """Returns the number of an error of MariaDB and MySQL; None for others."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, int) and not isinstance(error, OSError) else None


def open_database(settings: Mapping[str, Any]) -> LmsDatabase:
    """Returns the database that the settings name. Connects to nothing."""
    if _is_for_django(settings["database"].reveal()):
        from .django_database import DjangoDatabase

        return DjangoDatabase(settings["timeout"])
    from .direct_database import DirectDatabase

    return DirectDatabase(settings["database"], settings["timeout"])


def _is_for_django(address: str) -> bool:
    if address == IN_DJANGO or not is_django_ready():
        return address == IN_DJANGO
    from .django_database import is_of_this_lms

    return is_of_this_lms(address)
