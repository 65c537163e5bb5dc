"""What a browser or an app sends is its user's own word: it names nobody else, and no event of the server's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from learnrelay.assembly.assemble import assemble_from
from learnrelay.pipeline.run import OutcomeState, Pipeline
from learnrelay.providers import UserRef
from learnrelay_openedx.facts import OpenedxFacts
from learnrelay_openedx.origins import (
    NOT_OF_THE_BLOCK,
    NOT_THE_SERVER,
    PUBLISHED_NAMES,
    is_server_only,
)
from learnrelay_openedx.source import OpenedxSource, filter_event
from openedx_events import event_from_mapping
from services import reference_folder

PUBLISHED = "/courses/course-v1:A+B+C/xblock/block-v1:A+B+C+type@{}+block@x/handler/publish_event"
CLIENTS: list[dict[str, Any]] = [
    {"event_source": "browser"}, {"event_source": "mobile"}, {"event_source": "Browser"}, {"event_source": "web"},
    {"event_source": ""}, {"event_source": " "}, {"event_source": []}, {"event_source": ["server"]},
    {"event_source": {}}, {"event_source": {"server": "server"}},
    {"event_source": 0}, {"event_source": False}, {"event_source": "server "},
    {"event_source": "server", "path": PUBLISHED.format("drag-and-drop-v2")},
    {"path": PUBLISHED.format("x").replace("handler", "handler_noauth") + "/and/more"},
]  # fmt: skip
SERVERS: list[dict[str, Any]] = [
    {}, {"event_source": "server"}, {"event_source": "task"}, {"event_source": None},
    {"event_source": "server", "path": "/courses/course-v1:A+B+C/xblock/x/handler/xmodule_handler/problem_check"},
]  # fmt: skip


def who(data: Any, context: dict[str, Any]) -> UserRef | None:
    event = event_from_mapping({"name": "e", "timestamp": "2026-03-02T10:00:00Z", "data": data, "context": context})
    facts = OpenedxSource.facts
    named_user = facts.who(*(getattr(event.facts, name) for name in facts.who_reads))
    return None if named_user is None else named_user.user


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "payload",
    [{"user_id": 7}, {"username": "ada"}, {"attempt_user_id": 7}, {"user_id": [7]}, {"user_id": "ada"}, "user_id=7"],
)
def test_who_was_signed_in_is_who_a_client_speaks_of(client: dict[str, Any], payload: Any) -> None:
    assert who(payload, {"user_id": 666, "username": "mallory", **client}) == UserRef("666", "mallory")
    assert who(payload, {"user_id": None, "username": "", **client}) is None


@pytest.mark.parametrize("server", SERVERS)
def test_the_server_speaks_of_others(server: dict[str, Any]) -> None:
    assert who({"user_id": 7}, {"user_id": 9, "username": "staff", **server}) == UserRef("7", None)


def answer(name: str, **context: Any) -> str:
    """The reason of a refusal; empty for an event that passes."""
    event = event_from_mapping({"name": name, "timestamp": "2026-03-02T10:00:00Z", "data": {}, "context": context})
    assert isinstance(event.facts, OpenedxFacts)
    skip = filter_event(event.facts)
    return skip.reason if skip else ""


GRADE = "edx.course.grade.passed.first_time"


def test_names_of_the_server_are_refused_from_a_client() -> None:
    senders: list[Any] = ["browser", "mobile", "web", "", ["server"], {}]
    for sender in senders:
        assert answer(GRADE, event_source=sender) == NOT_THE_SERVER.reason
        assert answer("showanswer", event_source=sender) == NOT_THE_SERVER.reason
        assert not answer("play_video", event_source=sender)
        assert not answer("problem_check", event_source=sender)
        assert not answer("acme.poll.answered", event_source=sender)
    for server in SERVERS:
        assert not answer(GRADE, **server)


def test_a_block_publishes_what_it_has_and_nothing_else() -> None:
    for block, names in PUBLISHED_NAMES.items():
        for name in names:
            assert not answer(name, event_source="server", path=PUBLISHED.format(block))
            assert answer(name, event_source="server", path=PUBLISHED.format("openassessment"))
        for name in (GRADE, "problem_check", "play_video", "openassessmentblock.peer_assess"):
            assert answer(name, event_source="server", path=PUBLISHED.format(block)) == NOT_OF_THE_BLOCK.reason
    assert answer("edx.drag_and_drop_v2.loaded", path="/publish_event") == NOT_OF_THE_BLOCK.reason


def test_the_block_is_the_one_whose_handler_was_called() -> None:
    """Behind the handler's name a learner may write anything."""
    survey, name = PUBLISHED.format("survey"), "ubc.peer_instruction.revised_submitted"
    for suffix in ("+type@ubcpi+block@y", "block-v1:A+B+C+type@ubcpi+block@y/handler/publish_event"):
        assert answer(name, event_source="server", path=f"{survey}/{suffix}") == NOT_OF_THE_BLOCK.reason
    called = "/api/xblock/v2/xblocks/lb:A:B:ubcpi:x/handler/7-aa/publish_event"
    assert answer(name, path=f"{called}/+type@ubcpi+block@y") == NOT_OF_THE_BLOCK.reason
    for path in ("handler_noauth/publish_event", "handler/publish_event/", "handler/7-aa/publish_event/more"):
        assert not answer(name, path=PUBLISHED.format("ubcpi").replace("handler/publish_event", path))


def test_the_source_refuses_them_in_every_relay() -> None:
    raw: dict[str, Any] = {
        "platform": {"root_url": "https://learn.example.org", "source": "openedx"},
        "plugins": {"enabled": ["xapi.grading"]},
        "identity": {"provider": "keyed", "secret": "6c1f0b7e94d2a853c7e0f1b29a4d5e68"},
    }
    pipeline = Pipeline(assemble_from(raw, Path("relay.toml")).plan)
    event: dict[str, Any] = {
        "name": GRADE,
        "data": {},
        "context": {"event_source": "browser"},
        "timestamp": "2026-03-02T10:00:00Z",
    }
    (outcome,) = pipeline.process(event_from_mapping(event))
    assert outcome.reason == NOT_THE_SERVER.reason
    (outcome,) = pipeline.process(event_from_mapping({**event, "timestamp": ""}))
    assert outcome.state is OutcomeState.FAILED, "without its facts it is no statement either"


def test_names_of_the_server_are_those_that_the_platform_emits_there() -> None:
    """``edx.certificate.shared`` is documented as the server's, but a page sends it."""
    events = [
        event
        for file in ("events/catalogue.json", "newer/newer.json")
        for event in json.loads((reference_folder() / file).read_text("utf-8"))["events"]
    ]
    senders: dict[str, set[str]] = {}
    for event in events:
        for name in (event["name"], *event.get("aliases", ())):
            senders.setdefault(name, set()).update(event.get("emitted_by") or ())
    servers = {name for name, by in senders.items() if by == {"server"} and name.startswith("edx.")}
    assert {name for name in servers if not is_server_only(name)} == {"edx.certificate.shared"}
    assert not {name for name, by in senders.items() if by & {"browser", "mobile"} and is_server_only(name)}
