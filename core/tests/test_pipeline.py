"""The plan is what pluggy would answer; the pipeline records exactly one outcome, and fails closed."""

from __future__ import annotations

import doctest
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func

from learnrelay import (
    Family,
    Fields,
    NotJsonError,
    PluginError,
    SerializedStatement,
    Skip,
    hookimpl,
    hookspecs,
    optional,
)
from learnrelay.config.models import Destination
from learnrelay.errors import UnreadableEventError
from learnrelay.pipeline.line_run import LineRun
from learnrelay.pipeline.outcome_counts import OutcomeCounts
from learnrelay.pipeline.plan import stage, transform_table
from learnrelay.pipeline.routing import DestinationRules
from learnrelay.pipeline.run import Outcome, OutcomeState, Pipeline
from learnrelay.plugins.registry import bind, collect
from openedx_events import event_from_mapping
from plain import PlainPlugin, event, family, info, plan_of, registry_of

HERE = Destination("here", "plain", "all")


class Org(Fields):
    org = optional("context.org_id")


class Mode(Fields):
    mode = optional("data.mode")


def make_filter(word: str) -> Any:
    reason = f"{word} is not wanted"

    class Filter:
        @hookimpl(reads=Mode)
        def filter_event(self, fields: Mode) -> Skip | None:
            return Skip(reason) if fields.mode == word else None

        @hookimpl(reads=Org)
        def enrich_statement(self, fields: Org, standard: str) -> dict[str, Any] | None:
            return {"extra": {word: fields.org, "first": word}, "did": "overwrite"}

        @hookimpl(reads=Org)
        def route_event(self, fields: Org, destination: Destination) -> Skip | None:
            return Skip(f"{destination.name} may not have {word}") if fields.org == word else None

    return Filter()


@given(
    words=st.lists(st.sampled_from(["a", "b", "c"]), unique=True, max_size=3),
    mode=st.sampled_from([None, "a", "b", "z"]),
    org=st.sampled_from([None, "a", "c"]),
)
def test_plan_equals_pluggy(words: list[str], mode: str | None, org: str | None) -> None:
    registry = registry_of(*((word, "filters", make_filter(word)) for word in words))
    hook = registry.manager.hook
    body = event_from_mapping(event(data={"video": "v", "mode": mode}, org_id=org)).body
    arguments: dict[str, dict[str, Any]] = {
        "filter_event": {}, "enrich_statement": {"standard": "plain"}, "route_event": {"destination": HERE},
    }  # fmt: skip
    for name, more in arguments.items():
        planned = [function(fields=body, **more) for _, function in stage(registry, name)]
        assert [answer for answer in planned if answer is not None] == getattr(hook, name)(
            fields=body, settings={}, **more
        )
    assert [name for name, _ in stage(registry, "filter_event")] == [f"filters:{word}" for word in words]
    table, problems = transform_table(registry, {}, "")
    contributed: list[Any] = []
    hook.register_transformers(register=contributed.append)
    assert not problems
    made_by_nobody = {key: replace(transformer, origin="") for key, transformer in table.items()}
    assert {(t.standard, e): t for t in contributed for e in t.events} == made_by_nobody


def test_the_way_of_an_event() -> None:
    gates = [DestinationRules(HERE, ())]
    pipeline = Pipeline(plan_of(registry_of(("a", "filters", make_filter("a"))), gates))
    (outcome,) = pipeline.process(event_from_mapping(event(org_id="Harbour")))
    assert outcome.state is OutcomeState.TRANSFORMED
    assert outcome.destinations == ("here",)
    (statement,) = [serialized.parsed for serialized in outcome.statements]
    assert statement["did"] == "watch", "an enricher adds, it does not replace"
    assert statement["extra"] == {"a": "Harbour", "first": "a"}
    assert "hush" not in str(statement)


@pytest.mark.parametrize(
    ("raw", "state", "reason"),
    [
        (event("nobody.maps.this"), OutcomeState.NOT_MAPPED, "no enabled transformer"),
        (event(data={"video": "v", "mode": "a"}), OutcomeState.SKIPPED, "a is not wanted"),
        (event(user_id=None), OutcomeState.SKIPPED, "nobody is signed in"),
        (event(data={"at": 3}), OutcomeState.FAILED, "missing or empty"),
        (event(data={"video": ["v"]}), OutcomeState.FAILED, "expected text, found a list"),
        ({**event(), "timestamp": "soon"}, OutcomeState.FAILED, "expected a date with time, found text"),
    ],
)
def test_each_event_has_one_outcome_with_its_reason(raw: dict[str, Any], state: OutcomeState, reason: str) -> None:
    pipeline = Pipeline(plan_of(registry_of(("a", "filters", make_filter("a")))))
    source = event_from_mapping(raw)
    (outcome,) = pipeline.process(source)
    assert (outcome.state, reason in outcome.reason) == (state, True), outcome
    if state is OutcomeState.FAILED:
        assert outcome.error is not None
        assert (outcome.error.event_name, outcome.error.event_id) == (source.name, source.id)
    tally = OutcomeCounts.of(["plain"])
    tally.count([outcome])
    assert tally.standards["plain"].events == tally.lines == 1


@pytest.mark.parametrize(("prefix", "together"), [("/", "(requests)"), ("", "(other names)")])
def test_which_names_are_requests_says_the_source(prefix: str, together: str) -> None:
    tally = OutcomeCounts.of(["plain"], prefix)
    for name in ("/courses/a", "page_close", "/event"):
        tally.count_unmapped(name)
    assert tally.unmapped == {together: 2, "page_close": 1}


class Raising:
    """Fails in one stage."""

    def __init__(self, where: str) -> None:
        self.where = where

    def _fail(self, where: str) -> None:
        if where == self.where:
            raise RuntimeError("ada_l was here")

    @hookimpl
    def filter_event(self) -> None:
        self._fail("filter")

    @hookimpl
    def enrich_statement(self) -> None:
        self._fail("enrich")

    @hookimpl
    def route_event(self) -> None:
        self._fail("route")


@pytest.mark.parametrize(
    ("where", "state"),
    [("filter", OutcomeState.SKIPPED), ("enrich", OutcomeState.FAILED), ("route", OutcomeState.TRANSFORMED)],
)
def test_a_plugin_that_raises_lets_nothing_out(
    where: str, state: OutcomeState, caplog: pytest.LogCaptureFixture
) -> None:
    registry = registry_of(("bad", "filters", Raising(where)))
    router = registry.manager.hook.route_event.get_hookimpls()[0].function
    gate = DestinationRules(HERE, (("bad", lambda body: str(router(fields=body, destination=HERE))),))
    (outcome,) = Pipeline(plan_of(registry, [gate])).process(event_from_mapping(event()))
    assert outcome.state is state
    assert outcome.destinations == ()
    assert "ada_l" not in caplog.text + outcome.reason + str(outcome.denied)


def test_a_mapping_that_raises_fails_alone_and_logs_no_value(caplog: pytest.LogCaptureFixture) -> None:
    broken = Family("plain.broken")

    @broken.maps("broken", reads=Mode)
    def say(fields: Mode, platform: Any) -> Any:
        raise ValueError(fields.mode)

    pipeline = Pipeline(plan_of(registry_of(("plain.broken", "families", broken))))
    (outcome,) = pipeline.process(event_from_mapping(event("broken", data={"mode": "ada_l"})))
    assert outcome.state is OutcomeState.FAILED
    assert outcome.reason.startswith("plain.broken:say raised ValueError at tests/test_pipeline.py:")
    assert "ada_l" not in caplog.text
    assert pipeline.process(event_from_mapping(event()))[0].state is OutcomeState.TRANSFORMED


def test_two_mappings_of_one_event_need_a_decision() -> None:
    rival = Family("plain.rival")
    rival.maps("watched", reads=Mode)(lambda fields, platform: {})
    registry = registry_of(("plain.rival", "families", rival))
    _, (problem,) = transform_table(registry, {}, "relay.toml")
    assert '[plugins.prefer] "plain:watched" = "plain.watching"' in problem.reason
    table, problems = transform_table(registry, {"plain:watched": "plain.rival"}, "relay.toml")
    assert not problems
    assert table["plain", "watched"].family == "plain.rival"
    assert table["plain", "watched.old"].family == "plain.watching"
    _, problems = transform_table(registry, {"plain:wached": "plain.rival"}, "relay.toml")
    assert "no enabled family" in problems[-1].reason


@pytest.mark.parametrize(
    ("plugin", "cause"),
    [
        (type("P", (), {"filter_evnt": hookimpl(lambda self: None)}), "did you mean filter_event"),
        (type("P", (), {"filter_event": hookimpl(lambda self, event: None)}), "takes event"),
        (type("P", (), {}), "implements no hook"),
        (type("P", (), {"register_transformers": hookimpl(lambda self, register: register("t"))}), "got str"),
        (
            type("P", (), {"register_standards": hookimpl(lambda self, register: register(PlainPlugin))}),
            "subclass of",
        ),
        (
            type("P", (), {"register_standards": hookimpl(lambda self, register: 1 / 0)}),
            "raised ZeroDivisionError",
        ),
    ],
)
def test_a_plugin_that_does_not_keep_the_contract_is_refused(plugin: Any, cause: str) -> None:
    with pytest.raises(PluginError, match=cause) as caught:
        collect([(info("bad", "filters", "acme-bad"), plugin())])
    assert "acme-bad" in str(caught.value)


def test_what_has_every_attribute_is_no_hook() -> None:
    """A module may import `sqlalchemy.func`."""
    plugin = type("P", (), {"func": func, "filter_event": hookimpl(lambda self: None)})()
    assert vars(bind(plugin, info("good", "filters"))).keys() == {"filter_event"}


def test_a_standard_can_be_contributed_once_only() -> None:
    with pytest.raises(PluginError, match=r"'plain' is already taken by plain of tests 1"):
        registry_of(("plain2", "standards", PlainPlugin()))


def test_examples_of_the_hook_specs_run() -> None:
    class _Any:
        def __getattr__(self, name: str) -> Any:
            return object

    names = dict.fromkeys(("PlainStandard", "DirectoryIdentity", "CatalogueTitles", "DepartmentScope"), object)
    results = doctest.testmod(hookspecs, extraglobs=names)
    assert results.failed == 0
    assert results.attempted > 20


def test_outcomes_of_several_standards_add_up() -> None:
    tally = OutcomeCounts.of(["plain", "other"])
    tally.count(
        [
            Outcome(
                "plain",
                OutcomeState.TRANSFORMED,
                statements=[SerializedStatement("a", b"{}"), SerializedStatement("b", b"{}")],
            )
        ]
    )
    tally.count([Outcome("", OutcomeState.SKIPPED, reason="r")])
    tally.count_unreadable("blank line")
    for counts in tally.standards.values():
        assert counts.events + tally.unreadable.total() == tally.lines == 3
    assert tally.standards["other"].not_mapped == 1
    assert family.name == "plain.watching"


def test_blank_lines_are_counted_without_being_read() -> None:
    """A packed log of some kilobytes may hold them by the billion."""
    tally = OutcomeCounts.of(["plain", "other"])
    read: list[bytes] = []

    def note(content: bytes) -> Any:
        read.append(content)
        raise UnreadableEventError("no")

    failed: list[int] = []
    run = LineRun(note, lambda event: [], lambda event: None, tally, print, lambda number, *_: failed.append(number))
    run.run([b"", b"\r", b" ", b"{}", None, b"x", b""])
    assert (read, failed, run.number, run.events) == ([b"{}", b"x"], [4, 5, 6], 7, 7)
    assert [counts.skipped for counts in tally.standards.values()] == [{"blank line": 4}, {"blank line": 4}]


@pytest.mark.parametrize("parts", [{"did": object()}, {"did": {1: 2}}, {"did": [{"far": {3}}]}])
def test_what_json_cannot_represent_is_no_statement(parts: Any) -> None:
    odd = Family("plain.odd")
    odd.maps("odd", reads=Mode)(lambda _fields, _platform: parts)
    (outcome,) = Pipeline(plan_of(registry_of(("plain.odd", "families", odd)))).process(
        event_from_mapping(event("odd"))
    )
    assert (outcome.state, type(outcome.error)) == (OutcomeState.FAILED, NotJsonError)


def test_a_hook_takes_what_it_wants_in_any_order_or_by_name() -> None:
    class Looked(Fields):
        org = optional("context.org_id")

    class Enricher:
        @hookimpl(reads=Looked)
        def enrich_statement(self, standard: str, *, fields: Looked) -> dict[str, Any]:
            return {"added": [standard, fields.org]}

    class Filter:
        @hookimpl
        def filter_event(self) -> None:
            return None

    plan = plan_of(registry_of(("added", "enrichers", Enricher()), ("nothing", "filters", Filter())))
    (outcome,) = Pipeline(plan).process(event_from_mapping(event(org_id="Harbour")))
    assert outcome.statements[0].parsed["added"] == ["plain", "Harbour"]
