"""Implements a strict LRS for senders of statements: ``/xAPI/statements`` and ``/xAPI/about``."""

import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Literal, Unpack
from uuid import uuid4

import orjson

from learnrelay_contract_tests.endpoints.connections import HttpResponse
from learnrelay_contract_tests.endpoints.server import (
    Decision,
    EndpointOptions,
    ParsedRequest,
    ReferenceEndpoint,
    refuse,
)
from learnrelay_contract_tests.endpoints.xapi_rules import check_statement

_BASE = "/xAPI"
_JSON = {"Content-Type": "application/json"}
_FILLED_BY_LRS = ("stored", "version", "authority")


class ReferenceLrs(ReferenceEndpoint):
    """Refuses whatever the standard allows an LRS to refuse.

    A batch is stored as a whole or not at all: 400 names the JSON path of each problem (malformed
    statement, one id twice in a batch), 409 means that an id is stored with other content. Identical
    statements are accepted again: 200 and the ids, or ``duplicate_status`` 204 without a body if the
    whole batch was already stored, as some LRSs answer.
    """

    base_path = f"{_BASE}/statements"

    def __init__(self, *, duplicate_status: Literal[200, 204] = 200, **options: Unpack[EndpointOptions]) -> None:
        super().__init__(**options)
        self.duplicate_status = duplicate_status
        self._stored_at: dict[str, str] = {}

    def _items(self, document: Any) -> list[Any]:
        return document if isinstance(document, list) else [document]

    def _decide_request(self, request: ParsedRequest) -> Decision:
        version = _served_version(request.headers.get("x-experience-api-version", ""))
        decision = self._decide_for_version(request, version)
        header = {"X-Experience-API-Version": version or "2.0.0"}
        if isinstance(decision, HttpResponse):
            return _add_headers(decision, header)
        return lambda: _add_headers(decision(), header | {"X-Experience-API-Consistent-Through": _now()})

    def _decide_for_version(self, request: ParsedRequest, version: str | None) -> Decision:
        if request.path == f"{_BASE}/about" and request.method == "GET":
            return HttpResponse(200, orjson.dumps({"version": ["1.0.3", "2.0.0"]}), _JSON)
        if request.path not in {f"{_BASE}/about", self.base_path}:
            return refuse(404, "no such resource")
        if not self._is_authorized(request):
            return refuse(401, "credentials are missing or wrong")
        if request.path != self.base_path or request.method not in {"GET", "POST", "PUT"}:
            return refuse(405, "the resource does not support this method")
        if version is None:
            return refuse(400, "X-Experience-API-Version must be 1.0.x or 2.0.x")
        if request.method == "GET":
            return self._get(request)
        if request.content_type != "application/json":
            return refuse(415, "Content-Type must be application/json")
        if request.fault:
            return refuse(400, request.fault)
        return self._post(request, version) if request.method == "POST" else self._put(request, version)

    def _post(self, request: ParsedRequest, version: str) -> Decision:
        if request.parameters:
            return refuse(400, "POST takes no parameters")
        statements = self._items(request.document)
        paths = [f"[{index}]." for index in range(len(statements))] if isinstance(request.document, list) else [""]
        if problems := _find_problems(statements, paths, version):
            return refuse(400, "malformed statements", problems)
        ids = [statement.get("id", str(uuid4())).lower() for statement in statements]
        if twice := [f"{paths[ids.index(id_)]}id: twice in one batch" for id_, n in Counter(ids).items() if n > 1]:
            return refuse(400, "ids must differ", twice)

        def store_batch() -> HttpResponse:
            before = len(self._statements)
            if conflicts := self._store(ids, statements, paths):
                return refuse(409, "stored with other content", conflicts)
            if ids and len(self._statements) == before and self.duplicate_status == 204:
                return HttpResponse(204)
            return HttpResponse(200, orjson.dumps(ids), _JSON)

        return store_batch

    def _put(self, request: ParsedRequest, version: str) -> Decision:
        statement, id_ = request.document, request.parameters.get("statementId", "").lower()
        if set(request.parameters) != {"statementId"}:
            return refuse(400, "PUT takes statementId and nothing else")
        problems = _find_problems(
            [{"id": id_, **statement}] if isinstance(statement, dict) else [statement], [""], version
        )
        if problems:
            return refuse(400, "malformed statement", problems)
        if statement.get("id", id_).lower() != id_:
            return refuse(400, "statementId differs from the id of the statement")

        def store_statement() -> HttpResponse:
            if conflicts := self._store([id_], [statement], [""]):
                return refuse(409, "stored with other content", conflicts)
            return HttpResponse(204)

        return store_statement

    def _store(self, ids: list[str], statements: list[dict[str, Any]], paths: list[str]) -> list[str]:
        """Stores all new statements, or none if some conflict. Returns the conflicts as ``path: reason``."""
        known = [self._statements.get(id_) for id_ in ids]
        conflicts = [
            f"{path}id: is stored with other content"
            for path, statement, stored in zip(paths, statements, known, strict=True)
            if stored is not None and not _are_equal(statement, stored)
        ]
        self.conflicts += len(conflicts)
        if conflicts:
            return conflicts
        self.duplicates += sum(stored is not None for stored in known)
        now = _now()
        for id_, statement, stored in zip(ids, statements, known, strict=True):
            if stored is None:
                self._statements[id_] = {"id": id_, **statement}
                self._stored_at[id_] = now
        return []

    def _get(self, request: ParsedRequest) -> Decision:
        if unknown := set(request.parameters) - {"statementId", "limit", "skip"}:
            return refuse(400, f"{len(unknown)} parameters that this endpoint does not support")
        if "statementId" in request.parameters:
            id_ = request.parameters["statementId"].lower()
            statement = self.statements.get(id_)
            if statement is None:
                return refuse(404, "no such statement")
            return HttpResponse(200, orjson.dumps(self._as_stored(id_, statement)), _JSON)
        limit, skip = (request.parameters.get(key, "0") for key in ("limit", "skip"))
        if not (limit.isdecimal() and skip.isdecimal()):
            return refuse(400, "limit and skip must be whole numbers")
        first, most = int(skip), int(limit)
        everything = [self._as_stored(id_, statement) for id_, statement in reversed(self.statements.items())]
        page = everything[first : first + most] if most else everything[first:]
        is_last = first + len(page) >= len(everything)
        more = "" if is_last else f"{self.base_path}?limit={most}&skip={first + most}"
        return HttpResponse(200, orjson.dumps({"statements": page, "more": more}), _JSON)

    def _as_stored(self, id_: str, statement: dict[str, Any]) -> dict[str, Any]:
        stored = self._stored_at[id_]
        authority = {"account": {"homePage": f"http://{self.host}/", "name": "endpoint"}}
        filled = {"timestamp": stored, "version": "1.0.0", **statement}
        return filled | {"stored": stored, "authority": {"objectType": "Agent", **authority}}


def _served_version(header: str) -> str | None:
    """Returns the version that the response names; None if the request's version is missing or not supported."""
    match = re.fullmatch(r"([12])\.0(?:\.\d+)?", header, re.ASCII)
    return None if match is None else {"1": "1.0.3", "2": "2.0.0"}[match[1]]


def _add_headers(answer: HttpResponse, headers: dict[str, str]) -> HttpResponse:
    return answer._replace(headers={**answer.headers, **headers})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _find_problems(statements: list[Any], paths: list[str], version: str) -> list[str]:
    problems = []
    for path, statement in zip(paths, statements, strict=True):
        if not isinstance(statement, dict):
            problems.append(f"{path.rstrip('.') or 'statement'}: must be an object")
            continue
        problems += [path + problem for problem in check_statement(statement, version)]
        for index, attachment in enumerate(statement.get("attachments", ()) if not problems else ()):
            if "fileUrl" not in attachment:
                problems.append(f"{path}attachments[{index}].fileUrl: is required where no data is sent")
    return problems


def _are_equal(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Tells whether two valid statements are equal, ignoring what the LRS fills in (part 3, 2.1.2)."""
    return _comparable_content(first) == _comparable_content(second)


def _comparable_content(statement: dict[str, Any]) -> dict[str, Any]:
    essence = {key: value for key, value in statement.items() if key not in (*_FILLED_BY_LRS, "id")}
    if "timestamp" in essence:
        essence["timestamp"] = datetime.fromisoformat(essence["timestamp"])
    return essence
