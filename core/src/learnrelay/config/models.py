"""The operator's file as Python sees it: frozen values, defaults filled in, secrets hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..secrets import Secret

Rules = Mapping[str, tuple[Any, ...]]
"""``match`` of a destination: source path → values; OR in the tuple, AND between paths."""


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
    """One consumer: where it is, what it may have, how it is spoken to."""

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


@dataclass(frozen=True, slots=True)
class Delivery:
    """Engine and outbox. ``database`` is an SQLAlchemy URL; it may hold a password, so it is a secret.

    ``limit``: deliveries that may wait at once, all destinations together; ``wait``: seconds that emit() waits for
    room before it raises; ``lease``: seconds after which a silent worker's claims are free again.
    """

    engine: Literal["embedded", "celery"] = "embedded"
    database: Secret = field(default_factory=lambda: Secret("sqlite:///learnrelay.db"))
    broker: Secret | None = None
    limit: int = 1_000_000
    wait: float = 5.0
    lease: float = 60.0


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
    path: Path | None = None
    warnings: tuple[str, ...] = ()
