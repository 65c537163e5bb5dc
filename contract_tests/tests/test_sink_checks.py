"""The check of sinks: good ones pass, and each fault is named."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from zoo.good.sink import TableSink

from learnrelay.sinks import Batch, ProbeResult, Repeats, SinkAnswer, SinkError, Verdict
from learnrelay_contract_tests import sink_checks
from learnrelay_contract_tests.sink_checks import SinkUnderTest, check_sink

PASSWORD = "Kd7wq2Lmz9Xv4bTn"


@pytest.fixture(autouse=True)
def _is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_checks, "_KILLS", 2)
    monkeypatch.setattr(sink_checks, "_RACES", 1)
    monkeypatch.setattr(sink_checks, "_PAUSE", 0.001)


@pytest.fixture
def describe(tmp_path: Path) -> Callable[[type[TableSink]], SinkUnderTest]:
    """Describes a sink with a table of its own, which cannot be opened in a folder that is not there."""
    file = tmp_path / "statements.db"

    def read_rows() -> list[tuple[str, bytes]]:
        with closing(sqlite3.connect(file)) as database:
            return database.execute("SELECT id, content FROM statements").fetchall()

    return lambda sink: SinkUnderTest(
        sink,
        settings={"file": str(file), "password": PASSWORD},
        read_stored=read_rows,
        failing=[{"file": str(tmp_path / "nowhere" / "statements.db")}],
    )


class BatchTable(TableSink):
    """Knows batches, as it can do as well."""

    repeats = Repeats.BY_BATCH
    table = "statements (id TEXT, content BLOB, batch TEXT)"

    def key_of(self, batch: Batch) -> str:
        return batch.id

    def send(self, batch: Batch) -> SinkAnswer:
        key = self.key_of(batch)
        with self.database:
            self.database.execute("DELETE FROM statements WHERE batch = ?", (key,))
            rows = [(each.id, each.content, key) for each in batch.statements]
            self.database.executemany("INSERT INTO statements VALUES (?, ?, ?)", rows)
        return SinkAnswer(Verdict.STORED)


class NamesWhatItStored(TableSink):
    """Stores a part of each batch at a time, after it was asked to wait."""

    is_patient = False

    def send(self, batch: Batch) -> SinkAnswer:
        self.is_patient = not self.is_patient
        if self.is_patient:
            return SinkAnswer(Verdict.RETRY, "not now")
        part = replace(batch, statements=batch.statements[:2])
        super().send(part)
        return SinkAnswer(Verdict.STORED, stored={each.id for each in part.statements})


@pytest.mark.parametrize("sink", [TableSink, BatchTable, NamesWhatItStored])
def test_a_sink_that_keeps_its_promises(sink: type[TableSink], describe: Any) -> None:
    check_sink(describe(sink))


# --- bad ones: each has one fault ---------------------------------------------------------------------------------


class StoresTwice(TableSink):
    insert = "INSERT"
    table = "statements (id TEXT, content BLOB)"


class RemembersByItself(StoresTwice):
    """Forgets what it has sent when it is killed."""

    sent: ClassVar[set[str]] = set()

    def send(self, batch: Batch) -> SinkAnswer:
        new = [each for each in batch.statements if each.id not in self.sent]
        self.sent.update(each.id for each in new)
        return super().send(replace(batch, statements=new))


class RemembersWhileOpen(RemembersByItself):
    def open(self) -> None:
        super().open()
        self.sent: set[str] = set()  # type: ignore[misc]


class StoresWhenClosed(TableSink):
    def open(self) -> None:
        super().open()
        self.waiting: list[Batch] = []

    def send(self, batch: Batch) -> SinkAnswer:
        self.waiting.append(batch)
        return SinkAnswer(Verdict.STORED)

    def close(self) -> None:
        for batch in self.waiting:
            super().send(batch)
        super().close()


class StoresWhenRead(TableSink):
    """Keeps what it sends in memory until somebody reads the table."""

    waiting: ClassVar[list[tuple[TableSink, Batch]]] = []

    def send(self, batch: Batch) -> SinkAnswer:
        self.waiting.append((TableSink(self.settings, self.standard, self.destination), batch))
        return SinkAnswer(Verdict.STORED, "accepted", status=202)

    @classmethod
    def store(cls) -> None:
        while cls.waiting:
            sink, batch = cls.waiting.pop()
            sink.open()
            sink.send(batch)
            sink.close()


class LooksBeforeItStores(BatchTable):
    """Asks whether a batch is there, and then writes it: two workers find that it is not."""

    def send(self, batch: Batch) -> SinkAnswer:
        if not self.database.execute("SELECT 1 FROM statements WHERE batch = ?", (batch.id,)).fetchall():
            time.sleep(0.05)
            with self.database:
                rows = [(each.id, each.content, batch.id) for each in batch.statements]
                self.database.executemany("INSERT INTO statements VALUES (?, ?, ?)", rows)
        return SinkAnswer(Verdict.STORED)


class KnowsBatchesByTheDay(BatchTable):
    def key_of(self, batch: Batch) -> str:
        return f"{batch.now:%Y-%m-%d} {batch.id}"


class KnowsBatchesByTheirMembers(BatchTable):
    def key_of(self, batch: Batch) -> str:
        return " ".join(each.id for each in batch.statements)


class KnowsBatchesAlone(BatchTable):
    """Knows nothing, for a batch of its statements has no id."""

    repeats = Repeats.BY_STATEMENT


class TakesAForA(TableSink):
    table = "statements (id TEXT PRIMARY KEY COLLATE NOCASE, content BLOB)"


class Loses(TableSink):
    def send(self, batch: Batch) -> SinkAnswer:
        return super().send(replace(batch, statements=batch.statements[1:]))


class Cuts(TableSink):
    def send(self, batch: Batch) -> SinkAnswer:
        cut = [replace(each, content=each.content[:65_535]) for each in batch.statements]
        return super().send(replace(batch, statements=cut))


class Changes(TableSink):
    def send(self, batch: Batch) -> SinkAnswer:
        plain = [replace(each, content=each.content.replace("ö".encode(), b"o")) for each in batch.statements]
        return super().send(replace(batch, statements=plain))


class NamesOthers(TableSink):
    def send(self, batch: Batch) -> SinkAnswer:
        super().send(batch)
        return SinkAnswer(
            Verdict.STORED, stored={each for (each,) in self.database.execute("SELECT id FROM statements")}
        )


class RefusesOthers(TableSink):
    def send(self, batch: Batch) -> SinkAnswer:
        super().send(batch)
        return SinkAnswer(Verdict.STORED, refused={"another": "it is odd"})


class Refuses(TableSink):
    def send(self, batch: Batch) -> SinkAnswer:
        return SinkAnswer(Verdict.REFUSED, "too odd")


class AlwaysWaits(TableSink):
    def send(self, batch: Batch) -> SinkAnswer:
        return SinkAnswer(Verdict.RETRY, "not now")


class Silent(TableSink):
    def send(self, batch: Batch) -> Any:
        super().send(batch)


class ProbeStores(TableSink):
    def probe(self) -> ProbeResult:
        self.database.execute("INSERT INTO statements VALUES (?, ?)", (str(id(object())), b"{}"))
        self.database.commit()
        return ProbeResult(True)


class ProbeFindsFault(TableSink):
    def probe(self) -> ProbeResult:
        return ProbeResult(False, "a bad feeling")


class ClosesForGood(TableSink):
    def open(self) -> None:
        if not hasattr(self, "database"):
            super().open()


class TellsInAnError(TableSink):
    def open(self) -> None:
        try:
            super().open()
        except SinkError as error:
            raise SinkError(f"{error}: relay:{self.settings['password'].reveal()}@table") from None


class TellsInItsAddress(TableSink):
    @classmethod
    def describe(cls, settings: Mapping[str, Any]) -> str:
        return f"table with {settings['password'].reveal()}"


class TellsInItsReason(TableSink):
    def send(self, batch: Batch) -> SinkAnswer:
        return replace(super().send(batch), reason=f"as {self.settings['password'].reveal()}")


class TellsInAWarning(TableSink):
    @classmethod
    def warnings(cls, settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        yield "password", f"{settings['password'].reveal()} is weak"


class TellsInTheLog(TableSink):
    def open(self) -> None:
        logging.getLogger("acme").debug("connects as %s", self.settings["password"].reveal())
        super().open()


class TellsInItsText(TableSink):
    def __repr__(self) -> str:
        return f"TellsInItsText({self.settings['password'].reveal()})"


class TellsValues(TableSink):
    def send(self, batch: Batch) -> SinkAnswer:
        return replace(super().send(batch), reason=f"the last was {batch.statements[-1].content[:200].decode()}")


class FindsProblems(TableSink):
    @classmethod
    def problems(cls, settings: Mapping[str, Any], standard: Any) -> Iterator[tuple[str, str]]:
        yield "file", f"{standard.name} needs another"


class RaisesWhateverComes(TableSink):
    def open(self) -> None:
        self.database = sqlite3.connect(self.settings["file"])
        self.database.execute(f"CREATE TABLE IF NOT EXISTS {self.table}")


class NeverFails(TableSink):
    def open(self) -> None:
        if "nowhere" not in self.settings["file"]:
            super().open()

    def send(self, batch: Batch) -> SinkAnswer:
        return super().send(batch) if "nowhere" not in self.settings["file"] else SinkAnswer(Verdict.STORED)

    def close(self) -> None:
        if "nowhere" not in self.settings["file"]:
            super().close()

    def probe(self) -> ProbeResult:
        return ProbeResult(True)


FAULTS = {
    StoresTwice: "sent again, a statement is stored twice",
    RemembersWhileOpen: "sent again by another sink, a statement is stored twice",
    StoresWhenClosed: "sent again, 5 of 5 statements are not stored",
    RemembersByItself: "sent again after a kill when it had sent, a statement is stored twice",
    KnowsBatchesByTheDay: "sent again, a statement is stored twice",
    KnowsBatchesByTheirMembers: "sent again without a statement that was forgotten, a statement is stored twice",
    KnowsBatchesAlone: "sent, 5 of 10 statements are not stored",
    TakesAForA: "sent with ids that differ in case, 1 of 2 statements are not stored",
    Loses: "sent, 2 of 10 statements are not stored",
    Cuts: "sent, a statement is stored with other content",
    Changes: "sent, a statement is stored with other content",
    NamesOthers: "an answer names ids that were not sent",
    RefusesOthers: "an answer names ids that were not sent",
    Refuses: "a sound consumer refuses a sound batch: refused, too odd",
    AlwaysWaits: "does not store a batch in 20 attempts: not now",
    Silent: "send returns no SinkAnswer",
    ProbeStores: "probe stores a statement",
    ProbeFindsFault: "probe finds fault with a sound consumer: a bad feeling",
    TellsInAnError: "password, a secret, is in a SinkError as it is",
    TellsInItsAddress: "password, a secret, is in describe as it is",
    TellsInItsReason: "password, a secret, is in the reason of an answer as it is",
    TellsInAWarning: "password, a secret, is in warnings as it is",
    TellsInTheLog: "password, a secret, is in a log record as it is",
    TellsInItsText: "password, a secret, is in its own text as it is",
    TellsValues: "a value of a statement is in the reason of an answer",
    FindsProblems: "problems refuses its settings: file: json_arrays needs another",
    RaisesWhateverComes: "open raises OperationalError with another file: raise SinkError with a reason",
    NeverFails: "it stores a batch with another file: give settings with which it fails",
}


@pytest.mark.parametrize(("faulty", "words"), FAULTS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_each_fault_is_named(faulty: type[TableSink], words: str, describe: Any) -> None:
    with pytest.raises(AssertionError) as caught:
        check_sink(describe(faulty))
    assert words in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_two_workers_that_send_the_same_batch(describe: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_checks, "_RACES", 20)
    with pytest.raises(AssertionError, match="sent by two processes at once, a statement is stored twice"):
        check_sink(describe(LooksBeforeItStores))


def test_what_is_answered_as_stored_survives_a_kill(describe: Any) -> None:
    subject = describe(StoresWhenRead)

    def read_stored() -> Any:
        StoresWhenRead.store()
        return subject.read_stored()

    with pytest.raises(AssertionError, match="killed after its answer that all is stored, 5 of 5 statements are not"):
        check_sink(replace(subject, read_stored=read_stored))


def test_a_sink_that_cannot_be_opened_again(describe: Any) -> None:
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        check_sink(describe(ClosesForGood))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"failing": []}, "give settings with which it fails"),
        ({"settings": {"file": "x"}}, "its settings are not valid: password: is missing"),
        ({"settings": {"file": "x", "password": "short"}}, "give password a value of 8 characters or more"),
    ],
)
def test_a_description_that_proves_nothing(changed: dict[str, Any], words: str, describe: Any) -> None:
    with pytest.raises(AssertionError, match=words):
        check_sink(replace(describe(TableSink), **changed))
