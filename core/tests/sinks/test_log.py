"""The sink log: each statement is a line that collectors of container logs find by its name."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import subprocess
import sys
import termios
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from delivery.consumer import PlainStandard
from learnrelay import SerializedStatement
from learnrelay.config import Destination
from learnrelay.core_sinks.log import LogSection, LogSink
from learnrelay.errors import SinkError
from learnrelay.sinks import Batch, SinkAnswer, Verdict

NOW = datetime(2026, 3, 4, 5, 6, 7, 89_000, tzinfo=UTC)
STATEMENT: dict[str, Any] = {
    "id": "5d2f2e0c-6f3e-4c6c-9a59-0f4f3ad1f0aa",
    "timestamp": "2026-03-04T05:06:07.000000Z",
    "text": "Größe {5} [xapi_tracking] \u2028 \U0001f600 \n \r \t end }",
}


class XapiLike(PlainStandard):
    name = "xapi"


def batch(*contents: bytes) -> Batch:
    return Batch([SerializedStatement(str(number), content) for number, content in enumerate(contents)], "", NOW)


def make_sink(timeout: float = 5.0, **keys: Any) -> LogSink:
    settings = LogSection().load(keys)
    return LogSink(settings, XapiLike(), Destination("one", "xapi", "all", "log", settings, timeout=timeout))


def lines_of(capfd: pytest.CaptureFixture[str], *contents: bytes, **keys: Any) -> tuple[str, str, SinkAnswer]:
    sink = make_sink(**keys)
    sink.open()
    answer = sink.send(batch(*contents))
    sink.close()
    out, err = (text.removeprefix("\n") for text in capfd.readouterr())  # before the first line of a process
    return out, err, answer


def read_as_collector(line: str) -> dict[str, Any] | None:
    """Reads a line as Aspects' Vector does: what is wanted of it in words, without its pattern."""
    before, mark, after = line.partition("[xapi_tracking]")
    if not mark or not before.endswith(" ") or not after.startswith(" "):
        return None
    words, brace, _ = after[1:].partition("{")
    if not brace or "}" in words or not words.endswith(" ") or not line.endswith("}") or "\n" in line:
        return None
    if "{" in before or "}" in before:
        return None
    try:
        statement: dict[str, Any] = json.loads(after[after.index("{") :])
    except ValueError:
        return None
    return statement


def test_each_statement_is_a_line_that_a_collector_reads(capfd: pytest.CaptureFixture[str]) -> None:
    contents = [orjson.dumps({**STATEMENT, "id": str(number)}) for number in range(3)]
    out, err, answer = lines_of(capfd, *contents)
    assert (out, answer.verdict) == ("", Verdict.STORED)
    assert err.endswith("\n")
    lines = err.split("\n")[:-1]
    assert [read_as_collector(line) for line in lines] == [{**STATEMENT, "id": str(n)} for n in range(3)]
    assert lines[0].startswith(f"2026-03-04 05:06:07,089 INFO {os.getpid()} [xapi_tracking] learnrelay - {{")
    assert [line[line.index("{") :] for line in lines] == [content.decode() for content in contents], "the very bytes"


def test_every_condition_of_a_collector_holds_by_itself(capfd: pytest.CaptureFixture[str]) -> None:
    """Each condition of the pattern, broken alone, makes a line that is not read: the line above breaks none."""
    _, err, _ = lines_of(capfd, orjson.dumps(STATEMENT))
    line = err.removesuffix("\n")
    assert read_as_collector(line) == STATEMENT
    moment = datetime.fromisoformat(STATEMENT["timestamp"])
    assert moment.utcoffset() == timedelta(0), "RFC 3339 with an offset is the standard's part"
    for broken in (
        line.replace(" [xapi_tracking] ", "[xapi_tracking] ", 1),  # a blank before the bracket
        line.replace(" [xapi_tracking] ", " [xapi_tracking]", 1).replace("]learnrelay", "]:learnrelay", 1),
        line.replace("[xapi_tracking]", "[tracking]", 1),
        line.replace(" learnrelay - {", " learnrelay -{", 1),  # a blank before the JSON
        line.replace(" learnrelay - ", " ", 1).replace("[xapi_tracking] {", "[xapi_tracking]{", 1),
        line.replace(" INFO ", " {INFO} ", 1),  # braces before
        line.replace(" learnrelay - ", " learn}relay - ", 1),
        line + " ",  # the brace is the last character
        line[:-1],
        line.replace('"id":', '"id"', 1),  # JSON
    ):
        assert read_as_collector(broken) is None, broken


def test_a_statement_on_several_lines_becomes_one(capfd: pytest.CaptureFixture[str]) -> None:
    _, err, _ = lines_of(capfd, orjson.dumps(STATEMENT, option=orjson.OPT_INDENT_2) + b"\n")
    (line,) = err.split("\n")[:-1]
    assert read_as_collector(line) == STATEMENT


def test_standard_output_and_another_name(capfd: pytest.CaptureFixture[str]) -> None:
    out, err, _ = lines_of(capfd, b'{"a":1}', to="stdout", logger="acme.tracking")
    assert (re.sub(r"^\S+ \S+ INFO \d+ ", "", out), err) == ('[acme.tracking] learnrelay - {"a":1}\n', "")


@pytest.mark.parametrize("name", ["with blank", "brace{", "bracket]", "line\nbreak", ""])
def test_a_name_that_would_break_the_line_is_no_name(name: str) -> None:
    errors = LogSection().validate({"logger": name})
    assert "expected" in errors["logger"][0]


def test_a_logger_gets_the_line_in_ascii_whatever_its_handlers_write(tmp_path: Path) -> None:
    path = tmp_path / "log"
    handler = logging.FileHandler(path, encoding="ascii")
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d [%(name)s] %(filename)s - %(message)s"))
    logger = logging.getLogger("xapi_tracking")
    sink = make_sink(to="logger")
    with pytest.raises(SinkError, match="xapi_tracking"):  # it would be dropped
        logger.setLevel(logging.WARNING)
        sink.open()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        sink.open()
        assert sink.send(batch(orjson.dumps(STATEMENT))).verdict is Verdict.STORED
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
        handler.close()
    (line,) = path.read_text(encoding="ascii").splitlines()
    assert read_as_collector(line) == STATEMENT


def test_a_reader_that_is_gone_or_stalls_keeps_the_statements() -> None:
    """In a process of its own, whose standard error is a pipe that nobody reads, and then one without a reader."""
    code = """
import os, sys, time
sys.path[:0] = sys.argv[1:]
from sinks.test_log import batch, make_sink
reading, writing = os.pipe()
os.set_blocking(writing, True)
os.dup2(writing, 2)
sink = make_sink(timeout=0.3)
sink.open()
started = time.monotonic()
answers = [sink.send(batch(*[b'{"a":"%s"}' % (b"x" * 1000)] * 100)) for _ in range(2)]
print(answers[-1].verdict.value, answers[-1].reason, answers[-1].reached, time.monotonic() - started < 5)
os.close(reading)
print(*(lambda a: (a.verdict.value, a.reason))(sink.send(batch(b"{}"))))
"""
    paths = [str(Path(__file__).parents[1]), *filter(None, sys.path)]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == [
        "retry standard error: nobody reads it for 0.3 s False True",
        "retry standard error: Broken pipe",
    ]


LONG = orjson.dumps({"id": "long", "filling": "z" * 300_000})
SINK_ON_STDERR = """
import sys
sys.path[:0] = sys.argv[1:]
from sinks.test_log import LONG, batch, make_sink
sink = make_sink(timeout=float(sys.stdin.readline()))
sink.open()
"""


def start_sink(code: str, stderr: int, timeout: float) -> subprocess.Popen[str]:
    """Starts a process that runs code with a sink for its standard error."""
    paths = [str(Path(__file__).parents[1]), *filter(None, sys.path)]
    process = subprocess.Popen(
        [sys.executable, "-c", SINK_ON_STDERR + code, *paths],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True,
    )  # fmt: skip
    assert process.stdin
    process.stdin.write(f"{timeout}\n")
    process.stdin.flush()
    return process


def read_statements(content: bytes) -> list[str]:
    """Returns the ids of the statements that a collector reads."""
    statements = [read_as_collector(line) for line in content.decode().split("\n")]
    return [statement["id"] for statement in statements if statement is not None]


def test_a_line_of_which_the_reader_took_a_part_is_read_when_it_comes_again() -> None:
    reading, writing = os.pipe()
    process = start_sink(
        """
print(sink.send(batch(LONG)).reason, flush=True)
print(sink.send(batch(LONG)).verdict.value)
""",
        writing,
        timeout=2.0,
    )
    os.close(writing)
    assert process.stdout
    assert process.stdout.readline() == "standard error: nobody reads it for 2 s\n"
    with os.fdopen(reading, "rb") as stream:
        content = stream.read()
    assert process.communicate(timeout=30)[0] == "stored\n"
    assert read_statements(content) == ["long"]
    assert content.count(b'"long"') == 2, "a part of it went before"


def test_a_line_after_one_in_which_a_process_was_killed_is_read() -> None:
    reading, writing = os.pipe()
    killed = start_sink("sink.send(batch(LONG))", writing, timeout=60.0)
    while int.from_bytes(fcntl.ioctl(reading, termios.FIONREAD, bytes(4)), sys.byteorder) < 60_000:
        assert killed.poll() is None
        time.sleep(0.01)
    killed.kill()
    killed.communicate()
    process = start_sink(
        """
for content in (b'{"id":"next"}', b'{"id":"last"}'):
    sink.send(batch(content))
""",
        writing,
        timeout=60.0,
    )
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        content = stream.read()
    process.communicate(timeout=30)
    assert read_statements(content) == ["next", "last"]
    assert b"\n\n" not in content


def test_lines_of_threads_do_not_mix(tmp_path: Path) -> None:
    """A pipe as of a container: several threads write lines of every length."""
    reading, writing = os.pipe()
    received: list[bytes] = []
    with os.fdopen(reading, "rb") as stream:
        reader = threading.Thread(target=lambda: received.extend(stream))
        reader.start()
        saved = os.dup(2)
        os.dup2(writing, 2)
        try:
            contents = [orjson.dumps({"id": str(n), "filling": "y" * (n * 3700 % 300_000)}) for n in range(200)]
            threads = [threading.Thread(target=lambda: make_sink().send(batch(*contents))) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.close(writing)
        reader.join()
    assert sorted(read_statements(b"".join(received))) == sorted(str(n) for n in range(200) for _ in range(4))
