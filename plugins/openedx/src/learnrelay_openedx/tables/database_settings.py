"""Validates the keys of the operator's file that say where the tables of the LMS are."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError

from learnrelay.config.fields import Duration, SecretText, Section, described
from learnrelay.config.secrets import Secret

IN_DJANGO = "django"
"""Value of ``database`` inside the LMS: its own connection."""

_FORM = (
    'expected "django" inside the LMS, elsewhere the address of its database, "mysql+pymysql://USER:PASSWORD@HOST/NAME"'
)
_CURE = "what reads the address is not installed: pip install 'learnrelay-openedx[tables]'"
_LONGEST_WAIT = 30.0


class DatabaseAddress(SecretText):
    """Reads ``"django"``, or by reference the address of a database, which may hold a password."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Secret:
        secret = super()._deserialize(value, attr, data, **kwargs)
        if secret.reveal() == IN_DJANGO:
            _check_django()
            return Secret(IN_DJANGO, IN_DJANGO)
        return _read_address(secret)


class WaitLimit(Duration):
    """Reads a time span between a tenth of a second and half a minute."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        seconds = super()._deserialize(value, attr, data, **kwargs)
        if not 0.1 <= seconds <= _LONGEST_WAIT:
            raise ValidationError('expected "100ms" to "30s"')
        return seconds


class DatabaseSettings(Section):
    """Validates the keys that both providers have. ``timeout``: seconds, to connect and again for each answer."""

    database = DatabaseAddress(
        required=True,
        metadata=described(
            '"django" inside the LMS, elsewhere the address of its database, which may hold a password',
            '"env:LMS_DATABASE"',
        ),
    )
    timeout = WaitLimit(
        load_default=2.0,
        metadata=described("longest wait for a connection, and again for each answer; 100ms to 30s", '"5s"'),
    )


def is_django_ready() -> bool:
    """Tells whether Django is set up in this process."""
    try:
        from django.apps import apps
        from django.conf import settings
    except ImportError:
        return False
    return bool(settings.configured and apps.ready)


def _check_django() -> None:
    if not is_django_ready():
        raise ValidationError(
            'no Django is set up in this process: run it as a command of the LMS ("manage.py lms …"), or give the '
            "address of the LMS's database"
        )


def _read_address(secret: Secret) -> Secret:
    """Returns an address with the name of its driver. Raises ValidationError, with nothing of the address."""
    try:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError
    except ImportError:
        raise ValidationError(_CURE) from None
    try:
        url = make_url(secret.reveal())
    except (ArgumentError, ValueError):
        raise ValidationError(_FORM) from None
    match url.drivername:
        case "mysql" | "mariadb" | "mysql+pymysql" | "mariadb+pymysql":
            if not url.host or not url.database:
                raise ValidationError(_FORM)
            try:
                import pymysql  # noqa: F401  # only whether it is there
            except ImportError:
                raise ValidationError(_CURE) from None
            url = url.set(drivername="mysql+pymysql")
        case "sqlite" if url.database and url.database != ":memory:":
            pass
        case _:
            raise ValidationError(_FORM)
    origin = secret.source if url.password is not None else "an address without a password"
    return Secret(url.render_as_string(hide_password=False), origin)
