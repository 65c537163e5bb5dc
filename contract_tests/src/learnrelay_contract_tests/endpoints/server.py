"""Implements what both reference endpoints share: server lifecycle, request handling, stored statements and records."""

import base64
import hmac
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from threading import Condition, Thread
from typing import Any, ClassVar, Self, TypedDict
from urllib.parse import parse_qsl, urlsplit

import orjson

from learnrelay_contract_tests.endpoints.connections import HttpResponse, Listener, RawRequest
from learnrelay_contract_tests.endpoints.formats import strict_json
from learnrelay_contract_tests.endpoints.misbehaviour import ItemPredicate, Misbehaviour, MisbehaviourQueue

_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})
_MAX_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """Holds a parsed request.

    ``path`` is ``target`` without the query, which is in ``parameters``; names of ``headers`` are in
    lower case. ``document`` is the parsed body; if there is none, ``fault`` says why.
    """

    method: str
    target: str
    path: str
    parameters: dict[str, str]
    headers: dict[str, str]
    content_type: str
    too_large: bool
    document: Any
    fault: str


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """Records one request and its result.

    ``at``: ``time.monotonic()`` of the decision; ``path``: with the query; ``status``: None if the
    connection was dropped without a response; ``items``: statements or events in the body; ``stored``:
    how many of them were new; ``headers``: without credentials, names in lower case; ``reason``: why
    the request was refused; ``misbehaviour``: the misbehaviour that was applied to it.
    """

    at: float
    method: str
    path: str
    status: int | None
    items: int
    stored: int
    headers: Mapping[str, str]
    reason: str
    misbehaviour: Misbehaviour | None


# Called with the record of a request and the newly stored statements.
OnRequest = Callable[[RequestRecord, list[dict[str, Any]]], None]

# A refusal, or the function that stores and answers under the lock.
Decision = HttpResponse | Callable[[], HttpResponse]


def refuse(status: int, reason: str, problems: list[str] | None = None) -> HttpResponse:
    """Builds a refusal: JSON with ``error`` and, for a faulty body, the ``problems`` with their paths."""
    named = (problems or [])[:_MAX_PROBLEMS]
    body = orjson.dumps({"error": reason, "problems": named} if named else {"error": reason})
    text = f"{reason}: {'; '.join(named)}" if named else reason
    return HttpResponse(status, body, {"Content-Type": "application/json"}, text)


class EndpointOptions(TypedDict, total=False):
    """Types the keyword arguments of every endpoint; `ReferenceEndpoint` documents them."""

    host: str
    port: int
    username: str | None
    password: str | None
    token: str | None
    max_body: int
    on_request: OnRequest | None


class ReferenceEndpoint(ABC):
    """Serves a standard over real HTTP on its own threads: strict, and misbehaving where a test asks for it.

    Use it as a context manager or with ``start`` and ``stop``; stored statements and the port outlive a
    stop. With ``username`` and ``password`` it requires Basic credentials, with ``token`` a Bearer token.
    ``port`` 0 takes a free one; a body above ``max_body`` octets is refused with 413. ``on_request``
    is called for each request with its record and the newly stored statements, in their order, under
    the endpoint's lock: it must not call ``stop``.

    ``duplicates`` counts statements that were sent again unchanged, ``conflicts`` those that were sent again
    with other content, ``rejected`` the requests that the endpoint's own rules refused with a 4xx.
    """

    base_path: ClassVar[str]

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        username: str | None = None,
        password: str | None = None,
        token: str | None = None,
        max_body: int = 8 * 1024 * 1024,
        on_request: OnRequest | None = None,
    ) -> None:
        if (username is None) != (password is None) or (username is not None and token is not None):
            raise ValueError("give username and password, or a token, or neither")
        self.host, self.port, self.max_body = host, port, max_body
        self.duplicates = self.conflicts = self.rejected = 0
        self._expected_authorization = ""
        if token is not None:
            self._expected_authorization = f"Bearer {token}"
        elif username is not None:
            self._expected_authorization = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        self._on_request = on_request
        self._misbehaviours = MisbehaviourQueue()
        self._changed = Condition()
        self._statements: dict[str, dict[str, Any]] = {}
        self._requests: list[RequestRecord] = []
        self._listener: Listener | None = None
        self._thread: Thread | None = None

    # --- lifecycle ---

    @property
    def url(self) -> str:
        """Returns the address to deliver to. Raises RuntimeError before the first start."""
        if not self.port:
            raise RuntimeError("the endpoint has no port before its first start")
        return f"http://{self.host}:{self.port}{self.base_path}"

    def start(self) -> Self:
        """Starts listening; does nothing if it already listens. Raises OSError if the port is taken."""
        if self._listener is None:
            self._listener = Listener((self.host, self.port), self._exchange, self.max_body)
            self.port = self._listener.server_port
            self._thread = Thread(target=self._listener.run, name=f"{type(self).__name__}:{self.port}", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """Stops in order: refuses connections, finishes requests in progress, closes idle connections."""
        self._end(gently=True)

    def kill(self) -> None:
        """Stops at once: breaks every connection; what is not stored yet is not stored any more."""
        self._end(gently=False)

    def _end(self, *, gently: bool) -> None:
        listener, thread = self._listener, self._thread
        if listener is None or thread is None:
            return
        with self._changed:
            self._listener = self._thread = None
            listener.killed = not gently
        listener.close(gently=gently)
        thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- stored statements and records ---

    @property
    def statements(self) -> dict[str, dict[str, Any]]:
        """Returns a copy of the stored statements or events by id, in the order of arrival."""
        with self._changed:
            return dict(self._statements)

    @property
    def requests(self) -> list[RequestRecord]:
        """Returns a copy of all request records, in the order of decision."""
        with self._changed:
            return list(self._requests)

    def wait_for(self, count: int, timeout: float = 10.0) -> bool:
        """Waits until ``count`` statements are stored. Returns False after ``timeout`` seconds."""
        return self.wait_until(lambda: len(self._statements) >= count, timeout)

    def wait_until(self, condition: Callable[[], bool], timeout: float = 10.0) -> bool:
        """Waits until the condition holds; tests it after each request. Returns False after ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    # --- misbehaviour ---

    def misbehave(
        self, misbehaviour: Misbehaviour, *, times: int | None = None, matching: ItemPredicate | None = None
    ) -> None:
        """Queues a misbehaviour for the next ``times`` requests (None: until ``behave``).

        With ``matching`` it applies only to requests that hold a statement for which ``matching`` is true.
        Each request takes the first queued misbehaviour that applies.
        """
        with self._changed:
            self._misbehaviours.add(misbehaviour, times, matching)

    def behave(self) -> None:
        """Clears all queued misbehaviours."""
        with self._changed:
            self._misbehaviours.clear()

    # --- handling a request ---

    @abstractmethod
    def _items(self, document: Any) -> list[Any]:
        """Lists the statements or events of a body, valid or not."""

    @abstractmethod
    def _decide_request(self, request: ParsedRequest) -> Decision:
        """Validates a request: returns a refusal, or a function that stores and answers under the lock."""

    def _is_authorized(self, request: ParsedRequest) -> bool:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        given = f"{scheme.capitalize()} {value.strip()}"
        return not self._expected_authorization or hmac.compare_digest(
            given.encode(), self._expected_authorization.encode()
        )

    def _exchange(self, listener: Listener, raw: RawRequest) -> HttpResponse | None:
        request = _parse_request(raw)
        items = [] if request.document is None else self._items(request.document)
        with self._changed:
            misbehaviour = self._misbehaviours.take_next(items)
        if misbehaviour is not None and misbehaviour.delay and listener.closing.wait(misbehaviour.delay):
            return None
        decision = (
            self._decide_within_limits(request)
            if misbehaviour is None or misbehaviour.handles_request
            else misbehaviour.refusal
        )
        with self._changed:
            if listener.killed:
                return None
            return self._record(request, decision, len(items), misbehaviour)

    def _decide_within_limits(self, request: ParsedRequest) -> Decision:
        if request.too_large:
            return refuse(413, f"the body is larger than {self.max_body} octets")
        return self._decide_request(request)

    def _record(
        self, request: ParsedRequest, decision: Decision | None, items: int, misbehaviour: Misbehaviour | None
    ) -> HttpResponse | None:
        """Stores, counts and records in one step under the lock, so that readers see all of it or nothing."""
        before = len(self._statements)
        answer = decision() if callable(decision) else decision
        stored = len(self._statements) - before
        if answer is not None and (misbehaviour is None or misbehaviour.handles_request) and 400 <= answer.status < 500:
            self.rejected += 1
        if misbehaviour is not None:
            answer = misbehaviour.apply(answer)
        record = RequestRecord(
            at=time.monotonic(),
            method=request.method,
            path=request.target,
            status=None if answer is None else answer.status,
            items=items,
            stored=stored,
            headers={name: text for name, text in request.headers.items() if name not in _CREDENTIALS},
            reason="" if answer is None else answer.reason,
            misbehaviour=misbehaviour,
        )
        self._requests.append(record)
        if self._on_request is not None:
            self._on_request(record, [*islice(reversed(self._statements.values()), stored)][::-1])
        self._changed.notify_all()
        return answer


def _parse_request(raw: RawRequest) -> ParsedRequest:
    url = urlsplit(raw.target)
    document, fault = None, "the body is empty"
    if raw.body:
        try:
            document, fault = strict_json(raw.body), ""
        except ValueError as error:
            fault = str(error)
    return ParsedRequest(
        method=raw.method,
        target=raw.target,
        path=url.path,
        parameters=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers={name.lower(): text for name, text in raw.headers.items()},
        content_type=raw.headers.get_content_type(),
        too_large=raw.too_large,
        document=document,
        fault=fault,
    )
