"""``learnrelay transform``: every line is accounted for, whatever it is."""

from __future__ import annotations

import gzip
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from installation import Installation
from learnrelay.reading.lines import read_lines
from plain import event, line
from relay_files import relay_toml

SECRET = {"LEARNRELAY_IDENTITY_SECRET": "Kd7wq2Lmz9Xv4bTn"}
GOOD = line(event())
GARBAGE = [
    (b"\x00\xff\xfe binary \x80\n", "no JSON object"),
    (b'{"name": "watched", "time":\n', "cut off: the line ends within its event"),
    (b'{"name": "wat\x00ched"}\n', "not valid JSON"),
    (b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"\n", "not valid JSON"),
    (b"x" * 3_000_000 + b"\n", "longer than 1,048,576 bytes"),
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
    stderr = done.stderr.decode()
    summary = json.loads(stderr[stderr.index("{") :]) if "{" in stderr else stderr
    statements = [json.loads(row) for row in done.stdout.splitlines()]
    records = [json.loads(row) for row in errors.read_bytes().splitlines()] if errors.exists() else []
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
    ("arguments", "reason"),
    [
        (["transform"], "expected --standard NAME"),
        (["transform", "--standard", "plane"], 'did you mean "plain"?'),
        (["transform", "--standard", "plain", "no-such.log"], "no-such.log: No such file"),
        (["transform", "--config", "no-such.toml"], "cannot be read: No such file"),
        (["check"], "Missing option"),
        (["chekc"], "No such command"),
    ],
)
def test_wrong_use_prints_the_reason_and_exits_with_2(
    plain_installation: Installation, arguments: list[str], reason: str
) -> None:
    done = plain_installation.run(*arguments)
    assert done.returncode == 2
    assert reason in done.stderr.decode()
    assert b"Traceback" not in done.stderr


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_lines_are_read_as_they_stand(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    contents = data.draw(st.lists(st.binary(max_size=40).map(lambda content: content.replace(b"\n", b" ")), max_size=8))
    ends = data.draw(st.sampled_from([b"", b"\n"]))
    path = tmp_path_factory.mktemp("lines") / "log"
    path.write_bytes(b"\n".join(contents) + ends)
    with path.open("rb") as stream:
        records = list(read_lines(stream, "log", longest=30))
    expected = (b"\n".join(contents) + ends).split(b"\n")
    expected = expected[:-1] if not expected[-1] else expected
    assert [record.number for record in records] == list(range(1, len(expected) + 1))
    for record, raw in zip(records, expected, strict=True):
        if len(raw) > 30:
            assert "longer than 30 bytes" in record.problem
        else:
            assert record.content.rstrip(b"\n") == (raw.removeprefix(b"\xef\xbb\xbf") if record.number == 1 else raw)


def test_a_standard_that_is_not_asked_for_is_not_made(installation: Installation, tmp_path: Path) -> None:
    source = Path(__file__).with_name("plain.py").read_text(encoding="utf-8") + "\nplugin = PlainPlugin()\n"
    loud = source.replace('"plain', '"loud').replace("    return {", '    Path("called").touch()\n    return {')
    for name, text in (("plain", source), ("loud", loud)):
        points = {
            "learnrelay.standards.v1": {name: f"acme_{name}:plugin"},
            "learnrelay.families.v1": {f"{name}.watching": f"acme_{name}:family"},
        }
        installation.install(f"acme-{name}", points, text)
    config = tmp_path / "relay.toml"
    config.write_text(relay_toml(["plain.*", "loud.*"]), encoding="utf-8")
    for standards in (["plain"], ["plain", "loud"]):
        wanted = [word for name in standards for word in ("--standard", name)]
        done = installation.run("transform", "--config", config, *wanted, stdin=GOOD, SECRET="Kd7wq2Lmz9Xv4bTn")
        assert (done.returncode, len(done.stdout.splitlines())) == (0, len(standards)), done.stderr
        assert (installation.directory / "called").exists() == ("loud" in standards)


def test_the_ids_of_failed_events_are_keyed_with_the_secret(plain_installation: Installation) -> None:
    bad = line(event(data={"video": 5}))

    def id_under(secret: str | None) -> str:
        environment = {"LEARNRELAY_IDENTITY_SECRET": secret} if secret else {}
        errors = plain_installation.directory / "errors.jsonl"
        plain_installation.run("transform", "-s", "plain", "--errors", errors, stdin=bad, **environment)
        (record,) = map(json.loads, errors.read_bytes().splitlines())
        return str(record["event_id"])

    assert id_under("Kd7wq2Lmz9Xv4bTn") == id_under("Kd7wq2Lmz9Xv4bTn") != id_under("Hb5rj8Pxc3Gf6yWs")
    assert id_under(None) != id_under(None)


def test_outputs_are_for_their_owner_alone(plain_installation: Installation, tmp_path: Path) -> None:
    output, errors, mask = tmp_path / "out.jsonl", tmp_path / "errors.jsonl", os.umask(0)
    arguments = ("transform", "--standard", "plain", "--output", output, "--errors", errors)
    try:
        done = plain_installation.run(*arguments, stdin=GOOD + b"x\n", **SECRET)
    finally:
        os.umask(mask)
    assert (done.returncode, b"other users" in done.stderr) == (1, False), done.stderr.decode()
    assert [path.stat().st_mode & 0o777 for path in (output, errors)] == [0o600, 0o600]
    output.chmod(0o644)
    done = plain_installation.run(*arguments, stdin=GOOD, **SECRET)
    assert f"{output}: other users may open it" in done.stderr.decode()


@pytest.mark.parametrize("command", ["transform", pytest.param("replay", marks=pytest.mark.slow)])
def test_a_bomb_ends_quickly_and_the_next_line_is_read(
    plain_installation: Installation, tmp_path: Path, command: str
) -> None:
    pack = zstandard.ZstdCompressor().compressobj()
    bomb, zeros = pack.compress(GOOD), bytes(2**24)
    for _ in range(128):  # 2 GiB in one line
        bomb += pack.compress(zeros)
    (tmp_path / "1.zst").write_bytes(bomb + pack.compress(b"\n" + GOOD) + pack.flush())
    wide = zstandard.ZstdCompressionParameters(window_log=29)
    pack = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    (tmp_path / "2.zst").write_bytes(pack.compress(GOOD) + pack.flush())
    (tmp_path / "3.log").write_bytes(GOOD)
    config = tmp_path / "relay.toml"
    config.write_text(relay_toml(["plain.*"], identity={"secret": "Kd7wq2Lmz9Xv4bTn"}), encoding="utf-8")
    errors = tmp_path / "errors.jsonl"
    arguments = {
        "transform": ("transform", "--config", config, "--errors", errors, "--output", tmp_path / "out.jsonl"),
        "replay": ("replay", "--config", config, "--errors", errors, "--output", tmp_path / "out", "--processes", "1"),
    }[command]
    started = time.monotonic()
    done = plain_installation.run(*arguments, *(tmp_path / name for name in ("1.zst", "2.zst", "3.log")))
    assert done.returncode == 1, done.stderr.decode()
    reasons = [json.loads(row)["reason"] for row in errors.read_bytes().splitlines()]
    assert any("longer than 1,048,576 bytes" in reason for reason in reasons), reasons
    assert b"damaged" in errors.read_bytes() + done.stderr
    if command == "transform":
        assert (tmp_path / "out.jsonl").read_bytes().count(b"\n") == 3
    assert time.monotonic() - started < 90
