"""Documents nested a hundred thousand deep, at every entrance: an answer in words, no crash, nothing else lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from installation import Installation
from plain import event, line
from relay_files import relay_toml

DEEP = 100_000
LEVELS = [100, 253, 254, 255, 500, 990, 1_000, 1_023, 1_024, 1_025, DEEP]
"""Around the limits of Python's stack and of the JSON reader and writer."""

DEEP_PLUGIN = """
from learnrelay import Family, Fields, hookimpl, optional
from learnrelay.kinds import structure

class Free(Fields):
    free = optional("data.free", kind=structure)

family = Family("plain.deep")

@family.maps("deep", reads=Free, did="tell")
def told(fields, platform):
    return {"free": fields.free}

class Plugin:
    @hookimpl(reads=Free)
    def filter_event(self, fields):
        return None

    @hookimpl(reads=Free)
    def enrich_statement(self, fields):
        return {"more": {"free": fields.free}}

    @hookimpl(reads=Free)
    def route_event(self, fields):
        return None

plugin = Plugin()
"""

CONFIG = relay_toml(
    ["plain.*", "deep"],
    {
        "nobody": {
            "url": "http://127.0.0.1:9/",
            "scope": {"all": True, "deny": {"event": "watched.old"}},
            "match": {"data.free": "glob:*"},
        },
        "other": {"url": "http://127.0.0.1:9/", "pseudonyms": "own"},
    },
    identity={"secret": "Kd7wq2Lmz9Xv4bTn"},
)


def nested(depth: int) -> list[str]:
    return ["[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth]


def deep_lines() -> list[bytes]:
    """Lines of a log that are deep in each of their places."""
    lines = []
    for depth in LEVELS:
        for value in nested(depth):
            for shape in (
                '{"name":"deep","timestamp":"2026-03-02T09:00:00Z","context":{"user_id":1},"data":{"free":%s}}',
                '{"name":"deep","timestamp":"2026-03-02T09:00:00Z","context":{"user_id":1,"x":%s},"data":{"free":1}}',
                '{"name":"deep","time":"2026-03-02T09:00:00Z","context":{"user_id":%s},"event":{"free":1}}',
                '{"name":%s,"data":{}}',
                "%s",
            ):
                lines.append((shape % value).encode())
            text = json.dumps(f'{{"free":{value}}}')
            lines.append(
                b'{"name":"deep","context":{"user_id":1},"time":"2026-03-02T09:00:00Z","event":%s}' % text.encode()
            )
    return lines


@pytest.fixture(scope="module")
def deep(
    plain_installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Installation, dict[str, str]]:
    own = Installation(tmp_path_factory.mktemp("deep"))
    own.install(
        "acme-deep",
        {
            "learnrelay.families.v1": {"plain.deep": "acme_deep:family"},
            "learnrelay.filters.v1": {"deep": "acme_deep:plugin"},
        },
        DEEP_PLUGIN,
    )
    (own.directory / "relay.toml").write_text(CONFIG, encoding="utf-8")
    (own.directory / "deep.log").write_bytes(b"\n".join([*deep_lines(), line(event())]))
    return own, {"PYTHONPATH": os.pathsep.join([str(own.site), str(plain_installation.site)])}


EMIT = """
import sys
from collections import Counter
from learnrelay import Relay
states = Counter()
with Relay.from_file("relay.toml") as relay:
    for line in open("deep.log", "rb"):
        for form in (line, line.decode()):
            states.update(outcome.state.value for outcome in relay.emit(form))
    for depth in (100, 253, 254, 255, 900, 1100, 100_000):
        for wrap in (lambda inner: {"a": inner}, lambda inner: [inner]):
            inner = 1
            for _ in range(depth):
                inner = wrap(inner)
            for raw in (
                {"name": "deep", "timestamp": "2026-03-02T09:00:00Z", "context": {"user_id": 1}, "data": inner},
                {"name": "deep", "context": inner, "data": {}}, {"name": inner}, {"x": inner},
            ):
                states.update(outcome.state.value for outcome in relay.emit(raw))
    itself = {"name": "deep"}
    itself["data"] = itself
    states.update(outcome.state.value for outcome in relay.emit(itself))
print(dict(states))
"""


def test_emit_answers_whatever_it_is_given(deep: tuple[Installation, dict[str, str]]) -> None:
    own, environment = deep
    done = subprocess.run(
        [sys.executable, "-c", EMIT], cwd=own.directory, env={**os.environ, **environment},
        capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    states = eval(done.stdout)
    assert states["transformed"] > 20
    assert states["failed"] > 150
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["transform", "deep.log", "--config", "relay.toml", "--output", "out.jsonl", "--errors", "errors.jsonl"],
        ["replay", "deep.log", "--config", "relay.toml", "--output", "replayed", "--compress", "none"],
    ],
)
def test_a_log_with_deep_lines_is_read_to_its_end(
    command: list[str], deep: tuple[Installation, dict[str, str]]
) -> None:
    own, environment = deep
    before = {*own.directory.rglob("*.jsonl")}
    done = own.run(*command, **environment)
    assert done.returncode == 1, done.stderr.decode()[-2000:]
    assert b"Traceback" not in done.stderr
    written = [path.read_bytes() for path in {*own.directory.rglob("*.jsonl")} - before if "errors" not in path.name]
    assert any(b'"did":"watch"' in content for content in written), "the last line is not deep"


@pytest.mark.slow
def test_explain_answers_for_each_depth(deep: tuple[Installation, dict[str, str]], tmp_path: Path) -> None:
    own, environment = deep
    for number, content in enumerate(deep_lines()):
        if number % 24 in (0, 5):  # a run of the command costs a second
            path = tmp_path / "one.json"
            path.write_bytes(content)
            done = own.run("explain", str(path), "--config", "relay.toml", "--show-values", "--json", **environment)
            assert done.returncode in (0, 1), (content[:200], done.stderr.decode()[-2000:])
            assert b"Traceback" not in done.stderr, (content[:200], done.stderr.decode()[-2000:])
