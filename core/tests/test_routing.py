"""Match rules, patterns, rules on events and families: exact unless written otherwise, and bounded in time."""

from __future__ import annotations

import fnmatch
import logging
import re
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError

from learnrelay import hookimpl
from learnrelay.assembly.access_rules import AccessRuleCompiler, AccessRules
from learnrelay.config.destination_schema import ScopeField
from learnrelay.config.models import Destination
from learnrelay.logs import ThrottledLogger
from learnrelay.pipeline import routing
from learnrelay.pipeline.patterns import LONGEST_VALUE, compile_glob, compile_regex
from learnrelay.pipeline.plan import transform_table
from learnrelay.pipeline.routing import DestinationRules, ScopeRule, check_of_router, decide_route
from learnrelay.pipeline.run import Pipeline
from learnrelay_enterprise_filter.courses import OrgScope
from openedx_events import SOURCE, event_from_mapping
from plain import event, plan_of, registry_of

ACCESS = AccessRuleCompiler(registry_of(), SOURCE, transform_table(registry_of(), {}, "")[0], [])


def rulings(scope: Any = "all", **match: Any) -> AccessRules:
    rules = {
        path.replace("__", "."): values if isinstance(values, tuple) else (values,) for path, values in match.items()
    }
    return ACCESS.compile_rules("plain", scope, rules)


def allows(raw: dict[str, Any], made: AccessRules) -> bool:
    assert not made.problems, made.problems
    here = Destination("here", "plain", "all")
    allowed, denied = decide_route(
        (DestinationRules(here, tuple(made.checks), tuple(made.scopes)),), event_from_mapping(raw).body
    )
    assert len(allowed) + len(denied) == 1
    return allowed == ("here",)


def test_a_scope_rule_is_compiled_once_for_all_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """A harness tries thousands of values; to compile what is read takes a hundred times as long as a decision."""
    scope = OrgScope(SOURCE)
    rule = ScopeRule(scope, "Harbour")
    monkeypatch.setattr(routing, "compile_extractor", None)
    body = event_from_mapping(event(org_id="Harbour")).body
    other = rule.with_values(["Other"])
    assert rule.denial(body, {}) is None
    assert other.denial(body, {}) is not None
    with pytest.raises(ValueError, match="expected a text"):
        ScopeRule(scope, "")  # what is refused is not compiled at all


SCALARS: list[Any] = [
    "edX", "edX2", "XedX", "edx", " edX", "edX ", "edX\n", "ed", "", "1", "true", "True", "1.0", 1, 1.0, 0, -1, 1.5,
    2**53, 2**53 + 1, float(2**53), True, False, None, ["edX"], [1], {"edX": 1}, {}, [],
]  # fmt: skip


@pytest.mark.parametrize(
    "wanted",
    [scalar for scalar in SCALARS if scalar is not None and scalar != "" and not isinstance(scalar, (list, dict))],
)
@pytest.mark.parametrize("actual", SCALARS)
def test_exact_by_type_and_value(wanted: Any, actual: Any) -> None:
    same = type(wanted) is type(actual) or (type(wanted) in (int, float) and type(actual) in (int, float))
    assert allows(event(org_id=actual), rulings(context__org_id=wanted)) is (same and wanted == actual)


def test_lists_are_or_and_keys_are_and() -> None:
    both = rulings(context__org_id=("edX", "MITx"), data__at=3)
    assert allows(event(org_id="MITx"), both)
    assert not allows(event(org_id="Other"), both)
    assert not allows(event(org_id="edX", data={"video": "v", "at": 4}), both)
    assert not allows(event(), both)
    assert not allows(event(data="text", org_id="edX"), both)


@pytest.mark.parametrize(
    ("wanted", "yes", "no"),
    [
        ("glob:Harbour*", ["Harbour", "Harbour2", "Harbour\n"], ["harbour", "MyHarbour", "", 7, ["Harbour"]]),
        ("glob:?", ["a", "?"], ["", "ab", 1, True]),
        ("glob:[A-C]x", ["Ax", "Cx"], ["Dx", "ax", "AxA"]),
        ("regex:Harbour", ["Harbour"], ["Harbour2", "MyHarbour", "Harbour\n", "harbour"]),
        ("regex:org_XYZ|org_ABC", ["org_XYZ", "org_ABC"], ["org_XYZ2", "my_org_ABC", "org_ABC\norg_XYZ"]),
        ("glob:org_XYZ", ["org_XYZ"], ["org_XYZ2", "ORG_XYZ", "my_org_XYZ"]),
        ("regex:^(Harbour|Lagoon)$", ["Harbour", "Lagoon"], ["Harbour|Lagoon", "Harbour\n", "HarbourLagoon"]),
        (r"regex:\d+", ["1", "42"], ["٣", "", 42, "4 2"]),
        ("regex:.*", ["x"], ["", None, 1, False, "a\nb", {}]),
        ("Harbour*", ["Harbour*"], ["Harbour", "Harbour2"]),
        (".*", [".*"], ["x"]),
    ],
)
def test_patterns_only_where_written_as_such_and_over_the_whole_value(
    wanted: str, yes: list[Any], no: list[Any]
) -> None:
    for value in yes:
        assert allows(event(org_id=value), rulings(context__org_id=wanted)), value
    for value in no:
        assert not allows(event(org_id=value), rulings(context__org_id=wanted)), value


def test_rules_on_names_and_families_mean_the_enabled_ones() -> None:
    assert allows(event("watched"), rulings(name=("watched",)))
    assert not allows(event("watched.old"), rulings(name=("watched",)))
    assert allows(event("watched.old"), rulings(name="glob:watched.*"))
    assert allows(event("watched.old"), rulings({"event": ["watched.old"]}))
    assert not allows(event("watched"), rulings({"event": ["watched.old"]}))
    assert allows(event("watched"), rulings({"all": True, "deny": {"event": "glob:watched.*"}}))
    assert not allows(event("watched.old"), rulings({"all": True, "deny": {"event": "glob:watched.*"}}))
    assert not allows(event("watched"), rulings({"all": True, "deny": {"family": "plain.watching"}}))


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (rulings(context__org_id=""), "not empty"),
        (rulings(context__org_id=float("nan")), "finite"),
        (rulings(context__org_id=()), "empty list"),
        (rulings(context__org_id="glob:"), "the pattern is empty"),
        (rulings(context__org_id="regex:("), "regex: missing ): ("),
        (rulings(name="regex:(?=x)"), "regex: invalid perl operator: (?="),
        (rulings({"event": r"regex:(a)\1"}), r"regex: invalid escape sequence: \1"),
    ],
)
def test_rules_that_make_no_sense_are_problems(made: AccessRules, reason: str) -> None:
    ((_, problem),) = made.problems
    assert reason in problem


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (rulings(course_id="x"), 'did you mean "context.course_id"'),
        (rulings(data__vide="x"), 'did you mean "data.video"'),
        (rulings(name="wached"), "no enabled plain event has such a name"),
        (rulings({"all": True, "deny": {"event": "glob:seen.*"}}), "selects nothing that is enabled"),
    ],
)
def test_rules_that_can_hardly_match_are_warnings(made: AccessRules, words: str) -> None:
    assert not made.problems
    ((_, warning),) = made.warnings
    assert words in warning
    assert not rulings(context__org_id="x", data__video="x", data__position=1, name="watched").warnings


def test_an_empty_scope_is_named_in_the_error() -> None:
    with pytest.raises(ValidationError, match=r'"all" or a table such as .*, found an empty one'):
        ScopeField().deserialize({})


# --- patterns -------------------------------------------------------------------------------------------

atoms = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\d", "1", r"\.", "", "[]a]", r"[\d-]", "é"])
expressions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds(str.__add__, inner, inner),
        st.builds("({}|{})".format, inner, inner),
        st.builds("(?:{}){}".format, inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "{0}", "*?"])),
    ),
    max_leaves=8,
)
values = st.text("ab1.-]é\n", max_size=8)


@settings(max_examples=400)
@given(expression=expressions, value=values)
def test_regular_expressions_mean_what_python_means_over_the_whole_value(expression: str, value: str) -> None:
    assert compile_regex(expression)(value) is (re.fullmatch(expression, value, re.ASCII) is not None)


@settings(max_examples=200)
@given(
    parts=st.lists(st.sampled_from(["a", "b", "*", "?", "[ab]", "[!a]", ".", "+", "^", "$", "(", "\\"])), value=values
)
def test_globs_mean_what_the_shell_means(parts: list[str], value: str) -> None:
    pattern = "".join(parts)
    assert compile_glob(pattern)(value) is fnmatch.fnmatchcase(value, pattern)


def hostile_values(letter: str) -> list[str]:
    return [
        letter * LONGEST_VALUE,
        letter * (LONGEST_VALUE - 1) + "!",
        "".join(chr(0x4E00 + n) for n in range(LONGEST_VALUE)),
        *("".join(chr(0x61 + (n * n * step + n) % 26) for n in range(LONGEST_VALUE)) for step in range(1, 18)),
    ]


def seconds_for_a_value(matches: Callable[[str], bool], texts: list[str]) -> float:
    """Measures the seconds for a value that takes a backtracking engine for ever."""
    started = time.process_time()
    for text in texts:
        matches(text)
    return (time.process_time() - started) / len(texts)


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+", "(a|a)*", "(a|aa)+", "(.*)*(.*)*(.*)*x", "(a?){100}" + "a" * 40, "(.*a){30}b", ".*" * 200 + "x",
     "(((a{1,3}){1,3}){1,3}){1,3}b", ".{0,254}b", ".*[a-m].{250}", "(?:(?:[^x]{1,10}){1,20})y", "([a-z]+)*[A-Z]",
     r"(.*\w){300}b", "((a?){30}){33}", "".join(f"[^{number}a]*" for number in range(10, 42))],
)  # fmt: skip
@pytest.mark.parametrize("letter", ["a", "é"])
def test_hostile_regular_expressions_meet_hostile_values_in_bounded_time(pattern: str, letter: str) -> None:
    assert seconds_for_a_value(compile_regex(pattern), hostile_values(letter)) < 0.03


@pytest.mark.parametrize(
    "pattern",
    ["*a" * 250, "*" * 499 + "x", "?*" * 249 + "x", "*[a-z]" * 80 + "!!", "*" + "a" * 498 + "b", "*aaab*" * 80,
     "[" * 500, "*[!b]?" * 80 + "b"],
)  # fmt: skip
@pytest.mark.parametrize("letter", ["a", "é"])
def test_hostile_globs_meet_hostile_values_in_bounded_time(pattern: str, letter: str) -> None:
    assert seconds_for_a_value(compile_glob(pattern), hostile_values(letter)) < 0.03


@pytest.mark.parametrize(
    "pattern",
    ["((((){999}){999}){999})", "a{99999999}", "(a{30}){40}", r"\pL{900}", r"[\pL\pM\pN]{90}", "(?=a)", r"(a)\1", "a**",
     "*a", "[a", "(a", "a)", "a++", "[z-a]", "(" * 400, "\\", "a" * 501],
)  # fmt: skip
def test_what_re2_refuses_or_is_too_large_is_a_problem_at_start_up(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        compile_regex(pattern)


def test_a_glob_that_is_too_long_is_a_problem_at_start_up() -> None:
    with pytest.raises(ValueError, match="more than 500 characters"):
        compile_glob("*a" * 251)


@pytest.mark.parametrize("compiled", [compile_regex("a*"), compile_glob("a*")])
def test_a_value_that_is_too_long_matches_no_pattern(compiled: Callable[[str], bool]) -> None:
    assert compiled("a" * LONGEST_VALUE)
    assert not compiled("a" * (LONGEST_VALUE + 1))


def test_without_the_extra_a_regular_expression_is_a_problem_that_names_the_cure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    ((key, reason),) = rulings(context__org_id="regex:Harbour").problems
    assert key == 'match."context.org_id"'
    assert reason == "regex: needs google-re2: pip install 'learnrelay[regex]'"
    assert not rulings(context__org_id="glob:Harbour*").problems


# --- failing closed -------------------------------------------------------------------------------------


def test_what_fails_with_each_event_is_logged_once_a_minute_with_a_count(caplog: pytest.LogCaptureFixture) -> None:
    now = [100.0]
    log_throttled = ThrottledLogger(logging.getLogger("learnrelay"), clock=lambda: now[0])
    for second in range(200):
        now[0] = 100.0 + second
        log_throttled("scope a raised KeyError and therefore denies")
        if second in (0, 1):
            log_throttled("scope a raised TypeError and therefore denies")
    assert [record.getMessage() for record in caplog.records] == [
        "scope a raised KeyError and therefore denies",
        "scope a raised TypeError and therefore denies",
        *["scope a raised KeyError and therefore denies (59 more since the last line)"] * 3,
    ]


@pytest.mark.parametrize("answer", [ZeroDivisionError("ada_l"), False, "yes"])
def test_a_router_that_raises_or_answers_nonsense_denies(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    class Router:
        @hookimpl
        def route_event(self) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

    registry = registry_of(("odd", "routers", Router()))
    (impl,) = registry.manager.hook.route_event.get_hookimpls()
    here = Destination("here", "plain", "all")
    gate = DestinationRules(here, routers=(("plugin odd", check_of_router(impl.function, here)),))
    (outcome,) = Pipeline(plan_of(registry, [gate])).process(event_from_mapping(event()))
    assert outcome.denied == {"here": "plugin odd failed"}
    assert not outcome.destinations
    assert "ada_l" not in caplog.text
