"""Validates ``[moodle]``: what the source cannot know of a site."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError

from learnrelay.config.fields import OneOf, Section, Text, TextList, described

_DIGITS = 'expected ids of Moodle\'s table user, in quotes: "2"'


class UserId(Text):
    """Accepts the id of a user, as text."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        return _check(super()._deserialize(value, attr, data, **kwargs))


class UserIds(TextList):
    """Accepts a list of ids of users, as texts."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        return tuple(map(_check, super()._deserialize(value, attr, data, **kwargs)))


def _check(user_id: str) -> str:
    if not (user_id.isascii() and user_id.isdigit()):
        raise ValidationError(_DIGITS)
    return user_id


class MoodleSettings(Section):
    """Declares the keys of ``[moodle]``.

    grades: who tells grades that come twice. guest: id of the guest account (``siteguest`` in Moodle's configuration).
    administrators: ids of those in whose names cron acts (the first of ``siteadmins``).
    """

    grades = OneOf(
        ["activities", "gradebook"],
        load_default="activities",
        metadata=described("who tells grades that Moodle logs twice: the activities, or the gradebook", '"gradebook"'),
    )
    guest = UserId(
        load_default="1", metadata=described("id of the guest account, `siteguest` in Moodle's configuration", '"1"')
    )
    administrators = UserIds(
        load_default=("2",),
        metadata=described("ids of those in whose names cron acts, the first of `siteadmins`", '["2", "5"]'),
    )
