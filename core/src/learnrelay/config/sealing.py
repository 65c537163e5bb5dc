"""Encrypts and authenticates events that wait on a disk (Fernet: AES-128-CBC, HMAC).

The library comes with the extra ``deferred``, and is imported only when a key is configured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .secrets import Secret

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

MAKE_A_KEY = "openssl rand -base64 32 | tr '+/' '-_'"


class SealError(Exception):
    """Reports that no key opens a sealed text, or that it was altered."""


class Seal:
    """Seals with the first of its keys, opens with any: put a new key before the old one to rotate."""

    def __init__(self, keys: Secret) -> None:
        """Reads one or more keys, separated by blanks or newlines; each is 32 bytes in URL-safe base64.

        Raises ValueError with what to install or to write.
        """
        self._source = keys.source
        self._fernet = _fernet(keys)

    def __repr__(self) -> str:
        """Shows where the keys came from."""
        return f"Seal({self._source})"

    def seal(self, plain: bytes) -> bytes:
        """Encrypts bytes. The time (seconds) stays readable."""
        return self._fernet.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """Decrypts sealed bytes. Raises SealError."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise SealError(
                f"no key of {self._source} opens it: add the key that it was sealed with behind the others"
            ) from None


def _fernet(keys: Secret) -> MultiFernet:
    try:
        from cryptography.fernet import Fernet, MultiFernet
    except ImportError:
        raise ValueError('needs the library "cryptography": pip install "learnrelay[deferred]"') from None
    try:
        made = [Fernet(key) for key in keys.reveal().split()]
    except ValueError:
        made = []
    if not made:
        raise ValueError(f"{keys.source}: expected keys of 32 bytes in URL-safe base64; make one: {MAKE_A_KEY}")
    return MultiFernet(made)
