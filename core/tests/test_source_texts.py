"""Reasons and paths that a plugin builds while it handles an event are shown to nobody."""

from __future__ import annotations

from typing import Any

import pytest

from learnrelay import EventError, Fields, InvalidFieldError, MissingFieldError, Skip, optional
from learnrelay.kinds import text
from learnrelay.mapping import Transformer
from learnrelay.pipeline.source_texts import NO_CONSTANT, with_constant_reason, with_constant_texts

REASONS = {"draft": "drafts are not reported"}
PREFIX = "polls of "
JOINED = PREFIX + "teachers are not reported"
AUDIT = Skip("audits are not reported")


def made(word: str) -> Any:
    reason = f"{word} are not reported"

    def skip(_: str) -> Skip:
        return Skip(reason)

    return skip


TESTS = made("tests")


class Table:
    reason = "tables are not reported"

    def skip(self, value: str) -> Skip:
        return Skip("a longer reason, in a method") if value else Skip(self.reason)


TABLE = Table()


CONSTANT = [
    lambda value: Skip("a constant"), lambda value: Skip(REASONS["draft"]), lambda value: Skip(JOINED),
    lambda value: AUDIT, TESTS, TABLE.skip, lambda value: Skip(TABLE.reason), lambda value: Skip("a " "constant"),
]  # fmt: skip
BUILT = [
    lambda value: Skip(str(value)), lambda value: Skip(f"of {value}"), lambda value: Skip(REASONS.get(value, value)),
    lambda value: Skip("the length is " + str(len(value))), lambda value: Skip(str(len(value))),
]  # fmt: skip


@pytest.mark.parametrize("skip", CONSTANT)
def test_reasons_that_stand_in_the_source_are_kept(skip: Any) -> None:
    made = skip("anna")
    assert with_constant_reason(made, "filter acme", test_reasons_that_stand_in_the_source_are_kept) is made


RULES = [type(f"Rule{number}", (), {"reason": f"rule {number} of a hundred applies"}) for number in range(100)]


def test_the_reason_of_each_of_many_classes_is_kept() -> None:
    made = [Skip(rule.reason) for rule in RULES]
    assert [with_constant_reason(skip, "filter acme", TESTS) for skip in made] == made


@pytest.mark.parametrize("skip", BUILT)
def test_reasons_that_are_built_of_values_are_replaced(skip: Any) -> None:
    kept = with_constant_reason(
        skip("".join(reversed("notna"))), "filter acme", test_reasons_that_stand_in_the_source_are_kept
    )
    assert kept.reason == f"filter acme skips {NO_CONSTANT}"


class Poll(Fields):
    choice = optional("data.choice", kind=text)


def raise_for(value: str, how: str) -> None:
    if how == "reason":
        raise InvalidFieldError(f"unknown {value}", path="data.choice")
    if how == "path":
        raise MissingFieldError("is missing", path=f"data.{value}")
    raise InvalidFieldError("is no choice", path="data.choice")


def error_of(how: str) -> EventError:
    with pytest.raises(EventError) as raised:
        raise_for("anna", how)
    return raised.value


@pytest.mark.parametrize("how", ["reason", "path"])
def test_texts_of_errors_that_are_built_of_values_are_replaced(how: str) -> None:
    transformer = Transformer("plain", ("poll",), Poll, raise_for, family="plain.poll")
    error = with_constant_texts(error_of(how), transformer)
    assert NO_CONSTANT in error.reason
    assert "anna" not in f"{error!r} {error} {vars(error)}"


def test_constant_texts_of_errors_are_kept() -> None:
    error = error_of("constant")
    assert with_constant_texts(error, Transformer("plain", ("poll",), Poll, raise_for)) is error


def test_errors_of_the_core_are_kept() -> None:
    error = MissingFieldError("made by whoever did not raise it", path="data.other")
    assert with_constant_texts(error, Transformer("plain", ("poll",), Poll, raise_for)) is error
