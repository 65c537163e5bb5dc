"""The input ``openedx_bus_kafka``: nothing is lost, nothing comes twice, and what is wrong is named."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import trustme
from marshmallow import ValidationError

from delivery.consumer import Consumer
from event_bus.bus_site import WORD, enrolled, line_of_event, read_numbers, read_pairs, record_of
from event_bus.kafka_site import (
    SCHEMA,
    BusTopic,
    brokers_in_this_process,
    kafka_of_our_own,
    schema_registry,
    tls_before,
)
from learnrelay import UnreadableEventError
from learnrelay_contract_tests.input_checks import check_input
from learnrelay_openedx.event_bus import kafka_topic
from learnrelay_openedx.event_bus.bus_settings import KafkaBusSection
from relay_files import relay_toml

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    """Returns the address of brokers."""
    with brokers_in_this_process() as address:
        yield address


@pytest.fixture
def topic(servers: str) -> BusTopic:
    """Returns a fresh topic."""
    return BusTopic(servers)


@pytest.fixture
def consumer() -> Iterator[Consumer]:
    """Returns a consumer."""
    made = Consumer()
    yield made
    made.stop()


# --- positions ------------------------------------------------------------------------------------------


def test_events_are_acknowledged_when_they_are_stored(topic: BusTopic) -> None:
    topic.add(*map(enrolled, range(5)))
    with closing(topic.input()) as made:
        made.open(None)
        pairs = read_pairs(made, 5, 20)
        assert [event for event, _ in pairs] == [line_of_event(enrolled(number)) for number in range(5)]
        assert [position["offsets"]["0"] for _, position in pairs] == [1, 2, 3, 4, 5]
        assert topic.offsets(0)[0] < 1, "nothing is stored yet"
        made.commit(pairs[2][1])
        topic.wait_for_offset(3)
        assert made.lag() == 0


def test_what_came_while_nothing_ran_is_read_and_what_was_stored_is_not(topic: BusTopic) -> None:
    topic.add(*map(enrolled, range(3)))
    with closing(topic.input()) as made:
        made.open(None)
        position = read_pairs(made, 3, 20)[1][1]
        # Killed here: the outbox holds two events and the position, Kafka knows nothing of it.
    topic.add(enrolled(3))
    with closing(topic.input()) as made:
        made.open(position)
        topic.wait_for_offset(2)
        assert made.lag() == 2
        assert read_numbers(made, 9, 3) == [2, 3]


def test_the_outbox_decides_where_to_read_on(topic: BusTopic) -> None:
    topic.add(*map(enrolled, range(4)))
    with closing(topic.input()) as made:
        made.open(None)
        pairs = read_pairs(made, 4, 20)
        made.commit(pairs[3][1])
        topic.wait_for_offset(4)
    with closing(topic.input()) as made:  # the outbox was restored from a backup
        made.open(pairs[0][1])
        assert read_numbers(made, 3, 20) == [1, 2, 3]
    with closing(topic.input()) as made:
        made.open(None)
        assert read_numbers(made, 4, 20) == [0, 1, 2, 3]


def test_each_partition_is_read_in_its_order(topic: BusTopic) -> None:
    for number in range(40):
        topic.add(enrolled(number), partition=number % 3)
    with closing(topic.input()) as made:
        made.open(None)
        pairs = read_pairs(made, 25, 20)
        position = pairs[24][1]
        first = [event for event, _ in pairs[:25]]
    assert sum(position["offsets"].values()) == 25
    with closing(topic.input()) as made:
        made.open(position)
        rest = [event for event, _ in read_pairs(made, 99, 3)]
    assert sorted(first + rest) == sorted(line_of_event(enrolled(number)) for number in range(40))


def test_the_name_of_the_topic_has_the_prefix(servers: str) -> None:
    topic = BusTopic(servers, "prod-tracking")
    topic.add(enrolled(1))
    with closing(topic.input(topic="tracking", topic_prefix="prod")) as made:
        made.open(None)
        assert read_numbers(made, 1, 20) == [1]


def test_a_position_of_another_topic_counts_nothing(topic: BusTopic) -> None:
    topic.add(enrolled(1))
    with closing(topic.input()) as made:
        made.open({"topic": "other", "id": "", "offsets": {"0": 1}})
        assert read_numbers(made, 1, 20) == [1]


def test_the_harness_finds_nothing(tmp_path: Path) -> None:
    with kafka_of_our_own(tmp_path) as (address, _):
        topic = BusTopic(address)
        topic.make(1)
        topic.add(*map(enrolled, range(9)))
        for value in (None, b"", record_of(enrolled(9))):
            topic.add_value(value)
        with closing(topic.input()) as made:
            made.open(None)
            expected = [event for event, _ in read_pairs(made, 12, 20)]
        assert sum(isinstance(event, UnreadableEventError) for event in expected) == 3
        check_input(topic.input, expected)


# --- topics that are cut, made anew, not there -----------------------------------------------------------


def test_messages_that_were_deleted_unread_are_counted(topic: BusTopic, caplog: pytest.LogCaptureFixture) -> None:
    topic.add(enrolled(0))
    with closing(topic.input()) as made:
        made.open(None)
        position = read_pairs(made, 1, 20)[0][1]
    for _ in range(16):
        topic.add_value(bytes(2**19))  # more than the broker keeps
    topic.add(enrolled(17))
    with closing(topic.input()) as made:
        made.open(position)
        pairs = read_pairs(made, 17, 20)
        assert made.read(0.1) is None
    lost = [event for event, _ in pairs if str(event) == "Kafka deleted the message before it was read"]
    assert len(lost) > 2 and f"{len(lost)} messages were deleted before they were read" in caplog.text
    assert [place["offsets"]["0"] for _, place in pairs] == list(range(2, 19))
    with closing(topic.input()) as made:  # stored in the middle of the report
        made.open(pairs[1][1])
        assert len(read_pairs(made, 99, 3)) == 15


def test_a_kafka_that_has_lost_its_last_messages_is_read_on(topic: BusTopic, caplog: pytest.LogCaptureFixture) -> None:
    topic.add(enrolled(0))
    with closing(topic.input()) as made:
        made.open({"topic": topic.name, "id": "", "offsets": {"0": 3}})
        assert made.read(3) is None
        topic.add(enrolled(1))
        assert read_numbers(made, 1, 20) == [1]
    assert "lost its last messages" in caplog.text


def test_a_topic_that_is_not_there_yet_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("learnrelay_openedx.event_bus.kafka_input._LOOK_INTERVAL", 0.2)
    with kafka_of_our_own(tmp_path) as (address, _):
        topic = BusTopic(address)
        with closing(topic.input()) as made:
            assert made.probe().reason == f"no topic {topic.name} yet"
            made.open(None)
            assert made.read(0.1) is None
            assert made.lag() == 0
            topic.make(2)
            topic.add(enrolled(1), partition=1)
            assert read_numbers(made, 1, 20) == [1]


def test_a_topic_that_is_made_anew_is_read_from_its_beginning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with kafka_of_our_own(tmp_path) as (address, _):
        topic = BusTopic(address)
        topic.make(1)
        topic.add(*map(enrolled, range(3)))
        with closing(topic.input()) as made:
            made.open(None)
            position = read_pairs(made, 3, 20)[-1][1]
        with closing(topic.input()) as made:
            made.open(position)
            assert made.read(1) is None
        topic.delete()
        topic = BusTopic(address, topic.name)
        topic.make(1)
        topic.add(*map(enrolled, range(3, 8)))
        with closing(topic.input()) as made:
            made.open(position)
            assert read_numbers(made, 5, 20) == [3, 4, 5, 6, 7]
    assert "was made anew" in caplog.text


# --- what the published producer writes ------------------------------------------------------------------


@pytest.mark.slow
def test_events_of_a_site_come_once_each_whoever_is_killed(tmp_path: Path, consumer: Consumer) -> None:
    """A Django project with event-tracking and edx-event-bus-kafka emits; workers that read are killed."""
    if any(find_spec(module) is None for module in ("edx_event_bus_kafka", "eventtracking", "fastavro")):
        pytest.skip("pip install --group site")
    with kafka_of_our_own(tmp_path) as (servers, _), schema_registry() as registry:
        topic = BusTopic(servers, "prod-tracking")
        topic.make(3)
        (tmp_path / "relay.toml").write_text(
            relay_toml(
                ["xapi.enrollment"],
                {"main": {"standard": "xapi", "url": consumer.url, "batch": {"size": 20, "interval": "50ms"}}},
                [],
                platform={"source": "openedx"},
                delivery={"database": "sqlite:///outbox.db", "lease": "2s"},
                **{"inputs.bus": {"input": "openedx_bus_kafka", "servers": servers, "topic": "tracking",
                                  "topic_prefix": "prod"}},
            ),
            encoding="utf-8",
        )  # fmt: skip
        site = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "django_producer.py"), servers, "tracking", "prod", registry],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        worker = _start_worker(tmp_path)
        try:
            assert site.stdin is not None and site.stdout is not None
            for kills, number in enumerate((40, 40, 40), 1):
                print(number, file=site.stdin, flush=True)
                assert int(site.stdout.readline()) == 40 * kills
                _wait_for(lambda at_least=40 * kills - 20: len(consumer.stored) >= at_least)  # type: ignore[misc]
                worker.kill()
                worker.wait()
                worker = _start_worker(tmp_path)
            _wait_for(lambda: len(consumer.stored) >= 120)
        finally:
            site.kill()
            site.communicate()
            worker.kill()
            worker.communicate()
    assert len(consumer.stored) == 120


def _start_worker(directory: Path) -> subprocess.Popen[bytes]:
    program = str(Path(sys.executable).parent / "learnrelay")
    return subprocess.Popen(
        [program, "worker", "--config", str(directory / "relay.toml")],
        env={**os.environ, "SECRET": WORD}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 90
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


# --- messages that cannot be read ------------------------------------------------------------------------


def test_messages_that_cannot_be_read_hold_up_nothing(topic: BusTopic, caplog: pytest.LogCaptureFixture) -> None:
    record = record_of(enrolled(0))
    topic.add_value(SCHEMA + record, b"org.openedx.learning.course.enrollment.created.v1")
    topic.add_value(SCHEMA + record, None)
    topic.add_value(None)
    topic.add_value(record)
    topic.add_value(SCHEMA + WORD.encode())
    topic.add(enrolled(1))
    with closing(topic.input()) as made:
        made.open(None)
        events = [event for event, _ in read_pairs(made, 6, 20)]
    assert [isinstance(event, UnreadableEventError) for event in events] == [True] * 5 + [False]
    assert WORD not in "".join(map(str, events[:5])) + caplog.text
    assert f"topic {topic.name}: message 0 of partition 0 cannot be read" in caplog.text


# --- brokers that are away ------------------------------------------------------------------------------


def test_a_kafka_that_is_not_there_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_topic, "CALL_LIMIT", 1.0)
    with closing(BusTopic("127.0.0.1:1").input()) as made:
        started = time.monotonic()
        with pytest.raises(ConnectionError, match=r"^\[Errno 0\] Kafka does not answer$"):
            made.open(None)
        assert time.monotonic() - started < 20


def test_a_kafka_that_is_killed_is_noticed_and_read_on_when_it_is_back(tmp_path: Path) -> None:
    with kafka_of_our_own(tmp_path) as (address, server):
        topic = BusTopic(address)
        topic.make(1)
        topic.add(enrolled(1))
        with closing(topic.input()) as made:
            made.open(None)
            assert read_numbers(made, 1, 20) == [1]
            server.kill()
            until = time.monotonic() + 60
            with pytest.raises(ConnectionError, match="Kafka does not answer"):
                while time.monotonic() < until:
                    made.read(0.2)
    with kafka_of_our_own(tmp_path, int(address.partition(":")[2])) as (address, _), closing(topic.input()) as made:
        topic = BusTopic(address, topic.name)
        topic.make(1)
        topic.add(enrolled(2))
        made.open(None)
        assert read_numbers(made, 1, 20) == [2]


def test_certificates_are_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_topic, "CALL_LIMIT", 3.0)
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    other.cert_pem.write_to_path(tmp_path / "other.pem")
    with (
        tls_before(authority) as (listener, proxied),
        kafka_of_our_own(tmp_path, advertised=listener) as (address, _),
    ):
        proxied.append(address)
        topic = BusTopic(listener)
        with closing(topic.input(tls=True, ca_file=str(tmp_path / "ca.pem"))) as made:
            assert made.probe().reason == f"no topic {topic.name} yet"
        with (
            closing(topic.input(tls=True, ca_file=str(tmp_path / "other.pem"))) as made,
            pytest.raises(ConnectionError, match="certificate that ca_file does not cover"),
        ):
            made.open(None)


# --- settings -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "key", "words"),
    [
        ({"servers": "kafka"}, "servers", "HOST:PORT"),
        ({"servers": "kafka:9092, other:9092"}, "servers", "HOST:PORT"),
        ({"servers": "kafka:9092,"}, "servers", "HOST:PORT"),
        ({"servers": f"relay:{WORD}@kafka:9092"}, "servers", "HOST:PORT"),
        ({}, "servers", "missing"),
        ({"servers": "k:1", "username": "relay"}, "username", "needs password"),
        ({"servers": "k:1", "password": "env:KAFKA"}, "password", "needs username"),
        ({"servers": "k:1", "ca_file": "ca.pem"}, "ca_file", "tls = true"),
        ({"servers": "k:1", "topic": "a b"}, "topic", "letters"),
        ({"servers": "k:1", "url": "redis://k"}, "url", "nknown"),
    ],
)
def test_a_wrong_key_is_found_at_start_up(
    keys: dict[str, Any], key: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA", WORD)
    monkeypatch.chdir(tmp_path)
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    with pytest.raises(ValidationError) as caught:
        KafkaBusSection().load(keys)
    assert words in str(caught.value.messages_dict[key])
    assert WORD not in str(caught.value)


def test_a_user_is_told_apart_by_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA", WORD)
    settings = KafkaBusSection().load({"servers": "[::1]:9092,k:1", "username": "relay", "password": "env:KAFKA"})
    assert WORD not in repr(settings)
    assert kafka_topic._security(settings) == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "relay",
        "sasl.password": WORD,
    }


def test_a_probe_looks_and_changes_nothing(topic: BusTopic) -> None:
    topic.add(*map(enrolled, range(3)))
    made = topic.input()
    assert made.probe().reason == f"topic {topic.name}: 3 messages in 4 partition(s)"
    assert topic.offsets(0)[0] < 0
