"""Extraction: the compiled extractor is the plain rule, and nothing undeclared can come through it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnrelay import Fields, InvalidFieldError, MissingFieldError, each, entry_key, optional, required
from learnrelay.fields import (
    compile_extractor,
    compile_values,
    declared_paths,
    extract_subdict_by_keys,
    first_value,
    value_at,
)
from learnrelay.inner_texts import LONGEST_INNER_TEXT
from learnrelay.kinds import (
    INVALID,
    boolean,
    identifier,
    integer,
    moment,
    number,
    scalars,
    strict_identifier,
    strict_one_of,
    strict_text,
    structure,
    text,
    uuid,
)
from learnrelay.privacy.pruning import DeclaredPart
from learnrelay.privacy.samples import put

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
            return INVALID
    return None


def by_values(fields: type[Fields]) -> Callable[[dict[str, Any]], Any]:
    """Extracts the values of a declaration without an instance, and builds it of them."""
    extract, build = compile_values(fields)
    return lambda body: build(extract(body))


both_ways = pytest.mark.parametrize("compiled", [compile_extractor, by_values])


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
    extracted = compile_extractor(fields)(body)
    for i, (some, kind) in enumerate(zip(declared, kinds, strict=True)):
        assert getattr(extracted, f"f{i}") == plain(body, tuple(some), kind)
    assert by_values(fields)(body) == extracted


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


@both_ways
def test_fallbacks_collections_and_zero(compiled: Callable[[type[Fields]], Any]) -> None:
    extract = compiled(Everything)
    body = {
        "data": {
            "id": "x",
            "now": None,
            "then": 0,
            "items": {"q1": {"word": "one", "rank": 2.0}, "q2": "no object"},
        },
        "context": {"at": 9},
    }
    extracted = extract(body)
    assert (extracted.id, extracted.at) == ("x", 0)
    assert extracted.items == (Item(key="q1", word="one", rank=2),)
    assert extract({"data": {"id": "x", "items": [{"word": "w"}]}}).items == (Item(key="0", word="w"),)
    assert [path for _, path, _ in declared_paths(Everything)] == [
        "data.id", "data.now", "data.then", "context.at", "data.items.*", "data.items.*.word", "data.items.*.rank",
    ]  # fmt: skip


@both_ways
@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_a_required_field_that_is_missing_or_empty_is_named(
    empty: object, compiled: Callable[[type[Fields]], Any]
) -> None:
    extract = compiled(Everything)
    for body in ({"data": {"id": empty}}, {}, {"data": "text"}):
        with pytest.raises(MissingFieldError) as caught:
            extract(body)
        assert caught.value.path == "data.id"
    with pytest.raises(MissingFieldError) as caught:
        extract({"data": {"id": "x", "items": {"q1": {"word": empty}}}})
    assert caught.value.path == "data.items.*.word"


def test_a_declaration_without_fields_has_no_values() -> None:
    assert by_values(Fields)({"data": {"id": "x"}}) == Fields()


def test_an_error_about_a_required_field_names_its_kind_and_never_its_value() -> None:
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
    parsed = moment(raw)
    assert parsed is not None
    assert parsed.isoformat() == iso


@pytest.mark.parametrize(
    "raw", ["2026-03-02", "20260302T090000Z", "yesterday", "", 1767225600, None, "2026-02-30T00:00:00Z",
            "0001-01-01T00:00:00+14:00", "2026-03-02T09:00:00 and more"],
)  # fmt: skip
def test_what_is_no_moment(raw: Any) -> None:
    assert moment(raw) is None


class Pretender:
    """Compares equal to another kind, and keeps all values that it gets."""

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
    extracted: Any = compile_extractor(looser)({"data": raw})
    assert (extracted.all, extracted.under, kind.seen) == (None, None, [])
    assert compile_extractor(looser)({"data": 1}).all == "something"  # type: ignore[attr-defined]


class InTexts(Fields):
    quiz = required("data.other|json.quizid", kind=identifier)
    deep = optional("data.other|json.more.inner|form.a", kind=text)
    choice = optional("data.answers|form.input_1", "data.answers.input_1", kind=text)
    page = optional("context.referer|query.page", kind=text)
    rows = each("data.other|json.rows", Item)


def test_declared_values_are_read_inside_texts() -> None:
    other = {"quizid": 7, "username": "anna", "more": {"inner": "a=1&b=2"}, "rows": [{"word": "w", "x": 1}]}
    body: dict[str, Any] = {
        "data": {"other": json.dumps(other), "answers": "input_1=choice+a&input_1=b&name=anna"},
        "context": {"referer": "https://learn.example.org/x?page=3&user=anna#end"},
    }
    fields = compile_extractor(InTexts)(body)
    assert (fields.quiz, fields.deep, fields.choice, fields.page) == ("7", "1", "choice a", "3")
    assert [row.word for row in fields.rows] == ["w"]
    for name, path, declared in declared_paths(InTexts):
        if "*" not in path and name != "choice":
            assert value_at(body, path) is not None, path
            assert declared.kind(value_at(body, path)) == getattr(fields, name)


def test_a_pruned_event_keeps_of_a_text_what_is_declared_in_it() -> None:
    other = {"quizid": 7, "username": "anna", "more": {"inner": "a=1&b=anna"}, "rows": [{"word": "w", "x": "anna"}]}
    body: dict[str, Any] = {
        "data": {"other": json.dumps(other), "answers": "input_1=choice+a&name=anna", "note": "anna"},
        "context": {"referer": "https://learn.example.org/anna?page=3&user=anna"},
    }
    declared = DeclaredPart()
    declared.add(InTexts)
    kept = declared.keep(body)
    assert compile_extractor(InTexts)(kept) == compile_extractor(InTexts)(body)
    assert "anna" not in json.dumps(kept)


class Mixed(Fields):
    """Reads one text in several forms, and a text beside the entries of a collection."""

    form_first = optional("data.x|form.a", "data.x|json.a", "data.x|query.a", kind=text)
    json_first = optional("data.x|json.a", "data.x|query.a", kind=text)
    inner = optional("data.x|json.b.c|query.a", "data.x|form.b|json.a", kind=text)
    proof = optional("data.x|json.b.a", kind=strict_text)
    rows = each("data.rows", Item)
    beside = optional("data.rows.x|json.a", "data.rows.x|form.b", kind=text)


inner_values = st.sampled_from(["", "7", "a=1&b=2", "/p?a=3", '{"a": "4"}', '{"a"', 5, None]) | st.just({"a": "6"})
inner_texts = (
    st.dictionaries(st.sampled_from("abu"), inner_values | st.fixed_dictionaries({"c": inner_values})).map(json.dumps)
    | st.dictionaries(st.sampled_from("abu"), inner_values).map(urlencode)
    | st.dictionaries(st.sampled_from("abu"), inner_values, max_size=1)
    .map(urlencode)
    .map("https://x.example/p?".__add__)
    | st.sampled_from(["", "http://[?a=1", "[1]", "{", "&" * 2_000, '{"a": NaN, "b": {"a": "\\ud83d"}}'])
)


@settings(max_examples=500, deadline=None)
@given(x=inner_texts | st.none(), beside=inner_texts, rows=st.lists(st.just({"word": "w", "secret": "s"}), max_size=2))
def test_a_pruned_event_holds_the_same_in_whatever_form_its_texts_are(x: Any, beside: str, rows: list[Any]) -> None:
    body: dict[str, Any] = {"data": {"x": x, "rows": {"x": beside, **dict(enumerate(rows))}}}
    body = json.loads(json.dumps(body))
    declared = DeclaredPart()
    declared.add(Mixed)
    assert compile_extractor(Mixed)(declared.keep(body)) == compile_extractor(Mixed)(body)


def test_json_in_a_text_is_read_as_python_writes_it() -> None:
    """Numbers that are not finite, and half a character, as in the event around it."""
    body = {"data": {"other": '{"quizid": 7, "grade": NaN, "title": "\\ud83d", "rows": [{"word": "\\ud83d"}]}'}}
    fields = compile_extractor(InTexts)(body)
    assert (fields.quiz, [row.word for row in fields.rows]) == ("7", ["\ufffd"])


@pytest.mark.parametrize(
    "other", [None, 7, {"quizid": 7}, "", "no json", "[7]", "7", '{"quizid"', "[" * 60_000,
              '{"quizid": 7}' + " " * LONGEST_INNER_TEXT, '{"quizid": {"a": 1}}', "\ud800"],
)  # fmt: skip
def test_a_text_of_another_form_holds_nothing(other: Any) -> None:
    with pytest.raises((MissingFieldError, InvalidFieldError)) as caught:
        compile_extractor(InTexts)({"data": {"other": other}, "context": {"referer": "http://[x"}})
    assert caught.value.path == "data.other|json.quizid"


UNREADABLE = {
    "json": ["no json", "[7]", "7", '{"who"', "[" * 60_000, '{"who": "7"}' + " " * LONGEST_INNER_TEXT],
    "form": ["&".join(f"input_{n}=x" for n in range(5_000)), "a" * (LONGEST_INNER_TEXT + 1)],
    "query": ["http://[x?who=7"],
}


@pytest.mark.parametrize(("form", "unreadable"), [(form, text) for form in UNREADABLE for text in UNREADABLE[form]])
def test_a_proof_in_a_text_that_cannot_be_read_is_not_absent(form: str, unreadable: str) -> None:
    """As deep as it may be, in the extractor, by hand and in the pruned event; without a text it is absent."""
    paths = [f"data.a|{form}.who", f"data.a|{form}.deep.who", f"data.a|{form}.deep.more|json.who"]
    kinds = {
        "proof": strict_text,
        "known": strict_identifier,
        "word": strict_one_of("x"),
        "loose": text,
        "any": structure,
    }
    declared: dict[str, Any] = {
        f"{name}{number}": optional(path, kind=kind)
        for name, kind in kinds.items()
        for number, path in enumerate(paths)
    }
    fields: Any = type("Proofs", (Fields,), declared)
    part = DeclaredPart()
    part.add(fields)

    def values(body: dict[str, Any]) -> dict[str, Any]:
        extracted = vars(compile_extractor(fields)(body))
        assert extracted == {name: first_value(body, field) for name, field in fields.declared.items()}
        assert extracted == vars(compile_extractor(fields)(part.keep(body)))
        return extracted

    strict = {name: INVALID if name[:-1] in ("proof", "known", "word") else None for name in declared}
    assert values({"data": {"a": unreadable}}) == strict
    for nothing in ({}, {"a": ""}, {"a": None}, {"a": 7}, {"a": {"who": "7"}}):
        assert set(values({"data": nothing}).values()) == {None}


def test_a_form_of_very_many_values_holds_nothing() -> None:
    body = {"data": {"other": '{"quizid": 7}', "answers": "&".join(f"input_{n}=x" for n in range(5_000))}}
    assert compile_extractor(InTexts)(body).choice is None


@pytest.mark.parametrize("path", ["data.other|json", "data.other|xml.a", "data.other|json.a|form", "data.a|.b"])
def test_a_path_into_a_text_names_its_form_and_a_value(path: str) -> None:
    with pytest.raises(ValueError, match="a path goes on after"):
        required(path)


def test_values_are_put_into_texts() -> None:
    body: dict[str, Any] = {}
    inside = "data.other|json.quizid", "data.other|json.more.inner|form.a"
    for path in (*inside, "data.form|form.b", "context.r|query.c"):
        assert put(body, path, "1")
        assert value_at(body, path) == "1"
    assert value_at(body, "data.other|json.quizid") == "1"
