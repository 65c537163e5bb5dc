"""Defines the keys of inputs that read Open edX's event bus."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Any
from urllib.parse import SplitResult, urlsplit

from marshmallow import ValidationError, validates_schema

from learnrelay.config.fields import AuthoritiesFile, Flag, SecretText, Section, Text, described
from learnrelay.config.secrets import Secret

_ADDRESS = 'expected the address of a Redis, "redis://USER@HOST:PORT/NUMBER", or "rediss://…" with TLS'


class Topic(Text):
    """Accepts the name of a topic, of its prefix or of a group."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        name = super()._deserialize(value, attr, data, **kwargs)
        if not re.fullmatch(r"[\w.:{}-]{1,200}", name, re.ASCII):
            raise ValidationError('expected letters, digits and ".", "-", "_", ":"')
        return name


class BusSection(Section):
    """Validates what the settings of the platform say of a topic, whatever carries the bus.

    ``topic_prefix``: None without such. ``group``: of this relay alone.
    """

    topic = Topic(load_default="analytics", metadata=described("topic of the tracking events", '"analytics"'))
    topic_prefix = Topic(
        load_default=None,
        metadata=described(
            "prefix of the topics' names, `EVENT_BUS_TOPIC_PREFIX` of the platform", '"prod"', default="none"
        ),
    )
    group = Topic(load_default="learnrelay", metadata=described("consumer group of this relay alone", '"learnrelay"'))


class RedisAddress(SecretText):
    """Reads the address of a Redis. It is a secret where it is given by reference or holds a password."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        secret = super()._deserialize(value, attr, data, **kwargs)
        if find_spec("redis") is None:
            raise ValidationError("its client is not installed: pip install 'learnrelay-openedx[event-bus]'")
        parts = split_address(secret)
        is_plain = secret.source == "clear text" and not parts.password
        return secret.reveal() if is_plain else secret


def split_address(address: str | Secret) -> SplitResult:
    """Returns the parts of a Redis's address. Raises ValidationError, with nothing of it."""
    text = address.reveal() if isinstance(address, Secret) else address
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_valid = False
    if not is_valid or re.search(r"\s", text) or not re.fullmatch(r"/?\d{0,9}", parts.path):
        raise ValidationError(_ADDRESS)
    if parts.query or parts.fragment:
        raise ValidationError("an address has no options; TLS is rediss:// and ca_file")
    return parts


class RedisBusSection(BusSection):
    """Validates the keys of an input ``openedx_bus``. ``password``: where the address has none."""

    url = RedisAddress(
        required=True,
        metadata=described("address of the bus's Redis, `rediss://` with TLS", '"redis://redis.example.org:6379/0"'),
    )
    password = SecretText(
        load_default=None, metadata=described("its password, where the address has none", '"env:REDIS_PASSWORD"')
    )
    ca_file = AuthoritiesFile(
        load_default=None,
        metadata=described(
            "certificates (PEM) of the authorities that may have signed the server's",
            '"ca.pem"',
            default="those of the system",
        ),
    )

    @validates_schema
    def _fit_each_other(self, data: dict[str, Any], **_: Any) -> None:
        parts = split_address(data["url"])
        if parts.password and data["password"] is not None:
            raise ValidationError("the address has a password already", "password")
        if data["ca_file"] is not None and parts.scheme != "rediss":
            raise ValidationError("needs TLS: begin the address with rediss://", "ca_file")


class KafkaServers(Text):
    """Accepts the brokers of a Kafka to begin with."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        servers = super()._deserialize(value, attr, data, **kwargs)
        if find_spec("confluent_kafka") is None:
            raise ValidationError("its client is not installed: pip install 'learnrelay-openedx[event-bus-kafka]'")
        if not re.fullmatch(rf"{_BROKER}(,{_BROKER})*", servers, re.ASCII):
            raise ValidationError('expected brokers, "HOST:PORT", with "," between them')
        return servers


_BROKER = r"([\w.-]{1,253}|\[[0-9A-Fa-f:.]+\]):\d{1,5}"


class KafkaBusSection(BusSection):
    """Validates the keys of an input ``openedx_bus_kafka``. A user is told apart by TLS, as the platform does."""

    servers = KafkaServers(
        required=True,
        metadata=described(
            "brokers to begin with, `EVENT_BUS_KAFKA_BOOTSTRAP_SERVERS` of the platform", '"kafka.example.org:9092"'
        ),
    )
    username = Text(
        load_default=None,
        metadata=described("user, `EVENT_BUS_KAFKA_API_KEY`; with one, TLS is used", '"learnrelay"', default="none"),
    )
    password = SecretText(load_default=None, metadata=described("the user's password", '"env:KAFKA_PASSWORD"'))
    tls = Flag(load_default=False, metadata=described("whether TLS is used without a user", "true"))
    ca_file = AuthoritiesFile(
        load_default=None,
        metadata=described(
            "certificates (PEM) of the authorities that may have signed those of the brokers",
            '"ca.pem"',
            default="those of the system",
        ),
    )

    @validates_schema
    def _fit_each_other(self, data: dict[str, Any], **_: Any) -> None:
        for name, other in (("username", "password"), ("password", "username")):
            if data[name] is not None and data[other] is None:
                raise ValidationError(f"needs {other} beside it", name)
        if data["ca_file"] is not None and not (data["tls"] or data["username"]):
            raise ValidationError("needs TLS: set tls = true", "ca_file")
