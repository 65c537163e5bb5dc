"""Provides pseudonyms: ``keyed`` hashes, or the operator's ``table`` (ADR 4)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from marshmallow import ValidationError, validates_schema

from ..config.fields import FilePath, KeyText, OneOf, Section, Text, described
from ..config.secrets import Secret
from ..providers import IdentityProvider, Learner, UserRef, is_retired, keyed_uuid


def identity_id(provider: IdentityProvider) -> str:
    """Returns an id of a provider with its secret; without a secret, pseudonyms depend on none."""
    return f"{provider.name}:{provider.key_id() or ''}"


class KeyedSettings(Section):
    """Validates ``[identity] provider = "keyed"``. ``retired_prefix`` replaces that of the source."""

    secret = KeyText(
        required=True,
        metadata=described(
            "secret from which pseudonyms are derived; with a new one everybody becomes a new person",
            '"env:LEARNRELAY_IDENTITY_SECRET"',
        ),
    )
    pseudonyms = OneOf(
        ["per-standard", "shared"],
        load_default="per-standard",
        metadata=described("whether a learner has another pseudonym in each standard, or one for all", '"shared"'),
    )
    retired_prefix = Text(
        load_default=None,
        metadata=described(
            "beginning of the names of retired users, of whom nothing is said",
            '"retired_"',
            default="that of the source",
        ),
    )


class KeyedIdentity(IdentityProvider):
    """Derives pseudonyms from the user id with a keyed hash; another one in each space.

    With ``shared`` all standards see the same; destinations with pseudonyms of their own still do not. Where an event
    has only a user name, the pseudonym is derived from the name: it differs from that of the id.
    """

    name = "keyed"
    settings_schema = KeyedSettings

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._secret: Secret = settings["secret"]
        self._shared = settings["pseudonyms"] == "shared"
        self.retired_prefix = settings.get("retired_prefix") or ""

    def learner(self, user: UserRef, space: str) -> Learner | None:
        """Derives the pseudonym of a user; None for a retired one."""
        return None if is_retired(user.username, self.retired_prefix) else self.learner_or_retired(user, space)

    def learner_or_retired(self, user: UserRef, space: str) -> Learner:
        """Derives the pseudonym of a user, retired or not."""
        parts = ("id", user.user_id) if user.user_id else ("name", user.username or "")
        return Learner(keyed_uuid(self._secret, "learner", self._space(space), *parts))

    def possible_learners(self, user: UserRef, space: str) -> Sequence[Learner]:
        """Derives the pseudonyms of a user under both values of ``pseudonyms``."""
        parts = ("id", user.user_id) if user.user_id else ("name", user.username or "")
        spaces = [space] if "/" in space else [space, ""]
        return [Learner(keyed_uuid(self._secret, "learner", of, *parts)) for of in spaces]

    def digest(self, value: str, space: str) -> str:
        """Derives a keyed UUID from the value."""
        return keyed_uuid(self._secret, "digest", self._space(space), value)

    def knows_addresses(self) -> bool:
        """Returns False: no e-mail address is known."""
        return False

    def _space(self, space: str) -> str:
        return "" if self._shared and "/" not in space else space


class IdentityTableSettings(Section):
    """Validates ``[identity] provider = "table"``. Without a secret, digests are keyed with the table's content."""

    path = FilePath(
        required=True,
        metadata=described(
            "CSV file with the columns user_id, username, external_id and perhaps email", '"identities.csv"'
        ),
    )
    secret = KeyText(
        load_default=None,
        metadata=described(
            "secret for digests of other values and for pseudonyms of single destinations",
            '"env:LEARNRELAY_IDENTITY_SECRET"',
            default="the content of the table",
        ),
    )
    retired_prefix = Text(
        load_default=None,
        metadata=described(
            "beginning of the names of retired users, of whom nothing is said",
            '"retired_"',
            default="that of the source",
        ),
    )

    @validates_schema
    def _readable(self, data: dict[str, Any], **_: Any) -> None:
        try:
            read_table(data["path"])
        except (OSError, ValueError) as error:
            raise ValidationError(str(error), "path") from None


class TableIdentity(IdentityProvider):
    """Reads pseudonyms from CSV with the columns ``user_id,username,external_id`` and optionally ``email``.

    In the space of a destination with pseudonyms of its own the external id is replaced by a keyed hash of it.
    """

    name = "table"
    settings_schema = IdentityTableSettings

    def __init__(self, settings: Mapping[str, Any]) -> None:
        rows = read_table(settings["path"])
        learners = [(row, Learner(row["external_id"], row.get("email") or None)) for row in rows]
        self._by_id = {row["user_id"]: learner for row, learner in learners if row["user_id"]}
        self._by_name = {row["username"]: learner for row, learner in learners if row["username"]}
        content = "\n".join(f"{row['user_id']},{row['username']},{row['external_id']}" for row in rows)
        self._addresses = any(row.get("email") for row in rows)
        self._keyed = settings["secret"] is not None
        self._secret: Secret = settings["secret"] or Secret(content, "the table")
        self._rows = rows
        self.retired_prefix = settings.get("retired_prefix") or ""

    def learner(self, user: UserRef, space: str) -> Learner | None:
        """Returns a learner by id, else by name; None when not in the table, or retired there or by the event."""
        if is_retired(user.username, self.retired_prefix) or user.user_id in self._retired_ids:
            return None
        return self.learner_or_retired(user, space)

    @cached_property
    def _retired_ids(self) -> set[str]:
        return {row["user_id"] for row in self._rows if is_retired(row["username"], self.retired_prefix)}

    def learner_or_retired(self, user: UserRef, space: str) -> Learner | None:
        """Returns a learner of the table by id, else by name, retired or not."""
        learner = self._by_id.get(user.user_id or "")
        if learner is None and user.username:
            learner = self._by_name.get(user.username)
        if learner is None:
            return None
        return Learner(keyed_uuid(self._secret, "learner", space, learner.pseudonym)) if "/" in space else learner

    def are_two_learners(self, user: UserRef) -> bool:
        """Tells whether the id is that of one learner of the table, and the name that of another."""
        by_id, by_name = self._by_id.get(user.user_id or ""), self._by_name.get(user.username or "")
        return by_id is not None and by_name is not None and by_id is not by_name

    def users(self) -> Iterator[UserRef]:
        """Yields all users of the table, retired or not."""
        return (UserRef(row["user_id"] or None, row["username"] or None) for row in self._rows)

    def digest(self, value: str, space: str) -> str:
        """Derives a keyed UUID from the value."""
        return keyed_uuid(self._secret, "digest", space, value)

    def knows_addresses(self) -> bool:
        """Tells whether any row of the table has an e-mail address."""
        return self._addresses

    def key_id(self) -> str | None:
        """Returns an id of the secret; None where digests are keyed with the table's content."""
        return super().key_id() if self._keyed else None

    def own_spaces(self) -> str | None:
        """Requires a secret: keyed with the table's content, pseudonyms would change with every row."""
        return None if self._keyed else 'with the table, "own" needs a secret under [identity]'


def read_table(path: str) -> list[dict[str, str]]:
    """Reads the rows of an identity table. Raises OSError, or ValueError naming line and column, never a value."""
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
