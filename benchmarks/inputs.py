"""Inputs beside the bare means: ``python -m benchmarks.inputs [follow] [serve] [moodle]``.

Each pair takes turns in the same run; the medians of the shares are printed, by the clock and by the CPU time of our
process and of the other. On a machine that others use too, CPU time says more. One standard, one destination.
Moodle's rows are read from the MariaDB that LEARNRELAY_TEST_MYSQL_URL names.
"""

from __future__ import annotations

import argparse
import http.client
import json
import logging
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import create_engine, text

from learnrelay import Relay
from learnrelay.assembly.assemble import assemble
from learnrelay.ingest.input_threads import InputThreads
from learnrelay.pipeline.run import Pipeline
from learnrelay_moodle.rows import COLUMNS

from .delivering import is_mapped
from .mysql import MYSQL, fresh_database
from .replaying import cpu_of_children
from .sample import LEARNRELAY, ROOT, SECRET, environment, make_log, receivers, write_site
from .sample import configure as configure_all
from .timing import percentile

ROUNDS = 5
TOKEN = {"BENCH_TOKEN": "Zt8vPq3Ln6Wy1RkB5mXc"}
_SERVE = """
[inputs.web]
input = "http"
listen = "127.0.0.1:{port}"
[inputs.web.tokens.lms]
token = "env:BENCH_TOKEN"
"""


def main() -> None:
    """Measures what is asked for, or everything, and prints it."""
    parts = {"follow": _follow, "serve": _serve, "moodle": _moodle}
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inputs", description="Measure inputs.")
    parser.add_argument("parts", nargs="*", metavar="PART", help="follow, serve or moodle; all of them by default")
    parser.add_argument("--lines", type=int, default=20_000, help="lines of a log, or rows")
    args = parser.parse_args()
    os.environ.update(SECRET)
    os.environ.update(TOKEN)
    logging.getLogger("learnrelay").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        write_site(directory)
        for name in args.parts or parts:
            parts[name](directory, args.lines)


def configure(directory: Path, port: int) -> Path:
    """Writes an operator's file with one standard and one destination."""
    path = configure_all(directory, [("xapi", port)])
    text = path.read_text(encoding="utf-8")
    before, _, after = text.replace('"caliper.*", ', "").partition("[caliper]\n")
    path.write_text(before + after.partition("\n")[2], encoding="utf-8")
    return path


Measured = tuple[float, float]
"""Seconds by the clock, seconds of CPU time."""


def print_share(what: str, bare: Callable[[], Measured], ours: Callable[[], Measured]) -> None:
    """Prints the share of the bare means that we reach."""
    shares: list[Measured] = []
    for _ in range(ROUNDS):
        ours_took, bare_took = ours(), bare()
        shares.append((bare_took[0] / ours_took[0], bare_took[1] / ours_took[1]))
    by_clock, by_cpu = ([share[number] for share in shares] for number in (0, 1))
    print(
        f"{what}: {statistics.median(by_clock):.2f} by the clock ({min(by_clock):.2f} to {max(by_clock):.2f}), "
        f"{statistics.median(by_cpu):.2f} by CPU time ({min(by_cpu):.2f} to {max(by_cpu):.2f})",
        flush=True,
    )


# --- follow ---------------------------------------------------------------------------------------------------


def _follow(directory: Path, lines: int) -> None:
    """Measures a log that is there, beside ``replay``; then lines that are added to an idle log."""
    log, short = make_log(directory / "follow.log", lines), make_log(directory / "short.log", 10)
    commands = {
        "follow": ["follow", "--once", "--json"],
        "replay": ["replay", "--again", "--processes", "1", "--json"],
    }
    with receivers(1) as ports:
        config = configure(directory, ports[0])

        def run(name: str, path: Path) -> Measured:
            for file in directory.glob("outbox.db*"):
                file.unlink()
            command = [LEARNRELAY, *commands[name], "--config", str(config), str(path)]
            before, started = cpu_of_children(), time.perf_counter()
            subprocess.run(command, env=environment(), capture_output=True, check=False)  # lines of the log fail
            return time.perf_counter() - started, cpu_of_children() - before

        starts = {name: run(name, short) for name in commands}

        def without_start(name: str) -> Measured:
            clock, cpu = run(name, log)
            return clock - starts[name][0], cpu - starts[name][1]

        print_share("follow, share of replay", partial(without_start, "replay"), partial(without_start, "follow"))
    _follow_idle_log(directory, log)


def _follow_idle_log(directory: Path, log: Path) -> None:
    """Measures from a line that is written to an idle log to the request with its statement."""
    arrived = threading.Event()

    class Receiver(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            statements = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            arrived.set()
            body = json.dumps([statement["id"] for statement in statements]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Prints nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config = configure(directory, server.server_port)
    mapped = _mapped_lines(config, log, 60)
    growing, interval = directory / "growing.log", 1.0
    config.write_text(f'{config.read_text(encoding="utf-8")}batch.interval = "{interval:g}s"\n', encoding="utf-8")
    growing.write_bytes(mapped[0] + b"\n")
    process = subprocess.Popen(
        [LEARNRELAY, "follow", "--config", str(config), str(growing)], env=environment(), stderr=subprocess.DEVNULL
    )
    try:
        assert arrived.wait(300), "follow sends nothing"
        delays = []
        for number, line in enumerate(mapped[1:]):
            time.sleep(interval + 0.013 * (number % 10))  # the interval is over, so the line need not wait for it
            arrived.clear()
            with growing.open("ab") as file:
                file.write(line + b"\n")
            started = time.perf_counter()
            assert arrived.wait(30), "a line is not sent"
            delays.append(time.perf_counter() - started)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        server.shutdown()
    print(
        f"follow behind an idle log: {1e3 * percentile(delays, 0.5):.0f} ms (median), "
        f"{1e3 * percentile(delays, 0.95):.0f} ms (p95), {1e3 * max(delays):.0f} ms (longest); "
        f"batch.interval {interval:g} s",
        flush=True,
    )


def _mapped_lines(config: Path, log: Path, number: int) -> list[bytes]:
    """Lists lines of which xAPI says something."""
    pipeline = Pipeline(assemble(config).plan)
    lines = (line for line in log.read_bytes().splitlines() if is_mapped(pipeline, line))
    return list(islice(lines, number))


# --- serve ----------------------------------------------------------------------------------------------------


def _serve(directory: Path, lines: int) -> None:
    """Measures bodies of 500, beside a server that parses and stores them; bodies of one, beside ``emit()``."""
    log = make_log(directory / "serve.log", (ROUNDS + 1) * lines)
    config = configure(directory, 9)
    mapped = _mapped_lines(config, log, 600)
    readable = [line for line in map(_strip_prefix, log.read_bytes().splitlines()) if _is_event(line)]
    bodies = [b"\n".join(readable[at : at + 500]) for at in range(0, len(readable) - 499, 500)]
    each = lines // 500
    rounds = [bodies[at : at + each] for at in range(each, (ROUNDS + 1) * each, each)]
    served = directory / "served"
    served.mkdir()
    (served / "courses.csv").write_bytes((directory / "courses.csv").read_bytes())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    text = config.read_text(encoding="utf-8").replace("[delivery]", '[delivery]\nengine = "none"')
    for path, section in ((config, ""), (served / "relay.toml", _SERVE.format(port=port))):
        path.write_text(text + section, encoding="utf-8")
    bare = [sys.executable, str(ROOT / "benchmarks" / "bare_server.py"), str(directory / "bare.db")]
    with (
        _running([LEARNRELAY, "serve", "--config", str(served / "relay.toml")], port) as ours,
        _running(bare) as theirs,
        Relay.from_file(config) as relay,
    ):
        for server in (ours, theirs):
            server.post_all(bodies[:each])
        bare_rounds, our_rounds = iter(rounds), iter(rounds)  # events that are new to both: what was there is cheaper
        print_share(
            "serve, bodies of 500, share of parsing and bare inserts",
            lambda: theirs.post_all(next(bare_rounds)),
            lambda: ours.post_all(next(our_rounds)),
        )
        posted, emitted = [], []
        for line in mapped:
            started = time.perf_counter()
            ours.post(line)
            posted.append(time.perf_counter() - started)
            started = time.perf_counter()
            relay.emit(line)
            emitted.append(time.perf_counter() - started)
    for share in (0.5, 0.99):
        times = percentile(posted, share), percentile(emitted, share)
        print(
            f"serve, bodies of 1, p{100 * share:.0f}: {1e3 * times[0]:.2f} ms, emit() {1e3 * times[1]:.2f} ms, "
            f"{times[0] / times[1]:.2f} times",
            flush=True,
        )


def _strip_prefix(line: bytes) -> bytes:
    """Returns the object in a line of a log, which may have words of a logger before it."""
    return line[max(line.find(b"{"), 0) :]


def _is_event(line: bytes) -> bool:
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return type(event) is dict and bool(event.get("name"))


class _Client:
    """Posts bodies to a server of another process, one after the other."""

    def __init__(self, pid: int, port: int) -> None:
        self._clock = (~pid << 3) | 2  # Linux: the CPU time of a process
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.connect()
        assert self._connection.sock is not None
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def post(self, body: bytes) -> None:
        """Posts a body, and waits for the answer that it is stored."""
        headers = {"Authorization": f"Bearer {TOKEN['BENCH_TOKEN']}"}
        self._connection.request("POST", "/events", body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        assert answer.status == 202, content

    def post_all(self, bodies: list[bytes]) -> Measured:
        """Posts bodies. Returns how long it took, and the CPU time of the server."""
        started, before = time.perf_counter(), time.clock_gettime(self._clock)
        for body in bodies:
            self.post(body)
        return time.perf_counter() - started, time.clock_gettime(self._clock) - before


@contextmanager
def _running(command: list[str], port: int = 0) -> Iterator[_Client]:
    """Runs a server. ``port``: where it listens; 0: it prints its port."""
    process = subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = port or int(process.stdout.readline())
        client = _connect(process, port)
        yield client
    finally:
        process.terminate()
        process.communicate()


def _connect(process: subprocess.Popen[str], port: int) -> _Client:
    """Connects to a server, once it listens."""
    while process.poll() is None:
        try:
            return _Client(process.pid, port)
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise OSError(0, "the server has ended")


# --- Moodle ---------------------------------------------------------------------------------------------------


def _moodle(directory: Path, lines: int) -> None:
    """Measures rows that are read by SQL, beside the same rows from a file of JSON lines."""
    if MYSQL not in os.environ:
        print(f"Moodle: not measured, {MYSQL} names no server")
        return
    rows = list(_make_rows(lines))
    log = directory / "rows.jsonl"
    log.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    with fresh_database() as url:
        _write_tables(url, rows)
        os.environ["MOODLE_DATABASE"] = url
        inputs = {
            "file": f'[inputs.rows]\ninput = "files"\npaths = ["{log}"]\n',
            "SQL": '[inputs.rows]\ninput = "moodle"\ndatabase = "env:MOODLE_DATABASE"\nsettle = "1s"\n',
        }

        def run(name: str) -> Measured:
            for file in directory.glob("moodle.db*"):
                file.unlink()
            config = directory / "moodle.toml"
            config.write_text(_MOODLE + inputs[name], encoding="utf-8")
            with Relay.from_file(config, engine="none") as relay:
                made = InputThreads(
                    relay, relay.assembly.config.inputs.values(), is_direct=False, until_end=True, is_patient=False
                )
                started, before = time.perf_counter(), time.process_time()
                made.start()
                while made.are_running and made.runners[0].totals.lines < len(rows):
                    time.sleep(0.005)
                took = time.perf_counter() - started, time.process_time() - before
                made.stop()
                assert made.runners[0].totals.lines == len(rows)
            return took

        print_share("Moodle by SQL, share of the same rows from a file", partial(run, "file"), partial(run, "SQL"))


_MOODLE = """
[platform]
source = "moodle"
root_url = "https://moodle.example.org"
[plugins]
enabled = ["xapi.moodle_*"]
[identity]
provider = "keyed"
secret = "env:LEARNRELAY_IDENTITY_SECRET"
[delivery]
database = "sqlite:///moodle.db"
limit = 10_000_000
[destinations.main]
standard = "xapi"
scope = "all"
url = "http://127.0.0.1:9/"
"""


def _make_rows(number: int) -> Iterator[dict[str, Any]]:
    """Yields rows like those of the examples, of ever other people, one every few seconds."""
    samples = [orjson.loads(line) for line in (ROOT / "examples" / "moodle.jsonl").read_bytes().splitlines()]
    for count in range(1, number + 1):
        sample = dict.fromkeys(COLUMNS) | samples[count % len(samples)]
        yield {**sample, "id": count, "userid": 1_000 + count % 777, "timecreated": 1_772_445_600 + 5 * count}


def _write_tables(url: str, rows: Sequence[dict[str, Any]]) -> None:
    """Writes the rows into a log of the form of Moodle. The tables of the look-ups are empty."""
    texts = {"eventname", "component", "action", "target", "objecttable", "crud", "other", "origin", "ip"}
    columns = ", ".join(f"{name} {'TEXT' if name in texts else 'BIGINT'}" for name in COLUMNS[1:])
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE mdl_logstore_standard_log (id BIGINT PRIMARY KEY, {columns})"))
        for name, declared in _LOOKUP_TABLES.items():
            connection.execute(text(f"CREATE TABLE mdl_{name} (id BIGINT PRIMARY KEY, {declared})"))
        marks = ", ".join(f":{name}" for name in COLUMNS)
        insert = text(f"INSERT INTO mdl_logstore_standard_log ({', '.join(COLUMNS)}) VALUES ({marks})")
        for at in range(0, len(rows), 500):
            connection.execute(insert, rows[at : at + 500])
    engine.dispose()


_LOOKUP_TABLES = {
    "course_modules": "module BIGINT, instance BIGINT",
    "modules": "name VARCHAR(20)",
    "grade_items": "itemtype VARCHAR(30), itemmodule VARCHAR(30), iteminstance BIGINT, itemnumber BIGINT,"
    " grademin DECIMAL(10, 5), grademax DECIMAL(10, 5), gradepass DECIMAL(10, 5)",
    "quiz": "sumgrades DECIMAL(10, 5), grade DECIMAL(10, 5)",
    "quiz_attempts": "quiz BIGINT, userid BIGINT, sumgrades DECIMAL(10, 5)",
    "assign_grades": "assignment BIGINT, grade DECIMAL(10, 5)",
    "competency_usercomp": "competencyid BIGINT",
}


if __name__ == "__main__":
    main()
