"""Reads ERB's routers from the LMS's database, whose columns are encrypted with the platform's ``FERNET_KEYS``."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import RowMapping, column, create_engine, select, table
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from .router_rows import RouterRow, RouterSourceError, make_row

TABLE = "event_routing_backends_routerconfiguration"
_PLAIN = ("id", "enabled", "backend_name", "route_url", "auth_scheme")
_ENCRYPTED = ("auth_key", "username", "password", "configurations")
NOT_INSTALLED = "the columns of the database are decrypted with: pip install 'learnrelay-openedx[erb]'"


def read_table(url: str, keys: Sequence[str]) -> list[RouterRow]:
    """Reads all rows. ``url``: of SQLAlchemy; ``keys``: FERNET_KEYS of the LMS, else its SECRET_KEY.

    Raises RouterSourceError, which shows neither address nor key.
    """
    decrypt = _make_decryption(keys)
    routers = table(TABLE, *map(column, (*_PLAIN, *_ENCRYPTED)))
    try:
        engine = create_engine(url)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        reason = type(error).__name__
        raise RouterSourceError(
            f'the database\'s address cannot be used ({reason}): expected "mysql+pymysql://USER:PASSWORD@HOST/NAME" '
            "and its driver: pip install 'learnrelay[mysql]'"
        ) from None
    try:
        with engine.connect() as connection:
            found_rows = connection.execute(select(routers)).mappings().all()
    except SQLAlchemyError as error:
        raise RouterSourceError(f"the table {TABLE} cannot be read ({type(error).__name__})") from None
    finally:
        engine.dispose()
    return [_read_row(row, decrypt) for row in found_rows]


def _read_row(row: RowMapping, decrypt: Callable[[bytes], str]) -> RouterRow:
    place = f"router {row['id']}"
    fields: dict[str, Any] = {name: row[name] for name in _PLAIN}
    for name in _ENCRYPTED:
        if row[name] is None:
            continue
        token = row[name].encode() if isinstance(row[name], str) else bytes(row[name])
        try:
            fields[name] = decrypt(token)
        except ValueError:
            raise RouterSourceError(
                f"{place}: {name} cannot be decrypted with this key: give the value of FERNET_KEYS of the LMS, else "
                "that of SECRET_KEY"
            ) from None
    return make_row(row["id"], fields, place)


def _make_decryption(keys: Sequence[str]) -> Callable[[bytes], str]:
    """Makes the function that decrypts a token, with keys derived as django-fernet-fields derives them."""
    try:
        from cryptography.fernet import Fernet, InvalidToken, MultiFernet
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF
    except ImportError:
        raise RouterSourceError(NOT_INSTALLED) from None

    def derive(key: str) -> Fernet:
        kdf = HKDF(hashes.SHA256(), 32, salt=b"django-fernet-fields-hkdf-salt", info=b"django-fernet-fields")
        return Fernet(base64.urlsafe_b64encode(kdf.derive(key.encode())))

    fernet = MultiFernet([derive(key) for key in keys])

    def decrypt(token: bytes) -> str:
        try:
            return fernet.decrypt(token).decode()
        except InvalidToken:
            raise ValueError("no key fits") from None

    return decrypt
