"""Extraction: the compiled extractor is the plain rule, and nothing undeclared can come through it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnrelay import Fields, InvalidFieldError, MissingFieldError, each, entry_key, optional, required
from learnrelay.fields import compile_extractor, declared_paths, extract_subdict_by_keys, value_at
from learnrelay.kinds import (
    UNREADABLE,
    boolean,
    identifier,
    integer,
    moment,
    number,
    scalars,
    strict_identifier,
    strict_text,
    structure,
    text,
    uuid,
)

KEYS = ["a", "b", "c"]
leaves = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=3)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
)
bodies = st.dictionaries(st.sampled_from(KEYS), trees, max_size=3)
paths = st.lists(st.sampled_from(KEYS), min_size=1, max_size=3).map(".".join)
STRICT = [strict_text, strict_identifier]
KINDS = [text, number, integer, boolean, scalars, structure, identifier, *STRICT]


class Item(Fields):
    key = entry_key()
    word = required("word", kind=text)
    rank = optional("rank", kind=integer)


class Everything(Fields):
    id = required("data.id", kind=text)
    at = optional("data.now", "data.then", "context.at", kind=number)
    items = each("data.items", Item)


def plain(body: dict[str, Any], candidates: tuple[str, ...], kind: Any) -> Any:
    for path in candidates:
        raw = value_at(body, path)
        if raw is not None and kind(raw) is not None:
            return kind(raw)
        if kind in STRICT and isinstance(raw, (list, dict)):
            return UNREADABLE
    return None


@given(
    body=bodies,
    declared=st.lists(st.lists(paths, min_size=1, max_size=3), min_size=1, max_size=5),
    data=st.data(),
)
def test_compiled_is_plain(body: dict[str, Any], declared: list[list[str]], data: st.DataObject) -> None:
    kinds = [data.draw(st.sampled_from(KINDS)) for _ in declared]
    fields = type("Drawn", (Fields,), {
        f"f{i}": optional(*some, kind=kind) for i, (some, kind) in enumerate(zip(declared, kinds, strict=True))
    })  # fmt: skip
    found = compile_extractor(fields)(body)
    for i, (some, kind) in enumerate(zip(declared, kinds, strict=True)):
        assert getattr(found, f"f{i}") == plain(body, tuple(some), kind)


@given(body=bodies, wanted=st.lists(paths, min_size=1, max_size=4))
def test_what_is_not_declared_does_not_come_through(body: dict[str, Any], wanted: list[str]) -> None:
    fields = type("Drawn", (Fields,), {f"f{i}": optional(path) for i, path in enumerate(wanted)})
    extract = compile_extractor(fields)
    seen = vars(extract(body))
    narrowed: dict[str, Any] = {}
    for path in wanted:
        here = narrowed
        *parents, last = path.split(".")
        for parent in parents:
            here = here.setdefault(parent, {}) if isinstance(here.get(parent, {}), dict) else {}
        value = value_at(body, path)
        if not isinstance(value, (dict, list)) and last not in here:
            here[last] = value
    assert all(not isinstance(value, (dict, list)) for value in seen.values())
    assert {k: v for k, v in seen.items() if v is not None}.keys() <= {f"f{i}" for i in range(len(wanted))}
    assert vars(extract({**body, "zz": "undeclared", "a-b": 1})) == seen


def test_fallbacks_collections_and_zero() -> None:
    extract = compile_extractor(Everything)
    body = {
        "data": {
            "id": "x",
            "now": None,
            "then": 0,
            "items": {"q1": {"word": "one", "rank": 2.0}, "q2": "no object"},
        },
        "context": {"at": 9},
    }
    found = extract(body)
    assert (found.id, found.at) == ("x", 0)
    assert found.items == (Item(key="q1", word="one", rank=2),)
    assert extract({"data": {"id": "x", "items": [{"word": "w"}]}}).items == (Item(key="0", word="w"),)
    assert [path for _, path, _ in declared_paths(Everything)] == [
        "data.id", "data.now", "data.then", "context.at", "data.items.*", "data.items.*.word", "data.items.*.rank",
    ]  # fmt: skip


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_a_required_field_that_is_missing_or_empty_is_named(empty: object) -> None:
    extract = compile_extractor(Everything)
    for body in ({"data": {"id": empty}}, {}, {"data": "text"}):
        with pytest.raises(MissingFieldError) as caught:
            extract(body)
        assert caught.value.path == "data.id"
    with pytest.raises(MissingFieldError) as caught:
        extract({"data": {"id": "x", "items": {"q1": {"word": empty}}}})
    assert caught.value.path == "data.items.*.word"


def test_a_required_field_of_another_kind_is_told_by_kind_never_by_value() -> None:
    with pytest.raises(InvalidFieldError, match=r"data\.id: expected text, found an object") as caught:
        compile_extractor(Everything)({"data": {"id": {"name": "Ada Personal"}}})
    assert "Ada" not in str(caught.value)


def test_plain_form() -> None:
    body = {"data": {"id": "v1", "at": 0, "nested": {"all": "of it"}, "none": None}}
    assert extract_subdict_by_keys(body, ["data.id"], ["data.at", "data.none", "no.where", "data.nested"]) == {
        "data.id": "v1",
        "data.at": 0,
    }
    with pytest.raises(MissingFieldError, match=r"no\.where"):
        extract_subdict_by_keys(body, ["no.where"])
    with pytest.raises(InvalidFieldError, match="found an object"):
        extract_subdict_by_keys(body, ["data.nested"])


def test_declarations_are_built_by_hand_and_show_no_value() -> None:
    item = Item(key="k", word="private words")
    assert repr(item) == "Item(key, word)"
    with pytest.raises(TypeError, match="requires word"):
        Item(key="k")
    with pytest.raises(TypeError, match="declares no wrod"):
        Item(key="k", word="w", wrod="w")
    with pytest.raises(ValueError, match="dotted path"):
        required("data..id")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (text, {"a": "a", " ": " "}, ["", 1, True, [], {"a": 1}]),
        (number, {1: 1, 0.5: 0.5, 0: 0}, ["1", True, float("inf"), float("nan"), None]),
        (integer, {1: 1, 3.0: 3}, [1.5, True, "1"]),
        (identifier, {" 7 ": "7", 7: "7", "ada": "ada"}, ["  ", True, 7.5, []]),
        (uuid, {"A0B1C2D3E4F506172839405162738495": "a0b1c2d3-e4f5-0617-2839-405162738495"},
         ["{a0b1c2d3-e4f5-0617-2839-405162738495}", "a0b1c2d3e4f5061728394051627384９5", "", 5]),
    ],
)  # fmt: skip
def test_kinds(kind: Any, good: dict[Any, Any], bad: list[Any]) -> None:
    for raw, value in good.items():
        assert kind(raw) == value
        assert type(kind(raw)) is type(value)
    for raw in bad:
        assert kind(raw) is None


@pytest.mark.parametrize(
    ("raw", "iso"),
    [
        ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00+00:00"),
        ("2026-03-02 09:00:00.5", "2026-03-02T09:00:00.500000+00:00"),
        ("2026-03-02T09:00:00+02:00", "2026-03-02T09:00:00+02:00"),
        ("2026-03-02T09:00:00+02:00:30", "2026-03-02T06:59:30+00:00"),
    ],
)
def test_moments(raw: str, iso: str) -> None:
    found = moment(raw)
    assert found is not None
    assert found.isoformat() == iso


@pytest.mark.parametrize(
    "raw", ["2026-03-02", "20260302T090000Z", "yesterday", "", 1767225600, None, "2026-02-30T00:00:00Z",
            "0001-01-01T00:00:00+14:00", "2026-03-02T09:00:00 and more"],
)  # fmt: skip
def test_what_is_no_moment(raw: Any) -> None:
    assert moment(raw) is None


class Pretender:
    """A kind that says it is another, and keeps all it is given."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash(structure)

    def __call__(self, raw: Any) -> Any:
        self.seen.append(raw)
        return "something"


@pytest.mark.parametrize("raw", [{"email": "ada@example.org"}, [{"email": "ada@example.org"}], ["x"], {}])
def test_no_kind_of_a_plugin_sees_what_lies_below_its_path(raw: Any) -> None:
    kind = Pretender()
    looser = type("Looser", (Fields,), {"all": optional("data", kind=kind), "under": optional("data.x", kind=kind)})
    found: Any = compile_extractor(looser)({"data": raw})
    assert (found.all, found.under, kind.seen) == (None, None, [])
    assert compile_extractor(looser)({"data": 1}).all == "something"  # type: ignore[attr-defined]
