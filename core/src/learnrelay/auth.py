"""Defines an auth scheme, which gives the HTTP requests to a consumer their credentials.

::

    class KeyAuth(AuthScheme):
        name = "acme_key"
        settings_schema = KeySettings         # key = HeaderSecret(required=True)

        def headers(self, request):
            return {"X-Acme-Key": self.settings["key"].reveal()}

With the core come ``none``, ``basic``, ``bearer``, ``header`` and ``oauth2``.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar

import marshmallow
from marshmallow import ValidationError

from .config.fields import UNKNOWN, SecretText, Section, did_you_mean, in_words
from .config.problems import load_section
from .config.secrets import Secret
from .errors import AuthError

__all__ = [
    "Auth", "AuthError", "AuthField", "AuthScheme", "HeaderSecret", "NoAuth", "OutgoingRequest", "find_header_fault",
    "list_credentials",
]  # fmt: skip

MESSAGE_HEADERS = frozenset({
    "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect", "host",
    "keep-alive", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
})  # fmt: skip
"""Headers (lower case) that say how a request is sent, and what form its body has: they follow from the request."""


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """Holds a request that is about to be sent, without credentials.

    ``now``: UTC. ``time_left``: seconds that the exchange with the consumer may still take.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    now: datetime
    time_left: float


class AuthScheme(ABC):
    """Gives requests their credentials. Subclass it, contribute the class through ``register_auth_schemes``.

    Each thread that sends has an instance of its own; a child of a fork makes new ones.

    Class attributes
        name: value of ``scheme`` in ``auth = { scheme = "NAME", … }``, and name of the entry point.
        settings_schema: marshmallow schema of its other keys there. Base it on `learnrelay.config.fields.Section`;
            what nobody may see is a `SecretText`, or a `HeaderSecret` if it stands in a header as it is.
    """

    name: ClassVar[str]
    settings_schema: ClassVar[type[marshmallow.Schema]]

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Keeps the loaded settings. Opens nothing yet."""
        self.settings = settings

    @abstractmethod
    def headers(self, request: OutgoingRequest) -> Mapping[str, str]:
        """Returns the headers that prove who sends this request, within ``request.time_left`` seconds.

        Raises AuthError if they cannot be had: the batch is kept. Other exceptions count as such, with the name of
        their type as the reason.
        """

    def renew(self) -> bool:
        """Notes that the consumer has answered 401. Returns True if the next `headers` will differ.

        Then the request is sent once more; a second 401 stops the destination, as the first does otherwise.
        """
        return False


class NoAuth(AuthScheme):
    """Gives no credentials."""

    name = "none"
    settings_schema = Section

    def headers(self, request: OutgoingRequest) -> Mapping[str, str]:
        """Returns none."""
        return {}


@dataclass(frozen=True, slots=True)
class Auth:
    """Names the auth scheme of a destination, and holds its loaded settings."""

    scheme: type[AuthScheme] = NoAuth
    settings: Mapping[str, Any] = field(default_factory=dict)

    def make_scheme(self) -> AuthScheme:
        """Makes an instance, for one thread."""
        return self.scheme(self.settings)


AUTH_SCHEMES: ContextVar[Mapping[str, type[AuthScheme]]] = ContextVar(
    "auth_schemes", default=MappingProxyType({NoAuth.name: NoAuth})
)
"""Auth schemes that the file that is being read can name."""


class AuthField(marshmallow.fields.Field[Auth]):
    """Reads ``auth = { scheme = "NAME", … }`` as `Auth`; the scheme checks its own keys."""

    form = "table: scheme, and its keys"
    json_schema: Mapping[str, Any] = MappingProxyType({"$ref": "#/definitions/auth"})

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Auth:
        if not isinstance(value, Mapping):
            raise ValidationError(f"expected a table, found {in_words(value)}")
        schemes = AUTH_SCHEMES.get()
        name = value.get("scheme")
        if not isinstance(name, str):
            reason = f"expected text in quotes, found {in_words(name)}" if "scheme" in value else "is missing"
            raise ValidationError({"scheme": [f"{reason}; known: {', '.join(schemes)}"]})
        if name not in schemes:
            hint = did_you_mean(name, list(schemes))
            raise ValidationError({"scheme": [f"no such auth scheme is installed; known: {', '.join(schemes)}{hint}"]})
        own = {key: setting for key, setting in value.items() if key != "scheme"}
        settings, problems = load_section(schemes[name].settings_schema(), own, "", "")
        if problems:
            unknown = f'{UNKNOWN} of scheme "{name}"'
            raise ValidationError({
                problem.key or "_schema": [problem.reason.replace(UNKNOWN, unknown, 1)] for problem in problems
            })  # fmt: skip
        return Auth(schemes[name], settings)


_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?")


def find_header_fault(name: Any, value: Any, reserved: Collection[str] = MESSAGE_HEADERS) -> str:
    """Returns what is wrong with a header, without its value; empty for a sound one. ``reserved``: in lower case."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return "has a name that no header can have"
    if name.lower() in reserved:
        return "is set already"
    if not isinstance(value, str) or not _VALUE.fullmatch(value):
        return "has a value that no header can have: it is printable ASCII on one line"
    return ""


class HeaderSecret(SecretText):
    """Reads by reference a secret that stands in a header as it is."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Secret:
        secret = super()._deserialize(value, attr, data, **kwargs)
        if not _VALUE.fullmatch(secret.reveal()):
            raise ValidationError(
                f"the secret in {secret.source} cannot stand in a header: it is not printable ASCII on one line"
            )
        return secret


def list_credentials(headers: Mapping[str, str]) -> Iterator[str]:
    """Yields the texts of a scheme's headers that are masked in a consumer's answer, longest first for each header.

    These are the whole value, and what follows the first blank, as in ``Bearer TOKEN``.
    """
    for value in headers.values():
        yield value
        if credentials := value.partition(" ")[2]:
            yield credentials
