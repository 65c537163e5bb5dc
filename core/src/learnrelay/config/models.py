"""Holds the values of the operator's file: frozen, with defaults, secrets hidden."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .route_tests import RouteTest
from .secrets import Secret

Rules = Mapping[str, tuple[Any, ...]]
"""``match`` of a destination: source path → values; OR in the tuple, AND between paths. Texts may be patterns."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Limits a request to ``size`` statements; a smaller batch waits up to ``interval`` seconds for more."""

    size: int = 100
    interval: float = 2.0


@dataclass(frozen=True, slots=True)
class Retry:
    """Limits the ``attempts`` for a statement; ``backoff`` and ``ceiling`` are the waits between, in seconds."""

    attempts: int = 12
    backoff: float = 2.0
    ceiling: float = 900.0


@dataclass(frozen=True, slots=True)
class Destination:
    """Describes a consumer: its standard, its access rules, and the sink that sends to it.

    ``settings``: the sink's own keys, loaded. ``address``: where the statements go, in the sink's words. ``timeout``:
    seconds for one batch. ``pseudonyms``: whether its learners have pseudonyms of their own, or those that all
    destinations of the standard see.
    """

    name: str
    standard: str
    scope: Literal["all"] | Mapping[str, Any]
    sink: str = "http"
    settings: Mapping[str, Any] = field(default_factory=dict)
    address: str = ""
    match: Rules = field(default_factory=dict)
    batch: BatchLimits = BatchLimits()
    retry: Retry = Retry()
    timeout: float = 30.0
    pseudonyms: Literal["standard", "own"] = "standard"


@dataclass(frozen=True, slots=True)
class Alerts:
    """Sets when an alert is raised for a destination, and where; None disables a condition. Alerts are always logged.

    ``waiting``: statements; ``age``: seconds that the oldest waits; ``dead``: dead letters; ``unavailable``: seconds
    that it fails (a halted destination is reported at once); ``unattended``: seconds for which statements wait and no
    worker looks. ``webhook`` gets a POST, ``command`` its standard input.
    """

    waiting: int | None = None
    age: float | None = 3600.0
    dead: int | None = 1
    unavailable: float | None = 60.0
    unattended: float | None = 300.0
    webhook: Secret | None = None
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """Holds the settings of engine and outbox. ``database`` is an SQLAlchemy URL, secret for its password.

    ``engine``: what delivers, "none" in processes that only store;
    ``intake``: where emit() stores first; ``full``: what it does when the database is full or cannot be reached.
    ``spool``: the folder of the spool, ``spool_limit`` its bytes.
    ``limit``: deliveries that may wait at once, all destinations together; ``wait``: seconds that emit() waits for
    room before it raises; ``lease``: seconds after which a silent worker's claims are free again; ``retention``:
    seconds after which a dead letter is dropped, unless its statement is critical; ``critical``: names or globs of
    events or families whose statements are (None: of families declared critical); ``pipeline``: who runs
    it, emit() or a worker, for which events wait in the outbox, sealed with ``key`` (of several the first seals, any
    opens).
    """

    engine: Literal["embedded", "celery", "none"] = "embedded"
    database: Secret = field(default_factory=lambda: Secret("sqlite:///learnrelay.db"))
    broker: Secret | None = None
    intake: Literal["database", "spool"] = "database"
    full: Literal["block", "raise", "spool"] = "block"
    spool: Path | None = None
    spool_limit: int = 2**30
    limit: int = 1_000_000
    wait: float = 5.0
    lease: float = 60.0
    retention: float | None = None
    critical: tuple[str, ...] | None = None
    pipeline: Literal["emit", "worker"] = "emit"
    key: Secret | None = None
    alerts: Alerts = Alerts()

    @property
    def spools(self) -> bool:
        """Tells whether emit() may store in the spool."""
        return "spool" in (self.intake, self.full)


@dataclass(frozen=True, slots=True)
class Metrics:
    """Holds ``listen``, the host and port on which a worker serves Prometheus metrics, or None."""

    listen: tuple[str, int] | None = None


Role = Literal["look", "act"]
"""What a person may do in the console: see everything, or also change something."""


@dataclass(frozen=True, slots=True)
class ConsoleToken:
    """Holds the secret by which a person logs in to the console, and the person's role."""

    secret: Secret
    role: Role = "look"


@dataclass(frozen=True, slots=True)
class ConsoleConfig:
    """Says where the console listens, and who may use it.

    ``address``: where browsers reach it through a proxy. ``session``: seconds after which one has to log in again.
    """

    listen: tuple[str, int] = ("127.0.0.1", 8090)
    address: str | None = None
    session: float = 28_800.0
    tokens: Mapping[str, ConsoleToken] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Says where a worker sends metrics and spans by OpenTelemetry: ``endpoint``, None for nowhere.

    ``interval``: seconds between two exports of metrics; ``traces``: whether there are spans too.
    """

    endpoint: str | None = None
    interval: float = 60.0
    traces: bool = True


@dataclass(frozen=True, slots=True)
class Provider:
    """Names a provider (identity, courses) and holds its validated settings."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InputConfig:
    """Describes ``[inputs.NAME]``: the input, its validated settings, and whose word its events are.

    ``trust``: "platform" where the platform wrote the events, of which the source decides what a browser may say;
    "client" where whoever sends them may say anything: then all of them count as sent by a browser.
    """

    name: str
    input: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    trust: Literal["platform", "client"] = "platform"


@dataclass(frozen=True, slots=True)
class Config:
    """Holds the whole validated configuration.

    ``sites``: organisation → root of its site. ``standards`` has the settings of each standard under its name,
    ``settings`` those of each other plugin. ``left_out``: plugins that do not load → the cause. ``tests``: those of the
    file itself.
    """

    root_url: str
    language: str
    source: str
    enabled: tuple[str, ...]
    prefer: Mapping[str, str]
    identity: Provider
    courses: Provider
    delivery: Delivery
    destinations: Mapping[str, Destination]
    standards: Mapping[str, Mapping[str, Any]]
    inputs: Mapping[str, InputConfig] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)
    metrics: Metrics = Metrics()
    telemetry: Telemetry = Telemetry()
    console: ConsoleConfig = ConsoleConfig()
    path: Path | None = None
    warnings: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    tests: tuple[RouteTest, ...] = ()
