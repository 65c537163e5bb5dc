"""Files that are JSON documents: each event in them is read as its line would be, and logs stay what they are."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installation import Installation
from learnrelay.reading.documents import LARGEST_DOCUMENT, read_events
from learnrelay.reading.lines import LONGEST_LINE, Line, read_lines
from plain import event, line

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner))
EVENTS = st.lists(st.dictionaries(st.text(max_size=5), VALUES, min_size=1, max_size=4), min_size=1, max_size=4)

FORMS: dict[str, Callable[[list[Any]], str]] = {
    "an array, indented": lambda events: json.dumps(events, indent=2),
    "an array on one line": lambda events: json.dumps(events, ensure_ascii=False),
    "an array with an event a line": lambda events: "[\n" + ",\n".join(map(json.dumps, events)) + "\n]\n",
    "one after the other, indented": lambda events: "\n".join(json.dumps(raw, indent=4) for raw in events),
    "a byte order mark and blank lines before it": lambda events: "\ufeff\n\n" + json.dumps(events, indent="\t"),
}


def read(content: bytes) -> list[Line]:
    return list(read_events(io.BufferedReader(io.BytesIO(content)), "events.json"))


@pytest.mark.parametrize("form", FORMS)
@given(events=EVENTS)
@settings(max_examples=40, deadline=None)
def test_each_event_of_a_document_is_read(form: str, events: list[Any]) -> None:
    content = FORMS[form](events)
    records = read(content.encode())
    assert [json.loads(record.content) for record in records] == events
    assert not any(record.problem for record in records)
    rows = content.removeprefix("\ufeff").split("\n")
    assert all(rows[record.number - 1].lstrip("[ \t,").startswith("{") for record in records), "it begins in that line"


@given(
    first=st.sampled_from([b'{"name": "wat', b'{"name": "a", "data": {', b'{"name": "a",', b"{", b"[INFO] x,", b""]),
    rest=st.lists(st.sampled_from([b'{"name": "a"}', b"INFO x {}", b"junk", b"", b"\xff{}"]), max_size=4),
)
@settings(max_examples=80, deadline=None)
def test_a_log_stays_a_log_whatever_its_first_line(first: bytes, rest: list[bytes]) -> None:
    content = b"\n".join([first, b'{"name": "b", "data": {}}', *rest])
    assert read(content) == list(read_lines(io.BufferedReader(io.BytesIO(content)), "events.json"))


def test_what_cannot_be_read_is_one_problem_in_its_line() -> None:
    pretty = json.dumps(event(), indent=2)
    cut = read(f"{pretty}\n{pretty[:40]}".encode())
    assert [bool(record.problem) for record in cut] == [False, True]
    assert "neither one event a line nor a whole JSON document" in cut[1].problem
    assert cut[1].number > pretty.count("\n") + 1
    for content, reason in [
        (b'{\n "a": "\xff"\n}', "not UTF-8"),
        (b"{\n" + b'"a": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", "nested too deep"),
        (b'[\n{\n"a": "' + b"x" * LONGEST_LINE + b'"}]', "longer than"),
        (b"[\n" + b"{ },\n" * (LARGEST_DOCUMENT // 5), "more than 16,777,216 bytes"),
    ]:
        (problem,) = read(content)
        assert reason in problem.problem


def test_a_packed_document_that_breaks_off_is_a_problem() -> None:
    packed = gzip.compress(json.dumps([event()] * 50, indent=2).encode())[:-200]
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as stream:
        assert any(record.problem for record in read_events(stream, "events.json"))  # type: ignore[arg-type]


def test_transform_takes_a_pretty_printed_event_and_accounts_for_it(plain_installation: Installation) -> None:
    good, bad = event(), event(data={"video": 5})
    for stdin, code, counted in [
        (json.dumps(good, indent=2).encode(), 0, {"read": 1, "transformed": 1}),
        (json.dumps([good, bad, good], indent=2).encode(), 1, {"read": 3, "transformed": 2}),
        (line(good) * 3, 0, {"read": 3, "transformed": 3}),
    ]:
        done = plain_installation.run(
            "transform", "--standard", "plain", "--json", stdin=stdin, LEARNRELAY_IDENTITY_SECRET="Kd7wq2Lmz9Xv4bTn"
        )
        assert done.returncode == code, done.stderr.decode()
        stderr = done.stderr.decode()
        summary = json.loads(stderr[stderr.index("{\n") :])
        assert {"read": summary["read"], "transformed": summary["standards"]["plain"]["transformed"]} == counted
        assert len(done.stdout.splitlines()) == counted["transformed"]
