"""Defines the schema of the operator's file (TOML), section by section; the two longest are beside."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError, fields, post_load, validates_schema

from .delivery_schema import DeliverySection
from .destination_schema import DestinationNames
from .fields import (
    BASE,
    UNKNOWN_LANGUAGE,
    Address,
    Duration,
    FilePaths,
    Flag,
    KeyText,
    Language,
    OneOf,
    Section,
    Table,
    Tables,
    Text,
    TextList,
    TokenTables,
    Url,
    described,
)
from .models import ConsoleConfig, ConsoleToken, Metrics, Telemetry
from .route_tests import RouteTestSection
from .secrets import read_secret


class RootUrl(Url):
    """Accepts an address, or the variable that holds it: ``"env:NAME"``."""

    form = "http(s) address, or the variable with it: env:NAME"

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
    texts, such as ``"pt-BR"``. ``sites``: addresses of sites of their own, by organisation.
    """

    root_url = RootUrl(
        required=True,
        metadata=described(
            "address of the learning platform; ids in statements begin with it, so a change makes everything new",
            '"https://lms.example.org"',
        ),
    )
    source = Text(
        load_default=None,
        metadata=described(
            "source that reads the events: the platform", '"SOURCE"', default="the only one that is installed"
        ),
    )
    language = Language(
        load_default=UNKNOWN_LANGUAGE,
        metadata=described("language of the platform's texts, for titles and names in statements", '"pt-BR"'),
    )
    sites = fields.Dict(
        keys=Text(),
        values=RootUrl(),
        load_default=dict,
        metadata=described(
            "addresses of a platform's further sites: organisation = address, below which its courses are",
            '{ Harbour = "https://harbour.example.org" }',
        ),
    )


class PluginsSection(Section):
    """Validates ``[plugins]``: names or globs in calling order, and the preferred family of an event with two.

    ``files``: single-file plugins, called after those. ``on_error``: "skip" goes on without a family or an enricher
    that fails to load.
    """

    enabled = TextList(
        load_default=None,
        metadata=described(
            "plugins to enable, names or globs, in calling order; a family that is off by default needs its exact name",
            '["STANDARD.*", "acme_filter"]',
            default="required, unless `files` names a plugin",
        ),
    )
    files = FilePaths(
        load_default=(),
        metadata=described("single-file plugins, called after those of `enabled`", '["plugins/acme.py"]'),
    )
    prefer = fields.Dict(
        keys=Text(),
        values=Text(),
        load_default=dict,
        metadata=described(
            'family of several that map an event: "standard:event" = "family"',
            '{ "STANDARD:acme.poll.answered" = "STANDARD.acme_poll" }',
        ),
    )

    on_error = OneOf(
        ["stop", "skip"],
        load_default="stop",
        metadata=described(
            "what becomes of a family or an enricher that fails to load: it stops the start, or is left out; any other "
            "plugin always stops it",
            '"skip"',
        ),
    )

    @validates_schema
    def _enables(self, data: dict[str, Any], **_: Any) -> None:
        if data["enabled"] is None and not data["files"]:
            raise ValidationError("is missing", "enabled")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "enabled": data["enabled"] or ()}


class MetricsSection(Section):
    """Validates ``[metrics]``: where a worker serves Prometheus metrics."""

    listen = Address(
        load_default=None, metadata=described("where a worker serves metrics for Prometheus", '"127.0.0.1:9464"')
    )

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Metrics:
        return Metrics(**data)


class TelemetrySection(Section):
    """Validates ``[telemetry]``: where a worker sends metrics and traces by OpenTelemetry."""

    endpoint = Url(
        load_default=None,
        metadata=described("address of a collector that takes OTLP by HTTP", '"http://127.0.0.1:4318"'),
    )
    interval = Duration(load_default=60.0, metadata=described("time between two exports of metrics", '"15s"'))
    traces = Flag(load_default=True, metadata=described("whether each batch is sent as a span too", "false"))

    @validates_schema
    def _installed(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("endpoint") and not _is_installed("opentelemetry.sdk"):
            raise ValidationError('a library is missing: pip install "learnrelay[otel]"', "endpoint")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Telemetry:
        return Telemetry(**data)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # the package above it is not there
        return False


class ConsoleTokenSection(Section):
    """Validates ``[console.tokens.NAME]``: a person who may use the console."""

    token = KeyText(required=True, metadata=described("secret with which the person logs in", '"env:CONSOLE_TOKEN"'))
    role = OneOf(
        ["look", "act"],
        load_default="look",
        metadata=described("whether the person may only look, or also retry, drop and resume", '"act"'),
    )

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> ConsoleToken:
        return ConsoleToken(data["token"], data["role"])


class ConsoleSection(Section):
    """Validates ``[console]``: where the console listens, and who may use it."""

    listen = Address(
        load_default=("127.0.0.1", 8090), metadata=described("where the console listens", '"127.0.0.1:8090"')
    )
    address = Url(
        load_default=None,
        metadata=described(
            "address at which browsers reach it through a proxy, without a path", '"https://relay.example.org"'
        ),
    )
    session = Duration(
        load_default=28_800.0, metadata=described("after which time one has to log in again, at the latest", '"4h"')
    )
    tokens = TokenTables(
        ConsoleTokenSection,
        "NAME",
        load_default=dict,
        metadata=described("who may use it, each with a token", '{ ada = { token = "env:CONSOLE_TOKEN" } }'),
    )

    @validates_schema
    def _is_root(self, data: dict[str, Any], **_: Any) -> None:
        if (address := data.get("address")) and urlsplit(address)[2:] not in {("", "", ""), ("/", "", "")}:
            raise ValidationError("expected an address without a path: the console has no other place", "address")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> ConsoleConfig:
        return ConsoleConfig(**data)


class ProviderSection(Section):
    """Validates the provider of ``[identity]`` and ``[courses]``; the other keys are the provider's own."""

    provider = Text(
        required=True, metadata=described("name of the provider; the other keys of the section are its own", '"table"')
    )


class IdentitySection(ProviderSection):
    """Validates the core's keys of ``[identity]``."""

    objections = Text(
        load_default=None,
        metadata=described("file with the list of learners who objected", '"objections.list"', default="no list"),
    )


class InputSection(Section):
    """Validates the core's keys of ``[inputs.NAME]``; the others are the input's own."""

    input = Text(
        required=True,
        metadata=described(
            "what reads: `files`, `stdin`, or a plugin's name; the other keys of the table are its own", '"files"'
        ),
    )
    trust = OneOf(
        ["platform", "client"],
        load_default="platform",
        metadata=described(
            "whose word the events are: the platform's, or a client's, whose words decide nothing",
            '"client"',
        ),
    )


class CoreSections(Section):
    """Validates the sections of the core; standards and providers have schemas of their own."""

    platform = Table(PlatformSection, required=True)
    plugins = Table(PluginsSection, required=True)
    delivery = Table(DeliverySection)
    destinations = DestinationNames()
    metrics = Table(MetricsSection)
    telemetry = Table(TelemetrySection)
    console = Table(ConsoleSection)
    tests = Tables(RouteTestSection, load_default=())
