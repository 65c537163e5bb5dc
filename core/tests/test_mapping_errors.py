"""Mistakes in mappings: which distribution, which mapping, which line, and what to write instead."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Required, TypedDict

import mypy.api
import pytest

from installation import Installation
from learnrelay import (
    Constant,
    CourseProvider,
    Family,
    Fields,
    IdentityProvider,
    Input,
    Platform,
    PluginError,
    Scope,
    Source,
    Standard,
    Transformer,
    hookimpl,
    optional,
)
from learnrelay.assembly.assemble import assemble_from
from learnrelay.auth import AuthScheme
from learnrelay.config.fields import Section
from learnrelay.config.models import Destination
from learnrelay.kinds import text
from learnrelay.pipeline.constants import check_constants
from learnrelay.pipeline.routing import check_of_router, first_denial
from learnrelay.pipeline.run import Outcome, OutcomeState, Pipeline
from learnrelay.plugins.contributed_classes import find_class_faults
from learnrelay.plugins.registry import Registry
from learnrelay.sinks import Batch, ProbeResult, Sink, SinkAnswer, Verdict
from learnrelay_openedx.source import OpenedxSource
from openedx_events import event_from_mapping
from plain import event, line, plan_of, registry_of
from relay_files import relay_toml

POLL = """
from learnrelay import Family, Fields, required
from learnrelay.kinds import identifier

family = Family("{standard}.acme_min")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)


@family.maps("acme.min", reads=Poll{constants})
def interacted(poll, platform):
    return {{"object": {{"id": platform.iri("poll", poll.id)}}}}
"""


@pytest.mark.parametrize(
    ("standard", "constants", "causes"),
    [
        ("xapi", ', verbs="x"', ["unknown constant verbs", 'did you mean "verb"?', "the constant verb is missing"]),
        ("xapi", ', verb="http://verbs.example/voted"', ["verb: expected Verb, found str"]),
        ("caliper", ', action="Used", profile="GeneralProfile"', ["the constant type is missing"]),
    ],
)
def test_a_misspelt_constant_is_named_at_start_up(
    standard: str, constants: str, causes: list[str], installation: Installation, tmp_path: Path
) -> None:
    family = f"{standard}.acme_min"
    installation.install(
        "acme-min",
        {"learnrelay.families.v1": {family: "acme_min:family"}},
        POLL.format(standard=standard, constants=constants),
    )
    config = tmp_path / "relay.toml"
    config.write_text(relay_toml([f"{standard}.*"], delivery={"database": "sqlite:///outbox.db"}), encoding="utf-8")
    for command in ("check", "transform"):
        done = installation.run(command, "--config", config, SECRET="Kd7wq2Lmz9Xv4bTn")
        assert done.returncode == 2
        message = (done.stdout + done.stderr).decode()
        assert "Traceback" not in message
        assert f"plugin {family}:interacted of acme-min@1.0: " in message
        assert "(acme_min/__init__.py:12)" in message
        assert all(cause in message for cause in causes), message


def a_mapping(fields: Fields, platform: Platform) -> Any:
    return {}


def test_constants_are_checked_by_name_and_type() -> None:
    constants = {"verb": Constant(str, several=True), "score": Constant(int, required=False)}

    def check(**declared: Any) -> None:
        check_constants(Transformer("plain", ("e",), Fields, a_mapping, declared, "plain.family"), constants)

    check(verb="a")
    check(verb=("a", "b"), score=1)
    for declared in ({}, {"verb": ()}, {"verb": ("a", 1)}, {"verb": "a", "score": (1,)}, {"verb": "a", "sore": 1}):
        with pytest.raises(PluginError, match=r"test_mapping_errors.py:\d+\); plain takes verb, score \(optional\)"):
            check(**declared)


def test_what_a_composer_raises_at_start_up_names_the_mapping() -> None:
    family = Family("plain.broken")
    family.maps("broken", reads=Fields, did=7)(a_mapping)
    registry = registry_of(("plain.broken", "families", family))

    class Standard(registry.standards["plain"]):  # type: ignore[misc,name-defined]
        def composer(self, transformer: Transformer, platform: Platform, event: str) -> Any:
            transformer.constants["kind"]

    registry.standards["plain"] = Standard
    with pytest.raises(PluginError) as caught:
        plan_of(registry)
    assert "KeyError 'kind' at tests/test_mapping_errors.py:" in caught.value.cause
    assert caught.value.entry_point == "plain.watching:watched"


class Typed(Fields):
    mode = optional("data.mode", kind=text)


class Mistakes:
    """Mappings that fail, and what their reasons say."""

    family = Family("plain.mistakes")
    table: ClassVar = {"audit": 1}

    @staticmethod
    @family.maps("literal", reads=Typed)
    def literal(fields: Typed, platform: Platform) -> Any:
        scores: dict[str, int] = {}
        return scores["score"]

    @staticmethod
    @family.maps("value", reads=Typed)
    def value(fields: Typed, platform: Platform) -> Any:
        return Mistakes.table[fields.mode or ""]

    @staticmethod
    @family.maps("unusable", reads=Typed)
    def unusable(fields: Typed, platform: Platform) -> Any:
        return 7


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("literal", "plain.mistakes:literal raised KeyError 'score' at tests/test_mapping_errors.py:"),
        ("value", "plain.mistakes:value raised KeyError at tests/test_mapping_errors.py:"),
        ("unusable", "plain.mistakes:unusable returned what plain cannot take: it raised TypeError at tests/plain.py:"),
    ],
)
def test_a_failure_says_line_and_literal_key_and_no_value(name: str, reason: str) -> None:
    pipeline = Pipeline(plan_of(registry_of(("plain.mistakes", "families", Mistakes.family))))
    (outcome,) = pipeline.process(event_from_mapping(event(name, data={"mode": "ada.lovelace"})))
    assert outcome.state is OutcomeState.FAILED
    assert outcome.reason.startswith(reason)
    assert outcome.reason.rpartition(":")[2].isdigit()
    assert "ada" not in outcome.reason


class FaultyStages:
    """Functions of stages that fail on each event."""

    @staticmethod
    @hookimpl(reads=Typed)
    def filter_event(fields: Typed) -> None:
        scores: dict[str, int] = {}
        scores["score"]

    @staticmethod
    @hookimpl(reads=Typed)
    def enrich_statement(fields: Typed, standard: str) -> Any:
        return Mistakes.table[fields.mode or ""]

    @staticmethod
    @hookimpl(reads=Typed)
    def route_event(fields: Typed, destination: Destination) -> None:
        raise ZeroDivisionError


def test_a_stage_that_fails_is_named_with_its_line_and_no_value(caplog: pytest.LogCaptureFixture) -> None:
    place = r"at tests/test_mapping_errors.py:\d+"

    def registry_with(hook: str) -> Registry:
        return registry_of(("acme", "filters", SimpleNamespace(**{hook: getattr(FaultyStages, hook)})))

    watched = event_from_mapping(event(data={"video": "v", "mode": "ada.lovelace"}))
    Pipeline(plan_of(registry_with("filter_event"))).process(watched)
    (outcome,) = Pipeline(plan_of(registry_with("enrich_statement"))).process(watched)
    assert re.fullmatch(rf"enricher \S*acme raised KeyError {place}", outcome.reason), outcome.reason
    (router,) = registry_with("route_event").manager.hook.route_event.get_hookimpls()
    assert first_denial([("plugin acme", check_of_router(router.function, None))], watched.body)  # type: ignore[arg-type]
    assert re.search(rf"filter \S*acme raised KeyError 'score' {place}: the event is skipped", caplog.text)
    assert re.search(rf"plugin acme raised ZeroDivisionError {place} and therefore denies", caplog.text)
    assert "ada" not in caplog.text + outcome.reason


def test_explain_shows_an_author_the_traceback(installation: Installation, tmp_path: Path) -> None:
    source = POLL.format(standard="plain", constants="").replace(
        "    return {", "    scores = {poll.id: 1}\n    return scores['score'], {"
    )
    plain = Path(__file__).with_name("plain.py").read_text(encoding="utf-8")
    groups = {"learnrelay.standards.v1": {"plain": "acme_plain:plugin"}}
    installation.install("acme-plain", groups, plain + "\nplugin = PlainPlugin()\n")
    installation.install("acme-min", {"learnrelay.families.v1": {"plain.acme_min": "acme_min:family"}}, source)
    config = tmp_path / "relay.toml"
    config.write_text(relay_toml(delivery={"database": "sqlite:///outbox.db"}), encoding="utf-8")
    given = line(event("acme.min", data={"poll_id": "p-47110"}))
    shown = installation.run("explain", "--config", config, "--traceback", stdin=given, SECRET="Kd7wq2Lmz9Xv4bTn")
    assert shown.returncode == 1
    message = shown.stdout.decode()
    assert "KeyError 'score' at acme_min/__init__.py:15" in message
    assert "acme_min/__init__.py:15 in interacted: return scores['score'], {" in message
    assert "p-47110" not in message
    assert (
        b"in interacted"
        not in installation.run("explain", "--config", config, stdin=given, SECRET="Kd7wq2Lmz9Xv4bTn").stdout
    )


class PlainParts(TypedDict, total=False):
    what: Required[str]
    at: int | None


class Parts:
    """Mappings of a standard that declares its parts, and what is wrong with what they return."""

    family = Family("plain.parts")

    @staticmethod
    @family.maps("misspelt", reads=Typed)
    def misspelt(fields: Typed, platform: Platform) -> Any:
        return {"what": "x", "att": 1}

    @staticmethod
    @family.maps("missing", reads=Typed)
    def missing(fields: Typed, platform: Platform) -> Any:
        return {"at": 1}

    @staticmethod
    @family.maps("value", reads=Typed)
    def value(fields: Typed, platform: Platform) -> Any:
        return [{"what": "x"}, {"what": "x", fields.mode or "": 1}]

    @staticmethod
    @family.maps("nothing", reads=Typed)
    def nothing(fields: Typed, platform: Platform) -> Any:
        return None

    @staticmethod
    @family.maps("empty", reads=Typed)
    def empty(fields: Typed, platform: Platform) -> Any:
        return []

    @staticmethod
    @family.maps("without", reads=Typed)
    def without(fields: Typed, platform: Platform) -> Any:
        return {"what": "x", "at": None}


def outcome_of_parts(name: str) -> Outcome:
    registry = registry_of(("plain.parts", "families", Parts.family))

    class Standard(registry.standards["plain"]):  # type: ignore[misc,name-defined]
        parts = PlainParts

    registry.standards["plain"] = Standard
    (outcome,) = Pipeline(plan_of(registry)).process(event_from_mapping(event(name, data={"mode": "atta"})))
    return outcome


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("misspelt", 'the unknown part att; did you mean "at"?'),
        ("missing", "no what"),
        ("value", 'an unknown part; did you mean "at"?'),
        ("nothing", "NoneType, and no parts"),
        ("empty", "an empty list"),
    ],
)
def test_parts_that_a_standard_does_not_take_are_named_with_the_first_statement(name: str, cause: str) -> None:
    outcome = outcome_of_parts(name)
    assert outcome.state is OutcomeState.FAILED
    expected = rf"plain.parts:{name} of tests@1 returned {re.escape(cause)} \(tests/test_mapping_errors.py:\d+\); "
    cure = r"plain takes what, at" + (", or a Skip for no statement" if name in ("nothing", "empty") else "")
    assert re.fullmatch(expected + cure, outcome.reason)


def test_a_part_that_is_none_is_left_out() -> None:
    assert outcome_of_parts("without").state is OutcomeState.TRANSFORMED


@pytest.mark.parametrize(
    ("standard", "parts", "cause"),
    [
        ("xapi", '{"object": {"id": "x"}, "results": {}}', 'the unknown part results; did you mean "result"?'),
        ("xapi", '{"object": "x"}', "str as object, expected a mapping"),
        ("xapi", '{"object": {"id": "https://x.example"}, "result": None, "context": None}', ""),
        ("caliper", '{"object": None}', "NoneType as object, expected dict or EntityOfLearner"),
        ("caliper", '{"objects": {}}', 'the unknown part objects; did you mean "object"?; no object'),
    ],
)
def test_parts_of_our_standards(standard: str, parts: str, cause: str, tmp_path: Path) -> None:
    constants = {
        "xapi": ", verb=INTERACTED", "caliper": ', type="Event", action="Used", profile="GeneralProfile"'
    }[standard]  # fmt: skip
    source = POLL.format(standard=standard, constants=constants)
    source = source[: source.index("    return")] + f"    return {parts}\n"
    file = tmp_path / "polls.py"
    file.write_text(f"from learnrelay_xapi.vocabulary import INTERACTED\n{source}", encoding="utf-8")
    raw = {
        "platform": {"root_url": "https://learn.example.org", "source": "openedx"},
        "plugins": {"files": [str(file)]},
        "identity": {"provider": "keyed", "secret": "Kd7wq2Lmz9Xv4bTn"},
    }
    pipeline = Pipeline(assemble_from(raw, tmp_path / "relay.toml").plan)
    (outcome,) = pipeline.process(event_from_mapping(event("acme.min", data={"poll_id": "p1"})))
    assert (outcome.state is OutcomeState.FAILED) is bool(cause), outcome.reason
    assert cause in outcome.reason


class MisspeltSink(Sink):
    name = "misspelt"
    setting_schema = Section
    repeats = "by statement"  # type: ignore[assignment]

    def sent(self, batch: Batch) -> SinkAnswer:
        return SinkAnswer(Verdict.STORED)

    @classmethod
    def describe(cls, settings: Any) -> str:
        return "nowhere"

    def probed(self) -> ProbeResult:
        return ProbeResult(True)


class MisspeltSource(OpenedxSource):
    name = "misspelt"
    terms = []  # type: ignore[assignment]  # noqa: RUF012


class Contributor:
    @hookimpl
    def register_sinks(self, register: Any) -> None:
        register(MisspeltSink)


def test_what_a_contributed_class_lacks_or_misspells_is_named_at_start_up() -> None:
    with pytest.raises(PluginError, match="plugin misspelt of tests 1: MisspeltSink: ") as caught:
        registry_of(("misspelt", "sinks", Contributor()))
    assert re.sub(r"\d+\)$", "N)", caught.value.cause.partition(": ")[2]) == (
        "repeats: expected Repeats, found str; it has no send (is sent meant to be it?); "
        "it has no settings_schema (is setting_schema meant to be it?); "
        'probed is unknown; did you mean "probe"? (tests/test_mapping_errors.py:N)'
    )
    assert find_class_faults(MisspeltSource, Source) == ["terms: expected Mapping, found list"]


@pytest.mark.parametrize(
    "base",
    [Source, Standard, Sink, Input, AuthScheme, Scope, IdentityProvider, CourseProvider],
    ids=lambda b: b.__name__,
)
def test_a_class_that_declares_nothing_lacks_its_name(base: type[Any]) -> None:
    faults = find_class_faults(type("Empty", (base,), {}), base)
    assert f"it has no {'key' if base is Scope else 'name'}" in faults


TYPED_MAPPING = """
from learnrelay import Family, Fields, Platform

family = Family("plain.typed")

@family.maps("typed", reads=Fields)
def typed(fields: Fields, platform: Platform) -> dict[str, str]:
    return {"what": "x"}

def check(platform: Platform) -> str:
    return typed(Fields(), platform)["what"]

@family.maps("wrong", reads=Fields)
def wrong(fields: Fields, platform: Platform) -> int:
    return 7
"""


@pytest.mark.slow
def test_a_mapping_keeps_its_own_type_for_mypy(tmp_path: Path) -> None:
    module = tmp_path / "typed_mapping.py"
    module.write_text(TYPED_MAPPING, encoding="utf-8")
    output, _, _ = mypy.api.run(["--strict", "--cache-dir", str(tmp_path / "cache"), str(module)])
    assert "Found 1 error" in output, output
    assert 'Value of type variable "R" of function cannot be "int"' in output
