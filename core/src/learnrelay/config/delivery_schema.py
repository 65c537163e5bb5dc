"""Defines the schema of ``[delivery]``."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from marshmallow import ValidationError, post_load, validates_schema

from .fields import (
    BASE,
    Duration,
    OneOf,
    SecretText,
    Section,
    Table,
    Text,
    TextList,
    WholeNumber,
    described,
)
from .models import Alerts, Delivery
from .sealing import MAKE_A_KEY, Seal
from .secrets import Secret

_WEB_ADDRESS = re.compile(r"https?://[^/\s]+\S*\Z")


class AlertsSection(Section):
    """Validates ``[delivery.alerts]``: when an alert is raised for a destination, and where besides the log."""

    waiting = WholeNumber(
        1,
        load_default=None,
        allow_none=True,
        metadata=described("statements that wait from which on an alert is raised", "100000", unit="statements"),
    )
    age = Duration(
        load_default=3600.0,
        metadata=described("age of the oldest waiting statement from which on an alert is raised", '"30m"'),
    )
    dead = WholeNumber(
        1,
        load_default=1,
        metadata=described("dead letters from which on an alert is raised", "10", unit="dead letters"),
    )
    unavailable = Duration(
        load_default=60.0, metadata=described("how long a consumer fails before an alert is raised", '"5m"')
    )
    unattended = Duration(
        load_default=300.0,
        metadata=described("how long statements wait without a worker that looks before an alert is raised", '"20m"'),
    )
    webhook = SecretText(
        load_default=None,
        metadata=described("address that gets each alert as a POST of JSON", '"env:LEARNRELAY_ALERTS_URL"'),
    )
    command = TextList(
        load_default=(),
        metadata=described(
            "program that gets each alert as JSON on its standard input, with its arguments", '["/bin/cat", "-"]'
        ),
    )

    @validates_schema
    def _there(self, data: dict[str, Any], **_: Any) -> None:
        if (command := data.get("command")) and shutil.which(command[0]) is None:
            raise ValidationError("there is no such program, or it may not be executed", "command")
        webhook = data.get("webhook")
        if webhook is not None and not _WEB_ADDRESS.match(webhook.reveal()):
            raise ValidationError('expected an address that begins with "https://" or "http://"', "webhook")

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
_BROKER = re.compile(r"(redis|rediss|redis\+socket|sentinel|amqp|amqps|pyamqp)://")
_NO_BROKER = 'expected the address of Redis or RabbitMQ, "redis://HOST" or "amqp://HOST"'


class DeliverySection(Section):
    """Validates ``[delivery]``: engine and outbox."""

    engine = OneOf(
        ["embedded", "celery", "none"],
        load_default="embedded",
        metadata=described(
            "who delivers: threads (`embedded`), Celery tasks, or nobody in this process, which only stores (`none`)",
            '"celery"',
        ),
    )
    database = SecretText(
        load_default=None,
        metadata=described(
            "address of the outbox, which may hold a password: SQLite, PostgreSQL, MariaDB or MySQL",
            '"env:LEARNRELAY_DATABASE"',
            default='`"sqlite:///learnrelay.db"`',
        ),
    )
    broker = SecretText(
        load_default=None,
        metadata=described(
            "address of Redis or RabbitMQ, for engine `celery`",
            '"env:LEARNRELAY_BROKER"',
            default="required for engine `celery`",
        ),
    )
    intake = OneOf(
        ["database", "spool"],
        load_default="database",
        metadata=described(
            "where `emit()` stores first: in the database, or in the spool, from which a worker takes it", '"spool"'
        ),
    )
    full = OneOf(
        ["block", "raise", "spool"],
        load_default="block",
        metadata=described(
            "what `emit()` does when the outbox is full or away: wait, then raise; raise; or store in the spool",
            '"spool"',
        ),
    )
    spool = Text(
        load_default=None,
        metadata=described(
            "folder of the spool",
            '"/var/lib/learnrelay/spool"',
            default="beside an SQLite file, `FILE.spool`; else beside this file",
        ),
    )
    spool_limit = WholeNumber(
        2**20,
        load_default=2**30,
        metadata=described("size of the spool beyond which `emit()` raises", "4294967296", unit="bytes"),
    )
    limit = WholeNumber(
        1,
        load_default=1_000_000,
        metadata=described("deliveries that may wait at once, all destinations together", "5000000", unit="deliveries"),
    )
    wait = Duration(
        load_default=5.0,
        metadata=described("how long `emit()` waits for the database, or for room in it, before it raises", '"250ms"'),
    )
    lease = Duration(
        load_default=60.0,
        metadata=described("time after which what a silent worker has claimed is free for others", '"2m"'),
    )
    retention = Duration(
        load_default=None,
        metadata=described(
            "age from which on dead letters are dropped, save those of critical events",
            '"90d"',
            default="they are kept",
        ),
    )
    critical = TextList(
        load_default=None,
        metadata=described(
            "events or families, by name or glob, whose dead letters are never dropped by `retention`",
            '["STANDARD.acme_poll", "acme.exam.*"]',
            default="what the families declare as critical",
        ),
    )
    pipeline = OneOf(
        ["emit", "worker"],
        load_default="emit",
        metadata=described(
            "who makes statements: the process that emits, or a worker, for which events wait encrypted",
            '"worker"',
        ),
    )
    key = SecretText(
        load_default=None,
        metadata=described(
            "key that encrypts events that wait; of several, with commas between, the first encrypts, any decrypts",
            '"env:LEARNRELAY_KEY"',
            default="required for pipeline `worker`",
        ),
    )
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
    def _spooled(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("spool") and (BASE.get() / data["spool"]).is_file():
            raise ValidationError("is a file; expected a folder, or the name of one that is to be made", "spool")

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
