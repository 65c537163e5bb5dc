"""Implements the auth scheme ``oauth2``: when a token is asked for, and for how long it is used."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib.util import find_spec
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError, validates_schema

from ..auth import AuthError, AuthScheme, OutgoingRequest
from ..config.fields import AuthoritiesFile, OneOf, SecretText, Section, Text, Url, described
from ..config.secrets import Secret

_EXCHANGE = 10.0  # seconds for one exchange with a token server
_MARGIN = 30.0  # seconds before the end of a token, or a fifth of its life, at which a new one is asked for
_PAUSE = 5.0  # seconds for which a token server is left alone that gave no new token while the old one is good


class TokenUrl(Url):
    """Accepts an https address; http is for this machine alone, because the client's secret goes there."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        parts = urlsplit(text)
        if parts.scheme != "https" and not _is_loopback(str(parts.hostname)):
            raise ValidationError("expected an https address: the secret of the client goes there")
        return text


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class OAuth2Section(Section):
    """Validates ``auth = { scheme = "oauth2", token_url = …, client_id = …, client_secret = … }``."""

    token_url = TokenUrl(
        required=True, metadata=described("address of the token server, https", '"https://auth.example.org/token"')
    )
    client_id = Text(required=True, metadata=described("id of the client", '"relay"'))
    client_secret = SecretText(required=True, metadata=described("its secret", '"env:OAUTH_SECRET"'))
    client_auth = OneOf(
        ["basic", "body"],
        load_default="basic",
        metadata=described("how the client proves itself: in the header, or in the body", '"body"'),
    )
    scope = Text(load_default=None, metadata=described("scope to ask for", '"statements/write"'))
    audience = Text(load_default=None, metadata=described("audience to ask for", '"https://lrs.example.org"'))
    resource = Text(
        load_default=None, metadata=described("resource to ask for (RFC 8707)", '"https://lrs.example.org/statements"')
    )
    ca_file = AuthoritiesFile(
        load_default=None,
        metadata=described(
            "certificates (PEM) of the authorities that may have signed the token server's",
            '"ca.pem"',
            default="those of the system",
        ),
    )

    @validates_schema
    def _installed(self, data: dict[str, Any], **_: Any) -> None:
        if find_spec("oauthlib") is None:
            raise ValidationError('a library is missing: pip install "learnrelay[oauth2]"', "scheme")


class OAuth2Auth(AuthScheme):
    """Gives a token of a token server. It is kept in memory alone, until shortly before it ends.

    A token's life counts from the moment at which it was asked for, by this process's clock: others may differ.
    """

    name = "oauth2"
    settings_schema = OAuth2Section

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self._token: Secret | None = None
        self._renew_at = self._ends_at = 0.0

    def headers(self, request: OutgoingRequest) -> Mapping[str, str]:
        """Returns ``Authorization: Bearer …``, with a new token if there is none, or the last one ends soon."""
        if self._token is None or time.monotonic() >= self._renew_at:
            try:
                # The consumer needs some time too. Rounded, because reasons name it.
                self._fetch_token(min(_EXCHANGE, max(round(request.time_left / 2, 1), 0.1)))
            except AuthError:
                if self._token is None or time.monotonic() >= self._ends_at:
                    self._token = None
                    raise
                self._renew_at = time.monotonic() + _PAUSE
        assert self._token is not None
        return {"Authorization": f"Bearer {self._token.reveal()}"}

    def renew(self) -> bool:
        """Drops the token: it was withdrawn, or has ended by the consumer's clock."""
        self._token = None
        return True

    def _fetch_token(self, patience: float) -> None:
        """Asks the token server for a token, within ``patience`` seconds. Raises AuthError."""
        from .token_server import ask_for_token  # brings HTTP with it

        asked_at = time.monotonic()
        token, lifetime = ask_for_token(self.settings, patience)
        self._token = Secret(token, "the token server")
        self._ends_at = asked_at + lifetime
        self._renew_at = self._ends_at - min(_MARGIN, lifetime / 5)
