"""`learnrelay compare`: differences by kind, corrections by name, and no value of a statement."""

from __future__ import annotations

import copy
import gzip
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from learnrelay.comparison.statement_changes import ABSENT
from learnrelay_openedx.erb.compare_command import compare
from learnrelay_openedx.erb.corrections import CORRECTIONS, Difference, name_correction
from learnrelay_xapi import vocabulary as v

PAGE = Path(__file__).parents[4] / "docs" / "xapi-corrections.md"
STATEMENT: dict[str, Any] = {
    "id": "0b0d5c6e-0000-4000-8000-000000000001",
    "version": "1.0.0",
    "actor": {"objectType": "Agent", "account": {"name": "Wanda Secretive", "homePage": "https://campus.example"}},
    "verb": {"id": v.EVALUATED.id, "display": {"en": "evaluated"}},
    "object": {"id": "https://campus.example/xblock/k", "definition": {"type": v.INTERACTION, "name": {"es": "Nudos"}}},
    "result": {"score": {"raw": 1, "max": 2}, "response": '["a","b"]', "duration": "PT3M15S"},
    "context": {"extensions": {}},
    "timestamp": "2026-03-02T09:00:00.123456+00:00",
}
Compare = Callable[..., Result]


def changed(*changes: tuple[str, Any], **members: Any) -> dict[str, Any]:
    """Returns the statement with other values at dotted paths; ``...`` removes one."""
    statement = copy.deepcopy(STATEMENT) | members
    for path, value in changes:
        *parents, last = path.split(".")
        place = statement
        for key in parents:
            place = place[key]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return statement


@pytest.fixture
def compare_streams(tmp_path: Path) -> Compare:
    """Returns a function that runs the command on two lists of statements, or bytes."""

    def run(ours: Any, theirs: Any, *options: str) -> Result:
        for name, stream in (("ours", ours), ("theirs", theirs)):
            lines = stream if isinstance(stream, bytes) else "\n".join(map(json.dumps, stream)).encode()
            (tmp_path / name).write_bytes(lines)
        arguments = [str(tmp_path / "ours"), str(tmp_path / "theirs"), *options]
        result = CliRunner().invoke(compare, arguments, catch_exceptions=False)
        assert "Secretive" not in result.output
        return result

    return run


def rows(result: Result) -> set[tuple[str, str]]:
    return {(row["kind"], row["what"]) for row in json.loads(result.stdout)["differences"]}


def test_the_same(compare_streams: Compare) -> None:
    result = compare_streams([STATEMENT], [STATEMENT])
    assert (result.exit_code, "1 are the same" in result.stdout) == (0, True)


def test_another_form(compare_streams: Compare) -> None:
    theirs = changed(
        ("timestamp", "2026-03-02T10:00:00.123+01:00"), ("result.response", '["a", "b"]'), ("result.score.raw", 1.0),
        ("result.duration", "PT03M15S"), ("object.definition.name", {"en-US": "Nudos"}),
    )  # fmt: skip
    result = compare_streams([STATEMENT], [theirs], "--json")
    assert result.exit_code == 0
    assert {kind for kind, _ in rows(result)} == {"form"}
    assert len(rows(result)) == 5


def test_a_documented_correction(compare_streams: Compare) -> None:
    result = compare_streams([STATEMENT], [changed(version="1.0.3")], "--json")
    assert (result.exit_code, rows(result)) == (0, {("correction", "version")})


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (("result.score.raw", 2), "result.score.raw"), (("object.definition.name", {"es": "Secretive"}),
        "object.definition.name"),
        (("actor.account.name", "Secretive"), "actor.account.name"), (("result.response", '["a", "c"]'),
        "result.response"),
        (("object.definition.extensions", {"Wanda Secretive": 1}), "object.definition.extensions"),
        (("context.extensions.Secretive", 1), 'context.extensions["(other keys)"]'), (("Secretive", 1),
        '["(other keys)"]'),
        (("result.response", ...), "result.response"), (("version", "1.0.1"), "version"),
    ],
)  # fmt: skip
def test_a_difference(compare_streams: Compare, change: tuple[str, Any], path: str) -> None:
    result = compare_streams([STATEMENT], [changed(change)], "--json")
    assert (result.exit_code, rows(result)) == (1, {("difference", path)})
    assert compare_streams([STATEMENT], [changed(change)], "--ignore", path).exit_code == 0


def test_statements_on_one_side(compare_streams: Compare) -> None:
    other = changed(id="x", verb={"id": "http://secretive.example/Secretive"})
    result = compare_streams([STATEMENT], [other])
    assert result.exit_code == 1
    assert re.search("only in ours:\n +1  evaluated\n", result.stdout)
    assert re.search("only in theirs:\n +1  \\(another verb\\)\n", result.stdout)


def test_statements_with_other_ids_are_paired_by_likeness(compare_streams: Compare) -> None:
    problems = [changed(("object.id", f"https://campus.example/xblock/{name}"), id=f"{name}-ours") for name in "abc"]
    theirs = [statement | {"id": statement["id"].replace("ours", "erb")} for statement in reversed(problems)]
    result = compare_streams(problems, theirs, "--json")
    assert (result.exit_code, rows(result)) == (0, {("correction", "id")})


def test_streams_that_are_large_and_in_another_order(compare_streams: Compare) -> None:
    """All in one instant would cost the square of their number, were they not paired by id first."""
    many = [changed(id=f"{number:08}") for number in range(5_000)]
    result = compare_streams(many, many[::-1])
    assert (result.exit_code, "5,000 are the same" in result.stdout) == (0, True)


def test_repeated_statements_count_once(compare_streams: Compare) -> None:
    result = compare_streams([STATEMENT, STATEMENT], [STATEMENT])
    assert result.exit_code == 0
    assert "ours: 2 statements, 1 of them repeated" in result.stdout


def test_packed_streams_arrays_and_lines_of_the_log(compare_streams: Compare) -> None:
    text = json.dumps(STATEMENT)
    log = f"2026-03-02 09:00:01,123 INFO 7 [xapi_tracking] [user 7] [ip 10.0.0.1] processor.py:55 - {text}\n\n"
    assert compare_streams(gzip.compress(f"[{text}]\n".encode()), log.encode()).exit_code == 0


@pytest.mark.parametrize(
    "line",
    [b"Secretive", b"[]", b"{}", b"[1]", b'{"verb": {"id": 1}, "timestamp": "2026-03-02T09:00:00Z"}', b'"x"', b"\xff",
    b"[" * 5_000,
     b'{"verb": {"id": "v"}, "timestamp": "2026-03-02T09:00:00"}', b'{"type": "NavigationEvent", "eventTime": "2026"}',
     b'{"verb": {"id": "v"}, "timestamp": "Secretive"}', b"x" * (2**24 + 1)],
    ids=lambda line: ascii(line[:20]),
)  # fmt: skip
def test_a_line_without_a_statement(compare_streams: Compare, line: bytes) -> None:
    result = compare_streams([STATEMENT], json.dumps(STATEMENT).encode() + b"\n" + line)
    assert result.exit_code == 2
    assert re.search("theirs: 1 lines hold no xAPI statement or Caliper event, first .*theirs:2", result.stdout)


@pytest.mark.parametrize(
    "members", [{"actor": 7}, {"object": [1]}, {"result": []}, {"result": {"score": 3}}, {"context": None}]
)
def test_statements_of_another_shape_are_differences(compare_streams: Compare, members: dict[str, Any]) -> None:
    assert compare_streams([STATEMENT], [changed(**members)]).exit_code == 1
    assert compare_streams([changed(**members)], [STATEMENT]).exit_code == 1


DEEP = b'{"object":' * 900 + b"1" + b"}" * 900
EARLY = "0001-01-01T00:00:00+14:00"


@pytest.mark.parametrize("content", [DEEP, b'{"object":' * 200 + b"1" + b"}" * 200], ids=["deeper", "deep"])
def test_statements_that_are_nested_deep(compare_streams: Compare, content: bytes) -> None:
    line = json.dumps(changed()).encode()[:-1] + b',"object":' + content + b"}"
    assert compare_streams([STATEMENT], line).exit_code in (1, 2)


def test_the_first_year(compare_streams: Compare) -> None:
    assert compare_streams([changed(timestamp=EARLY)], [changed(timestamp=EARLY)]).exit_code == 0


def test_a_damaged_file(compare_streams: Compare) -> None:
    packed = gzip.compress(json.dumps(STATEMENT).encode() * 1000)
    assert compare_streams([STATEMENT], packed[:-20]).exit_code == 2


def test_without_the_extra_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "learnrelay_openedx.erb.statement_comparison", None)
    result = CliRunner().invoke(compare, ["a", "b"])
    assert (result.exit_code, "pip install 'learnrelay-openedx[erb]'" in result.output) == (1, True)


def test_a_file_that_is_not_there() -> None:
    result = CliRunner().invoke(compare, ["nowhere.jsonl", "-"], input="")
    assert (result.exit_code, "nowhere.jsonl: No such file" in result.output) == (
        1,
        True,
    )  # the group's main makes it 2


# --- corrections ----------------------------------------------------------------------------------------


def test_each_correction_is_a_row_of_the_page() -> None:
    cells = [
        line.split("|")[1].strip().replace("`", "") for line in PAGE.read_text("utf-8").splitlines() if line[:2] == "| "
    ]
    assert [correction.name for correction in CORRECTIONS if correction.name not in cells] == []


@pytest.mark.parametrize(
    ("path", "erb", "ours", "members", "name"),
    [
        ("object.id", "block-v1:a+b+c+type@problem+block@k",
        "https://x.example/xblock/block-v1:a+b+c+type@problem+block@k",
         {"verb": {"id": v.COMPLETED.id}}, "edx.problem.completed"),
        ("object.id", "block-v1:a", "https://x.example/xblock/block-v1:b", {"verb": {"id": v.COMPLETED.id}}, None),
        ("result.score.min", 0, ABSENT, {"result": {"score": {"raw": 0, "max": 0}}},
         "problem and subsection grades, nothing to earn"),
        ("result.score.min", 0, ABSENT, {"result": {"score": {"raw": 5, "max": 4}}},
         "more points than possible, or negative ones"),
        ("result.score.min", 0, ABSENT, {"result": {"score": {"raw": 3, "max": 4}}}, None),
        ("object.id", "https://y.example/a?token=1", "https://y.example/a",
        {"object": {"definition": {"type": v.LINK}}},
         "query, fragment, ;parameters, user and password of a link"),
        ("object.id", "https://y.example/a", "https://z.example/a", {"object": {"definition": {"type": v.LINK}}}, None),
        ("object.id", "../jump_to/k", "https://x.example/jump_to/k", {"object": {"definition": {"type": v.LINK}}},
         "relative link"),
        ("object.id", "https://x.example/a/b é", "https://x.example/a/b%20é", {},
         "characters that an IRI cannot have, in course and block keys"),
        ("object.id", "https://x.example/comments/5f", "https://x.example/api/discussion/v1/threads/5f", {},
        "id of a thread"),
        ("object.id", "https://x.example/comments/5f", "https://x.example/api/discussion/v1/threads/6f", {}, None),
        ("object.definition.extensions", {}, ABSENT, {}, "an extension, name or object without content"),
        ("result.response", "{'a': 1}", '{"a":1}', {}, "old events without submission"),
        ("version", "1.0.3", "1.0.0", {}, "version"), ("version", "1.0.0", "1.0.3", {}, None),
        ("actor.account.name", "a", "b", {}, None),
    ],
)  # fmt: skip
def test_corrections(path: str, erb: Any, ours: Any, members: dict[str, Any], name: str | None) -> None:
    assert name_correction(Difference(path, erb, ours, members, members)) == name
