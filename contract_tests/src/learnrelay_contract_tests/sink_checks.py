"""Checks a sink: what comes again is stored once, whenever a worker is killed, and nothing secret is in what it says.

An author calls it in a test of the plugin, with a consumer that the sink can send to::

    def test_what_a_sink_promises(tmp_path):
        check_sink(
            SinkUnderTest(
                TableSink,
                settings={"file": str(tmp_path / "statements.db")},
                read_stored=lambda: read_rows(tmp_path / "statements.db"),
                failing=[{"file": str(tmp_path / "nowhere" / "statements.db")}],
            )
        )
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import marshmallow
import orjson

from learnrelay import Judgement, Request, SerializedStatement, Standard, judge_status
from learnrelay.assembly.core_plugins import CORE_AUTH_SCHEMES
from learnrelay.auth import AUTH_SCHEMES
from learnrelay.config.fields import Section
from learnrelay.config.models import Destination
from learnrelay.config.problems import load_section
from learnrelay.config.secrets import find_secrets
from learnrelay.sinks import Batch, ProbeResult, Repeats, Sink, SinkAnswer, SinkError, Verdict
from learnrelay.standards import Answer

from .leaks import find_markers
from .samples import Marker

_TIMEOUT = 10.0  # seconds for one batch
_SIZE = 5  # statements of a batch
_LENGTH = 70_000  # characters of a statement: more than a pipe, a packet or a small column takes
_KILLS = 6
_RACES = 3
_ATTEMPTS = 20  # of a batch that may be sent again
_PAUSE = 0.1  # seconds between them
_SHORTEST_SECRET = 8  # characters of a text that is in another one by no coincidence
_STEP = timedelta(hours=25)  # between batches, so that nothing can be known by the day
_PLANTED = "Vexolun-Karimotse-884213"
"""Stands in statements, so that it is seen where a sink tells their values."""


class JsonArrays(Standard):
    """Sends statements as JSON arrays, and judges an answer by its HTTP status."""

    name = "json_arrays"
    settings_schema = Section

    def framer(self, platform: Any) -> Any:
        """Raises NotImplementedError: a sink gets finished statements."""
        raise NotImplementedError

    def composer(self, transformer: Any, platform: Any, event: str) -> Any:
        """Raises NotImplementedError: a sink gets finished statements."""
        raise NotImplementedError

    def encode(self, batch: Sequence[bytes], now: datetime) -> Request:
        """Encodes the statements as one array."""
        return Request(b"[" + b",".join(batch) + b"]", {"Content-Type": "application/json"})

    def judge(self, answer: Answer) -> Judgement:
        """Judges by the status alone."""
        return Judgement(judge_status(answer.status))

    def learners(self, statement: Mapping[str, Any]) -> Iterable[str]:
        """Lists nobody."""
        return ()

    def schema(self) -> marshmallow.Schema:
        """Returns a schema that takes any object."""
        return marshmallow.Schema(unknown=marshmallow.INCLUDE)


def make_content(statement_id: str) -> bytes:
    """Makes a long JSON object of no standard, with the characters that are lost most easily."""
    text = f"{_PLANTED} Größe \u2028 \U0001f600 \x00 \t \r\n \\ \" ' {{}} %s $1 ;--"
    return orjson.dumps(
        {"id": statement_id, "timestamp": "2026-03-02T09:00:00.123456Z", "text": text, "filling": "y" * _LENGTH}
    )


@dataclass(frozen=True)
class SinkUnderTest:
    """Describes a sink, and a consumer that it can send to.

    ``settings``: its keys in the destination's table, as in the operator's file; secrets stand there in clear text.
    ``read_stored``: yields the id and the content of each statement that the consumer holds, as often as it holds it.
    ``failing``: other values of keys, with each of which it fails, such as a wrong password, or an address at which
    nobody answers. ``standard``: of the statements. ``make_content``: id → statement, where the consumer does not take
    every JSON object.
    """

    sink: type[Sink]
    settings: Mapping[str, Any]
    read_stored: Callable[[], Iterable[tuple[str, bytes | str]]]
    failing: Sequence[Mapping[str, Any]]
    standard: Standard = field(default_factory=lambda: JsonArrays({}))
    make_content: Callable[[str], bytes] = make_content

    def load_settings(self, **changed: Any) -> Mapping[str, Any]:
        """Loads the settings as the core does, some of them changed. Raises AssertionError for invalid ones."""
        token = AUTH_SCHEMES.set(CORE_AUTH_SCHEMES)
        try:
            loaded, problems = load_section(self.sink.settings_schema(), {**self.settings, **changed}, "", "")
        finally:
            AUTH_SCHEMES.reset(token)
        assert not problems, f"its settings are not valid: {', '.join(f'{at.key}: {at.reason}' for at in problems)}"
        return loaded

    def make_sink(self, timeout: float = _TIMEOUT, **changed: Any) -> Sink:
        """Makes the sink, which is not open yet, with some settings changed. ``timeout``: seconds for one batch."""
        settings, sink = self.load_settings(**changed), self.sink
        destination = Destination(
            "checked", self.standard.name, "all", sink.name, settings, sink.describe(settings), timeout=timeout
        )
        return sink(settings, self.standard, destination)


def check_sink(subject: SinkUnderTest) -> None:
    """Sends batches as the core does, repeats them, and kills what sends. Raises AssertionError with what is wrong.

    Statements that the consumer holds already do not matter.
    """
    assert subject.failing, "give settings with which it fails: what it says then is searched for secrets"
    with _log_records() as records:
        check = _SinkCheck(subject)
        check.check_settings({})
        check.check_opening()
        check.check_repeats()
        check.check_similar_ids()
        check.check_kills()
        check.check_races()
        for changed in subject.failing:
            check.check_failure(changed)
        check.check_words(records)


@contextmanager
def _log_records() -> Iterator[list[str]]:
    """Collects what is logged meanwhile, at every level."""
    texts: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            texts.append(self.format(record))

    root, handler = logging.getLogger(), Collector()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield texts
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


class _SinkCheck:
    """Checks one sink, and remembers its secrets and all that it says."""

    def __init__(self, subject: SinkUnderTest) -> None:
        self._subject = subject
        self._knows_batches = subject.sink.repeats is Repeats.BY_BATCH
        self._now = datetime(2026, 3, 2, 9, tzinfo=UTC)
        self._secrets: set[tuple[str, str]] = set()
        self._words: list[tuple[str, str]] = []
        self._send_time = 0.0

    # --- the steps ------------------------------------------------------------------------------------------------

    def check_settings(self, changed: Mapping[str, Any], *, are_sound: bool = True) -> None:
        """Checks what the class says of settings, and remembers their secrets."""
        sink, settings = self._subject.sink, self._subject.load_settings(**changed)
        for key, secret in find_secrets(settings):
            text = secret.reveal()
            assert len(text) >= _SHORTEST_SECRET, f"give {key} a value of {_SHORTEST_SECRET} characters or more"
            self._secrets.add((key, text))
        address = sink.describe(settings)
        assert isinstance(address, str) and len(address.splitlines()) == 1, "describe returns no text of one line"
        self._hear("describe", address)
        for key, warning in sink.warnings(settings):
            self._hear("warnings", key, warning)
        for key, reason in sink.problems(settings, self._subject.standard):
            assert not are_sound, f"problems refuses its settings: {key}: {reason}"
            self._hear("problems", key, reason)

    def check_opening(self) -> None:
        """Opens, probes and closes it, again and again, and sends in between."""
        sink = self._subject.make_sink()
        for _ in range(2):
            sink.open()
            before = self._count_stored()
            result = sink.probe()
            assert isinstance(result, ProbeResult), "probe returns no ProbeResult"
            assert result.is_sound, f"probe finds fault with a sound consumer: {result.reason}"
            self._hear("probe", result.reason)
            assert self._count_stored() == before, "probe stores a statement"
            sink.close()
        sink.open()
        statements = self._make_statements()
        started = time.monotonic()
        self._store(sink, statements)
        self._send_time = time.monotonic() - started
        sink.close()
        sink.open()
        more = self._make_statements()
        self._store(sink, more)
        sink.close()
        self._check_stored([*statements, *more], "sent")
        self._hear("its own text", repr(sink), str(sink))

    def check_repeats(self) -> None:
        """Sends a batch again: by the same sink and by another, whole and in other company or without a member."""
        statements, batch_id = self._make_statements(), self._new_batch_id()
        with self._open_sink() as sink:
            for _ in range(3):
                self._store(sink, statements, batch_id)
            self._check_stored(statements, "sent again")
        with self._open_sink() as sink:
            self._store(sink, statements, batch_id)
            self._check_stored(statements, "sent again by another sink")
            if self._knows_batches:
                self._store(sink, statements[1:], batch_id)
                self._check_stored(
                    statements, "sent again without a statement that was forgotten", may_miss={statements[0].id}
                )
            else:
                self._check_stored(self._store_in_company(sink, statements), "sent again in other company")

    def check_similar_ids(self) -> None:
        """Sends two statements whose ids differ in case. A sink may refuse them, but not lose any."""
        lower = str(uuid.uuid4())
        statements = [self._make_statement(each) for each in (lower, lower.upper())]
        with self._open_sink() as sink:
            answer = self._send(sink, statements, self._new_batch_id())
        if answer.verdict is Verdict.STORED:
            stored = {each.id for each in statements} if answer.stored is None else {*answer.stored}
            kept = [each for each in statements if each.id in stored - answer.refused.keys()]
            self._check_stored(kept, "sent with ids that differ in case")

    def check_kills(self) -> None:
        """Kills a process after it has sent a batch, and while it sends; then the batch is sent again."""
        for number in range(_KILLS):
            statements, batch_id = self._make_statements(), self._new_batch_id()
            process = _SendingProcess(self._subject.make_sink(), self._make_batch(statements, batch_id))
            step = b""
            try:
                assert process.wait(), "it cannot be opened in a process of its own"
                if number:
                    time.sleep(self._send_time * number / _KILLS)
                else:
                    step = process.wait()
                    assert step, "it cannot send in a process of its own"
            finally:
                process.kill()
            if step == _STORED:
                self._check_stored(statements, "killed after its answer that all is stored")
            with self._open_sink() as sink:
                if self._knows_batches:
                    self._store(sink, statements, batch_id)
                else:
                    statements = self._store_in_company(sink, statements)
            self._check_stored(
                statements, f"sent again after a kill {'while it sent' if number else 'when it had sent'}"
            )

    def check_races(self) -> None:
        """Sends a batch while another process sends it, as after the end of a lease."""
        for _ in range(_RACES):
            statements, batch_id = self._make_statements(), self._new_batch_id()
            with self._open_sink() as sink:
                process = _SendingProcess(self._subject.make_sink(), self._make_batch(statements, batch_id))
                try:
                    assert process.wait(), "it cannot be opened in a process of its own"
                    self._store(sink, statements, batch_id)
                    process.wait()
                finally:
                    process.kill()
                self._store(sink, statements, batch_id)
            self._check_stored(statements, "sent by two processes at once")

    def check_failure(self, changed: Mapping[str, Any]) -> None:
        """Opens, probes and sends with settings that make it fail."""
        keys = ", ".join(changed)
        self.check_settings(changed, are_sound=False)
        sink = self._subject.make_sink(**changed)
        try:
            sink.open()
        except SinkError as error:
            self._hear_error(error)
            return
        except Exception as error:
            raise AssertionError(
                f"open raises {type(error).__name__} with another {keys}: raise SinkError with a reason"
            ) from None
        try:
            try:
                self._hear("probe", sink.probe().reason)
            except SinkError as error:
                self._hear_error(error)
            batch = self._make_batch(self._make_statements(), self._new_batch_id())
            try:
                answer = sink.send(batch)
            except Exception as error:
                self._hear_error(error)
                return
            self._check_answer(answer, batch)
            assert answer.verdict is not Verdict.STORED, (
                f"it stores a batch with another {keys}: give settings with which it fails"
            )
        finally:
            sink.close()

    def check_words(self, log_records: Iterable[str]) -> None:
        """Searches what it said, and what was logged meanwhile, for secrets; its words for values of statements too."""
        secrets = [Marker(key, text) for key, text in sorted(self._secrets)]
        for place, text in [*self._words, *(("a log record", record) for record in log_records)]:
            for marker, form in find_markers(secrets, [text]):
                raise AssertionError(f"{marker.path}, a secret, is in {place} {form}")
        for place, text in self._words:
            assert not any(find_markers([Marker("", _PLANTED)], [text])), f"a value of a statement is in {place}"

    # --- what they are made of --------------------------------------------------------------------------------------

    def _hear(self, place: str, *texts: str) -> None:
        for text in texts:
            assert isinstance(text, str), f"{place} is no text"
            self._words.append((place, text))

    def _hear_error(self, error: Exception) -> None:
        """Remembers what the core shows of an error: the text of a SinkError, and the type of any other."""
        if isinstance(error, SinkError):
            self._hear("a SinkError", str(error), repr(error))

    def _make_statement(self, statement_id: str) -> SerializedStatement:
        return SerializedStatement(statement_id, self._subject.make_content(statement_id))

    def _make_statements(self, number: int = _SIZE) -> list[SerializedStatement]:
        return [self._make_statement(str(uuid.uuid4())) for _ in range(number)]

    def _new_batch_id(self) -> str:
        return uuid.uuid4().hex if self._knows_batches else ""

    def _make_batch(self, statements: Sequence[SerializedStatement], batch_id: str) -> Batch:
        self._now += _STEP
        return Batch(statements, batch_id, self._now)

    @contextmanager
    def _open_sink(self) -> Iterator[Sink]:
        sink = self._subject.make_sink()
        sink.open()
        try:
            yield sink
        finally:
            sink.close()

    def _send(self, sink: Sink, statements: Sequence[SerializedStatement], batch_id: str) -> SinkAnswer:
        batch = self._make_batch(statements, batch_id)
        answer = sink.send(batch)
        self._check_answer(answer, batch)
        return answer

    def _check_answer(self, answer: SinkAnswer, batch: Batch) -> None:
        assert isinstance(answer, SinkAnswer), "send returns no SinkAnswer"
        self._hear("the reason of an answer", answer.reason)
        unknown = {*(answer.stored or ()), *answer.refused} - {each.id for each in batch.statements}
        assert not unknown, "an answer names ids that were not sent"

    def _store(self, sink: Sink, statements: Sequence[SerializedStatement], batch_id: str | None = None) -> None:
        """Sends a batch until all of it is stored, as the core does."""
        batch_id = self._new_batch_id() if batch_id is None else batch_id
        reason = ""
        for _ in range(_ATTEMPTS):
            try:
                answer = self._send(sink, statements, batch_id)
            except SinkError as error:
                reason = str(error)
                self._hear_error(error)
            else:
                reason = answer.reason
                assert answer.verdict in (Verdict.STORED, Verdict.RETRY) and not answer.refused, (
                    f"a sound consumer refuses a sound batch: {answer.verdict.value}, {reason}; "
                    "where it takes only certain statements, give make_content"
                )
                if answer.verdict is Verdict.STORED:
                    if answer.stored is None or not (rest := [s for s in statements if s.id not in answer.stored]):
                        return
                    statements, batch_id = rest, self._new_batch_id()
            time.sleep(_PAUSE)
        raise AssertionError(f"it does not store a batch in {_ATTEMPTS} attempts: {reason}")

    def _store_in_company(self, sink: Sink, statements: Sequence[SerializedStatement]) -> list[SerializedStatement]:
        """Sends statements again, apart and with others. Returns all of them."""
        middle = len(statements) // 2
        company = self._make_statements(2)
        self._store(sink, [*statements[middle:], company[0]])
        self._store(sink, [company[1], *statements[: middle + 1]])
        return [*statements, *company]

    def _count_stored(self) -> int:
        return sum(1 for _ in self._subject.read_stored())

    def _check_stored(
        self, statements: Sequence[SerializedStatement], occasion: str, may_miss: Collection[str] = ()
    ) -> None:
        """Checks that the consumer holds each statement once, as it was sent."""
        sent = {each.id: each.content for each in statements}
        copies: Counter[str] = Counter()
        for statement_id, content in self._subject.read_stored():
            if statement_id in sent:
                copies[statement_id] += 1
                assert _is_same(content, sent[statement_id]), f"{occasion}, a statement is stored with other content"
        assert max(copies.values(), default=0) < 2, f"{occasion}, a statement is stored twice"
        missing = sent.keys() - copies.keys() - {*may_miss}
        assert not missing, f"{occasion}, {len(missing)} of {len(sent)} statements are not stored"


_OPEN, _SENT, _STORED = b"o", b"n", b"s"
"""What a process reports: the sink is open, it has sent a batch, all of which is stored or not."""


def _is_same(content: bytes | str, sent: bytes) -> bool:
    try:
        return bool(json.loads(content) == json.loads(sent))
    except ValueError:
        return False


class _SendingProcess:
    """Sends a batch in a process of its own."""

    def __init__(self, sink: Sink, batch: Batch) -> None:
        self._reader, writer = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            with suppress(BaseException):
                sink.open()
                os.write(writer, _OPEN)
                answer = sink.send(batch)
                is_stored = answer.verdict is Verdict.STORED and answer.stored is None and not answer.refused
                os.write(writer, _STORED if is_stored else _SENT)
                signal.pause()
            os._exit(1)
        os.close(writer)

    def wait(self) -> bytes:
        """Waits until the sink is open, the second time until it has sent. Returns which; empty if it failed."""
        ready, _, _ = select.select([self._reader], [], [], 2 * _TIMEOUT)
        return os.read(self._reader, 1) if ready else b""

    def kill(self) -> None:
        """Kills the process, which nothing can prepare for."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._reader)
