"""Mistakes in mappings: which distribution, which mapping, which line, and what to write instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import mypy.api
import pytest

from installation import Installation
from learnrelay import Constant, Family, Fields, Platform, PluginError, Transformer, optional
from learnrelay.kinds import text
from learnrelay.pipeline.constants import check_constants
from learnrelay.pipeline.run import OutcomeState, Pipeline
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
