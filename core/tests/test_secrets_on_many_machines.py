"""The same with PostgreSQL, Celery and Redis: secrets are in no table, no task, no command line, no checkpoint."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from sqlalchemy import make_url

from installation import Installation
from plain import event, line
from planted import EMIT, PLANTED, Consumer, consuming, leaks
from relay_files import relay_toml
from services import postgres_url, redis_url


def config_with(port: int, header: str) -> str:
    """Writes an operator's file with a consumer at a port, for each way to give a secret."""
    usual = {"batch": {"interval": "0.1s"}}
    basic = {"scheme": "basic", "username": "relay", "password": "env:PASSWORD"}
    oauth2 = {
        "scheme": "oauth2", "token_url": f"http://127.0.0.1:{port}/tokens", "client_id": "relay",
        "client_secret": "env:CLIENT",
    }  # fmt: skip
    destinations = {
        "refuses": {"url": f"http://127.0.0.1:{port}/400", "auth": basic, **usual},
        "halts": {"url": f"http://127.0.0.1:{port}/401", "auth": {"scheme": "bearer", "token": "file:token"}, **usual},
        "takes": {"url": f"http://127.0.0.1:{port}/200", "auth": {"scheme": "bearer", "token": header}, **usual},
        "granted": {"url": f"http://127.0.0.1:{port}/200", "auth": oauth2, "headers": {"X-T": "env:TENANT"}, **usual},
    }
    delivery = {
        "engine": "celery", "database": "env:DATABASE", "broker": "env:BROKER", "lease": "5s",
        "alerts": {"dead": 1, "webhook": "env:WEBHOOK"},
    }  # fmt: skip
    return relay_toml(["plain.watching"], destinations, identity={"secret": "env:IDENTITY"}, delivery=delivery)


@pytest.fixture
def schema() -> Iterator[str]:
    name = f"secrets_{uuid.uuid4().hex}"
    plain = postgres_url().replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
        yield name
        connection.execute(f"DROP SCHEMA {name} CASCADE")


def all_rows(schema: str) -> dict[str, bytes]:
    """Lists every row of every table, as text."""
    with psycopg.connect(postgres_url().replace("postgresql+psycopg://", "postgresql://")) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", [schema]
        ).fetchall()
        return {
            table: "\n".join(row[0] for row in connection.execute(f'SELECT t::text FROM {schema}."{table}" t')).encode()
            + b"".join(
                bytes(value)
                for row in connection.execute(f'SELECT * FROM {schema}."{table}"')
                for value in row
                if isinstance(value, (bytes, memoryview))
            )
            for (table,) in tables
        }


def all_keys(broker: redis.Redis) -> dict[str, bytes]:
    """Returns what Redis holds, by key."""
    read: dict[bytes, Callable[[bytes], object]] = {
        b"string": broker.get, b"list": lambda key: broker.lrange(key, 0, -1), b"set": broker.smembers,
        b"hash": broker.hgetall, b"zset": lambda key: broker.zrange(key, 0, -1),
    }  # fmt: skip
    contents = {}
    for key in broker.scan_iter():
        kind = broker.type(key)
        if kind in read:
            contents[key.decode()] = repr(read[kind](key)).encode()
    return contents


class CommandLines:
    """Notes the command line of every process that this one, or one of its children, starts."""

    def __init__(self) -> None:
        self.seen: dict[int, set[bytes]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            for path in Path("/proc").glob("[0-9]*"):
                try:
                    status = (path / "status").read_text()
                    parent = int(status.partition("PPid:")[2].split()[0])
                    if parent in self.seen or parent == os.getpid():
                        self.seen.setdefault(int(path.name), set()).add((path / "cmdline").read_bytes())
                except (OSError, IndexError):
                    continue

    def __enter__(self) -> CommandLines:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def wait_until(true: Callable[[], object], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.1)
    return bool(true())


def test_no_secret_is_in_what_machines_share(plain_installation: Installation, schema: str, tmp_path: Path) -> None:
    database = (
        make_url(postgres_url())
        .set(password=PLANTED["database"])
        .update_query_dict({"options": f"-csearch_path={schema}"})
    )
    url = make_url(redis_url()).set(username="default", password=PLANTED["broker"])
    broker = redis.Redis.from_url(redis_url())
    before = set(broker.scan_iter())
    kept: dict[str, bytes] = {}
    (tmp_path / "token").write_text(PLANTED["token"] + "\n", encoding="utf-8")
    (tmp_path / "events.log").write_bytes(
        line(event()) + line(event(data={})) + b"garbage\n" + line(event(session="s"))
    )
    (tmp_path / "later.log").write_bytes(line({**event(), "timestamp": "2026-04-02T09:00:00Z"}) * 3 + b"garbage\n")

    with consuming() as port, CommandLines() as commands:
        config = tmp_path / "relay.toml"
        config.write_text(config_with(port, PLANTED["header"]), encoding="utf-8")
        environment = {
            "IDENTITY": PLANTED["identity"], "PASSWORD": PLANTED["password"], "LEARNRELAY_CONFIG": str(config),
            "DATABASE": database.render_as_string(hide_password=False),
            "BROKER": url.render_as_string(hide_password=False),
            "CLIENT": PLANTED["client"], "TENANT": PLANTED["tenant"],
            "WEBHOOK": f"http://127.0.0.1:{port}/200?token={PLANTED['webhook']}",
        }  # fmt: skip
        everything = {**os.environ, **environment, "PYTHONPATH": str(plain_installation.site)}

        def run(*arguments: str) -> bytes:
            done = plain_installation.run("-vv", *arguments, **environment)
            output = done.stdout + done.stderr
            kept[" ".join(arguments)] = output
            assert b"Traceback" not in output, output.decode()
            return done.stdout

        done = subprocess.run(
            [sys.executable, "-c", EMIT, str(tmp_path / "events.log")],
            env=everything, capture_output=True, timeout=60, check=True, cwd=tmp_path,
        )  # fmt: skip
        kept["emit"] = done.stdout + done.stderr
        kept |= {f"redis, nobody works: {key}": value for key, value in all_keys(broker).items()}
        assert any("learnrelay" in key for key in kept), "there are tasks"
        with (tmp_path / "worker.log").open("wb") as log:
            worker = subprocess.Popen(
                [Path(sys.executable).parent / "celery", "-A", "learnrelay.celery", "worker", "-c", "2",
                 "-l", "debug", "--without-mingle"],
                env=everything, stdout=log, stderr=log, cwd=tmp_path, start_new_session=True,
            )  # fmt: skip
            try:
                assert wait_until(lambda: all_rows(schema)["learnrelay_dead_letter"]), all_rows(schema)
                assert wait_until(lambda: any(PLANTED["webhook"] in path for path in Consumer.paths))
                kept |= {f"redis, at work: {key}": value for key, value in all_keys(broker).items()}
                run("status", "--json")
                run("replay", "--json", str(tmp_path / "later.log"), "--state", str(tmp_path / "state"), "--processes",
                    "2", "--errors", str(tmp_path / "errors.jsonl"), "--to", "takes", "--to", "halts",
                    "--to", "granted")  # fmt: skip
            finally:
                os.killpg(worker.pid, signal.SIGTERM)
                worker.wait(120)
        for command in ("status", "plugins", "check --json", "failed list", "failed list --json", "failed show"):
            run(*command.split())
        run("check", "--connect")

    kept |= {f"table {name}": content for name, content in all_rows(schema).items()}
    kept |= {f"command line {pid}": b" ".join(lines) for pid, lines in commands.seen.items()}
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name not in ("relay.toml", "token"):
            kept[str(path)] = path.read_bytes()
    if added := set(broker.scan_iter()) - before:
        broker.delete(*added)
    for header in (PLANTED["token"], PLANTED["header"], PLANTED["access"]):
        assert any(header in seen for seen in Consumer.seen), "they were used"
    assert sum(name.startswith("command line") and b"celery" in content for name, content in kept.items()) > 1
    assert any(name.startswith("table") and content for name, content in kept.items())
    assert any("state" in name for name in kept)
    assert {name: leaked for name, content in kept.items() if (leaked := leaks(content))} == {}
