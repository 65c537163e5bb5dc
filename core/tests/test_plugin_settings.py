"""Plugins have settings: validated by their schema, handed to their functions, shown without secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from installation import Installation
from learnrelay import Family, Fields, PluginError, hookimpl
from learnrelay.config.fields import SecretText, Section, Table, Text, WholeNumber
from learnrelay.pipeline.run import OutcomeState, Pipeline
from learnrelay.plugins.registry import collect
from plain import info
from relay_files import relay_toml
from single_files import POLLS, ROWS, assemble_files, problems_of, raw_event, statements_of

CONSENT = """
from learnrelay import Fields, Scope, Skip, Unproven, hookimpl, optional
from learnrelay.config.fields import Section, SecretText, TextList


class Settings(Section):
    modes = TextList(load_default=("audit",))
    key = SecretText(load_default=None)


settings_schema = Settings


class Mode(Fields):
    mode = optional("data.mode")


@hookimpl(reads=Mode)
def filter_event(fields, settings):
    return Skip("its mode is not reported") if fields.mode in settings["modes"] else None


@hookimpl(reads=Mode)
def enrich_statement(settings, fields, standard):
    return {"modes": list(settings["modes"]), "standard": standard}


@hookimpl(reads=Mode)
def route_event(fields, destination, settings):
    is_closed = destination.name == "open" and "closed" in settings["modes"]
    return Skip("the destination is closed") if is_closed else None


class ModeScope(Scope):
    key = "mode"
    reads = Mode

    def wanted(self, value):
        if value not in self.settings["modes"]:
            raise ValueError("expected one of the modes")
        return value

    def owners(self, fields):
        return (fields.mode,) if fields.mode else Unproven.ABSENT


@hookimpl
def register_scopes(register):
    register(ModeScope)
"""
FILES = {"rows.py": ROWS, "polls.py": POLLS, "consent.py": CONSENT}
DESTINATION = {"standard": "rows", "url": "https://rows.example.org", "scope": "all"}


def test_a_mapping_gets_the_settings_of_its_family(tmp_path: Path) -> None:
    files = {"rows.py": ROWS, "polls.py": POLLS}
    row = {"event": "poll.answered", "question": "q1", "scale": 5}
    assert statements_of(assemble_files(tmp_path, files), raw_event()) == [row]
    nested = {"rows": {"style": "long", "polls": {"scale": 7}}}
    assembly = assemble_files(tmp_path, files, **nested)
    assert statements_of(assembly, raw_event()) == [{**row, "scale": 7}]
    assert assembly.config.standards["rows"]["style"] == "long", "the table of the standard is validated without it"
    assert assembly.config.settings == {"rows.polls": {"scale": 7}}
    with pytest.raises(TypeError):
        assembly.config.settings["rows.polls"]["scale"] = 8  # type: ignore[index]


def test_functions_of_stages_and_scopes_get_the_settings_of_their_plugin(tmp_path: Path) -> None:
    destinations = {"open": DESTINATION, "mine": {**DESTINATION, "scope": {"mode": "honor"}}}

    def outcome(modes: list[str], mode: str) -> Any:
        assembly = assemble_files(tmp_path, FILES, consent={"modes": modes}, destinations=destinations)
        event = raw_event(data={"question": "q", "mode": mode})
        (outcome,) = Pipeline(assembly.plan).process(assembly.source.event_from_mapping(event))
        return outcome

    assert outcome(["honor"], "honor").reason == "its mode is not reported"
    passed = outcome(["honor"], "verified")
    assert passed.statements[0].parsed["modes"] == ["honor"]
    assert (passed.destinations, list(passed.denied)) == (("open",), ["mine"])
    assert outcome(["honor", "closed"], "x").denied["open"] == "the destination is closed"
    key = "destinations.mine.scope.mode"
    assert problems_of(tmp_path, FILES, destinations=destinations) == {key: "expected one of the modes"}


def test_a_source_gets_the_settings_of_its_plugin(tmp_path: Path) -> None:
    source = """
from learnrelay import Source, hookimpl
from learnrelay.config.fields import Section, Text
from learnrelay_openedx.facts import OpenedxFacts


class Settings(Section):
    prefix = Text(load_default="of/")


settings_schema = Settings


class Campus(Source):
    name = "campus"
    facts = OpenedxFacts

    def __init__(self, settings):
        super().__init__(settings)
        self.retired_prefix = settings["prefix"]


@hookimpl
def register_sources(register):
    register(Campus)
"""
    platform = {"root_url": "https://learn.example.org", "source": "campus"}
    for sections, prefix in (({}, "of/"), ({"campus": {"prefix": "was/"}}, "was/")):
        assembly = assemble_files(tmp_path, {"campus.py": source}, platform=platform, **sections)
        assert (assembly.source.name, assembly.source.retired_prefix) == ("campus", prefix)


def test_mistakes_are_named_with_their_key_and_the_nearest_right_one(tmp_path: Path) -> None:
    sections: dict[str, Any] = {
        "consent": {"mods": [], "modes": "audit"},
        "rows": {"polls": {"scale": 11}, "poll": {}, "stile": "long"},
        "rows.polls": {"scale": 7},
        "conzent": {},
        "enterprise_filter": {},
    }
    problems = problems_of(tmp_path, FILES, **sections)
    expected = {
        "consent.mods": 'unknown key; did you mean "modes"?',
        "consent.modes": "expected a list of texts, found text",
        "rows.polls.scale": "expected at least 1 and at most 10",
        "rows.poll": 'unknown key; did you mean "polls"?',
        "rows.stile": 'unknown key; did you mean "style"?',
        "rows.polls": "write [rows.polls], without quotes",
        "conzent": 'did you mean "consent"?',
        "enterprise_filter": "the plugin enterprise_filter is not enabled",
    }
    assert problems.keys() == expected.keys()
    for key, words in expected.items():
        assert words in problems[key]


def test_a_section_of_a_plugin_without_settings_is_named(tmp_path: Path) -> None:
    plain = (
        POLLS.replace(", settings_schema=PollSettings", "")
        .replace(", settings)", ")")
        .replace('settings["scale"]', "1")
    )
    problems = problems_of(tmp_path, {"rows.py": ROWS, "polls.py": plain}, rows={"polls": {"scale": 3}})
    assert problems == {"rows.polls": "the plugin rows.polls takes no settings"}


def test_a_section_has_one_owner(tmp_path: Path) -> None:
    key_of_the_standard = ROWS.replace("    style =", '    polls = OneOf(["a"], load_default="a")\n    style =')
    problems = problems_of(tmp_path, {"rows.py": key_of_the_standard, "polls.py": POLLS})
    assert problems == {"rows.polls": "is a key of rows and the section of the family rows.polls"}
    problems = problems_of(tmp_path, {"rows.py": ROWS, "polls.py": POLLS, "delivery.py": CONSENT})
    assert problems == {"delivery": "the plugin delivery cannot have settings: the section has another meaning"}


class Numbers(Section):
    number = WholeNumber(load_default=3)


class Inner(Section):
    token = SecretText(load_default=None)


class Secrets(Section):
    inner = Table(Inner)
    key = SecretText(load_default=None)
    name = Text(load_default="")


class Nothing(Fields):
    """Reads nothing."""


def family_of(function: Any, **more: Any) -> Family:
    family = Family("plain.poll", **more)
    family.maps("poll", reads=Nothing)(function)
    return family


class WithoutSchema:
    @hookimpl
    def filter_event(self, settings: Mapping[str, Any]) -> None:
        """Takes settings that nobody declares."""


class WrongSchema(WithoutSchema):
    settings_schema = dict


@pytest.mark.parametrize(
    ("plugin", "words"),
    [
        (WithoutSchema(), "filter_event takes settings; declare them: settings_schema"),
        (WrongSchema(), "its settings_schema is no subclass of Section"),
        (family_of(lambda values, platform, settings: {}), "takes settings (tests/test_plugin_settings.py:"),
        (family_of(lambda values, platform, setings: {}, settings_schema=Numbers), "takes setings (tests/"),
        (family_of(lambda values, platform: {}, settings_schema=Secrets), "hold a secret (inner.token, key)"),
    ],
)
def test_a_plugin_that_cannot_get_its_settings_is_named(plugin: Any, words: str) -> None:
    with pytest.raises(PluginError) as raised:
        collect([(info("plain.poll"), plugin)])
    assert words in str(raised.value)


@pytest.mark.parametrize("schema", [None, Numbers])
def test_a_declaration_under_a_setting_needs_that_setting(schema: type[Section] | None) -> None:
    polls = Family("plain.poll", settings_schema=schema)
    polls.maps("poll.answered", reads=Fields, reads_if={"texts": Fields})(lambda values, platform: {})
    with pytest.raises(PluginError, match="reads more if texts, which is no setting"):
        collect([(info("plain.poll"), polls)])


def with_files(**sections: Mapping[str, object]) -> str:
    return relay_toml([], **sections).replace("enabled = []", f"files = {json.dumps(list(FILES))}")


def test_settings_are_shown_without_secrets(plain_installation: Installation, tmp_path: Path) -> None:
    for name, source in FILES.items():
        (tmp_path / name).write_text(source)
    (tmp_path / "key.txt").write_text("Hu5hHu5hHu5h")
    config = tmp_path / "relay.toml"
    config.write_text(with_files(consent={"key": "file:key.txt"}, **{"rows.polls": {"scale": 2}}))
    shown = {"consent": {"modes": ["audit"], "key": "(file:key.txt)"}, "rows.polls": {"scale": 2}}
    checked = plain_installation.run("check", "--config", config, "--json", SECRET="Kd7wq2Lmz9Xv4bTn")
    assert json.loads(checked.stdout)["settings"] == shown
    listed = plain_installation.run("plugins", "--config", config, "--json")
    assert {row["name"]: row["settings"] for row in json.loads(listed.stdout) if "settings" in row} == shown
    for command in ("check", "plugins"):
        done = plain_installation.run(command, "--config", config, SECRET="Kd7wq2Lmz9Xv4bTn")
        assert '[consent] modes = ["audit"], key = "(file:key.txt)"' in done.stdout.decode()
        assert "Hu5h" not in (done.stdout + done.stderr).decode()
    config.write_text(with_files(consent={"key": "Hu5hHu5hHu5h"}))
    done = plain_installation.run("check", "--config", config, SECRET="Kd7wq2Lmz9Xv4bTn")
    assert "consent.key: a secret stands here in clear text" in done.stderr.decode()
    assert "Hu5h" not in (done.stdout + done.stderr).decode()


def test_a_mapping_that_raises_shows_no_setting(tmp_path: Path) -> None:
    broken = POLLS.replace("return {", "raise KeyError(settings)\n    return {")
    assembly = assemble_files(tmp_path, {"rows.py": ROWS, "polls.py": broken}, rows={"polls": {"scale": 7}})
    (outcome,) = Pipeline(assembly.plan).process(assembly.source.event_from_mapping(raw_event()))
    assert outcome.state is OutcomeState.FAILED
    assert outcome.reason == f"rows.polls:answered raised KeyError at {tmp_path.name}/polls.py:20"
