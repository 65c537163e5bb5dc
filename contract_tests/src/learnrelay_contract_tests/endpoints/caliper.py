"""Implements a strict Caliper endpoint: it takes one envelope a request and describes its capabilities."""

from typing import Any, Unpack

import orjson

from learnrelay_contract_tests.endpoints.caliper_rules import ENVELOPE, VERSION_OF, check_envelope, is_event
from learnrelay_contract_tests.endpoints.connections import HttpResponse
from learnrelay_contract_tests.endpoints.server import (
    Decision,
    EndpointOptions,
    ParsedRequest,
    ReferenceEndpoint,
    refuse,
)


class CaliperEndpoint(ReferenceEndpoint):
    """Refuses a whole envelope for one fault, and names the JSON path of each fault.

    ``statements`` holds the events. An event whose id is already stored is counted and answered with
    200, because the standard defines no other answer. ``entities`` holds the entity descriptions, the
    latest of each id.
    """

    base_path = "/caliper"

    def __init__(self, **options: Unpack[EndpointOptions]) -> None:
        super().__init__(**options)
        self._entities: dict[str, dict[str, Any]] = {}

    @property
    def entities(self) -> dict[str, dict[str, Any]]:
        """Returns a copy of the entity descriptions by id."""
        with self._changed:
            return dict(self._entities)

    def _items(self, document: Any) -> list[Any]:
        data = document.get("data") if isinstance(document, dict) else None
        return data if isinstance(data, list) else []

    def _decide_request(self, request: ParsedRequest) -> Decision:
        if request.path != self.base_path:
            return refuse(404, "no such resource")
        if not self._is_authorized(request):
            return refuse(401, "credentials are missing or wrong")
        if request.method == "GET":
            return self._capabilities()
        if request.method != "POST":
            return refuse(405, "the resource does not support this method")
        if request.content_type != "application/json":
            return refuse(415, "Content-Type must be application/json")
        if request.fault:
            return refuse(400, request.fault)
        if _is_of_unknown_version(request.document):
            return refuse(422, "dataVersion is not supported")
        if problems := check_envelope(request.document):
            return refuse(400, "malformed envelope", problems)
        return lambda: self._store(request.document["data"])

    def _capabilities(self) -> HttpResponse:
        capabilities = {
            "caliperSupportedVersions": list(VERSION_OF),
            "caliperMaximumPayloadSize": self.max_body // 1024,
        }
        return HttpResponse(200, orjson.dumps(capabilities), {"Content-Type": "application/json"})

    def _store(self, data: list[dict[str, Any]]) -> HttpResponse:
        for item in data:
            if not is_event(item):
                self._entities[item["id"]] = item
            elif (stored := self._statements.setdefault(item["id"], item)) is item:
                continue
            elif stored == item:
                self.duplicates += 1
            else:
                self.conflicts += 1
        return HttpResponse(200)


def _is_of_unknown_version(envelope: Any) -> bool:
    """Tells whether the envelope is well-formed except perhaps for an unsupported version."""
    return (
        isinstance(envelope, dict)
        and set(envelope) == set(ENVELOPE)
        and isinstance(envelope["dataVersion"], str)
        and envelope["dataVersion"] not in VERSION_OF
    )
