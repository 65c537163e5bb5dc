"""Defines the providers ``openedx`` of ``[identity]`` and ``[courses]``, which ask the tables of the LMS (ADR 30)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marshmallow import ValidationError, validates_schema

from learnrelay import CourseProvider, IdentityProvider, Learner, UserRef, hookimpl
from learnrelay.config.fields import BASE, Flag, KeyText, Language, OneOf, Text, TextList, described
from learnrelay.config.secrets import Secret, read_secret
from learnrelay.providers import is_retired, keyed_uuid

from .database import Row, open_database
from .database_settings import DatabaseSettings
from .users import EXTERNAL_ID_TYPES, FORMER_TYPE, LmsUser, UserFinder, is_storable

log = logging.getLogger("learnrelay.openedx")

MAX_AGE = 300.0
"""Seconds for which an answer counts: so long a learner who was retired may still be named."""

_LONGEST_COURSE_ID = 255
_COURSES = "SELECT id, display_name, language FROM course_overviews_courseoverview WHERE id = %(course_id)s"


class SecretTexts(TextList):
    """Reads a list of secrets by reference."""

    form = "list of secrets, by reference"

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> tuple[Secret, ...]:
        try:
            return tuple(
                read_secret(reference, BASE.get()) for reference in super()._deserialize(value, attr, data, **kwargs)
            )
        except ValueError as error:
            if isinstance(error, ValidationError):
                raise
            raise ValidationError(str(error)) from None


class OpenedxIdentitySettings(DatabaseSettings):
    """Validates ``[identity] provider = "openedx"``.

    missing_ids: what becomes of a learner without an external id. emails: whether addresses are read. retired_salts:
    RETIRED_USER_SALTS of the LMS, where Django's settings are not at hand.
    """

    secret = KeyText(
        required=True,
        metadata=described(
            "secret for digests, and for pseudonyms where the table has none", '"env:LEARNRELAY_IDENTITY_SECRET"'
        ),
    )
    missing_ids = OneOf(
        ["skip", "create", "keyed"],
        load_default="skip",
        metadata=described(
            "what a learner without an external id gets: no statements, a new id in the table, or a keyed pseudonym",
            '"create"',
        ),
    )
    emails = Flag(
        load_default=False,
        metadata=described("whether e-mail addresses are read, for consumers that name learners by them", "true"),
    )
    retired_prefix = Text(
        load_default=None,
        metadata=described(
            "beginning of the names of retired users, of whom nothing is said",
            '"retired__user_"',
            default="that of the source",
        ),
    )
    retired_salts = SecretTexts(
        load_default=(),
        metadata=described(
            "RETIRED_USER_SALTS of the LMS, where Django's settings are not at hand",
            '["env:RETIRED_USER_SALT"]',
            default="none",
        ),
    )

    @validates_schema
    def _creatable(self, data: dict[str, Any], **_: Any) -> None:
        if data["missing_ids"] == "create" and data["database"].reveal().startswith("sqlite"):
            raise ValidationError("a copy of the tables in SQLite is only read", "missing_ids")


class OpenedxIdentity(IdentityProvider):
    """Names learners by their external ids in the LMS, as event-routing-backends and Aspects do.

    The pseudonyms of other standards, and those that a destination has of its own, are keyed hashes of the user's id.
    """

    name = "openedx"
    settings_schema = OpenedxIdentitySettings
    max_age = MAX_AGE

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._database = open_database(settings)
        self._users = UserFinder(self._database, settings["emails"])
        self._secret: Secret = settings["secret"]
        self._missing_ids: str = settings["missing_ids"]
        self._emails: bool = settings["emails"]
        self._salts: Sequence[Secret] = settings["retired_salts"]
        self.retired_prefix = settings["retired_prefix"] or ""

    def learner(self, user: UserRef, space: str) -> Learner | None:
        """Returns the learner; None for one who is unknown, deleted, retired, has asked for it, or has no external id.

        A former name of a retired user is unknown here.
        """
        if is_retired(user.username, self.retired_prefix):
            return None
        of_lms = self._users.find(user)
        if of_lms is None or of_lms.has_asked_to_retire or is_retired(of_lms.username, self.retired_prefix):
            return None
        return self._named(of_lms, space, may_create=self._missing_ids == "create")

    def learner_or_retired(self, user: UserRef, space: str) -> Learner | None:
        """Returns the learner, retired or not, by a former name too. Makes no external id."""
        of_lms = self._find_with_retired(user)
        return None if of_lms is None else self._named(of_lms, space, may_create=False)

    def possible_learners(self, user: UserRef, space: str) -> Sequence[Learner]:
        """Returns the learner by the external id, by that of platforms before Palm, and by the keyed hash."""
        of_lms = self._find_with_retired(user)
        if of_lms is None:
            return []
        names = [self._keyed(of_lms, space)]
        if space in EXTERNAL_ID_TYPES:
            names += [of_lms.external_ids.get(type_name) or "" for type_name in (space, FORMER_TYPE)]
        return [Learner(name, of_lms.email) for name in dict.fromkeys(names) if name]

    def digest(self, value: str, space: str) -> str:
        """Derives a keyed UUID from the value."""
        return keyed_uuid(self._secret, "digest", space, value)

    def knows_addresses(self) -> bool:
        """Tells whether addresses are read."""
        return self._emails

    def _find_with_retired(self, user: UserRef) -> LmsUser | None:
        of_lms = self._users.find(user)
        if of_lms is None and user.user_id is None and user.username:
            salts = [*self._database.retired_salts(), *(salt.reveal() for salt in self._salts)]
            return self._users.find_retired(user.username, self.retired_prefix, salts)
        return of_lms

    def _named(self, user: LmsUser, space: str, may_create: bool) -> Learner | None:
        if space not in EXTERNAL_ID_TYPES:
            return Learner(self._keyed(user, space), user.email)
        type_name = user.external_id_type(space)
        external_id = user.external_ids.get(type_name)
        if external_id is None and may_create:
            external_id = self._database.create_external_id(user.user_id, type_name)
        if external_id is None and self._missing_ids == "keyed":
            external_id = self._keyed(user, space)
        if external_id is None:
            log.debug("a learner has no external id of the type %s", type_name)
            return None
        return Learner(external_id, user.email)

    def _keyed(self, user: LmsUser, space: str) -> str:
        return keyed_uuid(self._secret, "learner", space, "id", str(user.user_id))


class OpenedxCourses(CourseProvider):
    """Reads titles and their languages from the course overviews of the LMS."""

    name = "openedx"
    settings_schema = DatabaseSettings
    max_age = MAX_AGE

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._database = open_database(settings)

    def title(self, course_id: str) -> str | None:
        """Returns the title; None for a course without an overview, which is made when the course is published."""
        row = self._find(course_id)
        return row[1].strip() or None if row is not None and row[1] is not None else None

    def language(self, course_id: str) -> str | None:
        """Returns the language that the course team has chosen, if it is a tag; None for no choice."""
        row = self._find(course_id)
        if row is None or not row[2]:
            return None
        try:
            return str(Language().deserialize(row[2].replace("_", "-")))
        except ValidationError:
            return None

    def knows(self, course_id: str) -> bool:
        """Tells whether the course has an overview."""
        return self._find(course_id) is not None

    def _find(self, course_id: str) -> Row | None:
        if not is_storable(course_id, _LONGEST_COURSE_ID):
            return None
        rows = self._database.query(_COURSES, {"course_id": course_id})
        return next((row for row in rows if row[0] == course_id), None)


@hookimpl
def register_identity_providers(register: Callable[[type[IdentityProvider]], None]) -> None:
    """Contributes the identity provider."""
    register(OpenedxIdentity)


@hookimpl
def register_course_providers(register: Callable[[type[CourseProvider]], None]) -> None:
    """Contributes the course provider."""
    register(OpenedxCourses)
