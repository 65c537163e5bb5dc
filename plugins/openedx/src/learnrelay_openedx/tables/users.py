"""Finds users in the tables of the LMS.

What a query finds is compared again: in the collations of MySQL ``ADA`` and ``Ada `` equal ``Ada``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from uuid import UUID

from learnrelay import UserRef

from .database import LmsDatabase, Row

EXTERNAL_ID_TYPES = ("xapi", "caliper")
"""Types of external ids since Palm, which have the names of their standards."""
FORMER_TYPE = "lti"
"""The type of both before Palm, where the platform has no types of their own."""

_LONGEST_NAME = 150  # characters of auth_user.username

_USERS = """
    SELECT u.id, u.username, {email}, r.id, t.name, e.external_user_id
    FROM auth_user u
    LEFT JOIN user_api_userretirementrequest r ON r.user_id = u.id
    LEFT JOIN external_user_ids_externalidtype t ON t.name IN ('xapi', 'caliper', 'lti')
    LEFT JOIN external_user_ids_externalid e ON e.user_id = u.id AND e.external_id_type_id = t.id
    WHERE {condition}"""
_RETIRING = """
    SELECT s.user_id, s.original_username FROM user_api_userretirementstatus s
    WHERE s.original_username = %(username)s"""


@dataclass(slots=True)
class LmsUser:
    """Holds a user of the LMS. ``external_ids``: name of each type that the platform has → the user's id, or None."""

    user_id: int
    username: str
    email: str | None = None
    has_asked_to_retire: bool = False
    external_ids: dict[str, str | None] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Shows no personal value."""
        return "LmsUser(…)"

    def external_id_type(self, standard: str) -> str:
        """Returns the type of external ids that the platform has for a standard."""
        return FORMER_TYPE if self.external_ids.keys().isdisjoint(EXTERNAL_ID_TYPES) else standard


@dataclass(frozen=True, slots=True)
class UserFinder:
    """Finds users by id, else by name. ``with_email``: whether addresses are read. Its methods raise Unavailable."""

    database: LmsDatabase
    with_email: bool

    def find(self, user: UserRef) -> LmsUser | None:
        """Finds a user. An id counts alone: the name beside it may be a former one, and another's today."""
        if user.user_id is not None:
            if re.fullmatch(r"[1-9][0-9]{0,9}", user.user_id) is None:
                return None
            return next(iter(self._find("u.id = %(user_id)s", {"user_id": int(user.user_id)})), None)
        if not is_storable(user.username, _LONGEST_NAME):
            return None
        return self._find_named(user.username or "")

    def find_retired(self, username: str, prefix: str, salts: Sequence[str]) -> LmsUser | None:
        """Finds a retired user by the name before. ``salts``: the LMS's RETIRED_USER_SALTS, oldest first.

        For some time the platform knows the former name; then it is in the present one, as a hash with a salt.
        """
        if not is_storable(username, _LONGEST_NAME):
            return None
        for user_id, original in self.database.query(_RETIRING, {"username": username}):
            if original == username:
                return self.find(UserRef(str(user_id)))
        for salt in reversed(salts):
            hashed = sha1((salt + username.lower()).encode()).hexdigest()  # noqa: S324  # the platform's form
            if (user := self._find_named(prefix + hashed)) is not None:
                return user
        return None

    def _find_named(self, username: str) -> LmsUser | None:
        users = self._find("u.username = %(username)s", {"username": username})
        return next((user for user in users if user.username == username), None)

    def _find(self, condition: str, values: Mapping[str, int | str]) -> Sequence[LmsUser]:
        email = "u.email" if self.with_email else "''"
        return _gather(self.database.query(_USERS.format(email=email, condition=condition), values))


def _gather(rows: Sequence[Row]) -> list[LmsUser]:
    """Makes users of rows, of which each has one type of external ids."""
    users: dict[int, LmsUser] = {}
    for user_id, username, email, request, type_name, external_id in rows:
        user = users.setdefault(user_id, LmsUser(user_id, username, email or None, request is not None))
        if type_name is not None:
            user.external_ids[type_name] = None if external_id is None else str(UUID(str(external_id)))
    return list(users.values())


def is_storable(text: str | None, length: int) -> bool:
    """Tells whether a column of the LMS can hold a text."""
    if not text or len(text) > length:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
