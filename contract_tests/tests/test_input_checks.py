"""The check of inputs: ours pass, and each fault is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import marshmallow
import pytest

from learnrelay import Input, InputBatch
from learnrelay.core_inputs.files_input import FilesInput
from learnrelay.inputs import ProbeResult
from learnrelay_contract_tests import input_checks
from learnrelay_contract_tests.input_checks import check_input

EVENTS = [b'{"n": %d}' % number for number in range(300)]


@pytest.fixture(autouse=True)
def _is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_checks, "_CUTS", (7, 50))
    monkeypatch.setattr(input_checks, "_KILLS", 4)
    monkeypatch.setattr(input_checks, "_READ_WAIT", 0.01)
    monkeypatch.setattr(input_checks, "_QUIET", 0.02)


def test_the_input_of_files(tmp_path: Path) -> None:
    log = tmp_path / "tracking.log"
    log.write_bytes(b"".join(event + b"\n" for event in EVENTS))
    check_input(lambda: FilesInput({"paths": (str(log),), "begin": "start"}, b"key"), EVENTS)


class ListInput(Input):
    """Reads a list; what is wrong with it, a subclass says."""

    name = "list"
    settings_schema = marshmallow.Schema

    def __init__(self) -> None:
        super().__init__({}, b"key")

    def open(self, position: Any) -> None:
        self.at = position or 0

    def read(self, timeout: float) -> InputBatch | None:
        events = EVENTS[self.at : self.at + 40]
        if not events:
            raise EOFError
        begin, self.at = self.at, self.at + len(events)
        return InputBatch(events, self.positions(begin, len(events)))

    def positions(self, begin: int, number: int) -> list[Any]:
        return list(range(begin + 1, begin + number + 1))


class BeforeInsteadOfBehind(ListInput):
    def positions(self, begin: int, number: int) -> list[Any]:
        return list(range(begin, begin + number))


class OfTheBatch(ListInput):
    def positions(self, begin: int, number: int) -> list[Any]:
        return [begin + number] * number


class BeginsAgain(ListInput):
    def open(self, position: Any) -> None:
        self.at = 0


class NoJson(ListInput):
    def positions(self, begin: int, number: int) -> list[Any]:
        return [{number} for number in range(begin + 1, begin + number + 1)]


class TooFew(ListInput):
    def positions(self, begin: int, number: int) -> list[Any]:
        return [begin + number]


class DoubtsItself(ListInput):
    def probe(self) -> ProbeResult:
        return ProbeResult(False, "a bad feeling")


class ProbesToTake(ListInput):
    """Takes an event from what all instances read."""

    taken = 0

    def probe(self) -> ProbeResult:
        type(self).taken += 1
        return ProbeResult(True)

    def open(self, position: Any) -> None:
        self.at = position or self.taken


def test_an_input_that_keeps_its_place() -> None:
    check_input(ListInput, EVENTS)


@pytest.mark.parametrize(
    ("faulty", "words"),
    [
        (BeforeInsteadOfBehind, "repeats or loses"),
        (OfTheBatch, "repeats or loses"),
        (BeginsAgain, "repeats or loses"),
        (TooFew, "as many positions"),
        (DoubtsItself, "probe finds a fault before it is read: a bad feeling"),
        (ProbesToTake, "other events"),
    ],
)
def test_each_fault_is_found(faulty: type[ListInput], words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        check_input(faulty, EVENTS)


def test_a_position_that_is_no_json() -> None:
    with pytest.raises(TypeError):
        check_input(NoJson, EVENTS)


def test_other_events_than_expected() -> None:
    with pytest.raises(AssertionError, match="other events"):
        check_input(ListInput, EVENTS[1:])
