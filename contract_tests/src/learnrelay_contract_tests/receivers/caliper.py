"""A strict Caliper endpoint: takes one envelope a request and tells what it can take."""

from typing import Any, Unpack

import orjson

from learnrelay_contract_tests.receivers.caliper_rules import ENVELOPE, VERSION_OF, check_envelope, is_event
from learnrelay_contract_tests.receivers.connections import Answer
from learnrelay_contract_tests.receivers.server import Options, Receiver, Request, Verdict, refusal


class CaliperReceiver(Receiver):
    """A Caliper endpoint that refuses a whole envelope for one fault, and names the JSON path of each.

    ``statements`` holds the events; an event whose id is stored already is counted and answered with
    200, as the standard knows no other way. ``entities`` holds the entity descriptions, the latest of
    each id.
    """

    base_path = "/caliper"

    def __init__(self, **options: Unpack[Options]) -> None:
        super().__init__(**options)
        self._entities: dict[str, dict[str, Any]] = {}

    @property
    def entities(self) -> dict[str, dict[str, Any]]:
        """Id to entity description (a copy)."""
        with self._changed:
            return dict(self._entities)

    def _items(self, document: Any) -> list[Any]:
        data = document.get("data") if isinstance(document, dict) else None
        return data if isinstance(data, list) else []

    def _judge(self, request: Request) -> Verdict:
        if request.path != self.base_path:
            return refusal(404, "no such resource")
        if not self._authorized(request):
            return refusal(401, "credentials are missing or wrong")
        if request.method == "GET":
            return self._capabilities()
        if request.method != "POST":
            return refusal(405, "the resource does not know this method")
        if request.content_type != "application/json":
            return refusal(415, "Content-Type must be application/json")
        if request.fault:
            return refusal(400, request.fault)
        if _is_of_unknown_version(request.document):
            return refusal(422, "dataVersion is not supported")
        if problems := check_envelope(request.document):
            return refusal(400, "malformed envelope", problems)
        return lambda: self._store(request.document["data"])

    def _capabilities(self) -> Answer:
        capabilities = {
            "caliperSupportedVersions": list(VERSION_OF),
            "caliperMaximumPayloadSize": self.max_body // 1024,
        }
        return Answer(200, orjson.dumps(capabilities), {"Content-Type": "application/json"})

    def _store(self, data: list[dict[str, Any]]) -> Answer:
        for item in data:
            if not is_event(item):
                self._entities[item["id"]] = item
            elif (stored := self._statements.setdefault(item["id"], item)) is item:
                continue
            elif stored == item:
                self.duplicates += 1
            else:
                self.conflicts += 1
        return Answer(200)


def _is_of_unknown_version(envelope: Any) -> bool:
    """Whether it is an envelope whose only fault may be that its version is not served."""
    return (
        isinstance(envelope, dict)
        and set(envelope) == set(ENVELOPE)
        and isinstance(envelope["dataVersion"], str)
        and envelope["dataVersion"] not in VERSION_OF
    )
