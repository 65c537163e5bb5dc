"""Implements the auth schemes whose credentials are constant: ``basic``, ``bearer`` and ``header``."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, validates_schema

from ..auth import AuthScheme, HeaderSecret, OutgoingRequest, find_header_fault
from ..config.fields import SecretText, Section, Text, described


def _refuse_colon(username: str) -> None:
    if ":" in username:  # RFC 7617, 2: it ends the name
        raise ValidationError("must not hold a colon")


class BasicSection(Section):
    """Validates ``auth = { scheme = "basic", username = …, password = … }``."""

    username = Text(required=True, validate=_refuse_colon, metadata=described("user name, without a colon", '"relay"'))
    password = SecretText(required=True, metadata=described("its password", '"env:LRS_PASSWORD"'))


class BasicAuth(AuthScheme):
    """Gives user name and password (RFC 7617), as an LRS expects them."""

    name = "basic"
    settings_schema = BasicSection

    def headers(self, request: OutgoingRequest) -> Mapping[str, str]:
        """Returns ``Authorization: Basic …``."""
        return {"Authorization": encode_basic(self.settings["username"], self.settings["password"].reveal())}


def encode_basic(username: str, password: str) -> str:
    """Encodes user name and password for the header ``Authorization``."""
    return f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"


class BearerSection(Section):
    """Validates ``auth = { scheme = "bearer", token = … }``."""

    token = HeaderSecret(required=True, metadata=described("the token", '"env:CONSUMER_TOKEN"'))


class BearerAuth(AuthScheme):
    """Gives a token (RFC 6750)."""

    name = "bearer"
    settings_schema = BearerSection

    def headers(self, request: OutgoingRequest) -> Mapping[str, str]:
        """Returns ``Authorization: Bearer …``."""
        return {"Authorization": f"Bearer {self.settings['token'].reveal()}"}


class HeaderSection(Section):
    """Validates ``auth = { scheme = "header", name = "X-API-Key", value = … }``."""

    name = Text(required=True, metadata=described("name of the header", '"X-API-Key"'))
    value = HeaderSecret(required=True, metadata=described("its value", '"file:api.key"'))

    @validates_schema
    def _legal(self, data: dict[str, Any], **_: Any) -> None:
        if "name" in data and (fault := find_header_fault(data["name"], "x")):
            raise ValidationError(f"this header {fault}", "name")


class HeaderAuth(AuthScheme):
    """Gives a key in a header of a chosen name, as many gateways expect it."""

    name = "header"
    settings_schema = HeaderSection

    def headers(self, request: OutgoingRequest) -> Mapping[str, str]:
        """Returns this one header."""
        return {self.settings["name"]: self.settings["value"].reveal()}
