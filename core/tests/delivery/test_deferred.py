"""The deferred pipeline: what lies in the store is declared and sealed, and what comes out is what emit() would say."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from installation import Installation
from learnrelay import Family, Fields, Relay, Said, Site, Skip, each, entry_key, hookimpl, optional, required
from learnrelay.assembly import Assembly
from learnrelay.config.models import Config, Delivery, Destination, Provider
from learnrelay.delivery import Outbox
from learnrelay.delivery.deferred import Deferral, DeferredEvent, Worker
from learnrelay.delivery.leases import LeaseKeeper
from learnrelay.delivery.queue import DEFERRED
from learnrelay.errors import OutboxFullError
from learnrelay.events import event_from_mapping
from learnrelay.kinds import number, scalars, structure, text
from learnrelay.pipeline import Pipeline
from learnrelay.plugins.plan import Gate
from learnrelay.plugins.registry import Registry
from learnrelay.pruning import pruners
from learnrelay.resolvers.courses import NoCourses
from learnrelay.routing import check_of_router, check_of_rule
from learnrelay.sealing import Seal
from learnrelay.secrets import Secret
from plain import PlainStandard, event, plan_of, registry_of

from .conftest import TurnedClock
from .consumer import Consumer
from .test_celery import PATIENCE, REDIS, wait_until

OpenOutbox = Callable[..., Outbox]
KEY = Fernet.generate_key().decode()


# --- a family, a filter, an enricher and a router that read in every way that a declaration has -----------


class Answer(Fields):
    key = entry_key()
    given = optional("answer", "old.answer", kind=scalars)
    right = optional("correct", kind=text)


class Tab(Fields):
    title = optional("title", kind=text)


class QuizFields(Fields):
    quiz = required("data.quiz", "data.old.quiz", kind=text)
    points = optional("data.points", kind=number)
    tags = optional("data.tags", kind=scalars)
    state = optional("data.state", kind=structure)
    answers = each("data.answers", Answer)
    first = optional("data.answers.first.correct", kind=text)
    tabs = each("data.tabs", Tab)


quiz_family = Family("plain.quiz")


@quiz_family.maps("quiz", reads=QuizFields, did="answer")
def quiz(fields: QuizFields, site: Site) -> Said | Skip:
    if fields.points == 0:
        return Skip("no points")
    answers = [[a.key, a.given, a.right] for a in fields.answers]
    return {
        "what": fields.quiz,
        "said": [fields.points, fields.tags, fields.state, answers, fields.first, [t.title for t in fields.tabs]],
    }


class Mode(Fields):
    mode = optional("context.mode", kind=text)


class Org(Fields):
    org = optional("context.org.id", "context.org", kind=text)


class Stages:
    @hookimpl(reads=Mode)
    def filter_event(self, fields: Any) -> Skip | None:
        return Skip("audit") if fields.mode == "audit" else None

    @hookimpl(reads=Org)
    def enrich_statement(self, fields: Any, standard: str) -> Any:
        return {"org": fields.org}

    @hookimpl(reads=Mode)
    def route_event(self, fields: Any, destination: Any) -> Skip | None:
        return Skip("mode y stays at home") if fields.mode == "y" and destination.name == "main" else None


REGISTRY = registry_of(("quiz", "families", quiz_family), ("stages", "filters", Stages()))


def assembly_of(url: str, delivery: Delivery, registry: Registry = REGISTRY) -> Assembly:
    """What `assemble` would make of a file, with plugins that are not installed."""
    destinations = {
        "main": Destination("main", "plain", url, "all"),
        "matched": Destination("matched", "plain", url.replace("statements", "b"), "all", match={"data.kind": ("k",)}),
    }
    (router,) = [impl.function for impl in registry.manager.hook.route_event.get_hookimpls()]
    gates = [
        Gate(
            one,
            tuple(("match", check_of_rule(path, values)) for path, values in one.match.items()),
            (),
            (("stages", check_of_router(router, one)),),
        )
        for one in destinations.values()
    ]
    config = Config(
        "https://learn.example.org", (), {}, Provider("keyed"), Provider("none"), delivery, destinations, {}
    )
    standards = {"plain": PlainStandard({"style": "short"})}
    return Assembly(config, plan_of(registry, gates), registry, standards, {}, NoCourses({}), ())


PLAN = assembly_of("http://127.0.0.1:1/statements", Delivery()).plan
PRUNES = pruners(PLAN, REGISTRY)

HUSH = "hush-hush"
"""What stands wherever nobody declares to read."""

leaf = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "k", "y", "audit", HUSH]) | st.just([])
)
NAMES = (
    "quiz", "old", "points", "tags", "state", "answers", "tabs", "first", "answer", "correct", "title", "kind", "mode",
    "org", "id", "user_id", "course_id", "else",
)  # fmt: skip
names = st.sampled_from(NAMES)
anything = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5), max_leaves=25
)
rich = st.fixed_dictionaries(
    {},
    optional={
        "quiz": leaf,
        "points": leaf,
        "tags": st.lists(leaf, max_size=3),
        "state": anything,
        "answers": st.dictionaries(st.sampled_from(["first", "q1", "q2"]), anything, max_size=3)
        | st.lists(anything, max_size=3),
        "tabs": st.dictionaries(st.sampled_from(["t1", "t2"]), anything, max_size=2) | st.lists(anything, max_size=2),
        "kind": leaf,
        "else": anything,
        "user_id": leaf,
    },
)
contexts = st.fixed_dictionaries(
    {"user_id": st.sampled_from([4711, "815", None])}, optional={"mode": leaf, "org": anything, "else": anything}
)


def told(outcomes: Any) -> Any:
    return [
        (one.state, one.reason, one.statements, one.destinations, one.denied, one.error and one.error.path)
        for one in outcomes
    ]


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=rich | anything, context=contexts)
def test_the_declared_fields_say_the_same_as_the_whole_event(data: Any, context: dict[str, Any]) -> None:
    whole = event_from_mapping(event("quiz", data if data is not None else HUSH, **context))
    stored = json.loads(json.dumps({"id": whole.id, "body": PRUNES["quiz"](whole.body)}))
    again = DeferredEvent(stored["body"], stored["id"])
    pipeline = Pipeline(PLAN)
    assert told(pipeline.process(again)) == told(pipeline.process(whole))
    assert again.id == whole.id


def test_what_is_kept_is_what_is_declared() -> None:
    data = {
        "quiz": "q", "secret": HUSH, "points": {"not": HUSH}, "tags": ["a", "b"], "state": {"all": ["of", "it"]},
        "answers": {"first": {"answer": ["x"], "correct": "c", "by": HUSH}, "odd": HUSH},
        "tabs": {HUSH: {"title": "t", "url": HUSH}},
    }  # fmt: skip
    body = PRUNES["quiz"](event_from_mapping(event("quiz", data, username="ada", session="s", ip=HUSH)).body)
    assert HUSH not in json.dumps(body)
    assert body["data"] == {
        "quiz": "q", "points": {"": None}, "tags": ["a", "b"], "state": {"all": ["of", "it"]},
        "answers": {"first": {"answer": ["x"], "correct": "c"}}, "tabs": {"0": {"title": "t"}},
    }  # fmt: skip
    assert body["context"] == {"user_id": 4711, "course_id": "course-v1:Harbour+SAIL+2026", "username": "ada",
                               "session": "s"}  # fmt: skip


# --- in the store -----------------------------------------------------------------------------------------


@pytest.fixture
def settled(open_outbox: OpenOutbox) -> Iterator[Callable[..., tuple[Outbox, Deferral, Callable[..., Worker]]]]:
    """An outbox with both sides of the deferred pipeline on it, and nothing that runs by itself."""
    keeper = LeaseKeeper(60)

    def make(clock: TurnedClock | None = None, key: str = KEY, **options: Any) -> Any:
        outbox = open_outbox(clock, **options)
        relay = object.__new__(Relay)  # its `process`, without an engine
        relay.pipeline, relay._critical = Pipeline(PLAN), frozenset()

        def worker(key: str = key, process: Any = relay.process, outbox: Outbox = outbox) -> Worker:
            return Worker(outbox, process, ["plain"], Seal(Secret(key, "env:KEY")), keeper, lambda name, number: None)

        return outbox, Deferral(outbox, PRUNES, Seal(Secret(key))), worker

    yield make
    keeper.close()


def quizzes(first: int, last: int, **data: Any) -> list[Any]:
    made = []
    for number_ in range(first, last + 1):
        raw = event(
            "quiz", {"quiz": f"quiz-{number_}", "secret": HUSH, **data}, username="ada.lovelace", user_id=470_113_908
        )
        raw["timestamp"] = f"2026-03-02T{number_ // 3600:02}:{number_ // 60 % 60:02}:{number_ % 60:02}Z"
        made.append(event_from_mapping(raw))
    return made


def test_put_is_sealed_and_one_step_makes_statements_of_it(settled: Any, tmp_path: Path) -> None:
    outbox, deferral, worker = settled()
    assert not deferral.put(event_from_mapping(event("nobody.maps.this")))
    for one in quizzes(1, 20):
        assert deferral.put(one)
    assert outbox.status([DEFERRED])[DEFERRED].waiting == 20
    with outbox.database.transaction(write=False) as transaction:
        tables = [
            [bytes(cell) if isinstance(cell, memoryview) else cell for cell in row]
            for table in ("statement", "delivery", "tally", "timing", "outcome")
            for row in transaction.execute(f"SELECT * FROM learnrelay_{table}")
        ]
    dumped = repr(tables).encode() + b"".join(path.read_bytes() for path in tmp_path.glob("outbox.db*"))
    for never in (b"quiz-", HUSH.encode(), b"ada.lovelace", b"470113908", b"Harbour", b"2026-03-02"):
        assert never not in dumped
    worker().step()
    status = outbox.status()
    assert (status[DEFERRED].waiting, status[DEFERRED].delivered, status["main"].waiting) == (0, 20, 20)
    assert "matched" not in status


def test_skips_and_failures_are_counted_in_words_and_leave_nothing(settled: Any) -> None:
    from learnrelay.delivery.figures import read_outcomes

    outbox, deferral, worker = settled()
    for one in [*quizzes(1, 2, points=0), *quizzes(3, 5, quiz=[HUSH]), *quizzes(6, 6)]:
        deferral.put(one)
    worker().step()
    with outbox.database.transaction(write=False) as transaction:
        counts = read_outcomes(transaction)
        assert transaction.execute("SELECT COUNT(*) FROM learnrelay_statement") == [(1,)]
    assert counts["", "read", ""] == 6
    assert counts["plain", "skipped", "no points"] == 2
    assert counts["plain", "failed", "data.quiz: expected text, found a list"] == 3
    assert counts["plain", "transformed", ""] == 1
    assert HUSH not in repr(counts)


def test_a_key_that_does_not_open_loses_nothing_and_holds_up_nobody(
    settled: Any, clock: TurnedClock, caplog: pytest.LogCaptureFixture
) -> None:
    outbox, deferral, worker = settled(clock)
    for one in quizzes(1, 150):
        deferral.put(one)
    new_key = Fernet.generate_key().decode()
    newer = Deferral(outbox, PRUNES, Seal(Secret(new_key)))
    newer.put(quizzes(151, 151)[0])
    rotated = worker(new_key)
    for _ in range(3):
        rotated.step()
    assert (outbox.status()["main"].waiting, outbox.status()[DEFERRED].waiting) == (1, 150)
    assert caplog.text.count("no key of env:KEY opens it") == 1 and new_key not in caplog.text
    both = worker(f"{new_key}\n{KEY}")
    for _ in range(5):
        clock.now += 60
        both.step()
    assert (outbox.status()["main"].waiting, outbox.status()[DEFERRED].waiting) == (151, 0)


def test_a_worker_that_lost_its_lease_puts_nothing(settled: Any, clock: TurnedClock) -> None:
    outbox, deferral, worker = settled(clock, lease=60)
    for one in quizzes(1, 10):
        deferral.put(one)
    other = worker()
    slow = worker()
    process = slow._process

    def overtaken(source: Any) -> Any:
        if source.body["data"]["quiz"] == "quiz-10":
            clock.now += 61
            other.step()
        return process(source)

    slow._process = overtaken
    slow.step()
    status = outbox.status()
    assert (status["main"].accepted, status["main"].duplicates) == (10, 0)
    assert (status[DEFERRED].delivered, status[DEFERRED].accepted, status[DEFERRED].waiting) == (10, 10, 0)


def test_what_the_pipeline_stumbles_over_stays_and_the_rest_goes_on(
    settled: Any, clock: TurnedClock, caplog: pytest.LogCaptureFixture
) -> None:
    outbox, deferral, worker = settled(clock)
    for one in quizzes(1, 5):
        deferral.put(one)
    sound = worker()
    process = sound._process
    ill = worker(process=lambda source: process(source) if "3" not in source.body["data"]["quiz"] else 1 // 0)
    ill.step()
    assert (outbox.status()["main"].waiting, outbox.status()[DEFERRED].waiting) == (4, 1)
    assert "the pipeline raised ZeroDivisionError (1 of 5)" in caplog.text
    clock.now += 60
    sound.step()
    assert (outbox.status()["main"].waiting, outbox.status()[DEFERRED].waiting) == (5, 0)


def test_the_limit_is_that_of_the_outbox(settled: Any, clock: TurnedClock, caplog: pytest.LogCaptureFixture) -> None:
    outbox, deferral, worker = settled(clock, limit=10, wait=0.05)
    for one in quizzes(1, 10, kind="k"):  # each becomes two deliveries
        deferral.put(one)
    with pytest.raises(OutboxFullError):
        deferral.put(quizzes(11, 11)[0])
    one = worker()
    one.step()  # nothing else could make room
    assert (outbox.status()["main"].waiting, outbox.status()["matched"].waiting) == (10, 10)
    with outbox.database.transaction() as transaction:
        transaction.change("UPDATE learnrelay_tally SET waiting = 8 WHERE destination = 'main'")
        transaction.change("UPDATE learnrelay_tally SET waiting = 0 WHERE destination = 'matched'")
    for late in quizzes(12, 13, kind="k"):
        deferral.put(late)
    caplog.clear()
    one.step()
    one.step()
    assert outbox.status()[DEFERRED].waiting == 2 and outbox.status()[DEFERRED].leased == 0
    assert caplog.text.count("the outbox is full") == 1


def test_stop_ends_with_the_event_under_way_and_frees_the_others(settled: Any) -> None:
    outbox, deferral, worker = settled()
    for one in quizzes(1, 10):
        deferral.put(one)
    stopped = worker()
    process = stopped._process

    def stopping(source: Any) -> Any:
        stopped.stop()
        return process(source)

    stopped._process = stopping
    stopped.step()
    status = outbox.status()
    assert (status["main"].waiting, status[DEFERRED].due, status[DEFERRED].leased) == (1, 9, 0)


def test_what_cannot_be_written_is_not_kept(settled: Any) -> None:
    outbox, deferral, _ = settled()
    deep = event("quiz", {"quiz": "q"})
    deep["data"]["state"] = json.loads('{"a":' * 252 + "1" + "}" * 252)
    assert not deferral.put(event_from_mapping(deep))
    assert not outbox.status([DEFERRED])[DEFERRED].accepted


# --- as a whole -------------------------------------------------------------------------------------------


def test_both_ways_give_the_same(consumer: Consumer, database_url: Secret, tmp_path: Path) -> None:
    rng = random.Random(5)
    raws = []
    for number_ in range(200):
        data: Any = {"quiz": f"q{number_}", "kind": rng.choice(["k", "m"]), "points": rng.choice([0, 1, "x"])}
        if number_ % 7 == 0:
            data = rng.choice([{}, {"quiz": [1]}, "text", None])
        raw = event(rng.choice(["quiz", "quiz", "watched", "else"]), data, mode=rng.choice(["audit", "y", "z"]))
        raw["timestamp"] = f"2026-03-02T09:{number_ // 60:02}:{number_ % 60:02}Z"
        raws.append(raw)
    results = []
    for number_, options in enumerate(({}, {"pipeline": "worker", "key": Secret(KEY)})):
        url = database_url if number_ else Secret(f"sqlite:///{tmp_path}/direct.db")
        consumer.stored.clear()
        with Relay(assembly_of(consumer.url, Delivery(database=url, **options))) as relay:
            for raw in raws:
                relay.emit(raw)
            assert relay.engine.drained(PATIENCE)  # type: ignore[attr-defined]
            relay._recorder.flush()
            status = relay.outbox.status()
            from learnrelay.delivery.figures import read_outcomes

            with relay.outbox.database.transaction(write=False) as transaction:
                counts = read_outcomes(transaction)
        results.append(
            (dict(consumer.stored), {n: (s.accepted, s.delivered) for n, s in status.items() if n != DEFERRED}, counts)
        )
    assert results[0] == results[1]
    assert results[0][1]["main"][1] > 10 and results[0][1]["matched"][1] > 5


SLOW = """
import time
from learnrelay import hookimpl

@hookimpl
def filter_event():
    time.sleep(0.01)
"""

CONFIG = """
[platform]
root_url = "https://learn.example.org"
[plugins]
enabled = ["plain.*", "plain", "slow"]
[identity]
provider = "keyed"
secret = "env:SECRET"
[delivery]
database = "{database}"
pipeline = "worker"
key = "env:KEY"
lease = "1s"
[destinations.main]
standard = "plain"
url = "{url}"
scope = "all"
batch = {{ size = 20, interval = "50ms" }}
retry = {{ backoff = "100ms", ceiling = "500ms" }}
"""

EMIT = """
import sys
from learnrelay import Relay
relay = Relay.from_file(sys.argv[1])
for line in sys.stdin:
    relay.emit(line)
    print(line.split('"video": "')[1].split('"')[0], flush=True)
"""


@pytest.fixture
def slow_installation(installation: Installation) -> Installation:
    """The plain standard, and a filter that takes its time."""
    source = Path(__file__).parents[1].joinpath("plain.py").read_text(encoding="utf-8")
    installation.install(
        "acme-plain",
        {
            "learnrelay.standards.v1": {"plain": "acme_plain:plugin"},
            "learnrelay.families.v1": {"plain.watching": "acme_plain:family"},
        },
        source + "\nplugin = PlainPlugin()\n",
    )
    installation.install("acme-slow", {"learnrelay.filters.v1": {"slow": "acme_slow"}}, SLOW)
    return installation


def lines_of(number: int) -> list[str]:
    made = []
    for position in range(number):
        raw = event(data={"video": f"v{position}", "secret": HUSH})
        raw["timestamp"] = f"2026-03-02T09:{position // 60:02}:{position % 60:02}Z"
        made.append(json.dumps(raw))
    return made


def test_kill_9_in_the_middle_loses_nothing_and_stores_nothing_twice(
    slow_installation: Installation, consumer: Consumer, database_url: Secret, tmp_path: Path
) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(CONFIG.format(database=database_url.reveal(), url=consumer.url))
    environment = {**os.environ, "PYTHONPATH": str(slow_installation.site), "SECRET": "s" * 32, "KEY": KEY}
    rng = random.Random(3)
    number_of_events = 400
    lines = lines_of(number_of_events)
    worker_command = [str(Path(sys.executable).parent / "learnrelay"), "worker", "--config", str(config)]

    def worker(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen([*worker_command, *arguments], env=environment, stderr=subprocess.PIPE, text=True)

    acknowledged: list[str] = []
    ended = threading.Event()

    def produce() -> None:
        """Emit all of it, by processes that are killed as well."""
        position = 0
        while position < number_of_events:
            with subprocess.Popen(
                [sys.executable, "-c", EMIT, str(config)],
                env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            ) as process:  # fmt: skip
                assert process.stdin and process.stdout
                threading.Thread(target=_write, args=(process, lines[position:]), daemon=True).start()
                for _ in range(rng.randrange(60, 120)):
                    if not (said := process.stdout.readline()):
                        break
                    acknowledged.append(said.strip())
                process.send_signal(signal.SIGKILL)
                acknowledged.extend(process.stdout.read().split())
            position = len(acknowledged)
        ended.set()

    producer = threading.Thread(target=produce)
    producer.start()
    kills = 0
    while not ended.is_set() or kills < 4:
        process = worker()
        assert process.stderr and "delivering to main" in process.stderr.readline()
        time.sleep(0.2 + 0.6 * rng.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
        kills += 1
    producer.join()
    last = worker("--until-empty")
    assert last.wait(PATIENCE) == 0, last.stderr and last.stderr.read()
    assert last.stderr
    last.stderr.close()

    stored = Counter(one["what"] for one in consumer.stored.values())
    assert not set(acknowledged) - set(stored), "lost"
    assert len(acknowledged) >= number_of_events and len(consumer.order) == len(set(consumer.order))
    outbox = Outbox.open(Delivery(database=database_url))
    status = outbox.status(["main"])
    assert status[DEFERRED].accepted == status[DEFERRED].delivered
    # what a producer had stored when it was killed, and had not said so, the next one emits again
    assert status["main"].accepted == status["main"].delivered >= len(stored) == number_of_events
    outbox.close()


def _write(process: subprocess.Popen[str], lines: list[str]) -> None:
    assert process.stdin
    try:
        process.stdin.write("\n".join(lines) + "\n")
        process.stdin.close()
    except (BrokenPipeError, ValueError, OSError):
        pass


APP = """
import os
from learnrelay.delivery import celery_engine
celery_engine.QUEUE, celery_engine.SWEEP = os.environ["QUEUE"], 1.0
from learnrelay.delivery.celery_app import app
"""

EMIT_TO_CELERY = """
import deferred_app_queue, sys
from learnrelay import Relay
with Relay.from_file(sys.argv[1]) as relay:
    for line in sys.stdin:
        relay.emit(line)
"""


@pytest.mark.skipif(not REDIS, reason="no LEARNRELAY_TEST_REDIS_URL")
def test_celery_runs_the_pipeline_and_its_broker_sees_nothing_of_it(
    slow_installation: Installation, consumer: Consumer, database_url: Secret, tmp_path: Path
) -> None:
    config = tmp_path / "relay.toml"
    engine = 'engine = "celery"\nbroker = "env:BROKER"\n[destinations.main]'
    config.write_text(
        CONFIG.format(database=database_url.reveal(), url=consumer.url).replace("[destinations.main]", engine)
    )
    (tmp_path / "deferred_app_queue.py").write_text(APP.rpartition("from learnrelay.delivery.celery_app")[0])
    (tmp_path / "deferred_app.py").write_text(APP)
    queue = f"learnrelay-{uuid.uuid4().hex}"
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join([str(slow_installation.site), str(tmp_path)]), "SECRET": "s" * 32,
        "KEY": KEY, "BROKER": REDIS, "QUEUE": queue, "LEARNRELAY_CONFIG": str(config),
    }  # fmt: skip
    broker = redis.Redis.from_url(REDIS)
    subprocess.run(
        [sys.executable, "-c", EMIT_TO_CELERY, str(config)],
        env=environment, input="\n".join(lines_of(200)), text=True, check=True, timeout=60,
    )  # fmt: skip
    messages = broker.lrange(queue, 0, -1)
    assert messages and {json.loads(message)["headers"]["argsrepr"] for message in messages} == {"['(deferred)']"}

    def start(number_: int) -> subprocess.Popen[bytes]:
        log = (tmp_path / f"worker{number_}.log").open("wb")
        return subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "deferred_app", "worker", "-c", "2", "--without-mingle"],
            env=environment, cwd=tmp_path, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip

    first = start(1)
    assert wait_until(lambda: consumer.stored), (tmp_path / "worker1.log").read_text()
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    second = start(2)
    outbox = Outbox.open(Delivery(database=database_url))
    try:
        assert wait_until(lambda: len(consumer.stored) == 200), (tmp_path / "worker2.log").read_text()
        assert wait_until(lambda: outbox.at_rest([DEFERRED, "main"]))
        second.send_signal(signal.SIGTERM)
        assert second.wait(PATIENCE) == 0
        status = outbox.status()
    finally:
        if second.poll() is None:
            os.killpg(second.pid, signal.SIGKILL)
        broker.delete(queue)
        outbox.close()
    assert status["main"].accepted == status["main"].delivered == len(consumer.order) == 200
    assert not any(one.leased or one.waiting for one in status.values())


# --- what an operator can get wrong -----------------------------------------------------------------------


def check(config: Path, prelude: str = "pass", **environment: str) -> subprocess.CompletedProcess[str]:
    script = f"import sys; {prelude}; from learnrelay.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, "check", "--config", str(config)],
        env={**os.environ, "SECRET": "s" * 32, **environment}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_key_is_asked_for_at_start_up(tmp_path: Path) -> None:
    config = tmp_path / "relay.toml"
    text_of_file = CONFIG.format(database="sqlite:///x.db", url="http://127.0.0.1:1/")
    config.write_text(text_of_file.replace('key = "env:KEY"', ""))
    assert 'delivery.key: is missing for pipeline "worker"' in check(config).stderr
    config.write_text(text_of_file)
    short = check(config, KEY="too-short-to-be-one")
    assert "delivery.key: env:KEY: expected keys of 32 bytes" in short.stderr and "too-short" not in short.stderr
    assert "environment variable KEY is not set" in check(config).stderr
    missing = check(config, "sys.modules['cryptography.fernet'] = None", KEY=KEY)
    assert 'delivery.key: needs the library "cryptography": pip install "learnrelay[deferred]"' in missing.stderr
    sound = check(config, KEY=KEY)
    assert "delivery.key" not in sound.stderr


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_forget_works_off_what_waits_first(
    slow_installation: Installation, database_url: Secret, tmp_path: Path
) -> None:
    config = tmp_path / "relay.toml"
    engine = 'engine = "celery"\nbroker = "redis://127.0.0.1:1/0"\n[destinations.main]'
    config.write_text(
        CONFIG.format(database=database_url.reveal(), url="http://127.0.0.1:1/").replace("[destinations.main]", engine)
    )

    def run(*arguments: str, key: str = KEY) -> subprocess.CompletedProcess[bytes]:
        return slow_installation.run(*arguments, "--config", config, SECRET="s" * 32, KEY=key)

    subprocess.run(
        [sys.executable, "-c", EMIT, str(config)],
        env={**os.environ, "PYTHONPATH": str(slow_installation.site), "SECRET": "s" * 32, "KEY": KEY},
        input="\n".join(lines_of(5)), text=True, check=True, timeout=60,
    )  # fmt: skip
    told = json.loads(run("status", "--json").stdout)
    assert (told[DEFERRED]["waiting"], told["main"]["waiting"]) == (5, 0)
    blind = run("forget", "--user-id", "4711", key=Fernet.generate_key().decode())
    assert b"5 deferred events could not be looked at" in blind.stderr
    time.sleep(2.5)  # the events that could not be opened are tried again by then
    assert b": 5 statements removed" in run("forget", "--user-id", "4711").stdout
    told = json.loads(run("status", "--json").stdout)
    assert told[DEFERRED]["waiting"] == told["main"]["waiting"] == 0 and told["main"]["dropped"] == 5
