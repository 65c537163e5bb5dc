"""Lists what works in an operator's file and is perhaps not meant: what ``check`` and the start-up warn about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..config.fields import is_loopback
from ..config.models import ConsoleConfig, Delivery, Destination, InputConfig, Provider
from ..config.secrets import Secret, find_secrets
from ..plugins.registry import Registry
from ..providers import IdentityProvider
from ..standards import Standard
from .access_rules import AccessRules
from .core_plugins import IDENTITY_PROVIDERS, list_inputs, list_sinks


def list_warnings(
    identity: tuple[Provider, IdentityProvider],
    courses: Provider,
    delivery: Delivery,
    destinations: Mapping[str, Destination],
    access_rules: Mapping[str, AccessRules],
    standards: Mapping[str, Standard],
    registry: Registry,
    inputs: Mapping[str, InputConfig],
    console: ConsoleConfig,
) -> list[str]:
    """Returns ``KEY: reason`` for each, in the order of their weight."""
    warnings = []
    for name, config in inputs.items():
        of_input = list_inputs(registry)[config.input].warnings(config.settings)
        warnings += [f"inputs.{name}.{key}: {reason}" for key, reason in of_input]
    if not is_loopback(console.listen[0]):
        cure = "listen at 127.0.0.1, behind a proxy that has TLS"
        warnings.append(f"console.listen: tokens and pages travel without TLS: {cure}")
    secrets = _gather_secrets(identity[0], courses, delivery, destinations, registry, inputs)
    for key, secret in {**secrets, **dict(find_secrets(console.tokens, "console.tokens"))}.items():
        if isinstance(secret, Secret) and secret.source == "clear text":
            warnings.append(f'{key}: a secret stands here in clear text; write "env:NAME" or "file:PATH" instead')
    for name, destination in destinations.items():
        of_sink = list_sinks(registry)[destination.sink].warnings(destination.settings)
        warnings += [f"destinations.{name}.{key}: {reason}" for key, reason in of_sink]
        warnings += [f"destinations.{name}.{key}: {reason}" for key, reason in access_rules[name].warnings]
        if destination.pseudonyms == "own" and standards[destination.standard].notices():
            warnings.append(
                f"destinations.{name}.pseudonyms: learners and sessions go there by pseudonyms and digests of its "
                f"own, whatever the settings of [{destination.standard}]"
            )
    warnings += _list_identity_warnings(*identity, delivery, standards)
    warnings += list_notices(standards)
    warnings += [
        f"{key}: it is on: {', '.join(sorted(paths))} {'is' if len(paths) == 1 else 'are'} read, "
        "which is not by default"
        for key, paths in registry.read_more.items()
    ]
    if delivery.engine == "celery" and delivery.database.reveal().startswith("sqlite"):
        warnings.append(
            "delivery.database: workers on other machines do not see an SQLite file; with the engine celery take a "
            "database server"
        )
    if not destinations:
        warnings.append("destinations: there is none; nothing will be delivered")
    return warnings


def list_notices(standards: Mapping[str, Standard]) -> list[str]:
    """Lists what the settings of the standards disclose beyond pseudonyms."""
    return [f"{name}: {notice}" for name, standard in standards.items() for notice in standard.notices()]


def _gather_secrets(
    identity: Provider,
    courses: Provider,
    delivery: Delivery,
    destinations: Mapping[str, Destination],
    registry: Registry,
    inputs: Mapping[str, InputConfig],
) -> dict[str, Any]:
    secrets: dict[str, Any] = {"delivery.key": delivery.key}
    for section, provider in {"identity": identity, "courses": courses}.items():
        secrets |= dict(find_secrets(provider.settings, section))
    for name, destination in destinations.items():
        secrets |= dict(find_secrets(destination.settings, f"destinations.{name}"))
    for name, config in inputs.items():
        secrets |= dict(find_secrets(config.settings, f"inputs.{name}"))
    secrets["delivery.alerts.webhook"] = delivery.alerts.webhook
    for name, settings in registry.settings.items():
        secrets |= dict(find_secrets(settings, name))
    for key, address in {"database": delivery.database, "broker": delivery.broker}.items():
        if address is not None and _has_password(address):
            secrets[f"delivery.{key}"] = address
    return secrets


def _has_password(address: Secret) -> bool:
    """Tells whether an address has a password: ``scheme://user:password@host``."""
    return re.match(r"[\w+]+://[^/?#@]*:[^/?#]+@", address.reveal()) is not None


def _list_identity_warnings(
    identity: Provider, provider: IdentityProvider, delivery: Delivery, standards: Mapping[str, Standard]
) -> list[str]:
    warnings = []
    if not provider.knows_addresses():
        warnings += [
            f"{name}: it names learners by their e-mail addresses, of which the identity provider "
            f"{provider.name!r} knows none: every event will be skipped"
            for name, standard in standards.items()
            if standard.needs_addresses()
        ]
    if identity.name not in IDENTITY_PROVIDERS and delivery.key is None:
        warnings.append(
            f"delivery.key: is missing: an event whose learner the identity provider {identity.name!r} cannot look "
            "up for the moment fails; with a key it waits"
        )
    return warnings
