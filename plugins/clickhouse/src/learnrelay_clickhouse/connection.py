"""Speaks with a ClickHouse server by clickhouse-connect: bounded in time, one request for each call."""

from __future__ import annotations

import logging
import math
import re
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3 import PoolManager
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, SSLError

from learnrelay.auth import OutgoingRequest, list_credentials
from learnrelay.config.secrets import Secret
from learnrelay.errors import AuthError, SinkError
from learnrelay.exchange_deadline import Deadline, bound_pools

_PORTS = {"http": 8123, "https": 8443}
_CONNECT_TIMEOUT = 10  # seconds, within those of the whole exchange
_ANSWER_LIMIT = 2**20  # bytes of an answer that holds no rows
_TEXT_LIMIT = 4096  # characters of the server's words that are kept
_SETTINGS = {
    "async_insert": 0,  # the answer says that the rows are stored, and a request is one insert
    "insert_deduplicate": 1,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    "throw_on_max_partitions_per_insert_block": 0,  # a replay may reach over many months
    "wait_end_of_query": 1,  # so that a failure is a status, and not the end of an answer that began well
}
_AUTHENTICATION_FAILED = 516

# Each failed request would be a warning of the library, with the server's words, beside what the core says of it.
logging.getLogger("clickhouse_connect").setLevel(logging.ERROR)


class ServerError(SinkError):
    """Reports what the server or the way to it says. ``code``: of ClickHouse, 0 if it did not answer.

    ``status``: of an HTTP answer that is not ClickHouse's. ``text``: the server's words, which may repeat a statement.
    ``sent``: the request may have reached it.
    """

    def __init__(self, reason: str, code: int = 0, status: int = 0, text: str = "", *, sent: bool = True) -> None:
        super().__init__(reason)
        self.code = code
        self.status = status
        self.text = text
        self.sent = sent


class _SingleRequests(PoolManager):
    """Follows no redirect and repeats no request: credentials go to one address, and the core decides on repeats."""

    def urlopen(self, method: str, url: str, redirect: bool = True, **options: Any) -> Any:  # type: ignore[override]
        return super().urlopen(method, url, redirect=False, **{**options, "retries": False})


class Connection:
    """Runs queries and inserts. Not shared between threads; made in the process that uses it.

    ``timeout``: seconds for each call. Raises ServerError and AuthError.
    """

    def __init__(self, settings: Mapping[str, Any], timeout: float) -> None:
        self._settings = settings
        self._timeout = timeout
        self._url = settings["url"]
        self._scheme = settings["auth"].make_scheme()
        self._deadline = Deadline()
        self._pools = _SingleRequests(**self._tls_options())
        bound_pools(self._pools, self._deadline)
        self._client: Any = None

    def _tls_options(self) -> dict[str, Any]:
        if not self._url.startswith("https:"):
            return {}
        verify, client_cert = self._settings["verify"], self._settings["client_cert"]
        context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
        if verify is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if client_cert is not None:
            context.load_cert_chain(*client_cert)
        return {"ssl_context": context}

    def connect(self) -> None:
        """Asks the server for its version and settings, unless that was done."""
        if self._client is None:
            self._call(self._make_client)

    def query(self, sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Returns the rows of a query. ``values``: of its parameters, ``{name:Type}``."""
        rows: list[tuple[Any, ...]] = self._call(
            lambda: self._client.query(sql, parameters=values).result_rows, answer_limit=math.inf
        )
        return rows

    def command(self, sql: str, settings: Mapping[str, Any] | None = None) -> None:
        """Runs a statement that returns nothing."""
        self._call(lambda: self._client.command(sql, settings=dict(settings or {})))

    def insert(
        self,
        table: str,
        names: Sequence[str],
        types: Sequence[str],
        columns: Sequence[Sequence[Any]],
        token: str,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Inserts columns of values as one batch. The server knows a token that came before."""
        self._call(
            lambda: self._client.insert(
                table,
                columns,
                column_names=names,
                column_type_names=types,
                column_oriented=True,
                settings={**(settings or {}), **({"insert_deduplication_token": token} if token else {})},
            )
        )

    def close(self) -> None:
        """Closes the connections."""
        self._pools.clear()
        self._client = None

    def _make_client(self) -> None:
        parts = urlsplit(self._url)
        client = clickhouse_connect.get_client(
            interface=parts.scheme,
            host=parts.hostname or "",
            port=parts.port or _PORTS[parts.scheme],
            username="",
            proxy_path=parts.path,
            headers=self._headers,
            pool_mgr=self._pools,
            connect_timeout=_CONNECT_TIMEOUT,
            send_receive_timeout=max(round(self._timeout), 1),
            query_retries=0,
            autogenerate_session_id=False,
            settings=_SETTINGS,
            client_name="learnrelay",
        )
        self._client = client

    def _call(self, run: Any, answer_limit: float = _ANSWER_LIMIT) -> Any:
        """Runs what the client does, within the timeout; once more if the credentials can be renewed."""
        self._deadline.start(self._timeout, answer_limit)
        self._renew_headers()
        try:
            return self._run(run)
        except ServerError as error:
            if error.code != _AUTHENTICATION_FAILED or not self._scheme.renew():
                raise
        self._renew_headers()
        return self._run(run)

    def _run(self, run: Any) -> Any:
        try:
            return run()
        except ClickHouseError as error:
            raise self._translate(error) from None
        except OSError as error:  # of the deadline
            raise ServerError(f"no answer ({type(error).__name__})") from None

    def _renew_headers(self) -> None:
        own = self._settings["headers"]
        headers = {name: value.reveal() if isinstance(value, Secret) else value for name, value in own.items()}
        request = OutgoingRequest("POST", self._url, headers, b"", datetime.now(UTC), self._deadline.remaining())
        try:
            self._credentials = self._scheme.headers(request)
        except AuthError:
            raise
        except Exception as error:  # a plugin's
            raise AuthError(f"the auth scheme {self._scheme.name} failed ({type(error).__name__})") from None
        self._headers = {**headers, **self._credentials}
        if self._client is not None:
            self._client.headers.update(self._headers)

    def _translate(self, error: ClickHouseError) -> ServerError:
        """Returns an error without the library's, whose text holds statements."""
        text = str(error)
        for credential in list_credentials(self._credentials):
            text = text.replace(credential, "***")
        text = text[:_TEXT_LIMIT]
        code = getattr(error, "code", None) or 0
        if code:
            return ServerError(f"ClickHouse's error {code}", code, text=text)
        if (status := re.match(r"HTTP driver received HTTP status (\d{3})", text)) is not None:
            return ServerError(f"HTTP {status[1]}, no answer of ClickHouse", status=int(status[1]), text=text)
        cause = error.__cause__
        is_unsent = isinstance(cause, (NewConnectionError, ConnectTimeoutError, SSLError))
        return ServerError(f"no answer ({type(cause or error).__name__})", text="", sent=not is_unsent)
