"""Sends HTTP requests to one address: bounded in time and size, careful with credentials."""

from __future__ import annotations

import re
import ssl
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.exceptions import ConnectionError as LostConnection
from requests.exceptions import ConnectTimeout, InvalidURL, ProxyError, RequestException, SSLError, Timeout
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies
from urllib3.exceptions import ReadTimeoutError

from ..auth import (
    MESSAGE_HEADERS,
    AuthError,
    AuthScheme,
    NoAuth,
    OutgoingRequest,
    find_header_fault,
    list_credentials,
)
from ..errors import DeliveryError
from ..exchange_deadline import Deadline, DeadlineAdapter
from ..standards import Answer, Request

ANSWER_LIMIT = 1024 * 1024
"""Bytes of an answer's body that are read, so that a consumer cannot fill our memory."""

_CONNECT_TIMEOUT = 10.0


class NoAnswerError(DeliveryError):
    """Reports that the consumer did not answer. ``sent``: the request may have reached it."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent


class Client:
    """Sends requests to one address. Not shared between threads.

    ``timeout``: seconds for one exchange, with all that the auth scheme does. ``auth``: its own scheme, which gives
    each request its credentials. ``headers``: of each request, besides those of the scheme and of the request itself.
    ``verify``: whether the certificate of the other end is checked, or the file with the authorities that may have
    signed it. ``client_cert``: files with our certificate and its key.
    """

    def __init__(
        self,
        url: str,
        timeout: float,
        auth: AuthScheme | None = None,
        headers: Mapping[str, str] | None = None,
        verify: bool | str = True,
        client_cert: tuple[str, str] | None = None,
    ) -> None:
        self._auth = auth or NoAuth({})
        self._credentials: Mapping[str, str] = {}
        self._reserved = MESSAGE_HEADERS.union(map(str.lower, headers or ()))
        self._url = url
        self._timeout = timeout
        self._session = requests.Session()
        self._deadline = Deadline()
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, DeadlineAdapter(self._deadline))
        self._session.headers.update(headers or {})
        # Looked up once instead of at each request; nor are there credentials in ~/.netrc for it.
        self._session.trust_env = False
        self._session.proxies = get_environ_proxies(url)
        self._session.verify = verify
        self._session.cert = client_cert
        if verify is False:  # the operator chose it, and is warned once, not at each request
            host = re.escape(str(urlsplit(url).hostname))
            warnings.filterwarnings("ignore", f"Unverified HTTPS request is being made to host '{host}'")
        self._fresh = True
        self._prepared: dict[str, requests.PreparedRequest] = {}

    def post(self, request: Request) -> Answer:
        """Sends a POST and reads the answer. Follows no redirect: credentials go to the configured address.

        Raises NoAnswerError that names the cause (never the URL, which may hold credentials), and AuthError.
        """
        return self._send("POST", request)

    def get(self, headers: Mapping[str, str]) -> Answer:
        """Sends a GET, to see whether the destination answers. Raises NoAnswerError and AuthError."""
        return self._send("GET", Request(b"", headers))

    def _send(self, method: str, request: Request) -> Answer:
        """Sends a request, once more if the consumer wants other credentials and the auth scheme has some."""
        self._deadline.start(self._timeout)
        answer = self._exchange_on_connection(method, request)
        if answer.status == 401 and self._renew_credentials():
            answer = self._exchange_on_connection(method, request)
        return answer

    def _exchange_on_connection(self, method: str, request: Request) -> Answer:
        prepared = self._prepare(method, request)
        try:
            return self._exchange(prepared, request)
        except NoAnswerError as error:
            # A kept-alive connection that the consumer closed meanwhile says nothing about the consumer.
            if self._fresh or not error.sent or isinstance(error, _TooSlowError):
                raise
            self.close()
            return self._exchange(prepared, request)

    def _exchange(self, prepared: requests.PreparedRequest, request: Request) -> Answer:
        try:
            response = self._session.send(
                prepared,
                timeout=(min(self._timeout, _CONNECT_TIMEOUT), self._timeout),
                allow_redirects=False,
                stream=True,
            )
            body = _read(response)
        except RequestException as error:
            if type(error) is LostConnection and self._deadline.is_over():  # while the request was sent
                raise _make_too_slow_error(self._timeout) from None
            raise _translate_error(error, self._timeout) from None
        except (TimeoutError, ReadTimeoutError):  # half an answer counts as none
            raise _make_too_slow_error(self._timeout) from None
        except Exception as error:  # urllib3's own, while reading the body
            raise NoAnswerError(f"the answer broke off ({type(error).__name__})", sent=True) from None
        self._fresh = False
        return Answer(response.status_code, CaseInsensitiveDict(response.headers), body, request.body)

    def _prepare(self, method: str, request: Request) -> requests.PreparedRequest:
        """Adds body, headers and credentials to a prepared request: preparing costs more than sending."""
        if method not in self._prepared:
            self._prepared[method] = self._session.prepare_request(requests.Request(method, self._url))
        prepared = self._prepared[method].copy()
        prepared.headers.update(request.headers)
        if request.body:
            prepared.body = request.body
            prepared.headers["Content-Length"] = str(len(request.body))
        self._credentials = self._ask_scheme(method, request)
        prepared.headers.update(self._credentials)
        return prepared

    def _ask_scheme(self, method: str, request: Request) -> Mapping[str, str]:
        """Returns the headers of the auth scheme. Raises AuthError, also for what a scheme must not do."""
        try:
            time_left = self._deadline.remaining()
        except TimeoutError:
            raise _make_too_slow_error(self._timeout) from None
        outgoing = OutgoingRequest(method, self._url, request.headers, request.body, datetime.now(UTC), time_left)
        try:
            headers = dict(self._auth.headers(outgoing))
        except AuthError:
            raise
        except Exception as error:
            raise AuthError(f"the auth scheme {self._auth.name} failed ({type(error).__name__})") from None
        reserved = self._reserved.union(map(str.lower, request.headers))
        for name, value in headers.items():
            if fault := find_header_fault(name, value, reserved):
                raise AuthError(f"the auth scheme {self._auth.name}: a header that it gives {fault}", is_refusal=True)
        return headers

    def _renew_credentials(self) -> bool:
        try:
            return self._auth.renew()
        except Exception as error:
            raise AuthError(f"the auth scheme {self._auth.name} failed ({type(error).__name__})") from None

    def mask_credentials(self, text: str) -> str:
        """Replaces the credentials of the last request in a text, should the consumer repeat them."""
        for credential in list_credentials(self._credentials):
            text = text.replace(credential, "***")
        return text

    def close(self) -> None:
        """Closes the connections; the next request opens a new one."""
        self._session.close()
        self._fresh = True


def _read(response: requests.Response) -> bytes:
    """Reads the body, at most its first `ANSWER_LIMIT` bytes."""
    body = b""
    while len(body) < ANSWER_LIMIT:
        chunk = response.raw.read1(ANSWER_LIMIT - len(body), decode_content=True)
        if not chunk:
            return body  # complete: the connection goes back to the pool
        body += chunk
    response.close()
    return body


class _TooSlowError(NoAnswerError):
    """Reports that the answer took longer than the timeout."""


def _make_too_slow_error(timeout: float) -> _TooSlowError:
    return _TooSlowError(f"no answer within {timeout:g} s", sent=True)


def _translate_error(error: RequestException, timeout: float) -> NoAnswerError:
    match error:
        case SSLError():
            return NoAnswerError(_describe_tls_error(error), sent=False)
        case ProxyError():
            return NoAnswerError("the proxy refuses the connection", sent=False)
        case ConnectTimeout():
            return NoAnswerError("no connection within the time allowed", sent=False)
        case Timeout():
            return _make_too_slow_error(timeout)
        case InvalidURL():
            return NoAnswerError("the address is not a URL", sent=False)
        case LostConnection():
            name = _find_cause_name(error)
            if name in ("NewConnectionError", "NameResolutionError", "ConnectionRefusedError", "gaierror"):
                reason = (
                    "the name is not known" if name in ("NameResolutionError", "gaierror") else "connection refused"
                )
                return NoAnswerError(reason, sent=False)
            if "Timeout" in name:
                return _make_too_slow_error(timeout)
            return NoAnswerError("the connection was closed without an answer", sent=True)
    return NoAnswerError(f"the request failed ({type(error).__name__})", sent=True)


_CERTIFICATE_FAULTS = {
    9: "is not valid yet",
    10: "has expired",
    18: "is signed by itself, and not trusted here (ca_file)",
    19: "is signed by an authority that is not known here (ca_file)",
    20: "is signed by an authority that is not known here (ca_file)",
    21: "is signed by an authority that is not known here (ca_file)",
    62: "is for another host name",
    64: "is for another address",
}
"""Number of an X509_V_ERR of OpenSSL → what is wrong with a certificate."""


def _describe_tls_error(error: BaseException) -> str:
    """Says what is wrong with TLS, in the words of an operator."""
    cause: Any = error
    while not isinstance(cause, ssl.SSLError):  # requests and urllib3 wrap it as an argument
        inner = getattr(cause, "reason", None) or (cause.args[0] if cause.args else None)
        if not isinstance(inner, BaseException):
            return "TLS failed: the certificate or the protocol is not accepted"
        cause = inner
    if isinstance(cause, ssl.SSLCertVerificationError):
        fault = _CERTIFICATE_FAULTS.get(cause.verify_code, f"is not accepted ({cause.verify_message})")
        return f"TLS failed: its certificate {fault}"
    reason = cause.reason or type(cause).__name__
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return "TLS failed: the other end does not speak TLS at this address (http instead of https?)"
    return f"TLS failed: no agreement on the protocol ({reason})"


def _find_cause_name(error: BaseException) -> str:
    """Returns the name of urllib3's own cause: requests wraps it as the first argument, urllib3 as ``reason``."""
    inner: Any = error.args[0] if error.args else None
    inner = getattr(inner, "reason", inner)
    return type(inner).__name__


def parse_retry_after(value: str | None, now: float) -> float:
    """Returns the seconds that a ``Retry-After`` header asks for (RFC 9110, 10.2.3: seconds or a date), or 0."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return 0.0
    return max(0.0, (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now)
