"""Defines the keys of a destination whose consumer speaks HTTP: address, credentials, headers and TLS."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import marshmallow
from marshmallow import ValidationError, post_load, validates_schema

from .auth import MESSAGE_HEADERS, Auth, AuthField, HeaderSecret, find_header_fault
from .config.fields import AuthoritiesFile, FilePath, Flag, Section, Table, Url, described, in_words
from .config.secrets import Secret


class ClientCertificateSection(Section):
    """Validates ``client_cert = { cert = "relay.pem", key = "relay.key" }``: our certificate for a consumer."""

    cert = FilePath(required=True, metadata=described("file with our certificate (PEM)", '"relay.pem"'))
    key = FilePath(required=True, metadata=described("file with its key (PEM), without a passphrase", '"relay.key"'))

    @validates_schema
    def _a_pair(self, data: dict[str, Any], **_: Any) -> None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(data["cert"], data["key"], password="")
        except (OSError, ValueError):  # SSLError is an OSError
            raise ValidationError("is no certificate (PEM) that goes with a key without passphrase", "cert") from None

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> tuple[str, str]:
        return data["cert"], data["key"]


class HeadersField(marshmallow.fields.Field[Mapping[str, "str | Secret"]]):
    """Reads ``headers = { "X-Name" = "value", "X-Key" = "env:NAME" }``; values by reference are secrets."""

    form = "table: header = text, or secret by reference"
    json_schema: Mapping[str, Any] = MappingProxyType({"type": "object", "additionalProperties": {"type": "string"}})

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> dict[str, str | Secret]:
        if not isinstance(value, Mapping):
            raise ValidationError(f"expected a table of headers, found {in_words(value)}")
        headers: dict[str, str | Secret] = {}
        errors: dict[str, list[str]] = {}
        for name, text in value.items():
            try:
                headers[name] = self._load_header(name, text)
            except ValidationError as error:
                errors[name] = [str(message) for message in error.messages]
        if errors:
            raise ValidationError(errors)
        return headers

    @staticmethod
    def _load_header(name: str, text: Any) -> str | Secret:
        if name.lower() == "authorization":
            raise ValidationError("credentials belong under auth")
        if fault := find_header_fault(name, "x", MESSAGE_HEADERS):
            raise ValidationError(fault)
        if not isinstance(text, str):
            raise ValidationError(f"expected text in quotes, found {in_words(text)}")
        if text.startswith(("env:", "file:")):
            secret: Secret = HeaderSecret().deserialize(text)
            return secret
        if fault := find_header_fault(name, text):
            raise ValidationError(fault)
        return text


class HttpSection(Section):
    """Validates where and how HTTP is spoken with a consumer: the keys of the sink ``http``, and a base for others.

    Loads ``url``, ``auth`` (`learnrelay.auth.Auth`), ``headers`` (name → text or `Secret`), ``verify`` (bool, or the
    file with the authorities that may have signed the consumer's certificate) and ``client_cert`` (files with our
    certificate and its key, or None).
    """

    url = Url(
        required=True,
        metadata=described("address that the statements are sent to", '"https://lrs.example.org/statements"'),
    )
    auth = AuthField(
        load_default=Auth(),
        metadata=described(
            "credentials: the scheme, and its own keys",
            '{ scheme = "basic", username = "relay", password = "env:LRS_PASSWORD" }',
            default="no credentials",
        ),
    )
    headers = HeadersField(
        load_default=dict,
        metadata=described(
            "further headers of each request; values by reference are secrets",
            '{ "X-Tenant" = "harbour", "X-Key" = "env:GATEWAY_KEY" }',
            default="none",
        ),
    )
    verify_tls = Flag(load_default=True, metadata=described("whether the consumer's certificate is checked", "false"))
    ca_file = AuthoritiesFile(
        load_default=None,
        metadata=described(
            "certificates (PEM) of the authorities that may have signed the consumer's",
            '"ca.pem"',
            default="those of the system",
        ),
    )
    client_cert = Table(
        ClientCertificateSection,
        load_default=None,
        metadata=described(
            "our certificate, for consumers that ask for one", '{ cert = "relay.pem", key = "relay.key" }'
        ),
    )

    @validates_schema
    def _one_way(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("ca_file") and data.get("verify_tls") is False:
            raise ValidationError("has no place beside verify_tls = false", "ca_file")

    @post_load
    def _verified(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        verify, ca_file = data.pop("verify_tls"), data.pop("ca_file")
        return {**data, "verify": ca_file or verify}
