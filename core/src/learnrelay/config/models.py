"""The operator's file as Python sees it: frozen values, defaults filled in, secrets hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..secrets import Secret

Rules = Mapping[str, tuple[Any, ...]]
"""``match`` of a destination: source path → values; OR in the tuple, AND between paths. Texts may be patterns."""


@dataclass(frozen=True, slots=True)
class Auth:
    """Credentials of a destination. ``basic`` has username and secret, ``bearer`` a secret, ``none`` neither."""

    scheme: Literal["basic", "bearer", "none"] = "none"
    username: str = ""
    secret: Secret | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """At most ``size`` statements a request; a smaller batch waits ``interval`` seconds for company."""

    size: int = 100
    interval: float = 2.0


@dataclass(frozen=True, slots=True)
class Retry:
    """``attempts`` before a statement that a consumer keeps failing on is given up; waits between, in seconds."""

    attempts: int = 12
    backoff: float = 2.0
    ceiling: float = 900.0


@dataclass(frozen=True, slots=True)
class Destination:
    """One consumer: where it is, what it may have, how it is spoken to.

    ``verify``: whether its certificate is checked, or the file with the authorities that may have signed it.
    ``client_cert``: files with our certificate and its key. ``pseudonyms``: whether its learners have pseudonyms of
    their own, or those that all destinations of the standard see.
    """

    name: str
    standard: str
    url: str
    scope: Literal["all"] | Mapping[str, Any]
    auth: Auth = Auth()
    match: Rules = field(default_factory=dict)
    batch: Batch = Batch()
    retry: Retry = Retry()
    timeout: float = 30.0
    verify: bool | str = True
    client_cert: tuple[str, str] | None = None
    pseudonyms: Literal["standard", "own"] = "standard"


@dataclass(frozen=True, slots=True)
class Alerts:
    """When to raise an alarm for a destination, and where; None: not for this. The log has them in any case.

    ``waiting``: statements; ``age``: seconds that the oldest waits; ``dead``: dead letters; ``unavailable``: seconds
    that it fails (a halted destination is told at once). ``webhook`` gets a POST, ``command`` its standard input.
    """

    waiting: int | None = None
    age: float | None = 3600.0
    dead: int | None = 1
    unavailable: float | None = 60.0
    webhook: Secret | None = None
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """Engine and outbox. ``database`` is an SQLAlchemy URL; it may hold a password, so it is a secret.

    ``limit``: deliveries that may wait at once, all destinations together; ``wait``: seconds that emit() waits for
    room before it raises; ``lease``: seconds after which a silent worker's claims are free again; ``retention``:
    seconds after which a dead letter is dropped, unless its statement is critical; ``critical``: names or globs of
    events or families whose statements are (None: of those families that say so themselves); ``pipeline``: who runs
    it, emit() or a worker, for which events wait in the outbox, sealed with ``key`` (of several the first seals, any
    opens).
    """

    engine: Literal["embedded", "celery"] = "embedded"
    database: Secret = field(default_factory=lambda: Secret("sqlite:///learnrelay.db"))
    broker: Secret | None = None
    limit: int = 1_000_000
    wait: float = 5.0
    lease: float = 60.0
    retention: float | None = None
    critical: tuple[str, ...] | None = None
    pipeline: Literal["emit", "worker"] = "emit"
    key: Secret | None = None
    alerts: Alerts = Alerts()


@dataclass(frozen=True, slots=True)
class Metrics:
    """``listen``: host and port on which a worker answers Prometheus, or None."""

    listen: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """A named provider (identity, courses) and its own validated settings."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Config:
    """Everything, validated. ``standards`` has the settings of each standard under its name."""

    root_url: str
    enabled: tuple[str, ...]
    prefer: Mapping[str, str]
    identity: Provider
    courses: Provider
    delivery: Delivery
    destinations: Mapping[str, Destination]
    standards: Mapping[str, Mapping[str, Any]]
    metrics: Metrics = Metrics()
    path: Path | None = None
    warnings: tuple[str, ...] = ()
