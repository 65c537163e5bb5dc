"""``learnrelay explain`` says what the pipeline does, stage by stage, and shows no value unless asked."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from installation import Installation
from plain import event, line
from relay_files import relay_toml

CONFIG = relay_toml(
    ["plain.watching", "no-robots"],
    {
        "main": {"url": "https://main.example.org"},
        "harbour": {
            "url": "https://harbour.example.org",
            "match": {"context.org_id": ["Harbour"], "data.at": 3},
        },
        "old": {"url": "https://old.example.org", "scope": {"all": True, "deny": {"event": "watched"}}},
    },
)

PLUGIN = """
from learnrelay import Fields, Skip, hookimpl, optional

class Agent(Fields):
    agent = optional("context.agent")

@hookimpl(reads=Agent)
def filter_event(fields):
    return Skip("robots are not reported") if fields.agent == "robot" else None

@hookimpl(reads=Agent)
def route_event(fields, destination):
    return Skip("phones stay at home") if fields.agent == "phone" and destination.name == "main" else None
"""


@pytest.fixture(scope="module")
def explain(plain_installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Any:
    own = Installation(tmp_path_factory.mktemp("explain"))
    own.install("acme-no-robots", {"learnrelay.filters.v1": {"no-robots": "acme_no_robots"}}, PLUGIN)
    config = own.directory / "relay.toml"
    config.write_text(CONFIG, encoding="utf-8")
    both = {"PYTHONPATH": os.pathsep.join([str(own.site), str(plain_installation.site)])}

    def run(stdin: bytes, *arguments: str, code: int = 0) -> str:
        done = own.run("explain", "--config", str(config), *arguments, stdin=stdin, SECRET="Kd7wq2Lmz9Xv4bTn", **both)
        assert done.returncode == code, done.stderr.decode() + done.stdout.decode()
        return done.stdout.decode()

    return run


def test_every_stage_and_the_rule_that_decided(explain: Any, tmp_path: Path) -> None:
    raw = event(data={"video": "hush-video", "position": 3}, org_id="Harbour", username="ada_l")
    file = tmp_path / "event.json"
    file.write_text(json.dumps(raw, indent=2), encoding="utf-8")
    explanation = json.loads(explain(b"", str(file), "--json"))
    assert explanation["event"]["name"] == "watched"
    assert [(verdict["filter"], verdict["keeps"]) for verdict in explanation["filters"]] == [
        ("allowlist", True),
        ("filters:no-robots", True),
        ("sources:openedx", True),
    ]
    (standard,) = explanation["standards"]
    assert (standard["standard"], standard["state"]) == ("plain", "transformed")
    fields = {field["field"]: field for field in standard["fields"]}
    assert (fields["video"]["found"], fields["video"]["type"]) == ("data.video", "text")
    assert (fields["at"]["found"], fields["at"]["type"]) == ("data.position", "a number")
    assert "found" not in fields["session"]
    destinations = {decision["destination"]: decision for decision in standard["destinations"]}
    assert destinations["main"] == {
        "destination": "main", "allowed": True, "rule": "plugin filters:no-robots",
        "reason": "allowed by plugin filters:no-robots",
    }  # fmt: skip
    assert destinations["harbour"]["reason"] == "match: data.at has none of the wanted values"
    assert destinations["old"]["rule"] == "deny event"
    assert standard["statements"][0]["did"] == "watch", "the mapping's own words are shown"
    text = explain(line(raw))
    for shown in (json.dumps(explanation), text):
        assert "hush" not in shown
        assert "ada_l" not in shown
        assert "4711" not in shown
    open_hearted = explain(line(raw), "--show-values")
    assert "hush-video" in open_hearted
    assert '"what": "hush-video"' in open_hearted


def test_values_of_an_event_without_a_mapping_are_shown_on_request(explain: Any) -> None:
    raw = event("unheard.of", data={"video": "hush-video"})
    assert "hush" not in explain(line(raw))
    shown = explain(line(raw), "--show-values")
    assert '"video": "hush-video"' in shown
    assert "not mapped" in shown


@pytest.mark.parametrize(
    ("raw", "code", "words"),
    [
        (event(agent="robot"), 0, ["filters:no-robots: SKIPS - robots are not reported", "skipped     robots"]),
        (event(agent="phone"), 0, ["NOT to      main: phones stay at home"]),
        (event("unheard.of"), 0, ["not mapped    no enabled transformer maps this event"]),
        (
            event(user_id=None),
            0,
            ["skipped     nobody is signed in", "NOT to      main: nothing to send: the event is skipped"],
        ),
        (
            event(data={"at": 3}),
            1,
            [
                "video: MISSING (data.video)",
                "failed      data.video: required field is missing",
                "NOT to      harbour: match: context.org_id",
                "NOT to      main: nothing to send: the event is failed",
            ],
        ),
        (event(data={"video": ["v"]}), 1, ["video: MISSING (data.video is a list of 1, expected text)"]),
        (
            event(data={"video": "v", "user_id": [], "attempt_user_id": 6, "username": True}),
            1,
            [
                "subject_id: absent (data.user_id is a list of 0, expected an identifier)",
                "subject_name: absent (data.username is true or false, expected text)",
                "failed      data.user_id: the payload names a user by what is none",
            ],
        ),
    ],
)
def test_each_outcome_in_words(raw: dict[str, Any], code: int, words: list[str], explain: Any) -> None:
    explanation = explain(b"2026-03-02 09:00:00,104 INFO 17 [tracking] x.py:41 - " + line(raw), code=code)
    for word in words:
        assert word in explanation


@pytest.mark.parametrize(
    ("stdin", "code"),
    [(b"", 1), (b"no json", 1), (b'{"name": 1}', 1), (line(event()) * 2, 2), (b"x" * 2_000_000, 2)],
    ids=["nothing", "no json", "no name", "two events", "too long"],
)
def test_what_is_not_one_event(stdin: bytes, code: int, explain: Any) -> None:
    explanation = explain(stdin, code=code)
    assert "Traceback" not in explanation
    if code == 1:
        assert "unreadable" in explanation


def test_without_a_configuration_all_that_is_installed_is_asked(plain_installation: Installation) -> None:
    done = plain_installation.run("explain", "-", stdin=line(event()))
    assert done.returncode == 0, done.stderr
    assert b"plain.watching:watched - The learner watches a video." in done.stdout
