"""The cache of mapping results: never another result than the mapping's own, and one call for equal values."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnrelay import Fields, InvalidFieldError, Skip, each, entry_key, optional
from learnrelay.caching import LONGEST_KEY
from learnrelay.fields import compile_values
from learnrelay.kinds import structure
from learnrelay.lookups.courses import NoCourses
from learnrelay.pipeline.mapping_cache import MAX_ENTRIES, MappingCache, bind_mapping
from learnrelay.platform import Platform
from learnrelay_openedx.source import OpenedxSource

PLATFORM = Platform("https://learn.example.org", OpenedxSource(), SimpleNamespace(max_age=None), NoCourses({}))  # type: ignore[arg-type]  # nobody is asked


class Entry(Fields):
    key = entry_key()
    value = optional("value", kind=structure)


class Values(Fields):
    first = optional("data.first", kind=structure)
    second = optional("data.second", kind=structure)
    more = each("data.more", Entry)


class Marked(str):
    __slots__ = ()


@dataclass
class Pair:
    left: int


def shown(value: Any) -> Any:
    """Shows a value with its types, so that 1, 1.0, True and -0.0 are four values."""
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *map(shown, value)]
    if isinstance(value, dict):
        return {key: shown(inner) for key, inner in value.items()}
    return shown(vars(value)) if isinstance(value, Fields) else [type(value).__name__, repr(value)]


plain = st.sampled_from([None, True, False, 0, 1, -1, 0.0, -0.0, 1.0, "", "1", "true", "null", [], {}, [1], [1.0]])
values = st.tuples(
    plain | st.lists(plain, max_size=2) | st.dictionaries(st.sampled_from(["a", "b"]), plain, max_size=2),
    plain,
    st.lists(st.builds(Entry, key=st.sampled_from(["1", "2"]), value=plain), max_size=2).map(tuple),
)


@given(st.lists(values, max_size=12))
def test_a_cached_result_is_what_the_mapping_gives(calls: list[tuple[Any, ...]]) -> None:
    mapping = MappingCache().cached(shown)
    for values_of_call in [*calls, *reversed(calls)]:
        assert mapping(values_of_call) == shown(values_of_call)


def counting(answer: Any = None) -> tuple[list[Any], Any]:
    calls: list[Any] = []

    def mapping(values: Any) -> Any:
        calls.append(values)
        return answer

    return calls, mapping


def test_a_mapping_is_called_once_for_equal_values() -> None:
    calls, mapping = counting(Skip("nothing to say"))
    cached = MappingCache().cached(mapping)
    assert {cached(("a", number, ())).reason for number in (1, 2, 1, 2, 1)} == {"nothing to say"}
    assert len(calls) == 2


def test_mappings_with_the_same_fields_keep_to_themselves() -> None:
    cache = MappingCache()
    left, right = (cache.cached(counting(answer)[1]) for answer in ("left", "right"))
    assert [left((1, None, ())), right((1, None, ())), left((1, None, ()))] == ["left", "right", "left"]


def test_an_error_is_raised_each_time() -> None:
    def refuses(values: Any) -> Any:
        raise InvalidFieldError("no key", path="data.first")

    mapping = MappingCache().cached(refuses)
    for _ in range(2):
        with pytest.raises(InvalidFieldError):
            mapping(("a", None, ()))


@pytest.mark.parametrize(
    "value", [Marked("a"), datetime(2026, 3, 2, tzinfo=UTC), Pair(1), {1: 2}, 2**70, object(), "x" * LONGEST_KEY]
)
def test_values_that_are_not_plain_or_long_are_not_cached(value: Any) -> None:
    calls, mapping = counting()
    cached = MappingCache().cached(mapping)
    for _ in range(2):
        cached((value, None, ()))
    assert len(calls) == 2


def test_the_oldest_entry_leaves() -> None:
    calls, mapping = counting()
    cached = MappingCache().cached(mapping)
    for number in range(MAX_ENTRIES + 1):
        cached((number, None, ()))
    cached((MAX_ENTRIES, None, ()))
    assert len(calls) == MAX_ENTRIES + 1
    cached((0, None, ()))
    assert len(calls) == MAX_ENTRIES + 2


def test_threads_that_fill_it_together_get_their_own_answers() -> None:
    mapping = MappingCache().cached(orjson.dumps)
    wrong = []

    def ask(offset: int) -> None:
        for number in range(offset, 3 * MAX_ENTRIES, 3):
            values_of_call = (number % (MAX_ENTRIES + 50), None, ())
            if mapping(values_of_call) != orjson.dumps(values_of_call):
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_parts_are_prepared_and_skips_are_not() -> None:
    build = compile_values(Values).build
    call = bind_mapping(lambda values, platform: {"object": values}, build, PLATFORM, lambda parts: [parts])
    assert call((1, None, ())) == [{"object": Values(first=1)}]
    skip = bind_mapping(lambda values, platform: Skip("no"), build, PLATFORM, lambda parts: [parts])
    assert skip((None, None, ())) == Skip("no")
