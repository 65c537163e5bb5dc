"""``learnrelay transform``: every line is accounted for, whatever it is."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installation import Installation
from learnrelay.lines import read_lines
from plain import event, line

SECRET = {"LEARNRELAY_IDENTITY_SECRET": "s" * 32}
GOOD = line(event())
GARBAGE = [
    (b"\x00\xff\xfe binary \x80\n", "no JSON object"),
    (b'{"name": "watched", "time":\n', "not valid JSON"),
    (b'{"name": "wat\x00ched"}\n', "not valid JSON"),
    (b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"\n", "not valid JSON"),
    (b"x" * 3_000_000 + b"\n", "longer than 1,048,576 bytes"),
    (b"\n", "blank line"),
    (line(event(data={"video": 5})), "data.video: expected text"),
    (line(event(data="text")), "data.video: required field is missing"),
    (line({**event(), "timestamp": "soon"}), "timestamp: expected a date with time"),
]


def transform(installation: Installation, *arguments: Any, stdin: bytes = b"") -> tuple[int, list[Any], Any, list[Any]]:
    errors = installation.directory / "errors.jsonl"
    done = installation.run(
        "transform", "--standard", "plain", "--json", "--errors", errors, *arguments, stdin=stdin, **SECRET
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    told = done.stderr.decode()
    summary = json.loads(told[told.index("{") :]) if "{" in told else told
    statements = [json.loads(one) for one in done.stdout.splitlines()]
    records = [json.loads(one) for one in errors.read_bytes().splitlines()] if errors.exists() else []
    return done.returncode, statements, summary, records


def test_garbage_costs_only_itself(plain_installation: Installation) -> None:
    stdin = b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n")
    for bad, _ in GARBAGE:
        stdin += bad + GOOD
    code, statements, summary, records = transform(plain_installation, stdin=stdin)
    assert code == 1
    assert len(statements) == len(GARBAGE) + 1
    assert [record["line"] for record in records] == list(range(2, 2 * len(GARBAGE) + 1, 2))
    for record, (_, reason) in zip(records, GARBAGE, strict=True):
        assert reason in record["reason"]
        assert record["file"] == "-"
        if record["event"]:
            assert record["event_id"]
    plain = summary["standards"]["plain"]
    assert summary["read"] == 2 * len(GARBAGE) + 1
    assert plain["transformed"] + sum(plain["failed"].values()) + sum(summary["unreadable"].values()) == summary["read"]


def test_files_plain_gzip_empty_and_cut_short(plain_installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "plain.log").write_bytes(GOOD + line(event("other")) + line(event(user_id=None)))
    (tmp_path / "named-otherwise").write_bytes(gzip.compress(GOOD * 3))
    (tmp_path / "empty.log").write_bytes(b"")
    files = [tmp_path / name for name in ("plain.log", "named-otherwise", "empty.log")]
    output = tmp_path / "statements.jsonl"
    code, statements, summary, records = transform(plain_installation, *files, "--output", output, "--validate")
    assert (code, statements, records) == (0, [], [])
    assert len(output.read_bytes().splitlines()) == 4
    plain = summary["standards"]["plain"]
    assert (plain["not_mapped"], plain["skipped"]) == (1, {"nobody is signed in": 1})
    (tmp_path / "cut.gz").write_bytes(gzip.compress(GOOD * 2000)[:-20])
    code, statements, _, records = transform(plain_installation, tmp_path / "cut.gz")
    assert code == 1
    assert "breaks off" in records[-1]["reason"]
    assert len(statements) == records[-1]["line"] - 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["transform"], "say --standard NAME"),
        (["transform", "--standard", "plane"], 'did you mean "plain"?'),
        (["transform", "--standard", "plain", "no-such.log"], "no-such.log: No such file"),
        (["transform", "--config", "no-such.toml"], "cannot be read: No such file"),
        (["check"], "Missing option"),
        (["chekc"], "No such command"),
    ],
)
def test_wrong_use_is_told_and_exits_with_2(plain_installation: Installation, arguments: list[str], told: str) -> None:
    done = plain_installation.run(*arguments)
    assert done.returncode == 2
    assert told in done.stderr.decode()
    assert b"Traceback" not in done.stderr


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_lines_are_read_as_they_stand(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    contents = data.draw(st.lists(st.binary(max_size=40).map(lambda one: one.replace(b"\n", b" ")), max_size=8))
    ends = data.draw(st.sampled_from([b"", b"\n"]))
    path = tmp_path_factory.mktemp("lines") / "log"
    path.write_bytes(b"\n".join(contents) + ends)
    with path.open("rb") as stream:
        found = list(read_lines(stream, "log", longest=30))
    expected = (b"\n".join(contents) + ends).split(b"\n")
    expected = expected[:-1] if not expected[-1] else expected
    assert [one.number for one in found] == list(range(1, len(expected) + 1))
    for one, raw in zip(found, expected, strict=True):
        if len(raw) > 30:
            assert "longer than 30 bytes" in one.problem
        else:
            assert one.content.rstrip(b"\n") == (raw.removeprefix(b"\xef\xbb\xbf") if one.number == 1 else raw)
