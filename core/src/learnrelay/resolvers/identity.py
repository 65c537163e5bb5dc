"""Who a learner is in the outputs: ``keyed`` pseudonyms and the operator's ``table`` (ADR 4)."""

from __future__ import annotations

import csv
import hmac
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from marshmallow import ValidationError, validates_schema

from ..config.fields import FilePath, OneOf, SecretText, Section, Text
from ..secrets import Secret
from ..site import IdentityProvider, Learner, UserRef

SHORTEST_SECRET = 16
RETIRED_PREFIX = "retired__user_"
"""How the platform renames a user who is retired, unless its settings say otherwise."""


def keyed_uuid(secret: Secret, *parts: str) -> str:
    """A UUID (version 8, custom) from HMAC-SHA256 over the parts: the same everywhere, meaningless without the key."""
    message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    digest = hmac.digest(secret.reveal().encode(), message, "sha256")
    value = int.from_bytes(digest[:16], "big")
    value = (value & ~(0xF << 76)) | (8 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return str(UUID(int=value))


class _Retired:
    """Users whom the platform has retired: it renames them, and nothing more is said of them."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._prefix: str = settings.get("retired_prefix", RETIRED_PREFIX)

    def __call__(self, user: UserRef) -> bool:
        return user.username is not None and user.username.startswith(self._prefix)


class KeyedSettings(Section):
    """``[identity] provider = "keyed"``. ``retired_prefix``: how the platform's names of retired users begin."""

    secret = SecretText(required=True, shortest=SHORTEST_SECRET)
    pseudonyms = OneOf(["per-standard", "shared"], load_default="per-standard")
    retired_prefix = Text(load_default=RETIRED_PREFIX)


class KeyedIdentity(IdentityProvider):
    """Pseudonyms derived from the user id with a keyed hash; another one in each space.

    With ``shared`` all standards see the same; destinations with pseudonyms of their own still do not. Where an event
    has only a user name, the pseudonym is derived from the name: it differs from that of the id.
    """

    name = "keyed"
    settings_schema = KeyedSettings

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._secret: Secret = settings["secret"]
        self._shared = settings["pseudonyms"] == "shared"
        self._retired = _Retired(settings)

    def learner(self, user: UserRef, space: str) -> Learner | None:
        """Anyone has a pseudonym, except who is retired."""
        return None if self._retired(user) else self.formerly(user, space)

    def formerly(self, user: UserRef, space: str) -> Learner:
        """The same for everyone."""
        told = ("id", user.user_id) if user.user_id else ("name", user.username or "")
        return Learner(keyed_uuid(self._secret, "learner", self._space(space), *told))

    def digest(self, value: str, space: str) -> str:
        """A keyed UUID of the value."""
        return keyed_uuid(self._secret, "digest", self._space(space), value)

    def knows_addresses(self) -> bool:
        """None: it knows nothing but what an event says."""
        return False

    def _space(self, space: str) -> str:
        return "" if self._shared and "/" not in space else space


class TableSettings(Section):
    """``[identity] provider = "table"``. Without a secret, digests are keyed with the table's own content."""

    path = FilePath(required=True)
    secret = SecretText(load_default=None, shortest=SHORTEST_SECRET)
    retired_prefix = Text(load_default=RETIRED_PREFIX)

    @validates_schema
    def _readable(self, data: dict[str, Any], **_: Any) -> None:
        try:
            read_table(data["path"])
        except (OSError, ValueError) as error:
            raise ValidationError(str(error), "path") from None


class TableIdentity(IdentityProvider):
    """The operator's own list: CSV with the columns ``user_id,username,external_id`` and perhaps ``email``.

    In the space of a destination with pseudonyms of its own the external id is replaced by a keyed hash of it.
    """

    name = "table"
    settings_schema = TableSettings

    def __init__(self, settings: Mapping[str, Any]) -> None:
        rows = read_table(settings["path"])
        learners = [(row, Learner(row["external_id"], row.get("email") or None)) for row in rows]
        self._by_id = {row["user_id"]: learner for row, learner in learners if row["user_id"]}
        self._by_name = {row["username"]: learner for row, learner in learners if row["username"]}
        content = "\n".join(f"{row['user_id']},{row['username']},{row['external_id']}" for row in rows)
        self._addresses = any(row.get("email") for row in rows)
        self._keyed = settings["secret"] is not None
        self._secret: Secret = settings["secret"] or Secret(content, "the table")
        self._retired = _Retired(settings)
        self._retired_ids = {row["user_id"] for row in rows if self._retired(UserRef(None, row["username"]))}

    def learner(self, user: UserRef, space: str) -> Learner | None:
        """By id, else by name; None for who is not in the table, or retired: there, or by the event's words."""
        if self._retired(user) or user.user_id in self._retired_ids:
            return None
        return self.formerly(user, space)

    def formerly(self, user: UserRef, space: str) -> Learner | None:
        """Whoever is in the table."""
        found = self._by_id.get(user.user_id or "")
        if found is None and user.username:
            found = self._by_name.get(user.username)
        if found is None:
            return None
        return Learner(keyed_uuid(self._secret, "learner", space, found.pseudonym)) if "/" in space else found

    def digest(self, value: str, space: str) -> str:
        """A keyed UUID of the value."""
        return keyed_uuid(self._secret, "digest", space, value)

    def knows_addresses(self) -> bool:
        """Whether the table has a column of them with anything in it."""
        return self._addresses

    def own_spaces(self) -> str | None:
        """They need a secret: made with the table's content they would change with every row."""
        return None if self._keyed else 'with the table, "own" needs a secret under [identity]'


def read_table(path: str) -> list[dict[str, str]]:
    """Rows of an identity table. Raises OSError, or ValueError naming line and column, never a value."""
    with open(path, encoding="utf-8-sig", newline="") as file:  # noqa: PTH123
        reader = csv.DictReader(file)
        wanted = {"user_id", "username", "external_id"}
        if missing := wanted - set(reader.fieldnames or ()):
            raise ValueError(f"{path}: no column {', '.join(sorted(missing))} in the first line")
        rows = []
        seen: dict[tuple[str, str], int] = {}
        for row in reader:
            clean = {key: (value or "").strip() for key, value in row.items() if isinstance(key, str)}
            if not clean["external_id"] or not (clean["user_id"] or clean["username"]):
                raise ValueError(f"{path}: line {reader.line_num} needs external_id, and user_id or username")
            for key in ("user_id", "username"):
                first = seen.setdefault((key, clean[key]), reader.line_num) if clean[key] else reader.line_num
                if first != reader.line_num:
                    raise ValueError(f"{path}: line {reader.line_num}: the same {key} as in line {first}")
            rows.append(clean)
    return rows
