"""Defines the schema of the operator's file (TOML), section by section."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from marshmallow import ValidationError, fields, post_load, validates_schema

from .fields import (
    BASE,
    UNKNOWN_LANGUAGE,
    Address,
    Duration,
    FilePaths,
    Language,
    OneOf,
    SecretText,
    Section,
    Table,
    Tables,
    Text,
    TextList,
    Url,
    WholeNumber,
    in_words,
)
from .models import Alerts, BatchLimits, Delivery, Metrics, Retry
from .route_tests import RouteTestSection
from .sealing import MAKE_A_KEY, Seal
from .secrets import Secret, read_secret


class RootUrl(Url):
    """Accepts an address, or the variable that holds it: ``"env:NAME"``."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not (isinstance(value, str) and value.startswith("env:")):
            return super()._deserialize(value, attr, data, **kwargs)
        try:
            return super()._deserialize(read_secret(value, BASE.get()).reveal(), attr, data, **kwargs)
        except ValueError as error:
            raise ValidationError(str(error)) from None
        except ValidationError as error:
            raise ValidationError(f"{value}: {error.messages[0]}") from None


class PlatformSection(Section):
    """Validates ``[platform]``: the learning platform. ``source`` is optional when a single source is installed.

    ``root_url``: its address, or ``"env:NAME"`` where its processes know that themselves. ``language``: that of its
    texts, such as ``"pt-BR"``.
    """

    root_url = RootUrl(required=True)
    source = Text(load_default=None)
    language = Language(load_default=UNKNOWN_LANGUAGE)


class PluginsSection(Section):
    """Validates ``[plugins]``: names or globs in calling order, and the preferred family of an event with two.

    ``files``: single-file plugins, called after those.
    """

    enabled = TextList(load_default=None)
    files = FilePaths(load_default=())
    prefer = fields.Dict(keys=Text(), values=Text(), load_default=dict)

    @validates_schema
    def _enables(self, data: dict[str, Any], **_: Any) -> None:
        if data["enabled"] is None and not data["files"]:
            raise ValidationError("is missing", "enabled")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "enabled": data["enabled"] or ()}


class BatchSection(Section):
    """Validates ``batch = { size = 100, interval = "2s" }``."""

    size = WholeNumber(1, 10_000, load_default=100)
    interval = Duration(load_default=2.0)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> BatchLimits:
        return BatchLimits(**data)


class RetrySection(Section):
    """Validates ``retry = { attempts = 12, backoff = "2s", ceiling = "15m" }``."""

    attempts = WholeNumber(1, 1000, load_default=12)
    backoff = Duration(load_default=2.0)
    ceiling = Duration(load_default=900.0)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Retry:
        return Retry(**data)


class ScopeField(Text):
    """Accepts ``"all"``, or a table of whom a destination stands for (`learnrelay.assembly.access_rules`)."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if value == "all" or (isinstance(value, dict) and value):
            return value
        raise ValidationError(
            'expected "all" or a table such as { org = "Harbour" }'
            + ("" if isinstance(value, str) else f", found {'an empty one' if value == {} else in_words(value)}")
        )


class MatchField(Text):
    """Validates ``match = { "source.path" = value or [values] }``."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError(f"expected a table of source paths, found {in_words(value)}")
        rules, errors = {}, {}
        for path, wanted in value.items():
            values = tuple(wanted) if isinstance(wanted, list) else (wanted,)
            if not all(path.split(".")):
                errors[path] = ['expected a dotted source path in quotes, such as "context.org_id"']
            elif not values or not all(isinstance(scalar, (str, int, float, bool)) for scalar in values):
                errors[path] = [f"expected a text, number or boolean, or a list of them, found {in_words(wanted)}"]
            rules[path] = values
        if errors:
            raise ValidationError(errors)
        return rules


class DestinationSection(Section):
    """Validates what is the core's in ``[destinations.NAME]``; the other keys are those of the destination's sink."""

    standard = Text(required=True)
    sink = Text(load_default="http")
    scope = ScopeField(
        required=True,
        error_messages={"required": 'is missing: say whom it stands for, scope = "all" or scope = {{ … }}'},
    )
    match = MatchField(load_default=dict)
    batch = Table(BatchSection)
    retry = Table(RetrySection)
    timeout = Duration(load_default=30.0)
    pseudonyms = OneOf(["standard", "own"], load_default="standard")


class DestinationNames(fields.Field[Any]):
    """Validates the names in ``[destinations.NAME]``; their tables are validated one by one.

    Names have no brackets: these are for the core's internal queues. They are names of folders too (`replay --output`),
    also on Windows, and arguments of commands.
    """

    _form = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?")
    _reserved = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        names = value if isinstance(value, Mapping) else ()
        form = (
            'expected a name of letters (A to Z, a to z), digits, "-", "_" and, between them, "."; with no "-" at the '
            "beginning"
        )
        reserved = "is a name that Windows keeps for devices; take another one"
        errors = {name: [form] for name in names if not self._form.fullmatch(name)}
        errors |= {name: [reserved] for name in names if self._reserved.fullmatch(name)}
        if errors:
            raise ValidationError(errors)
        return value


class AlertsSection(Section):
    """Validates ``[delivery.alerts]``: when an alert is raised for a destination, and where besides the log."""

    waiting = WholeNumber(1, load_default=None, allow_none=True)
    age = Duration(load_default=3600.0)
    dead = WholeNumber(1, load_default=1)
    unavailable = Duration(load_default=60.0)
    unattended = Duration(load_default=300.0)
    webhook = SecretText(load_default=None)
    command = TextList(load_default=())

    @validates_schema
    def _there(self, data: dict[str, Any], **_: Any) -> None:
        if (command := data.get("command")) and shutil.which(command[0]) is None:
            raise ValidationError("there is no such program, or it may not be executed", "command")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Alerts:
        return Alerts(**data)


_DATABASE = re.compile(
    r"sqlite(\+\w+)?:///(?!(:memory:)?$)|postgres://|postgresql(\+\w+)?://|(mysql|mariadb)(\+pymysql)?://"
)
_SERVERS = {
    re.compile(r"postgres(ql)?://"): "postgresql+psycopg://",
    re.compile(r"(mysql|mariadb)(\+pymysql)?://"): "mysql+pymysql://",
}
"""Addresses of servers → with the driver that is installed."""
_NO_DATABASE = 'expected "sqlite:///FILE", "postgresql+psycopg://HOST/NAME" or "mysql+pymysql://HOST/NAME"'
_BROKER = re.compile(r"[a-z][a-z0-9+.-]*://")
_NO_BROKER = 'expected the address of Redis or RabbitMQ, "redis://HOST" or "amqp://HOST"'


class DeliverySection(Section):
    """Validates ``[delivery]``: engine and outbox."""

    engine = OneOf(["embedded", "celery", "none"], load_default="embedded")
    database = SecretText(load_default=None)
    broker = SecretText(load_default=None)
    intake = OneOf(["database", "spool"], load_default="database")
    full = OneOf(["block", "raise", "spool"], load_default="block")
    spool = Text(load_default=None)
    spool_limit = WholeNumber(2**20, load_default=2**30)
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
        """Checks addresses without their values in messages, because they may hold passwords."""
        expected = {"database": (_DATABASE, _NO_DATABASE), "broker": (_BROKER, _NO_BROKER)}
        errors = {
            key: [reason]
            for key, (form, reason) in expected.items()
            if data.get(key) and not form.match(data[key].reveal())
        }
        if errors:
            raise ValidationError(errors)

    @validates_schema
    def _sealed(self, data: dict[str, Any], **_: Any) -> None:
        """Checks the key that seals deferred events; the pipeline in the worker requires one."""
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
        if (database := data["database"]) is None:
            del data["database"]
        else:  # without the driver, as hosts of databases write it
            url = database.reveal()
            for form, beginning in _SERVERS.items():
                if written := form.match(url):
                    url = beginning + url[written.end() :]
            data["database"] = Secret(url, database.source)
        spool = data.pop("spool")
        return Delivery(**data, spool=Path(spool) if spool else None)


class MetricsSection(Section):
    """Validates ``[metrics]``: where a worker serves Prometheus metrics."""

    listen = Address(load_default=None)

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Metrics:
        return Metrics(**data)


class ProviderSection(Section):
    """Validates the provider of ``[identity]`` and ``[courses]``; the other keys are the provider's own."""

    provider = Text(required=True)


class InputSection(Section):
    """Validates the core's keys of ``[inputs.NAME]``; the others are the input's own."""

    input = Text(required=True)
    trust = OneOf(["platform", "client"], load_default="platform")


class CoreSections(Section):
    """Validates the sections of the core; standards and providers have schemas of their own."""

    platform = Table(PlatformSection, required=True)
    plugins = Table(PluginsSection, required=True)
    delivery = Table(DeliverySection)
    destinations = DestinationNames()
    metrics = Table(MetricsSection)
    tests = Tables(RouteTestSection, load_default=())
