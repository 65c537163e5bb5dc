"""What both receivers share: life and death of the HTTP server, the way of a request, what is kept."""

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

from learnrelay_contract_tests.receivers.connections import Answer, Incoming, Listener
from learnrelay_contract_tests.receivers.formats import strict_json
from learnrelay_contract_tests.receivers.misbehaviour import Matching, Misbehaviour, Script

_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})
_NAMED_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Request:
    """What came in.

    ``path`` is ``target`` without the query, which is in ``parameters``; names of ``headers`` are in
    lower case. ``document`` is the parsed body; where there is none, ``fault`` says why.
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
    """What is remembered of a request.

    ``at``: ``time.monotonic()`` of the decision; ``path``: with the query; ``status``: None where the
    connection was dropped without an answer; ``items``: statements or events in the body; ``stored``:
    how many of them were new; ``headers``: without credentials, names in lower case; ``reason``: why
    the request was refused; ``misbehaviour``: what was done to it on order.
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


# Called with the record of a request and the statements that it brought anew.
OnRequest = Callable[[RequestRecord, list[dict[str, Any]]], None]

# A refusal, or what is to be done under the lock to answer.
Verdict = Answer | Callable[[], Answer]


def refusal(status: int, reason: str, problems: list[str] | None = None) -> Answer:
    """An answer that says why: JSON with ``error`` and, for content, the ``problems`` with their paths."""
    named = (problems or [])[:_NAMED_PROBLEMS]
    body = orjson.dumps({"error": reason, "problems": named} if named else {"error": reason})
    text = f"{reason}: {'; '.join(named)}" if named else reason
    return Answer(status, body, {"Content-Type": "application/json"}, text)


class Options(TypedDict, total=False):
    """The keyword arguments of every receiver; ``Receiver`` says what they mean."""

    host: str
    port: int
    username: str | None
    password: str | None
    token: str | None
    max_body: int
    on_request: OnRequest | None


class Receiver(ABC):
    """A consumer to deliver to: a real HTTP server on its own threads, strict, and disobedient on order.

    Use it as a context manager or with ``start`` and ``stop``; what was stored and the port outlive a
    stop. With ``username`` and ``password`` it demands Basic credentials, with ``token`` a Bearer token.
    ``port`` 0 takes a free one; a body above ``max_body`` octets is refused with 413. ``on_request``
    is called for each request with its record and the newly stored statements, in their order, under
    the receiver's lock: it must not call ``stop``.

    ``duplicates`` counts statements that came again unchanged, ``conflicts`` those that came again with
    other content, ``rejected`` requests refused with a 4xx by the receiver's own rules.
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
        self._expected = ""
        if token is not None:
            self._expected = f"Bearer {token}"
        elif username is not None:
            self._expected = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        self._on_request = on_request
        self._script = Script()
        self._changed = Condition()
        self._statements: dict[str, dict[str, Any]] = {}
        self._requests: list[RequestRecord] = []
        self._listener: Listener | None = None
        self._thread: Thread | None = None

    # --- life ---

    @property
    def url(self) -> str:
        """Where to deliver to. Raises RuntimeError before the first start."""
        if not self.port:
            raise RuntimeError("the receiver has no port before its first start")
        return f"http://{self.host}:{self.port}{self.base_path}"

    def start(self) -> Self:
        """Listen. Raises OSError if the port is taken; does nothing if already listening."""
        if self._listener is None:
            self._listener = Listener((self.host, self.port), self._exchange, self.max_body)
            self.port = self._listener.server_port
            self._thread = Thread(target=self._listener.run, name=f"{type(self).__name__}:{self.port}", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """Go down in order: refuse connections, finish requests in progress, close those that are idle."""
        self._end(gently=True)

    def kill(self) -> None:
        """Go down at once: break every connection; what is not stored yet will not be."""
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

    # --- what was received ---

    @property
    def statements(self) -> dict[str, dict[str, Any]]:
        """Id to statement or event, as first stored, in the order of arrival (a copy)."""
        with self._changed:
            return dict(self._statements)

    @property
    def requests(self) -> list[RequestRecord]:
        """All requests so far, in the order in which they were decided (a copy)."""
        with self._changed:
            return list(self._requests)

    def wait_for(self, count: int, timeout: float = 10.0) -> bool:
        """Wait until so many statements are stored; False after ``timeout`` seconds."""
        return self.wait_until(lambda: len(self._statements) >= count, timeout)

    def wait_until(self, condition: Callable[[], bool], timeout: float = 10.0) -> bool:
        """Wait until the condition holds, looking after each request; False after ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    # --- disobedience ---

    def misbehave(
        self, misbehaviour: Misbehaviour, *, times: int | None = None, matching: Matching | None = None
    ) -> None:
        """Order a misbehaviour for the next ``times`` requests (None: until ``behave``).

        With ``matching`` it strikes only requests that hold a statement for which that answers true.
        Orders queue up: each request takes the first that applies.
        """
        with self._changed:
            self._script.add(misbehaviour, times, matching)

    def behave(self) -> None:
        """Forget all orders."""
        with self._changed:
            self._script.clear()

    # --- the way of a request ---

    @abstractmethod
    def _items(self, document: Any) -> list[Any]:
        """The statements or events of a body, whatever their state."""

    @abstractmethod
    def _judge(self, request: Request) -> Verdict:
        """Check a request: refuse it, or say what is to be done under the lock to answer it."""

    def _authorized(self, request: Request) -> bool:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        given = f"{scheme.capitalize()} {value.strip()}"
        return not self._expected or hmac.compare_digest(given.encode(), self._expected.encode())

    def _exchange(self, listener: Listener, incoming: Incoming) -> Answer | None:
        request = _read(incoming)
        items = [] if request.document is None else self._items(request.document)
        with self._changed:
            act = self._script.take(items)
        if act is not None and act.delay and listener.closing.wait(act.delay):
            return None
        verdict = self._obey(request) if act is None or act.obeys else act.refusal
        with self._changed:
            if listener.killed:
                return None
            return self._decide(request, verdict, len(items), act)

    def _obey(self, request: Request) -> Verdict:
        if request.too_large:
            return refusal(413, f"the body is larger than {self.max_body} octets")
        return self._judge(request)

    def _decide(self, request: Request, verdict: Verdict | None, items: int, act: Misbehaviour | None) -> Answer | None:
        """Store, count and record in one step: who sees one of them sees all."""
        before = len(self._statements)
        answer = verdict() if callable(verdict) else verdict
        stored = len(self._statements) - before
        if answer is not None and (act is None or act.obeys) and 400 <= answer.status < 500:
            self.rejected += 1
        if act is not None:
            answer = act.applied_to(answer)
        record = RequestRecord(
            at=time.monotonic(),
            method=request.method,
            path=request.target,
            status=None if answer is None else answer.status,
            items=items,
            stored=stored,
            headers={name: text for name, text in request.headers.items() if name not in _CREDENTIALS},
            reason="" if answer is None else answer.reason,
            misbehaviour=act,
        )
        self._requests.append(record)
        if self._on_request is not None:
            self._on_request(record, [*islice(reversed(self._statements.values()), stored)][::-1])
        self._changed.notify_all()
        return answer


def _read(incoming: Incoming) -> Request:
    url = urlsplit(incoming.target)
    document, fault = None, "the body is empty"
    if incoming.body:
        try:
            document, fault = strict_json(incoming.body), ""
        except ValueError as error:
            fault = str(error)
    return Request(
        method=incoming.method,
        target=incoming.target,
        path=url.path,
        parameters=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers={name.lower(): text for name, text in incoming.headers.items()},
        content_type=incoming.headers.get_content_type(),
        too_large=incoming.too_large,
        document=document,
        fault=fault,
    )
