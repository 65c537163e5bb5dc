"""What authors see of plugins: a trace of calls, and who brings what."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from distributions import installed_in, write_distribution
from learnrelay.cli import cli
from learnrelay.pipeline.routing import ScopeRule
from learnrelay.pipeline.run import OutcomeState, Pipeline
from learnrelay.plugins.hook_trace import VARIABLE, traced
from learnrelay_enterprise_filter.courses import OrgScope
from learnrelay_openedx.source import OpenedxSource
from openedx_events import event_from_mapping
from plain import event, plan_of, registry_of
from relay_files import relay_toml
from test_left_out_plugins import FAMILY

MODES = """
from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.config.fields import Section, TextList


class ModeSettings(Section):
    unreported = TextList(load_default=("audit",))


settings_schema = ModeSettings


class Mode(Fields):
    mode = optional("data.mode")


@hookimpl(reads=Mode)
def filter_event(fields, settings):
    if fields.mode == "raise":
        raise KeyError(fields.mode)
    return Skip("not reported") if fields.mode in settings["unreported"] else None


@hookimpl
def enrich_statement(fields, standard):
    return {"more": True}
"""


def traced_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        re.sub(r"\d+\.\d{3} ms", "TIME", record.getMessage()) for record in caplog.records if "trace" in record.name
    ]


def make_registry() -> Any:
    names: dict[str, Any] = {"__name__": "acme_modes"}
    exec(MODES, names)
    return registry_of(("acme_modes", "filters", SimpleNamespace(**names)))


def test_calls_are_logged_with_names_and_times_and_no_value(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    caplog.set_level(logging.INFO, logger="learnrelay.trace")
    registry = make_registry()
    assert traced_lines(caplog)[:2] == [
        "register_standards of plain: TIME, returned NoneType",
        "register_transformers of plain.watching: TIME, returned NoneType",
    ]
    pipeline = Pipeline(plan_of(registry))
    states = {}
    for mode in ("verified", "audit", "raise"):
        caplog.clear()
        (outcome,) = pipeline.process(event_from_mapping(event(data={"video": "v-ada", "mode": mode})))
        states[mode] = (outcome.state, traced_lines(caplog))
    assert states == {
        "verified": (
            OutcomeState.TRANSFORMED,
            [
                "filter_event of acme_modes: TIME, returned NoneType",
                "mapping of plain.watching:watched: TIME, returned dict",
                "enrich_statement of acme_modes: TIME, returned dict",
            ],
        ),
        "audit": (OutcomeState.SKIPPED, ["filter_event of acme_modes: TIME, returned Skip"]),
        "raise": (OutcomeState.SKIPPED, ["filter_event of acme_modes: TIME, raised KeyError"]),
    }
    caplog.clear()
    ScopeRule(OrgScope(OpenedxSource()), "Harbour").denial(event_from_mapping(event()).body, {})
    assert traced_lines(caplog) == ["owners of scope org: TIME, returned tuple"]


@pytest.mark.parametrize("value", ["", "0", None])
def test_without_the_variable_nothing_is_wrapped(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    assert traced("hook", "plugin", make_registry) is make_registry


@pytest.fixture
def site(tmp_path: Path) -> Path:
    directory = tmp_path / "site"
    points = {
        "learnrelay.families.v1": {"xapi.acme_poll": "acme_poll:family"},
        "learnrelay.filters.v1": {"acme_modes": "acme_modes"},
    }
    write_distribution(directory, "acme-poll", points, FAMILY.format(name="acme_poll", constants="verb=INTERACTED"))
    (directory / "acme_modes.py").write_text(MODES, encoding="utf-8")
    write_distribution(directory, "acme-bad", {"learnrelay.sinks.v1": {"acme_bad": "acme_bad"}}, "1 / 0")
    return directory


def test_the_tree_shows_who_brings_what(site: Path) -> None:
    with installed_in(site):
        done = CliRunner().invoke(cli, ["plugins", "--tree"])
        data = json.loads(CliRunner().invoke(cli, ["plugins", "--tree", "--json"]).stdout)
    assert done.exit_code == 0, done.output
    own = done.stdout[done.stdout.index("acme-bad 1.0") : done.stdout.index("learnrelay-caliper")]
    assert own.splitlines() == [
        "acme-bad 1.0",
        "  sink acme_bad (failed: cannot be imported: ZeroDivisionError)",
        "acme-poll 1.0",
        "  family xapi.acme_poll (disabled: not enabled)",
        "    interacted maps acme.acme_poll",
        "  filter acme_modes (disabled: not enabled)",
        "    enrich_statement",
        "    filter_event reads data.mode",
    ]
    assert "  source openedx (disabled: [platform] source enables it)\n    source openedx\n" in done.stdout
    assert "    scope org\n" in done.stdout
    (poll,) = [entry for entry in data if entry["distribution"] == "acme-poll"]
    assert poll["plugins"][0]["brings"] == ["interacted maps acme.acme_poll"]


def test_the_tree_of_a_file_shows_what_it_enables(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "Kd7wq2Lmz9Xv4bTn")
    config = site.parent / "relay.toml"
    config.write_text(relay_toml(["xapi.acme_poll"], delivery={"database": "sqlite:///outbox.db"}), encoding="utf-8")
    with installed_in(site):
        done = CliRunner().invoke(cli, ["plugins", "--tree", "--config", str(config)])
        both = CliRunner().invoke(cli, ["plugins", "--tree", "--events"])
    assert done.exit_code == 0, done.output
    assert "  family xapi.acme_poll\n    interacted maps acme.acme_poll\n" in done.stdout
    assert "  filter acme_modes (disabled: not enabled)\n" in done.stdout
    assert "filter_event reads data.mode" not in done.stdout
    assert both.exit_code == 2
