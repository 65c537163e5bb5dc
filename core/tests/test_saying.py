"""Remembering what was said: never another answer than the mapping's own, and asked once for what is the same."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as some

from learnrelay import Fields, InvalidFieldError, Skip, each, entry_key, optional
from learnrelay.kinds import structure
from learnrelay.saying import LONGEST_REMEMBERED, MOST_REMEMBERED, Sayings, sayer

SITE: Any = None


class Entry(Fields):
    key = entry_key()
    value = optional("value", kind=structure)


class Values(Fields):
    one = optional("data.one", kind=structure)
    two = optional("data.two", kind=structure)
    more = each("data.more", Entry)


class Marked(str):
    __slots__ = ()


@dataclass
class Pair:
    one: int


def shown(value: Any) -> Any:
    """A value with its types, so that 1, 1.0, True and -0.0 are four."""
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *map(shown, value)]
    if isinstance(value, dict):
        return {key: shown(inner) for key, inner in value.items()}
    return shown(vars(value)) if isinstance(value, Fields) else [type(value).__name__, repr(value)]


plain = some.sampled_from([None, True, False, 0, 1, -1, 0.0, -0.0, 1.0, "", "1", "true", "null", [], {}, [1], [1.0]])
values = some.builds(
    Values,
    one=plain | some.lists(plain, max_size=2) | some.dictionaries(some.sampled_from(["a", "b"]), plain, max_size=2),
    two=plain,
    more=some.lists(some.builds(Entry, key=some.sampled_from(["1", "2"]), value=plain), max_size=2).map(tuple),
)


@given(some.lists(values, max_size=12))
def test_what_is_remembered_is_what_would_be_said(asked: list[Values]) -> None:
    say = Sayings().remembering(lambda values: shown(vars(values)))
    for one in [*asked, *reversed(asked)]:
        assert say(one) == shown(vars(one))


def counting(answer: Any = None) -> tuple[list[Any], Any]:
    asked: list[Any] = []

    def say(values: Any) -> Any:
        asked.append(values)
        return answer

    return asked, say


def test_a_mapping_is_asked_once_for_values_that_are_the_same() -> None:
    asked, say = counting(Skip("nothing to say"))
    remembered = Sayings().remembering(say)
    assert {remembered(Values(one="a", two=number)).reason for number in (1, 2, 1, 2, 1)} == {"nothing to say"}
    assert len(asked) == 2


def test_mappings_with_the_same_fields_keep_to_themselves() -> None:
    sayings = Sayings()
    one, other = (sayings.remembering(counting(answer)[1]) for answer in ("one", "other"))
    assert [one(Values(one=1)), other(Values(one=1)), one(Values(one=1))] == ["one", "other", "one"]


def test_an_error_is_raised_each_time() -> None:
    def refuses(values: Any) -> Any:
        raise InvalidFieldError("no key", path="data.one")

    say = Sayings().remembering(refuses)
    for _ in range(2):
        with pytest.raises(InvalidFieldError):
            say(Values(one="a"))


@pytest.mark.parametrize(
    "value", [Marked("a"), datetime(2026, 3, 2, tzinfo=UTC), Pair(1), {1: 2}, 2**70, object(), "x" * LONGEST_REMEMBERED]
)
def test_what_is_not_plain_or_long_is_asked_again(value: Any) -> None:
    asked, say = counting()
    remembered = Sayings().remembering(say)
    for _ in range(2):
        remembered(Values(one=value))
    assert len(asked) == 2


def test_the_oldest_is_forgotten() -> None:
    asked, say = counting()
    remembered = Sayings().remembering(say)
    for number in range(MOST_REMEMBERED + 1):
        remembered(Values(one=number))
    remembered(Values(one=MOST_REMEMBERED))
    assert len(asked) == MOST_REMEMBERED + 1
    remembered(Values(one=0))
    assert len(asked) == MOST_REMEMBERED + 2


def test_threads_that_fill_it_together_get_their_own_answers() -> None:
    say = Sayings().remembering(lambda values: orjson.dumps(vars(values)))
    wrong = []

    def ask(offset: int) -> None:
        for number in range(offset, 3 * MOST_REMEMBERED, 3):
            one = Values(one=number % (MOST_REMEMBERED + 50))
            if say(one) != orjson.dumps(vars(one)):
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_words_are_prepared_and_skips_are_not() -> None:
    assert sayer(lambda values, site: {"said": values}, SITE, lambda words: [words])(Values(one=1)) == [
        {"said": Values(one=1)}
    ]
    assert sayer(lambda values, site: Skip("no"), SITE, lambda words: [words])(Values()) == Skip("no")
