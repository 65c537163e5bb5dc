"""Validates the section of an input ``http``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from marshmallow import post_load

from learnrelay.config.fields import Address, Duration, KeyText, OneOf, Section, TokenTables, WholeNumber, described
from learnrelay.config.secrets import Secret


@dataclass(frozen=True, slots=True)
class Token:
    """Holds the secret of a sender, whose word its events are, and how many it may send a second (None: any)."""

    secret: Secret
    trust: Literal["platform", "client"] = "platform"
    rate: int | None = None


class TokenSection(Section):
    """Validates ``[inputs.NAME.tokens.SENDER]``."""

    token = KeyText(
        required=True,
        metadata=described("secret that the sender gives as `Authorization: Bearer …`", '"env:LMS_TOKEN"'),
    )
    trust = OneOf(
        ["platform", "client"],
        load_default="platform",
        metadata=described(
            "whose word its events are: the platform's, or a client's, whose words decide nothing", '"client"'
        ),
    )
    rate = WholeNumber(
        1,
        load_default=None,
        metadata=described("events a second that it may send", "50", unit="events/s", default="any number"),
    )

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Token:
        return Token(data["token"], data["trust"], data["rate"])


class HttpSettings(Section):
    """Validates the keys of an input ``http``.

    ``largest``: bytes of a body, unpacked. ``wait``: for which a request waits to be stored. ``patience``: for which a
    client may take to send a request.
    """

    listen = Address(load_default=("127.0.0.1", 8080), metadata=described("where to listen", '"127.0.0.1:8080"'))
    tokens = TokenTables(
        TokenSection,
        "SENDER",
        required=True,
        metadata=described("senders, each with its token; one at least", '{ lms = { token = "env:LMS_TOKEN" } }'),
    )
    largest = WholeNumber(
        2**10,
        2**30,
        load_default=2**24,
        metadata=described("largest body of a request, unpacked", "67108864", unit="bytes"),
    )
    connections = WholeNumber(
        1, 100_000, load_default=200, metadata=described("connections at once", "1000", unit="connections")
    )
    wait = Duration(
        load_default=10.0, metadata=described("how long a request waits for its events to be stored", '"2s"')
    )
    patience = Duration(load_default=30.0, metadata=described("how long a client may take to send a request", '"1m"'))
