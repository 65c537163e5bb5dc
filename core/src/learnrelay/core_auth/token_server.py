"""Asks a token server for a token, by client credentials (RFC 6749, 4.4).

The protocol is oauthlib's; the exchange is bounded in time and size as any with a consumer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error

from ..auth import AuthError, find_header_fault
from ..core_sinks.http_client import ANSWER_LIMIT, Client, NoAnswerError, parse_retry_after
from ..standards import Answer, Request, Verdict, judge_status
from .constant import encode_basic

_LONGEST = 10**9  # seconds that a token lives, whatever its server says

_TEMPORARY = ("temporarily_unavailable", "server_error", "slow_down")
_REFUSALS = (
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
    "invalid_scope", "invalid_target", "access_denied",
)  # fmt: skip
"""Error codes of token servers (RFC 6749, 5.2; RFC 8707, 2). No others are shown, they might hold anything."""


def ask_for_token(settings: Mapping[str, Any], patience: float) -> tuple[str, float]:
    """Returns a token and the seconds that it lives, for the settings of ``oauth2``, within ``patience`` seconds.

    It lives for ever, where the answer does not say. Raises AuthError.
    """
    oauth = BackendApplicationClient(settings["client_id"])
    client = Client(settings["token_url"], patience, verify=settings["ca_file"] or True)
    try:
        answer = client.post(_encode_request(oauth, settings))
    except NoAnswerError as error:
        raise AuthError(f"the token server: {error.reason}") from None
    finally:
        client.close()
    return _read_token(oauth, answer)


def _encode_request(oauth: Any, settings: Mapping[str, Any]) -> Request:
    secret = settings["client_secret"].reveal()
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    more = {key: settings[key] for key in ("audience", "resource") if settings[key]}
    if settings["client_auth"] == "basic":  # RFC 6749, 2.3.1 wants both encoded as in a form
        headers["Authorization"] = encode_basic(quote_plus(settings["client_id"]), quote_plus(secret))
    else:
        more |= {"include_client_id": True, "client_secret": secret}
    return Request(oauth.prepare_request_body(scope=settings["scope"], **more).encode(), headers)


def _read_token(oauth: Any, answer: Answer) -> tuple[str, float]:
    """Returns the token and the seconds that it lives. Raises AuthError."""
    fields, code, lifetime = {}, None, math.inf
    try:
        fields = oauth.parse_request_body_response(answer.body.decode())
        if (seconds := fields.get("expires_in")) is not None:
            lifetime = float(min(max(int(seconds), 0), _LONGEST))
    except OAuth2Error as error:  # its text may repeat the answer
        code = error.error
    except Exception:  # whatever else is wrong with it, there is no token in it
        fields = {}
    if not fields or not 200 <= answer.status < 300 or len(answer.body) >= ANSWER_LIMIT:
        raise _explain_refusal(answer, code)
    kind, token = fields.get("token_type", "bearer"), fields["access_token"]
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise AuthError("the token server gives tokens of another type than Bearer", is_refusal=True)
    if find_header_fault("Authorization", token):
        raise AuthError("the token server gives a token that cannot stand in a header", is_refusal=True)
    return token, lifetime


def _explain_refusal(answer: Answer, code: str | None) -> AuthError:
    """Says why an answer is taken for no token. ``code``: its error code of OAuth, if it has one."""
    if code in _REFUSALS:
        return AuthError(f"the token server refuses: {code}", is_refusal=True)
    retry_after = parse_retry_after(answer.headers.get("Retry-After"), time.time())
    if code in _TEMPORARY:
        return AuthError(f"the token server gives no token now: {code}", retry_after=retry_after)
    if judge_status(answer.status) is Verdict.RETRY:
        return AuthError(f"the token server answers HTTP {answer.status}", retry_after=retry_after)
    return AuthError(f"the token server answers HTTP {answer.status}, but not with a token", is_refusal=True)
