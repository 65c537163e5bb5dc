"""What may stand in the operator's file, section by section (house: TOML, unknown keys are errors)."""

from __future__ import annotations

import re
import shutil
import ssl
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load, validates_schema

from ..sealing import MAKE_A_KEY, Seal
from .fields import (
    Address,
    Duration,
    FilePath,
    Flag,
    OneOf,
    SecretText,
    Section,
    Table,
    Text,
    TextList,
    Url,
    WholeNumber,
    in_words,
)  # fmt: skip
from .models import Alerts, Auth, Batch, Delivery, Metrics, Retry


class PlatformSection(Section):
    """``[platform]``: the learning platform the events come from."""

    root_url = Url(required=True)


class PluginsSection(Section):
    """``[plugins]``: names or globs, in calling order; who wins where two map the same event."""

    enabled = TextList(required=True)
    prefer = fields.Dict(keys=Text(), values=Text(), load_default=dict)


class AuthSection(Section):
    """``auth = { scheme = "basic", username = …, password = … }`` or ``{ scheme = "bearer", token = … }``."""

    scheme = OneOf(["basic", "bearer", "none"], required=True)
    username = Text(load_default="")
    password = SecretText(load_default=None)
    token = SecretText(load_default=None)

    @validates_schema
    def _complete(self, data: dict[str, Any], **_: Any) -> None:
        wanted = {"basic": ("username", "password"), "bearer": ("token",), "none": ()}[data["scheme"]]
        given = [key for key in ("username", "password", "token") if data.get(key)]
        errors = {key: [f'is missing for scheme "{data["scheme"]}"'] for key in wanted if key not in given}
        errors |= {key: [f'has no place in scheme "{data["scheme"]}"'] for key in given if key not in wanted}
        if errors:
            raise ValidationError(errors)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Auth:
        return Auth(data["scheme"], data["username"], data["password"] or data["token"])


class BatchSection(Section):
    """``batch = { size = 100, interval = "2s" }``."""

    size = WholeNumber(1, 10_000, load_default=100)
    interval = Duration(load_default=2.0)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Batch:
        return Batch(**data)


class RetrySection(Section):
    """``retry = { attempts = 12, backoff = "2s", ceiling = "15m" }``."""

    attempts = WholeNumber(1, 1000, load_default=12)
    backoff = Duration(load_default=2.0)
    ceiling = Duration(load_default=900.0)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Retry:
        return Retry(**data)


class ScopeField(Text):
    """``"all"``, or a table of whom a destination stands for (`learnrelay.access`)."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if value == "all" or (isinstance(value, dict) and value):
            return value
        raise ValidationError(
            'expected "all" or a table such as { org = "Harbour" }'
            + ("" if isinstance(value, str) else f", found {'an empty one' if value == {} else in_words(value)}")
        )


class MatchField(Text):
    """``match = { "source.path" = value or [values] }``."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError(f"expected a table of source paths, found {in_words(value)}")
        rules, errors = {}, {}
        for path, wanted in value.items():
            values = tuple(wanted) if isinstance(wanted, list) else (wanted,)
            if not all(path.split(".")):
                errors[path] = ['expected a dotted source path in quotes, such as "context.org_id"']
            elif not values or not all(isinstance(one, (str, int, float, bool)) for one in values):
                errors[path] = [f"expected a text, number or boolean, or a list of them, found {in_words(wanted)}"]
            rules[path] = values
        if errors:
            raise ValidationError(errors)
        return rules


class ClientCertificateSection(Section):
    """``client_cert = { cert = "relay.pem", key = "relay.key" }``: how we prove who we are, where a consumer asks."""

    cert = FilePath(required=True)
    key = FilePath(required=True)

    @validates_schema
    def _a_pair(self, data: dict[str, Any], **_: Any) -> None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(data["cert"], data["key"], password="")
        except (OSError, ValueError):  # SSLError is an OSError
            raise ValidationError("is no certificate (PEM) that goes with a key without passphrase", "cert") from None

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> tuple[str, str]:
        return data["cert"], data["key"]


class DestinationSection(Section):
    """``[destinations.NAME]``: one consumer."""

    standard = Text(required=True)
    url = Url(required=True)
    scope = ScopeField(
        required=True,
        error_messages={"required": 'is missing: say whom it stands for, scope = "all" or scope = {{ … }}'},
    )
    auth = Table(AuthSection, load_default=Auth())
    match = MatchField(load_default=dict)
    batch = Table(BatchSection)
    retry = Table(RetrySection)
    timeout = Duration(load_default=30.0)
    verify_tls = Flag(load_default=True)
    ca_file = FilePath(load_default=None)
    client_cert = Table(ClientCertificateSection, load_default=None)
    pseudonyms = OneOf(["standard", "own"], load_default="standard")

    @validates_schema
    def _one_way(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("ca_file") and data.get("verify_tls") is False:
            raise ValidationError("has no place beside verify_tls = false", "ca_file")
        if data.get("ca_file"):
            try:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(data["ca_file"])
            except OSError:
                raise ValidationError("holds no certificate (PEM) of an authority", "ca_file") from None

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        verify, ca_file = data.pop("verify_tls"), data.pop("ca_file")
        return {**data, "verify": ca_file or verify}


class DestinationNames(fields.Field[Any]):
    """The names in ``[destinations.NAME]``; what stands under them is read one by one.

    What has brackets is no destination's name, so the queues of the core's own can have them.
    """

    _form = re.compile(r"[A-Za-z0-9_.-]+")

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        names = value if isinstance(value, Mapping) else ()
        reason = 'expected a name of letters (A to Z, a to z), digits, "-", "_" and "."'
        if errors := {name: [reason] for name in names if not self._form.fullmatch(name)}:
            raise ValidationError(errors)
        return value


class AlertsSection(Section):
    """``[delivery.alerts]``: when to raise an alarm for a destination, and where besides the log."""

    waiting = WholeNumber(1, load_default=None, allow_none=True)
    age = Duration(load_default=3600.0)
    dead = WholeNumber(1, load_default=1)
    unavailable = Duration(load_default=60.0)
    webhook = SecretText(load_default=None)
    command = TextList(load_default=())

    @validates_schema
    def _there(self, data: dict[str, Any], **_: Any) -> None:
        if (command := data.get("command")) and shutil.which(command[0]) is None:
            raise ValidationError("there is no such program, or it may not be executed", "command")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Alerts:
        return Alerts(**data)


_DATABASE = re.compile(r"sqlite(\+\w+)?:///(?!(:memory:)?$)|postgresql(\+\w+)?://")
_NO_DATABASE = 'expected "sqlite:///FILE" or "postgresql+psycopg://HOST/NAME"'
_BROKER = re.compile(r"[a-z][a-z0-9+.-]*://")
_NO_BROKER = 'expected the address of Redis or RabbitMQ, "redis://HOST" or "amqp://HOST"'


class DeliverySection(Section):
    """``[delivery]``: engine and outbox."""

    engine = OneOf(["embedded", "celery"], load_default="embedded")
    database = SecretText(load_default=None)
    broker = SecretText(load_default=None)
    limit = WholeNumber(1, load_default=1_000_000)
    wait = Duration(load_default=5.0)
    lease = Duration(load_default=60.0)
    retention = Duration(load_default=None)
    critical = TextList(load_default=None)
    pipeline = OneOf(["emit", "worker"], load_default="emit")
    key = SecretText(load_default=None)
    alerts = Table(AlertsSection)

    @validates_schema
    def _complete(self, data: dict[str, Any], **_: Any) -> None:
        if data["engine"] == "celery" and data.get("broker") is None:
            raise ValidationError('is missing for engine "celery": the address of Redis or RabbitMQ', "broker")

    @validates_schema
    def _addressed(self, data: dict[str, Any], **_: Any) -> None:
        """No value in the messages: these addresses may hold passwords."""
        told = {"database": (_DATABASE, _NO_DATABASE), "broker": (_BROKER, _NO_BROKER)}
        errors = {
            key: [reason]
            for key, (form, reason) in told.items()
            if data.get(key) and not form.match(data[key].reveal())
        }
        if errors:
            raise ValidationError(errors)

    @validates_schema
    def _sealed(self, data: dict[str, Any], **_: Any) -> None:
        """With a pipeline in the worker, events wait in the outbox: only with a key that works."""
        if data["key"] is None:
            if data["pipeline"] == "worker":
                raise ValidationError(f'is missing for pipeline "worker"; make one: {MAKE_A_KEY}', "key")
            return
        try:
            Seal(data["key"])
        except ValueError as error:
            raise ValidationError(str(error), "key") from None

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Delivery:
        if data["database"] is None:
            del data["database"]
        return Delivery(**data)


class MetricsSection(Section):
    """``[metrics]``: where a worker answers Prometheus."""

    listen = Address(load_default=None)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Metrics:
        return Metrics(**data)


class ProviderSection(Section):
    """``[identity]`` and ``[courses]``: which provider; the other keys are the provider's own."""

    provider = Text(required=True)


class CoreSections(Section):
    """The sections of the core, with the names of the destinations; standards and providers have their own."""

    platform = Table(PlatformSection, required=True)
    plugins = Table(PluginsSection, required=True)
    delivery = Table(DeliverySection)
    destinations = DestinationNames()
    metrics = Table(MetricsSection)
