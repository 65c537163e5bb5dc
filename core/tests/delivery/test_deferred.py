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

from destinations import http_destination
from installation import Installation
from learnrelay import Family, Fields, Parts, Platform, Relay, Skip, each, entry_key, hookimpl, optional, required
from learnrelay.assembly.assemble import Assembly
from learnrelay.config.models import Config, Delivery, Provider
from learnrelay.config.sealing import Seal
from learnrelay.config.secrets import Secret
from learnrelay.delivery.deferred_worker import DeferredWorker
from learnrelay.delivery.leases import LeaseKeeper
from learnrelay.errors import OutboxFullError
from learnrelay.events import SourceEvent
from learnrelay.kinds import number, scalars, structure, text
from learnrelay.lookups.courses import NoCourses
from learnrelay.lookups.identity import KeyedIdentity
from learnrelay.outbox import Outbox
from learnrelay.outbox.deferred import Deferral, DeferredEvent
from learnrelay.outbox.queue import DEFERRED, Acknowledged
from learnrelay.outbox.statistics import Statistics
from learnrelay.pipeline.match_rules import check_of_rule
from learnrelay.pipeline.routing import DestinationRules, check_of_router
from learnrelay.pipeline.run import Pipeline
from learnrelay.plugins.registry import Registry
from learnrelay.privacy.pruning import compile_pruners
from openedx_events import SOURCE, event_from_mapping
from plain import PlainStandard, event, plan_of, registry_of
from relay_files import relay_toml
from services import redis_url

from .conftest import NOT_ON_MYSQL, TurnedClock
from .consumer import Consumer
from .test_celery import PATIENCE, wait_until

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
def quiz(fields: QuizFields, platform: Platform) -> Parts | Skip:
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


REGISTRY = registry_of(("plain.quiz", "families", quiz_family), ("stages", "filters", Stages()))


def assembly_of(url: str, delivery: Delivery, registry: Registry = REGISTRY) -> Assembly:
    """Assembles a file as `assemble` does, with plugins that are not installed."""
    destinations = {
        "main": http_destination("main", "plain", url, "all"),
        "matched": http_destination(
            "matched", "plain", url.replace("statements", "b"), "all", match={"data.kind": ("k",)}
        ),
    }
    (router,) = [impl.function for impl in registry.manager.hook.route_event.get_hookimpls()]
    rules = [
        DestinationRules(
            destination,
            tuple(("match", check_of_rule(path, values)) for path, values in destination.match.items()),
            (),
            (("stages", check_of_router(router, destination)),),
        )
        for destination in destinations.values()
    ]
    config = Config(
        "https://learn.example.org", "en", "openedx", (), {}, Provider("keyed"), Provider("none"),
        delivery, destinations, {},
    )  # fmt: skip
    standards = {"plain": PlainStandard({"style": "short"})}
    identity = KeyedIdentity({"secret": Secret("Kd7wq2Lmz9Xv4bTn"), "pseudonyms": "per-standard"})
    plan = plan_of(registry, rules)
    return Assembly(config, plan, registry, SOURCE, standards, {}, NoCourses({}), (), identity)


PLAN = assembly_of("http://127.0.0.1:1/statements", Delivery()).plan
PRUNES = compile_pruners(PLAN, REGISTRY, SOURCE.facts)

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


def comparable(outcomes: Any) -> Any:
    return [(o.state, o.reason, o.statements, o.destinations, o.denied, o.error and o.error.path) for o in outcomes]


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=rich | anything, context=contexts)
def test_the_declared_fields_give_the_same_statements_as_the_whole_event(data: Any, context: dict[str, Any]) -> None:
    whole = event_from_mapping(event("quiz", data if data is not None else HUSH, **context))
    stored = json.loads(json.dumps({"id": whole.id, "body": PRUNES["quiz"](whole.body)}))
    again = DeferredEvent(stored["body"], stored["id"], SOURCE.reader)
    pipeline = Pipeline(PLAN)
    assert comparable(pipeline.process(again)) == comparable(pipeline.process(whole))
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
def settled(
    open_outbox: OpenOutbox, tmp_path: Path
) -> Iterator[Callable[..., tuple[Outbox, Deferral, Callable[..., DeferredWorker]]]]:
    """Yields an outbox with both sides of the deferred pipeline on it, and nothing that runs by itself."""
    keeper = LeaseKeeper(60)
    relays: list[Relay] = []

    def make(clock: TurnedClock | None = None, key: str = KEY, **options: Any) -> Any:
        outbox = open_outbox(clock, **options)
        relay = Relay(
            assembly_of(
                "http://127.0.0.1:1/statements",
                Delivery(database=outbox.settings.database, spool=tmp_path / "outbox.spool"),
            )
        )
        relays.append(relay)  # never started: only its `process` is used

        def worker(
            key: str = key, wrap: Callable[[Any], Any] = lambda process: process, outbox: Outbox = outbox
        ) -> DeferredWorker:
            """Makes the worker; ``wrap`` turns the relay's `process` into the worker's."""
            return DeferredWorker(
                outbox,
                SOURCE.reader,
                wrap(relay.process),
                ["plain"],
                Seal(Secret(key, "env:KEY")),
                keeper,
                lambda name, number: None,
            )

        return outbox, Deferral(outbox.clock, PRUNES, Seal(Secret(key))), worker

    yield make
    keeper.close()
    for relay in relays:
        relay.close()


def defer(outbox: Outbox, deferral: Deferral, source: SourceEvent) -> bool:
    """Stores an event to be processed later; False where it is not kept."""
    row = deferral.seal(source)
    outbox.put([row] if row else [])
    return row is not None


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
    assert not defer(outbox, deferral, event_from_mapping(event("nobody.maps.this")))
    for quiz_event in quizzes(1, 20):
        assert defer(outbox, deferral, quiz_event)
    assert outbox.status([DEFERRED])[DEFERRED].waiting == 20
    with outbox.database.transaction(write=False) as transaction:
        tables = [
            [bytes(cell) if isinstance(cell, memoryview) else cell for cell in row]
            for table in ("statement", "delivery", "delivery_counter", "timing", "outcome")
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
    outbox, deferral, worker = settled()
    for quiz_event in [*quizzes(1, 2, points=0), *quizzes(3, 5, quiz=[HUSH]), *quizzes(6, 6)]:
        defer(outbox, deferral, quiz_event)
    worker().step()
    with outbox.database.transaction(write=False) as transaction:
        assert transaction.execute("SELECT COUNT(*) FROM learnrelay_statement") == [(1,)]
    counts = Statistics.read(outbox).outcomes
    assert counts["", "read", ""] == 6
    assert counts["plain", "skipped", "no points"] == 2
    assert counts["plain", "failed", "data.quiz: expected text, found a list"] == 3
    assert counts["plain", "transformed", ""] == 1
    assert HUSH not in repr(counts)


def test_a_key_that_does_not_open_loses_nothing_and_holds_up_nobody(
    settled: Any, clock: TurnedClock, caplog: pytest.LogCaptureFixture
) -> None:
    outbox, deferral, worker = settled(clock)
    for quiz_event in quizzes(1, 150):
        defer(outbox, deferral, quiz_event)
    new_key = Fernet.generate_key().decode()
    newer = Deferral(outbox.clock, PRUNES, Seal(Secret(new_key)))
    defer(outbox, newer, quizzes(151, 151)[0])
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
    for quiz_event in quizzes(1, 10):
        defer(outbox, deferral, quiz_event)
    other = worker()

    def overtaken(process: Any) -> Any:
        def process_late(source: Any) -> Any:
            if source.body["data"]["quiz"] == "quiz-10":
                clock.now += 61
                other.step()
            return process(source)

        return process_late

    worker(wrap=overtaken).step()
    status = outbox.status()
    assert (status["main"].accepted, status["main"].duplicates) == (10, 0)
    assert (status[DEFERRED].delivered, status[DEFERRED].accepted, status[DEFERRED].waiting) == (10, 10, 0)


def test_what_the_pipeline_stumbles_over_stays_and_the_rest_goes_on(
    settled: Any, clock: TurnedClock, caplog: pytest.LogCaptureFixture
) -> None:
    outbox, deferral, worker = settled(clock)
    for quiz_event in quizzes(1, 5):
        defer(outbox, deferral, quiz_event)

    def failing(process: Any) -> Any:
        return lambda source: process(source) if "3" not in source.body["data"]["quiz"] else 1 // 0

    worker(wrap=failing).step()
    assert (outbox.status()["main"].waiting, outbox.status()[DEFERRED].waiting) == (4, 1)
    assert "the pipeline raised ZeroDivisionError (1 of 5)" in caplog.text
    clock.now += 60
    worker().step()
    assert (outbox.status()["main"].waiting, outbox.status()[DEFERRED].waiting) == (5, 0)


def test_the_limit_is_that_of_the_outbox(settled: Any, clock: TurnedClock, caplog: pytest.LogCaptureFixture) -> None:
    outbox, deferral, worker = settled(clock, limit=10, wait=0.05)
    for quiz_event in quizzes(1, 10, kind="k"):  # each becomes two deliveries
        defer(outbox, deferral, quiz_event)
    with pytest.raises(OutboxFullError):
        defer(outbox, deferral, quizzes(11, 11)[0])
    limited = worker()
    limited.step()  # nothing else could make room
    assert (outbox.status()["main"].waiting, outbox.status()["matched"].waiting) == (10, 10)
    for name, number_ in (("main", 2), ("matched", 10)):
        queue = outbox.queue(name)
        claim = queue.claim(number_)
        queue.settle(claim, [Acknowledged(claim.rows)])
    assert (outbox.status()["main"].waiting, outbox.status(["matched"])["matched"].waiting) == (8, 0)
    for late in quizzes(12, 13, kind="k"):
        defer(outbox, deferral, late)
    caplog.clear()
    limited.step()
    limited.step()
    assert outbox.status()[DEFERRED].waiting == 2 and outbox.status()[DEFERRED].leased == 0
    assert caplog.text.count("the outbox is full") == 1


def test_stop_ends_with_the_event_under_way_and_frees_the_others(settled: Any) -> None:
    outbox, deferral, worker = settled()
    for quiz_event in quizzes(1, 10):
        defer(outbox, deferral, quiz_event)

    def stopping(process: Any) -> Any:
        def process_and_stop(source: Any) -> Any:
            stopped.stop()
            return process(source)

        return process_and_stop

    stopped = worker(wrap=stopping)
    stopped.step()
    status = outbox.status()
    assert (status["main"].waiting, status[DEFERRED].due, status[DEFERRED].leased) == (1, 9, 0)


def test_what_cannot_be_written_is_not_kept(settled: Any) -> None:
    outbox, deferral, _ = settled()
    deep = event("quiz", {"quiz": "q"})
    deep["data"]["state"] = json.loads('{"a":' * 252 + "1" + "}" * 252)
    assert not defer(outbox, deferral, event_from_mapping(deep))
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
        delivery = Delivery(database=url, spool=tmp_path / "outbox.spool", **options)
        with Relay(assembly_of(consumer.url, delivery)) as relay:
            for raw in raws:
                relay.emit(raw)
            assert relay.engine.drained(PATIENCE)  # type: ignore[attr-defined]
            status = relay.outbox.status()
        outbox = Outbox.open(Delivery(database=url))  # the relay wrote its counts when it was closed
        counts = Statistics.read(outbox).outcomes
        outbox.close()
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


def config_with(database: str, url: str, **delivery: str) -> str:
    """Writes an operator's file with the pipeline in the worker, and a filter that is slow."""
    batch, retry = {"size": 20, "interval": "50ms"}, {"backoff": "100ms", "ceiling": "500ms"}
    return relay_toml(
        ["plain.*", "plain", "slow"], {"main": {"url": url, "batch": batch, "retry": retry}},
        delivery={"database": database, "pipeline": "worker", "key": "env:KEY", "lease": "1s", **delivery},
    )  # fmt: skip


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
    """Returns an installation with the plain standard and a slow filter."""
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


@NOT_ON_MYSQL
@pytest.mark.slow
def test_kill_9_in_the_middle_loses_nothing_and_stores_nothing_twice(
    slow_installation: Installation, consumer: Consumer, database_url: Secret, tmp_path: Path
) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(config_with(database_url.reveal(), consumer.url))
    environment = {**os.environ, "PYTHONPATH": str(slow_installation.site), "SECRET": "Kd7wq2Lmz9Xv4bTn", "KEY": KEY}
    rng = random.Random(3)
    number_of_events = 400
    lines = lines_of(number_of_events)
    worker_command = [str(Path(sys.executable).parent / "learnrelay"), "worker", "--config", str(config)]

    def worker(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen([*worker_command, *arguments], env=environment, stderr=subprocess.PIPE, text=True)

    acknowledged: list[str] = []
    ended = threading.Event()

    def produce() -> None:
        """Emits all events, by processes that are killed meanwhile."""
        position = 0
        while position < number_of_events:
            with subprocess.Popen(
                [sys.executable, "-c", EMIT, str(config)],
                env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            ) as process:  # fmt: skip
                assert process.stdin and process.stdout
                threading.Thread(target=_write, args=(process, lines[position:]), daemon=True).start()
                for _ in range(rng.randrange(60, 120)):
                    if not (line := process.stdout.readline()):
                        break
                    acknowledged.append(line.strip())
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

    stored = Counter(statement["what"] for statement in consumer.stored.values())
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
celery_engine.QUEUE, celery_engine.SWEEP_INTERVAL = os.environ["QUEUE"], 1.0
from learnrelay.celery import app
"""

EMIT_TO_CELERY = """
import deferred_app_queue, sys
from learnrelay import Relay
with Relay.from_file(sys.argv[1]) as relay:
    for line in sys.stdin:
        relay.emit(line)
"""


@NOT_ON_MYSQL
def test_celery_runs_the_pipeline_and_its_broker_sees_nothing_of_it(
    slow_installation: Installation, consumer: Consumer, database_url: Secret, tmp_path: Path
) -> None:
    broker_url = redis_url()
    config = tmp_path / "relay.toml"
    config.write_text(config_with(database_url.reveal(), consumer.url, engine="celery", broker="env:BROKER"))
    (tmp_path / "deferred_app_queue.py").write_text(APP.rpartition("from learnrelay.celery")[0])
    (tmp_path / "deferred_app.py").write_text(APP)
    queue = f"learnrelay-{uuid.uuid4().hex}"
    environment = {
        **os.environ, "PYTHONPATH": os.pathsep.join([str(slow_installation.site), str(tmp_path)]),
        "SECRET": "Kd7wq2Lmz9Xv4bTn", "KEY": KEY, "BROKER": broker_url, "QUEUE": queue,
        "LEARNRELAY_CONFIG": str(config),
    }  # fmt: skip
    broker = redis.Redis.from_url(broker_url)
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
        assert wait_until(lambda: outbox.is_idle([DEFERRED, "main"]))
        second.send_signal(signal.SIGTERM)
        assert second.wait(PATIENCE) == 0
        status = outbox.status()
    finally:
        if second.poll() is None:
            os.killpg(second.pid, signal.SIGKILL)
        broker.delete(queue)
        outbox.close()
    assert status["main"].accepted == status["main"].delivered == len(consumer.order) == 200
    assert not any(queue.leased or queue.waiting for queue in status.values())


# --- what an operator can get wrong -----------------------------------------------------------------------


def check(config: Path, prelude: str = "pass", **environment: str) -> subprocess.CompletedProcess[str]:
    script = f"import sys; {prelude}; from learnrelay.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, "check", "--config", str(config)],
        env={**os.environ, "SECRET": "Kd7wq2Lmz9Xv4bTn", **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_key_is_asked_for_at_start_up(tmp_path: Path) -> None:
    config = tmp_path / "relay.toml"
    text_of_file = config_with("sqlite:///x.db", "http://127.0.0.1:1/")
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
@pytest.mark.slow
def test_forget_works_off_what_waits_first(
    slow_installation: Installation, database_url: Secret, tmp_path: Path
) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(
        config_with(database_url.reveal(), "http://127.0.0.1:1/", engine="celery", broker="redis://127.0.0.1:1/0")
    )

    def run(*arguments: str, key: str = KEY) -> subprocess.CompletedProcess[bytes]:
        return slow_installation.run(*arguments, "--config", config, SECRET="Kd7wq2Lmz9Xv4bTn", KEY=key)

    subprocess.run(
        [sys.executable, "-c", EMIT, str(config)],
        env={**os.environ, "PYTHONPATH": str(slow_installation.site), "SECRET": "Kd7wq2Lmz9Xv4bTn", "KEY": KEY},
        input="\n".join(lines_of(5)), text=True, check=True, timeout=60,
    )  # fmt: skip
    status = json.loads(run("status", "--json").stdout)
    assert (status[DEFERRED]["waiting"], status["main"]["waiting"]) == (5, 0)
    blind = run("forget", "--user-id", "4711", key=Fernet.generate_key().decode())
    assert b"5 deferred events could not be looked at" in blind.stderr
    assert b": 5 statements removed" in run("forget", "--user-id", "4711").stdout
    status = json.loads(run("status", "--json").stdout)
    assert status[DEFERRED]["waiting"] == status["main"]["waiting"] == 0 and status["main"]["dropped"] == 5
