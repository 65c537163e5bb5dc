"""The input ``openedx_bus`` on a real Redis: nothing is lost, nothing comes twice, and what is wrong is named."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
import trustme
from marshmallow import ValidationError

from event_bus.bus_site import (
    WORD,
    BusStream,
    bus_stream,
    enrolled,
    line_of_event,
    read_numbers,
    read_pairs,
    record_of,
    redis_of_our_own,
    written_as_avro,
)
from learnrelay import UnreadableEventError
from learnrelay.assembly.assemble import assemble_from
from learnrelay_contract_tests.input_checks import check_input
from learnrelay_openedx.event_bus import bus_input, redis_stream
from learnrelay_openedx.event_bus.bus_settings import RedisBusSection


@pytest.fixture
def stream() -> Iterator[BusStream]:
    """Returns a fresh stream."""
    with bus_stream() as made:
        yield made


# --- positions ------------------------------------------------------------------------------------------


def test_events_are_acknowledged_when_they_are_stored(stream: BusStream) -> None:
    ids = stream.add(*map(enrolled, range(5)))
    with closing(stream.input()) as made:
        made.open(None)
        pairs = read_pairs(made, 5)
        assert [event for event, _ in pairs] == [line_of_event(enrolled(number)) for number in range(5)]
        assert [position["id"].encode() for _, position in pairs] == ids
        assert stream.group()["last-delivered-id"] == b"0-0", "nothing is stored yet"
        made.commit(pairs[2][1])
        assert (stream.group()["last-delivered-id"], stream.group()["lag"]) == (ids[2], 2)
        made.commit(pairs[4][1])
        assert (stream.group()["last-delivered-id"], stream.group()["lag"]) == (ids[4], 0)
        assert made.read(0) is None
        assert made.lag() == 0


def test_what_came_while_nothing_ran_is_read(stream: BusStream) -> None:
    stream.add(enrolled(1))
    with closing(stream.input()) as made:
        made.open(None)
        ((_, position),) = read_pairs(made, 1)
        made.commit(position)
    stream.add(enrolled(2), enrolled(3))
    with closing(stream.input()) as made:
        made.open(position)
        assert made.lag() == 2
        assert read_numbers(made, 2) == [2, 3]


def test_what_was_stored_and_not_acknowledged_is_acknowledged_and_not_read_again(stream: BusStream) -> None:
    ids = stream.add(*map(enrolled, range(4)))
    with closing(stream.input()) as made:
        made.open(None)
        position = read_pairs(made, 3)[2][1]
        # Killed here: the outbox holds the statements and the position, Redis knows nothing of it.
    with closing(stream.input()) as made:
        made.open(position)
        assert stream.group()["last-delivered-id"] == ids[2]
        assert read_numbers(made, 4, 0.3) == [3]


def test_what_was_acknowledged_and_is_not_in_the_outbox_is_read_again(stream: BusStream) -> None:
    stream.add(*map(enrolled, range(4)))
    with closing(stream.input()) as made:
        made.open(None)
        pairs = read_pairs(made, 4)
        made.commit(pairs[3][1])
        made.open(pairs[0][1])  # the outbox was restored from a backup
        assert read_numbers(made, 3) == [1, 2, 3]
        made.open(None)
        assert read_numbers(made, 4) == [0, 1, 2, 3]


def test_entries_that_a_dead_consumer_had_taken_are_read_and_acknowledged(stream: BusStream) -> None:
    ids = stream.add(*map(enrolled, range(4)))
    stream.redis.xgroup_create(stream.name, "learnrelay", "0")
    stream.redis.xreadgroup("learnrelay", "dead", {stream.name: ">"}, count=3)
    with closing(stream.input()) as made:
        made.open(None)
        pairs = read_pairs(made, 4)
        assert [position["id"].encode() for _, position in pairs] == ids
        assert stream.group()["pending"] == 3
        made.commit(pairs[1][1])
        assert stream.group()["pending"] == 1
    with closing(stream.input()) as made:
        made.open(pairs[3][1])
        assert stream.group()["pending"] == 0


def test_two_readers_take_nothing_from_each_other(stream: BusStream) -> None:
    """A reader that was stopped for longer than its lease wakes up while another reads: it has nothing of it."""
    stream.add(enrolled(0))
    with closing(stream.input()) as stopped, closing(stream.input()) as successor:
        stopped.open(None)
        ((_, position),) = read_pairs(stopped, 1)
        successor.open(position)
        for number in range(1, 9):
            stream.add(enrolled(number))
            if number % 2:
                assert read_numbers(stopped, 1)
        assert read_numbers(successor, 8) == list(range(1, 9))


def test_another_topic_is_read_from_its_beginning(stream: BusStream) -> None:
    stream.add(enrolled(1))
    with closing(stream.input()) as made:
        made.open(None)
        ((_, position),) = read_pairs(made, 1)
    with bus_stream() as other:
        other.add_fields({"event_data": record_of(enrolled(2))}, "1-1")
        with closing(other.input()) as made:
            for other_position in (position, 7, {"key": "a", "logs": []}):  # of another stream, of other inputs
                made.open(other_position)
                assert read_numbers(made, 1) == [2]


def test_the_name_of_the_stream_has_the_prefix(stream: BusStream) -> None:
    prefix, _, topic = stream.name.partition("-")
    stream.add(enrolled(1))
    with closing(stream.input(topic_prefix=prefix, topic=topic)) as made:
        made.open(None)
        assert read_numbers(made, 1) == [1]


@pytest.mark.slow
def test_the_harness_finds_nothing(stream: BusStream) -> None:
    for number in range(60):
        stream.add(enrolled(number))
        if number % 20 == 7:
            stream.add_fields({"event_data": b"\xff"})
    with closing(stream.input()) as made:
        made.open(None)
        expected = [event for event, _ in read_pairs(made, 63)]
    assert sum(isinstance(event, UnreadableEventError) for event in expected) == 3
    check_input(stream.input, expected)


# --- streams that are trimmed, evicted, set back ---------------------------------------------------------


def test_entries_that_were_trimmed_unread_are_counted(stream: BusStream, caplog: pytest.LogCaptureFixture) -> None:
    stream.add(*map(enrolled, range(3)), most=10)
    with closing(stream.input()) as made:
        made.open(None)
        position = read_pairs(made, 3)[-1][1]
        made.commit(position)
    stream.add(*map(enrolled, range(3, 300)), most=10)
    with closing(stream.input()) as made:
        made.open(position)
        pairs = read_pairs(made, 297)
        assert made.read(0) is None
    lost = [event for event, _ in pairs if isinstance(event, UnreadableEventError)]
    assert [str(event) for event in lost] == ["Redis trimmed the stream before the entry was read"] * 287
    assert [position["entries"] for _, position in pairs] == list(range(4, 301))
    assert pairs[286][1]["id"] == position["id"]
    assert [event for event, _ in pairs[287:]] == [line_of_event(enrolled(number)) for number in range(290, 300)]
    assert "287 entries were trimmed before they were read" in caplog.text
    with closing(stream.input()) as made:  # stored in the middle of the report
        made.open(pairs[99][1])
        assert len(read_pairs(made, 300, 0.5)) == 197


def test_what_was_trimmed_before_the_first_start_is_no_loss(stream: BusStream) -> None:
    stream.add(*map(enrolled, range(20)), most=5)
    with closing(stream.input()) as made:
        made.open(None)
        assert read_numbers(made, 20, 0.3) == [15, 16, 17, 18, 19]


def test_entries_that_are_trimmed_when_they_were_read_are_no_loss(stream: BusStream) -> None:
    numbers = []
    with closing(stream.input()) as made:
        made.open(None)
        for number in range(30):
            stream.add(enrolled(number), most=3)
            numbers += read_numbers(made, 1)
        made.open(read_position(stream, made))
        assert read_numbers(made, 1, 0.2) == []
    assert numbers == list(range(30))


def read_position(stream: BusStream, made: Any) -> dict[str, Any]:
    """Returns the position behind one more event."""
    stream.add(enrolled(99), most=3)
    position: dict[str, Any] = read_pairs(made, 1)[0][1]
    return position


def test_a_reader_that_is_nearly_too_late_is_warned(
    stream: BusStream, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream.add(*map(enrolled, range(10)), most=10)
    with closing(stream.input()) as made:
        made.open(None)
        position = read_pairs(made, 10)[-1][1]
        made.open(position)
        stream.add(*map(enrolled, range(6)), most=10)
        made.read(0)
    assert "6 of its 10 entries are not read yet, and the oldest are being trimmed" in caplog.text


def test_a_group_that_is_deleted_while_it_is_read_is_made_anew(
    stream: BusStream, caplog: pytest.LogCaptureFixture
) -> None:
    stream.add(*map(enrolled, range(4)))
    with closing(stream.input()) as made:
        made.open(None)
        position = read_pairs(made, 4)[1][1]
        stream.redis.xgroup_destroy(stream.name, "learnrelay")
        with pytest.raises(OSError, match="Redis no longer has the group"):
            made.commit(position)
    stream.add(enrolled(4))
    with closing(stream.input()) as made:
        made.open(position)
        assert "its group learnrelay was gone" in caplog.text
        assert stream.group()["last-delivered-id"] == position["id"].encode()
        assert read_numbers(made, 3) == [2, 3, 4]
        stream.redis.xgroup_destroy(stream.name, "learnrelay")
        with pytest.raises(OSError, match="its group is gone"):
            read_pairs(made, 1)


def test_a_stream_that_was_evicted_is_read_from_its_beginning(stream: BusStream) -> None:
    """Also where the clock of Redis was set back, so that new entries have smaller ids."""
    stream.add(*map(enrolled, range(4)))
    with closing(stream.input()) as made:
        made.open(None)
        position = read_pairs(made, 4)[-1][1]
        made.commit(position)
        stream.delete()
        with pytest.raises(OSError, match="its group is gone"):
            read_pairs(made, 1)
    for number in (4, 5):
        stream.add_fields({"event_data": record_of(enrolled(number))}, f"7-{number}")
    with closing(stream.input()) as made:
        made.open(position)
    with closing(stream.input()) as made:  # killed before anything was stored
        made.open(position)
        stream.add(enrolled(6))
        pairs = read_pairs(made, 3)
        assert [event for event, _ in pairs] == [line_of_event(enrolled(number)) for number in (4, 5, 6)]
        assert [position["entries"] for _, position in pairs] == [1, 2, 3]
        made.commit(pairs[0][1])
        made.open(pairs[0][1])
        assert read_numbers(made, 2) == [5, 6]


def test_a_redis_that_has_lost_its_last_entries_is_read_on(stream: BusStream, caplog: pytest.LogCaptureFixture) -> None:
    stream.add(*map(enrolled, range(4)))
    with closing(stream.input()) as made:
        made.open(None)
        pairs = read_pairs(made, 4)
        made.commit(pairs[1][1])
        dump = stream.redis.dump(stream.name)
        stream.add(enrolled(4), enrolled(5))
        position = read_pairs(made, 2)[-1][1]
        stream.delete()
        stream.redis.restore(stream.name, 0, dump)  # type: ignore[arg-type]
        with pytest.raises(OSError, match="Redis has lost entries"):
            read_pairs(made, 1)
    with closing(stream.input()) as made:
        made.open(position)
        assert "Redis has lost its last entries, which were read" in caplog.text
        stream.add(enrolled(6))
        assert read_numbers(made, 5, 0.3) == [6]


def test_a_stream_that_is_not_there_yet_is_waited_for(stream: BusStream) -> None:
    with closing(stream.input()) as made:
        made.open(None)
        assert made.read(0.01) is None
        stream.add(enrolled(1))
        assert read_numbers(made, 1) == [1]


# --- what entries hold ------------------------------------------------------------------------------------


def test_entries_that_cannot_be_read_are_kept_and_hold_up_nothing(
    stream: BusStream, caplog: pytest.LogCaptureFixture
) -> None:
    hostile = "\x1b[2J\r\nhush\u202e"
    bad = stream.add_fields({"event_data": written_as_avro(hostile, hostile, hostile, hostile)})
    stream.add(enrolled(1))
    stream.add_fields({"type": hostile, "event_data": record_of(enrolled(2))})
    stream.add_fields({"event_data": None})
    stream.redis.xadd(stream.name, {hostile: b"\xff\x00"})
    stream.add({**enrolled(3), "name": hostile}, enrolled(4))
    with closing(stream.input()) as made:
        made.open(None)
        pairs = read_pairs(made, 7)
        made.commit(pairs[-1][1])
    events = [event for event, _ in pairs]
    assert [event.reason for event in events if isinstance(event, UnreadableEventError)] == [
        "its data is no JSON",
        "the entry is of another type than org.openedx.analytics.tracking.event.emitted.v1",
        "the entry holds no record of a tracking event",
        "the entry is of another type than org.openedx.analytics.tracking.event.emitted.v1",
    ]
    assert [json.loads(event) for event in events if isinstance(event, bytes)] == [
        enrolled(1), {**enrolled(3), "name": hostile}, enrolled(4),
    ]  # fmt: skip
    assert f"entry {bad.decode()} cannot be read: its data is no JSON" in caplog.text
    assert caplog.text.count("cannot be read") == 1, "one line a minute"
    assert "hush" not in caplog.text
    assert stream.redis.xrange(stream.name, bad, bad), "it stays in the stream"


# --- what can be wrong --------------------------------------------------------------------------------------


def error_of(stream: BusStream, **keys: Any) -> str:
    """Returns why the input cannot be opened or read."""
    with closing(stream.input(**keys)) as made, pytest.raises(OSError) as raised:
        made.open(None)
        made.read(0)
    assert raised.value.__suppress_context__
    assert WORD not in str(raised.value)
    return str(raised.value.strerror)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shortens the limits."""
    monkeypatch.setattr(redis_stream, "CONNECT_LIMIT", 0.5)
    monkeypatch.setattr(redis_stream, "ANSWER_LIMIT", 0.5)


@pytest.mark.usefixtures("quick")
def test_a_redis_that_says_nothing_is_given_up(stream: BusStream) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        began = time.monotonic()
        url = f"redis://:{WORD}@127.0.0.1:{silent.getsockname()[1]}/0"
        assert error_of(stream, url=url) == "Redis does not answer in time"
        assert time.monotonic() - began < 3


def test_a_redis_that_is_not_there_is_no_end(stream: BusStream) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    assert error_of(stream, url=f"redis://:{WORD}@127.0.0.1:{port}/0") == "Redis does not answer"
    assert error_of(stream, url=f"redis://:{WORD}@nowhere.invalid/0") == "Redis does not answer"


def test_a_name_of_another_value_is_no_stream(stream: BusStream) -> None:
    key = f"learnrelay-test-{stream.name}"
    stream.redis.set(key, WORD, ex=60)
    assert error_of(stream, topic=key).startswith("Redis has no stream of this name, but another value")


def test_a_redis_that_refuses_changes_says_why(tmp_path: Path) -> None:
    with redis_of_our_own(tmp_path) as url:
        stream = BusStream(url)
        stream.add(enrolled(1))
        stream.redis.config_set("maxmemory", "1")
        assert error_of(stream) == "Redis has no memory left, and refuses changes"
        stream.redis.config_set("maxmemory", "0")
        stream.redis.replicaof("127.0.0.1", "1")
        assert error_of(stream) == "Redis is a replica: the input needs the primary, to acknowledge"


def test_a_redis_that_was_killed_is_read_on_when_it_is_back(tmp_path: Path) -> None:
    durable = ("--appendonly", "yes", "--appendfsync", "always")
    with redis_of_our_own(tmp_path, *durable) as url:
        stream = BusStream(url)
        stream.add(enrolled(1), enrolled(2))
        made = stream.input()
        made.open(None)
        position = read_pairs(made, 2)[0][1]
        made.commit(position)
    with pytest.raises(OSError, match="Redis does not answer"):
        made.read(0)
    made.close()
    with redis_of_our_own(tmp_path, *durable, port=urlsplit(url).port or 0):
        stream.add(enrolled(3))
        made.open(position)
        assert read_numbers(made, 2) == [2, 3]
        made.close()


def test_a_stream_that_redis_evicts_to_make_room_is_read_when_it_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_input, "_LOOK_INTERVAL", 60.0)  # which a busy machine would reach in between
    with redis_of_our_own(tmp_path, "--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru") as url:
        stream = BusStream(url)
        stream.add(enrolled(1))
        with closing(stream.input()) as made:
            made.open(None)
            position = read_pairs(made, 1)[0][1]
            made.commit(position)
            for number in range(200):
                stream.redis.set(f"key {number}", b"x" * 50_000)
            assert not stream.redis.exists(stream.name)
            stream.add(enrolled(2))
            ((event, behind),) = read_pairs(made, 1)
            assert json.loads(event) == enrolled(2)
            with pytest.raises(OSError, match="Redis no longer has the group"):
                made.commit(behind)
            made.open(behind)
            stream.add(enrolled(3))
            assert read_numbers(made, 2, 0.5) == [3]


ACL = re.compile(r"    ACL SETUSER learnrelay on >PASSWORD ~dev-analytics (.*)")
"""The line of docs/event-bus.md that gives a user its rights."""


def test_passwords_users_and_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("BUS_PASSWORD", WORD)
    users = ["--user", "default", "off", "--user", "relay", "on", f">{WORD}", "~*", "+@all"]
    users += ["--user", "admin", "on", f">{WORD}", "~*", "+@all"]
    with redis_of_our_own(tmp_path, *users) as url:
        of_user = url.replace("//", "//relay@")
        stream = BusStream(url.replace("//", f"//relay:{WORD}@"))
        stream.add(enrolled(1))
        with closing(stream.input(url=of_user, password="env:BUS_PASSWORD")) as made:
            made.open(None)
            assert read_numbers(made, 1) == [1]
        refused = "Redis refuses the credentials"
        assert error_of(stream, url=url) == refused
        assert error_of(stream, url=of_user) == refused
        assert error_of(stream, url=url.replace("//", f"//relay:x{WORD}@")) == refused
        rights = ACL.search((Path(__file__).parents[4] / "docs" / "event-bus.md").read_text("utf-8"))
        assert rights
        stream.redis.execute_command("ACL", "SETUSER", "relay", "-@all", *rights[1].split())
        with closing(stream.input()) as made:
            made.open(None)
            position = read_pairs(made, 1)[0][1]
            made.commit(position)
            made.open(position)
        redis.Redis.from_url(url.replace("//", f"//admin:{WORD}@")).execute_command(
            "ACL", "SETUSER", "relay", "-xread", "-info"
        )
        assert "docs/event-bus.md" in error_of(stream)
    assert WORD not in caplog.text


def test_certificates_are_verified(tmp_path: Path) -> None:
    authority, other = trustme.CA(), trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "server.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    other.cert_pem.write_to_path(str(tmp_path / "other.pem"))
    with redis_of_our_own(tmp_path, tls=tmp_path) as url:
        plain = BusStream(f"{url}?ssl_ca_certs={tmp_path}/ca.pem")
        plain.add(enrolled(1))
        plain.url = url
        with closing(plain.input(ca_file=str(tmp_path / "ca.pem"))) as made:
            made.open(None)
            assert read_numbers(made, 1) == [1]
        reason = "Redis does not answer with TLS, or with a certificate that ca_file does not cover"
        assert error_of(plain, ca_file=str(tmp_path / "other.pem")) == reason
        assert error_of(plain) == reason
        assert error_of(plain, url=url.replace("rediss", "redis")) == "Redis does not answer"


def test_a_redis_that_may_evict_the_stream_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with redis_of_our_own(tmp_path, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru") as url:
        with closing(BusStream(url).input()) as made:
            made.open(None)
        assert "may evict it as a whole (maxmemory-policy allkeys-lru)" in caplog.text
        caplog.clear()
        redis.Redis.from_url(url).config_set("maxmemory-policy", "volatile-lru")
        with closing(BusStream(url).input()) as made:
            made.open(None)
        assert not caplog.records


# --- settings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "key", "words"),
    [
        ({}, "url", "is missing"),
        ({"url": "redis.example.org:6379"}, "url", "expected the address of a Redis"),
        ({"url": "redis://h:port"}, "url", "expected the address of a Redis"),
        ({"url": "redis://h/bus"}, "url", "expected the address of a Redis"),
        ({"url": "rediss://h/0?ssl_cert_reqs=none"}, "url", "an address has no options"),
        ({"url": "redis://:x@h", "password": "y"}, "password", "the address has a password already"),
        ({"url": "redis://h", "topic": "a b"}, "topic", "expected letters, digits"),
        ({"url": "redis://h", "gruop": "a"}, "gruop", "unknown key"),
    ],
)  # fmt: skip
def test_a_wrong_key_is_found_at_start_up(keys: dict[str, Any], key: str, words: str) -> None:
    with pytest.raises(ValidationError) as raised:
        RedisBusSection().load(keys)
    assert list(raised.value.messages_dict) == [key]
    assert words in raised.value.messages_dict[key][0]


def test_a_certificate_needs_tls(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with pytest.raises(ValidationError, match=r"needs TLS: begin the address with rediss://"):
        RedisBusSection().load({"url": "redis://h", "ca_file": str(tmp_path / "ca.pem")})


def test_an_address_is_a_secret_where_it_holds_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUS", f"redis://:{WORD}@redis")
    urls = {"named": "redis://relay@redis:6379/0", "open": f"redis://:{WORD}@redis:6379/0", "hidden": "env:BUS"}
    raw = {
        "platform": {"root_url": "https://learn.example.org", "source": "openedx"},
        "plugins": {"enabled": []},
        "identity": {"provider": "keyed", "secret": "env:BUS"},
        "inputs": {name: {"input": "openedx_bus", "url": url} for name, url in urls.items()},
    }
    config = assemble_from(raw, tmp_path / "relay.toml").config
    warned = "".join(config.warnings)
    assert [name for name in urls if f"inputs.{name}.url" in warned] == ["open"]
    assert WORD not in f"{config}{warned}"


# --- learnrelay check --connect -------------------------------------------------------------------------


def test_a_probe_looks_and_changes_nothing(stream: BusStream) -> None:
    made = stream.input()
    result = made.probe()
    assert (result.is_sound, result.reason) == (
        True, f"no stream {stream.name} yet; group learnrelay is made at the first start",
    )  # fmt: skip
    assert not stream.redis.exists(stream.name)
    stream.add(enrolled(1), enrolled(2))
    assert "2 entries; group learnrelay is made" in made.probe().reason
    assert stream.redis.xinfo_groups(stream.name) == []
    with closing(stream.input()) as reading:
        reading.open(None)
        assert made.probe().reason == f"stream {stream.name}: 2 entries"
        assert read_numbers(reading, 2) == [1, 2]


def test_a_probe_of_a_redis_that_is_away_or_evicts_says_so(tmp_path: Path) -> None:
    with redis_of_our_own(tmp_path, "--maxmemory", "3mb", "--maxmemory-policy", "allkeys-lru") as url:
        assert "maxmemory-policy allkeys-lru" in BusStream(url).input().probe().reason
    with pytest.raises(OSError, match="Redis does not answer"):
        BusStream(url).input().probe()
