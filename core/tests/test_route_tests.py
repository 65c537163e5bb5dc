"""``learnrelay check`` runs the operator's tests of routes, and says what differs without a value of the event."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from installation import Installation
from learnrelay.cli.route_test_runner import find_values
from plain import event
from relay_files import relay_toml

CONFIG = relay_toml(
    ["plain.watching"],
    {
        "main": {"url": "https://main.example.org"},
        "harbour": {"url": "https://harbour.example.org", "match": {"context.org_id": ["Harbour"]}},
        "own": {"url": "https://own.example.org", "pseudonyms": "own", "match": {"data.at": 3}},
    },
)

Check = Callable[..., CompletedProcess[bytes]]


@pytest.fixture
def check(plain_installation: Installation, tmp_path: Path) -> Check:
    """Returns a function that writes the tests, in the operator's file and beside it, and runs ``check``."""
    config = tmp_path / "relay.toml"

    def run(tests: str = "", beside: str = "", *arguments: str) -> CompletedProcess[bytes]:
        config.write_text(f"{CONFIG}\n{tests}", encoding="utf-8")
        if beside:
            (tmp_path / "relay.tests.toml").write_text(beside, encoding="utf-8")
        return plain_installation.run("check", "--config", str(config), *arguments, SECRET="Kd7wq2Lmz9Xv4bTn")

    return run


RAW = event(data={"video": "hush-video", "position": 3}, org_id="Harbour", username="ada_l")

PASSING = f"""
[[tests]]
name = "a video of the Harbour"
event = '{json.dumps(RAW)}'
destinations = ["main", "harbour"]
reason = {{ own = "match: data.at" }}
statements.plain = {{ what = "hush-video", at = 3.0, did = "watch" }}
statements.harbour = {{ did = "watch" }}

[[tests]]
name = "a video of another organisation"
event = "samples/other.json"
destinations = ["main"]

[[tests]]
name = "nobody"
reason = "nobody is signed in"
[tests.event]
name = "watched"
timestamp = 2026-03-02T09:00:00Z
data = {{ video = "v1", at = 3 }}
context = {{ course_id = "course-v1:Harbour+SAIL+2026" }}

[[tests]]
name = "of no mapping"
event = {{ name = "unheard.of", data = {{ }}, context = {{ }} }}
destinations = []
reason = "no enabled transformer maps this event"
"""


def test_tests_that_pass_are_counted_in_both_places(check: Check, tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "other.json").write_text(json.dumps(event(data={"video": "v"}, org_id="Atoll"), indent=2))
    done = check(PASSING, PASSING)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    assert b"  tests:   8 passed, 0 failed\n" in done.stdout
    assert not (tmp_path / "learnrelay.db").exists(), "nothing is stored"


def test_without_tests_none_are_mentioned(check: Check) -> None:
    done = check()
    assert done.returncode == 0, done.stderr
    assert b" passed" not in done.stdout


FAILING: list[tuple[str, list[str]]] = [
    ('destinations = ["main"]', ["destinations: harbour gets it too"]),
    (
        'destinations = ["main", "harbour", "own"]',
        ["destinations: own gets nothing: match: data.at has none of the wanted values"],
    ),
    ('reason = "robots"', ['reason: own: expected "robots", got "match: data.at has none of the wanted values"']),
    ('reason = { main = "robots" }', ['reason: main gets it, expected "robots"']),
    ('statements.plain = { did = "play" }', ['statements.plain did: expected "play", got "watch"']),
    ('statements.main = { what = "v9" }', ['statements.main what: expected "v9", got another text']),
    ("statements.main = { at = true }", ["statements.main at: expected true, got a number"]),
    ("statements.main = { at = 4 }", ["statements.main at: expected 4, got another number"]),
    ('statements.main = { "object.id" = 1 }', ["statements.main object.id: expected 1, got no such part"]),
    ("statements.plain = [{ at = 3 }, { at = 4 }]", ["statements.plain: expected 2 statements, got 1"]),
    (
        'statements.own = { did = "watch" }',
        ["statements.own: there is none: match: data.at has none of the wanted values"],
    ),
]


def test_what_differs_is_named_without_values(check: Check, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text(json.dumps(RAW), encoding="utf-8")
    beside = "".join(
        f'[[tests]]\nname = "test {number}"\nevent = "event.json"\n{expected}\n'
        for number, (expected, _) in enumerate(FAILING)
    )
    done = check("", beside)
    assert done.returncode == 1, done.stderr
    _, _, shown = done.stdout.decode().partition(f"  tests:   0 passed, {len(FAILING)} failed\n")
    lines = [
        line
        for number, (_, differences) in enumerate(FAILING)
        for line in [f"FAILED {tmp_path / 'relay.tests.toml'}: test {number}", *(f"  {text}" for text in differences)]
    ]
    assert shown.splitlines() == lines
    report = check("", beside, "--json")
    assert [test["differences"] for test in json.loads(report.stdout)["tests"]] == [text for _, text in FAILING]
    for text in (done.stdout + done.stderr, report.stdout):
        assert b"hush" not in text
        assert b"ada_l" not in text
        assert b"4711" not in text


def test_an_event_that_fails_or_cannot_be_read(check: Check, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"name": "watched', encoding="utf-8")
    done = check(
        f"""
        [[tests]]
        name = "fails"
        event = '{json.dumps(event(data={"at": 3}))}'
        destinations = ["main"]
        [[tests]]
        name = "unreadable"
        event = "broken.json"
        destinations = ["main"]
        [[tests]]
        name = "not there"
        event = "nowhere.json"
        destinations = ["main"]
        """
    )
    assert done.returncode == 1
    shown = done.stdout.decode()
    assert "  destinations: main gets nothing: data.video: required field is missing" in shown
    assert "  destinations: main gets nothing: the event is unreadable: cut off: the line ends" in shown
    assert f"  event: {tmp_path / 'nowhere.json'} cannot be read: No such file or directory" in shown


WRONG: list[tuple[str, str]] = [
    ('name = "x1"\ndestinations = []', "x1.event: is missing"),
    ('event = "e"\ndestinations = []', "2.name: is missing"),
    ('name = "x3"\nevent = "e"', "x3: expects nothing: write destinations"),
    ('name = "x4"\nevent = "e"\ndestination = ["main"]', 'x4.destination: unknown key; did you mean "destinations"?'),
    ('name = "x5"\nevent = 3\ndestinations = []', "x5.event: expected a table, JSON or the path of a file, found a n"),
    ('name = "x6"\nevent = "e"\nreason = { main = 3 }', "x6.reason: expected text in quotes"),
    ('name = "x7"\nevent = "e"\nstatements.plain = {}', 'x7.statements.plain: expected a table such as { "object.id"'),
]
MISNAMED: list[tuple[str, str]] = [
    ('name = "x1"\nevent = "e"\ndestinations = ["mian"]', 'x1.destinations: there is no destination "mian"; did you'),
    ('name = "x2"\nevent = "e"\nreason = { mian = "y" }', 'x2.reason: there is no destination "mian"; did you mean "m'),
    ('name = "x3"\nevent = "e"\nstatements.plane = { at = 3 }', 'no destination or standard "plane"; did you mean "pl'),
]


@pytest.mark.parametrize("wrong", [WRONG, MISNAMED], ids=["form", "names"])
@pytest.mark.parametrize("is_beside", [False, True])
def test_mistakes_in_tests_name_file_test_and_key(
    check: Check, tmp_path: Path, wrong: list[tuple[str, str]], is_beside: bool
) -> None:
    tests = "".join(f"[[tests]]\n{test}\n" for test, _ in wrong)
    done = check(*(("", tests) if is_beside else (tests,)))
    assert done.returncode == 2
    file = tmp_path / ("relay.tests.toml" if is_beside else "relay.toml")
    errors = done.stderr.decode().splitlines()
    assert len(errors) == len(wrong)
    for error, (_, reason) in zip(errors, wrong, strict=True):
        assert error.startswith(f"error: {file}: tests.")
        assert reason in error


PATHS: list[tuple[str, Any]] = [
    ("a.b", 1),
    ("a[1].c", 2),
    ("ext.https://x.example/y.z", 3),
    ('ext["https://x.example/y.z"]', 3),
    ('ext["https://x.example/y.z.deep"].in', 4),
    ("ext.https://x.example/y.z.deep.in", 4),
]


@pytest.mark.parametrize(("path", "value"), PATHS)
def test_paths_of_keys_with_dots(path: str, value: object) -> None:
    statement = {
        "a": [0, {"c": 2}] if "[" in path else {"b": 1},
        "ext": {"https://x.example/y.z": 3, "https://x.example/y.z.deep": {"in": 4}},
    }
    assert [part for part, _ in find_values(statement, path)] == [value]
