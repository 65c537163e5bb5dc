"""Operates an auth scheme: invents its settings, and asks it for the headers of requests."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import marshmallow

from learnrelay.auth import AuthError, OutgoingRequest
from learnrelay.config import fields
from learnrelay.config.secrets import find_secrets

_INVENTED: tuple[tuple[type[Any], Any], ...] = (
    (fields.SecretText, "Vexolun-Karimotse-{}-884213"),
    (fields.Url, "https://id.harbour-college.net/{}"),
    (fields.Duration, "2s"),
    (fields.Flag, True),
    (fields.TextList, ["harbour"]),
    (fields.WholeNumber, 7),
    (fields.Text, "harbour"),
)
"""Kinds of settings, the special ones first → what an operator might write; ``{}`` is the name of the key."""


def invent_settings(schema: marshmallow.Schema) -> dict[str, Any]:
    """Returns settings for the required keys of a schema, as far as their kinds are known."""
    settings = {}
    for name, field in schema.fields.items():
        if field.required:
            value = next((value for kind, value in _INVENTED if isinstance(field, kind)), None)
            if isinstance(field, fields.OneOf):
                value = field.choices[0]
            if value is not None:
                settings[name] = value.format(name) if isinstance(value, str) else value
    return settings


def auth_headers(assembly: Any, requests: list[list[Any]]) -> dict[str, Any]:
    """Asks the scheme of the only destination for the headers of requests, and once more after it was told of a 401.

    requests: ``[method, headers, body, seconds that are left]``. Returns ``answers``: headers as pairs, or a reason, or
    the name of an exception, each with its seconds; ``renewed``: whether the result of `renew` is a truth value;
    ``shown``: how scheme and settings show themselves; ``secrets``: those of the settings.
    """
    (destination,) = assembly.config.destinations.values()
    auth = destination.settings["auth"]
    scheme = auth.make_scheme()
    answers, renewed = [], ""
    for turn in range(2):
        for method, headers, body, time_left in requests:
            request = OutgoingRequest(
                method, destination.settings["url"], headers, body.encode(), datetime.now(UTC), time_left
            )
            started = time.monotonic()
            answers.append({**_ask(scheme, request), "seconds": time.monotonic() - started})
        if turn == 0:
            try:
                renewed = type(scheme.renew()).__name__
            except Exception as error:
                renewed = type(error).__name__
    return {
        "answers": answers,
        "renewed": renewed,
        "shown": [repr(scheme), str(scheme), repr(auth)],
        "secrets": {key: secret.reveal() for key, secret in find_secrets(auth)},
    }


def _ask(scheme: Any, request: OutgoingRequest) -> dict[str, Any]:
    try:
        headers = dict(scheme.headers(request))
    except AuthError as error:
        return {"unavailable": error.reason, "texts": [str(error), repr(error)]}
    except Exception as error:
        return {"raised": type(error).__name__}
    return {"headers": [[_as_text(name), _as_text(value)] for name, value in headers.items()]}


def _as_text(part: Any) -> str | None:
    """Returns a name or a value of a header; None for what is no text."""
    return part if isinstance(part, str) else None
