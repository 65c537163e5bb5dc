"""One consumer over HTTP: a session of its own, bounded in time and size, careful with credentials."""

from __future__ import annotations

import re
import time
import warnings
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from requests.exceptions import ConnectionError as LostConnection
from requests.exceptions import ConnectTimeout, InvalidURL, ProxyError, RequestException, SSLError, Timeout
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies

from ..config.models import Auth, Destination
from ..errors import DeliveryError
from ..standards import Answer, Request

ANSWER_LIMIT = 1024 * 1024
"""Bytes of an answer's body that are read; a consumer cannot fill our memory."""

_CONNECT_TIMEOUT = 10.0


class NoAnswerError(DeliveryError):
    """The consumer did not answer. ``sent``: the request may have reached it."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


class _Credentials(AuthBase):
    """Puts the credentials on; given for ``none`` too, else requests would look them up in ~/.netrc."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._auth.scheme != "none":
            request.headers["Authorization"] = f"{self._auth.scheme.title()} {credentials(self._auth)[0]}"
        return request


def credentials(auth: Auth) -> list[str]:
    """What goes into the header, and the secret itself. Empty for ``none``."""
    if auth.scheme == "none":
        return []
    secret = auth.secret.reveal() if auth.secret else ""
    if auth.scheme == "bearer":
        return [secret]
    return [b64encode(f"{auth.username}:{secret}".encode()).decode(), secret]


class Client:
    """POSTs to one destination. Not shared between threads."""

    def __init__(self, destination: Destination) -> None:
        self._url = destination.url
        self._timeout = destination.timeout
        self._session = requests.Session()
        self._session.auth = _Credentials(destination.auth)
        # Looked up once instead of at each request.
        self._session.trust_env = False
        self._session.proxies = get_environ_proxies(destination.url)
        self._session.verify = destination.verify
        self._session.cert = destination.client_cert
        if destination.verify is False:  # the operator has written so, and is told once, not at each request
            host = re.escape(str(urlsplit(destination.url).hostname))
            warnings.filterwarnings("ignore", f"Unverified HTTPS request is being made to host '{host}'")
        self._fresh = True
        self._prepared: dict[str, requests.PreparedRequest] = {}

    def post(self, request: Request) -> Answer:
        """Send it and read the answer. No redirect is followed: credentials go to the configured address.

        Raises NoAnswerError with the cause in words (never the URL, which may hold credentials).
        """
        try:
            return self._exchange("POST", request)
        except NoAnswerError as error:
            # A kept-alive connection that the consumer closed meanwhile says nothing about the consumer.
            if self._fresh or not error.sent or isinstance(error, _TooSlowError):
                raise
            self.close()
            return self._exchange("POST", request)

    def get(self, headers: Mapping[str, str]) -> Answer:
        """Ask whether the destination is there. Raises NoAnswerError."""
        return self._exchange("GET", Request(b"", headers))

    def _exchange(self, method: str, request: Request) -> Answer:
        deadline = time.monotonic() + self._timeout
        try:
            response = self._session.send(
                self._prepare(method, request),
                timeout=(min(self._timeout, _CONNECT_TIMEOUT), self._timeout),
                allow_redirects=False,
                stream=True,
            )
            body = self._read(response, deadline)
        except RequestException as error:
            raise _in_words(error, self._timeout) from None
        except NoAnswerError:
            raise
        except Exception as error:  # urllib3's own, while reading the body
            raise NoAnswerError(f"the answer broke off ({type(error).__name__})", sent=True) from None
        self._fresh = False
        return Answer(response.status_code, CaseInsensitiveDict(response.headers), body, request.body)

    def _prepare(self, method: str, request: Request) -> requests.PreparedRequest:
        """All but body and the standard's headers is the same each time, and costs more than sending it."""
        if method not in self._prepared:
            self._prepared[method] = self._session.prepare_request(requests.Request(method, self._url))
        prepared = self._prepared[method].copy()
        prepared.headers.update(request.headers)
        if request.body:
            prepared.body = request.body
            prepared.headers["Content-Length"] = str(len(request.body))
        return prepared

    def _read(self, response: requests.Response, deadline: float) -> bytes:
        """The whole body, or its first `ANSWER_LIMIT` bytes.

        Raises NoAnswerError when it takes too long: half an answer is none.
        """
        body = b""
        while len(body) < ANSWER_LIMIT:
            chunk = response.raw.read1(ANSWER_LIMIT - len(body), decode_content=True)
            if not chunk:
                return body  # complete: the connection goes back to the pool
            body += chunk
            if time.monotonic() >= deadline:
                response.close()
                raise _too_slow(self._timeout)
        response.close()
        return body

    def close(self) -> None:
        """Close the connections; the next request opens a new one."""
        self._session.close()
        self._fresh = True


class _TooSlowError(NoAnswerError):
    """It had its time."""


def _too_slow(timeout: float) -> _TooSlowError:
    return _TooSlowError(f"no answer within {timeout:g} s", sent=True)


def _in_words(error: RequestException, timeout: float) -> NoAnswerError:
    match error:
        case SSLError():
            return NoAnswerError("TLS failed: the certificate or the protocol is not accepted", sent=False)
        case ProxyError():
            return NoAnswerError("the proxy refuses the connection", sent=False)
        case ConnectTimeout():
            return NoAnswerError("no connection within the time allowed", sent=False)
        case Timeout():
            return _too_slow(timeout)
        case InvalidURL():
            return NoAnswerError("the address is not a URL", sent=False)
        case LostConnection():
            name = _innermost(error)
            if name in ("NewConnectionError", "NameResolutionError", "ConnectionRefusedError", "gaierror"):
                words = "the name is not known" if name in ("NameResolutionError", "gaierror") else "connection refused"
                return NoAnswerError(words, sent=False)
            if "Timeout" in name:
                return _too_slow(timeout)
            return NoAnswerError("the connection was closed without an answer", sent=True)
    return NoAnswerError(f"the request failed ({type(error).__name__})", sent=True)


def _innermost(error: BaseException) -> str:
    """Name of urllib3's own cause: requests wraps it as the first argument, urllib3 as ``reason``."""
    inner: Any = error.args[0] if error.args else None
    inner = getattr(inner, "reason", inner)
    return type(inner).__name__
