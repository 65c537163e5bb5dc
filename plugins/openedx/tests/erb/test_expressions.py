"""Expressions of ERB's routers as values of ``match``: the same texts, or fewer, never more."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnrelay.pipeline.match_rules import ValueMatcher
from learnrelay_openedx.erb.expressions import InvalidExpressionError, UntranslatableError, translate

TEXTS = [
    "Harbour", "OldHarbourX", "harbour", "MIT", "SMITH", "MIT\nx", "edX", "Reef", "Reefs", "a+b", "a[1]", "A*", "é",
    "org 7",
    "course-v1:Lagoon+SAIL101+2026", "ß_٣", "\u2028", "K", "problem_check_fail", "glob:x", "\\",
]  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("Harbour", "glob:*Harbour*"), ("MIT.*", "glob:*MIT*"), (".*MIT", "glob:*MIT*"), ("^Harbour$", "Harbour"),
        (r"^edx\.grades\.", "glob:edx.grades.*"), (r"\Aa\Z", "a"), ("a$", "glob:*a"), ("", "glob:*"), ("^", "glob:*"),
        (r"\*\?\[", "glob:*[*][?][[]*"), ("^glob:x$", "glob:glob:x"), (r"a.+\+b$", r"regex:(?s:.*)a.+\+b"),
        ("edX|Reef", "regex:(?s:.*)(?:edX|Reef)(?s:.*)"), ("^[ab]", r"regex:[ab](?s:.*)"),
    ],
)  # fmt: skip
def test_translations(expression: str, value: str) -> None:
    assert translate(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "Harbour", "MIT.*", "^Harbour$", "^Harbour", "Harbour$", "edX|Harbour", "[A-Z]{3}", r"\d", r"a\+b",
        "(?i)HARBOUR",
        "^(Reef|edX)$", r"a\[1\]", r"A\*", "^.*$", ".", "", "(?s)MIT.x", "(M|m)IT", r"\w+\s\d", "é", "^(?:[A-Za-z]+)+$",
        "R(e){2}f", "[^a-z]$", r"\W", r"[^\w:+-]", r"\D$", r"\S\s\S", "a|^b|x$", "(?x) Reef # all", "[]a]", "[^]]",
        "(|s)$",
        r"(?P<a>R)e*?f", r"\x41\*", r"\Aa|f\Z", "(a+)+$", "(?i:k)", "[é-ö]",
        r"course-v1:\w+\+SAIL\d{3}\+(2025|2026)$", r"\\",
    ],
)  # fmt: skip
def test_the_same_texts_match(expression: str) -> None:
    matches = ValueMatcher([translate(expression)])
    for text in TEXTS:
        assert matches(text) == bool(re.search(expression, text)), text


@pytest.mark.parametrize(
    "expression",
    ["(?=a)", "(?!a)", "(?<=a)b", r"\bMIT", r"\B", r"(a)\1", "(a)?(?(1)b)", "(?>a)", "a++", "(?i)[^a]", "(?i)é",
    r"[\W_]",
     "(?m)^a", "(?a)a", "x{1001}", "(((a{100}){100}){100})", "x" * 501, "^$", "(" * 3000 + ")" * 3000],
    ids=lambda expression: expression[:30],
)  # fmt: skip
def test_what_cannot_be_said_is_refused(expression: str) -> None:
    with pytest.raises(UntranslatableError):
        translate(expression)


@pytest.mark.parametrize("expression", ["(", "*", "a**", "[", "(?P<n", "a{2,1}", "\\", "(?z)", "[b-a]"])
def test_what_python_refuses_is_invalid(expression: str) -> None:
    with pytest.raises(InvalidExpressionError):
        translate(expression)


_ATOMS = st.sampled_from(
    [*string.ascii_letters[:4], ".", r"\d", r"\w", r"\s", r"\W", "[ab]", "[^a]", "^", "$", "1", " ", r"\."]
)
_EXPRESSIONS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map("".join),
        st.tuples(inner, inner).map("|".join),
        inner.map(lambda text: f"({text})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{0,2}", "*?"])).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
    ),
    max_leaves=8,
)


@given(_EXPRESSIONS, st.text("abcd1. _é\n", max_size=8))
def test_no_other_text_matches(expression: str, text: str) -> None:
    try:
        value = translate(expression)
    except UntranslatableError:
        return
    matches, occurs = ValueMatcher([value])(text), bool(re.search(expression, text))
    assert matches == occurs or (occurs and (not text or text.endswith("\n")))
