"""Asks a Kafka for the messages of a topic so that no call waits without a bound, and no error holds a secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

CALL_LIMIT = 10.0  # seconds
_IDENTITY_LIMIT = 3.0  # seconds; a broker without ids of topics may not answer


class Bounds(NamedTuple):
    """Holds the first offset of a partition that is still there, and the one behind its last message."""

    first: int
    end: int


class Received(NamedTuple):
    """Holds a message: where it stands, and what it carries."""

    partition: int
    offset: int
    event_type: bytes | None
    value: bytes | None


class KafkaTopic:
    """Reads one topic, and keeps the offsets of a group. All methods raise ConnectionError (an OSError) with a reason.

    The group is for those who look at Kafka: it has no members, and nothing is read by it.
    """

    def __init__(self, settings: Mapping[str, Any], name: str) -> None:
        self.name = name
        self._errors: list[KafkaError] = []
        connection = {
            "bootstrap.servers": settings["servers"],
            "socket.timeout.ms": int(CALL_LIMIT * 1000),
            "client.id": "learnrelay",
            "error_cb": self._errors.append,
            "log_level": 0,
            **_security(settings),
        }
        self._consumer = Consumer(
            {
                **connection,
                "group.id": settings["group"],
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",  # to go elsewhere without a word is not for a client to decide
                "allow.auto.create.topics": False,
            }
        )
        self._admin = AdminClient(connection)

    def close(self) -> None:
        """Disconnects."""
        self._consumer.close()

    # --- what there is ---------------------------------------------------------------------------------------

    def partitions(self) -> list[int]:
        """Lists the partitions; none where there is no topic yet."""
        with self._in_our_words():
            topic = self._consumer.list_topics(self.name, CALL_LIMIT).topics[self.name]
        if topic.error is not None and topic.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise ConnectionError(0, f"Kafka {_describe(topic.error)}")
        return sorted(topic.partitions)

    def identity(self) -> str:
        """Returns the id that tells the topic from a former one of its name; empty where the broker knows none."""
        try:
            asked = self._admin.describe_topics(TopicCollection([self.name]), request_timeout=_IDENTITY_LIMIT)
            return str(asked[self.name].result(_IDENTITY_LIMIT).topic_id)
        except (KafkaException, TimeoutError):  # also where the user may not ask
            return ""

    def bounds(self, partition: int) -> Bounds:
        """Returns which offsets a partition has."""
        with self._in_our_words():
            return Bounds(*self._consumer.get_watermark_offsets(TopicPartition(self.name, partition), CALL_LIMIT))

    def end(self, partition: int) -> int:
        """Returns the offset behind the last message, as far as it is known without asking."""
        _, end = self._consumer.get_watermark_offsets(TopicPartition(self.name, partition), cached=True)
        return max(0, end)  # below 0: not known

    # --- reading ---------------------------------------------------------------------------------------------

    def read_from(self, offsets: Mapping[int, int]) -> None:
        """Sets where to read on: partition → offset."""
        with self._in_our_words():
            self._consumer.assign([TopicPartition(self.name, *place) for place in offsets.items()])

    def read(self, most: int, timeout: float) -> tuple[list[Received], set[int]]:
        """Returns the next messages; none when there are none after ``timeout`` seconds.

        Second: partitions that no longer have, or do not have yet, the offset where they were to be read on.
        """
        with self._in_our_words():
            messages = self._consumer.consume(most, timeout)
        received: list[Received] = []
        displaced: set[int] = set()
        for message in messages:
            error = message.error()
            if error is None:
                received.append(_received(message))
            elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
                displaced.add(message.partition() or 0)
            else:
                self._errors.append(error)
        if self._errors and not received:
            errors, self._errors[:] = list(self._errors), []
            raise ConnectionError(0, f"Kafka {_describe_all(errors)}")
        return received, displaced

    def acknowledge(self, offsets: Mapping[int, int]) -> None:
        """Sets the group behind what is stored. Does not wait: the next call carries it further."""
        with self._in_our_words():
            places = [TopicPartition(self.name, *place) for place in offsets.items()]
            self._consumer.commit(offsets=places, asynchronous=True)

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        """Turns errors of Kafka into OSErrors whose reason holds no secret and nothing that was read."""
        try:
            yield
        except KafkaException as error:
            self._consumer.poll(0)  # which hands over what the client has noticed meanwhile
            errors, self._errors[:] = [*self._errors, error.args[0]], []
            raise ConnectionError(0, f"Kafka {_describe_all(errors)}") from None


def _security(settings: Mapping[str, Any]) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    if settings["username"] is not None:
        chosen = {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "PLAIN",
            "sasl.username": settings["username"],
            "sasl.password": settings["password"].reveal(),
        }
    elif settings["tls"]:
        chosen = {"security.protocol": "SSL"}
    if settings["ca_file"] is not None:
        chosen["ssl.ca.location"] = str(settings["ca_file"])
    return chosen


def _received(message: Message) -> Received:
    headers = dict(message.headers() or ())
    event_type = headers.get("ce_type")
    return Received(
        message.partition() or 0,
        message.offset() or 0,
        event_type.encode() if isinstance(event_type, str) else event_type,
        message.value(),
    )


def _describe_all(errors: Sequence[KafkaError]) -> str:
    """Returns the reason that says most: that nobody answers often follows from another one."""
    return min(map(_describe, errors), key=lambda reason: reason == _SILENT)


_SILENT = "does not answer"
_REASONS = {
    KafkaError._AUTHENTICATION: "refuses the credentials",
    KafkaError.SASL_AUTHENTICATION_FAILED: "refuses the credentials",
    KafkaError._SSL: "does not answer with TLS, or with a certificate that ca_file does not cover",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "does not let the user read the topic",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "does not let the user keep the group's offsets",
    **dict.fromkeys(
        (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._RESOLVE), _SILENT
    ),
}


def _describe(error: KafkaError) -> str:
    return _REASONS.get(error.code(), f"reports the error {error.name()}")
