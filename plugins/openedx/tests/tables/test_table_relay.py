"""The providers in a relay: what the operator's file says, languages, forgetting, and a database that is away."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet

from learnrelay import ConfigurationError, Relay
from learnrelay.assembly.assemble import assemble_from
from learnrelay.cli.check import command as check
from learnrelay.cli.forget import command as forget
from learnrelay.outbox.queue import DEFERRED
from learnrelay.pipeline.run import Pipeline
from learnrelay_openedx.tables.providers import OpenedxCourses, OpenedxIdentity
from openedx_events import event_from_mapping
from relay_files import relay_toml

from .lms_tables import SECRET, LmsTables

XAPI = "0b6a3f5e-8d1c-4c55-9f0a-2f3c8a7e1d07"
CALIPER = "5f3e9c1a-77b2-4d0e-8a41-c3d5e6f70808"
COURSE = "course-v1:Harbour+SAIL101+2026"
EVENT: Mapping[str, Any] = {
    "name": "edx.course.enrollment.activated",
    "timestamp": "2026-03-02T10:01:06.250000+00:00",
    "context": {"user_id": 7, "username": "Mira", "course_id": COURSE},
    "data": {"course_id": COURSE, "user_id": 7, "mode": "audit"},
}
UNKNOWN = "the identity provider does not know the learner"

pytestmark = pytest.mark.parametrize("made", ["sqlite"], indirect=True)


@pytest.fixture
def mira(lms: LmsTables) -> LmsTables:
    lms.add_user(7, "Mira", "mira@learn.example.org", xapi=XAPI)
    lms.add_course(COURSE, "Segeln", "de")
    return lms


def raw_file(lms: LmsTables, identity: Mapping[str, Any] = {}, **sections: Any) -> dict[str, Any]:
    return {
        "platform": {"root_url": "https://learn.example.org", "source": "openedx"},
        "plugins": {"enabled": ["xapi.*"]},
        "identity": {"provider": "openedx", **lms.identity_settings(**identity)},
        "courses": {"provider": "openedx", "database": lms.url},
        **sections,
    }


def pipeline_of(lms: LmsTables, folder: Path, identity: Mapping[str, Any] = {}, **sections: Any) -> Pipeline:
    return Pipeline(assemble_from(raw_file(lms, identity, **sections), folder / "relay.toml").plan)


def said(pipeline: Pipeline) -> Any:
    (outcome,) = pipeline.process(event_from_mapping(EVENT))
    return outcome.statements[0].parsed if outcome.statements else outcome.reason


def test_the_title_is_in_the_language_of_the_course(mira: LmsTables, tmp_path: Path) -> None:
    pipeline = pipeline_of(mira, tmp_path)
    assert said(pipeline)["object"]["definition"]["name"] == {"de": "Segeln"}
    mira.execute("UPDATE course_overviews_courseoverview SET language = NULL")
    assert said(pipeline_of(mira, tmp_path))["object"]["definition"]["name"] == {"und": "Segeln"}


def test_a_retired_learner_a_new_one_and_a_new_title_are_noticed(
    mira: LmsTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenedxIdentity, "max_age", 0.3)
    monkeypatch.setattr(OpenedxCourses, "max_age", 0.3)
    pipeline = pipeline_of(mira, tmp_path)
    assert said(pipeline)["actor"]["account"]["name"] == XAPI
    mira.execute("UPDATE course_overviews_courseoverview SET display_name = 'Segeln für alle'")
    time.sleep(0.35)
    assert said(pipeline)["object"]["definition"]["name"] == {"de": "Segeln für alle"}
    mira.ask_to_retire(7)
    time.sleep(0.35)
    assert said(pipeline) == UNKNOWN
    mira.execute("DELETE FROM user_api_userretirementrequest")
    assert said(pipeline)["actor"]["account"]["name"] == XAPI, "what is unknown is asked for at once"


VIDEO = {**EVENT, "name": "load_video", "data": {"id": "tacking", "code": "html5", "duration": 195}}


@pytest.mark.parametrize(("standard", "of_ours"), [("xapi", XAPI), ("caliper", CALIPER)])
def test_a_new_title_is_noticed_in_the_context_too(
    mira: LmsTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, standard: str, of_ours: str
) -> None:
    monkeypatch.setattr(OpenedxIdentity, "max_age", 0.3)
    mira.add_external_id(7, "caliper", CALIPER)
    pipeline = pipeline_of(mira, tmp_path, plugins={"enabled": [f"{standard}.*"]})
    for title in ("Segeln", "Rudern"):
        mira.execute("UPDATE course_overviews_courseoverview SET display_name = :title", title=title)
        time.sleep(0.35)
        (outcome,) = pipeline.process(event_from_mapping(VIDEO))
        content = outcome.statements[0].content.decode()
        assert title in content
        assert of_ours in content


def test_titles_carry_the_language_of_erb_where_it_is_asked_for(mira: LmsTables, tmp_path: Path) -> None:
    pipeline = pipeline_of(mira, tmp_path, xapi={"compatible_with": "erb"})
    assert said(pipeline)["object"]["definition"]["name"] == {"en": "Segeln"}
    (outcome,) = pipeline.process(event_from_mapping(VIDEO))
    (course,) = outcome.statements[0].parsed["context"]["contextActivities"]["parent"]
    assert course["definition"]["name"] == {"en-US": "Segeln"}


@pytest.mark.parametrize(("missing_ids", "is_named"), [("skip", False), ("keyed", True)])
def test_addresses_for_mbox(mira: LmsTables, tmp_path: Path, missing_ids: str, is_named: bool) -> None:
    mira.execute("DELETE FROM external_user_ids_externalid")
    identity = {"emails": True, "missing_ids": missing_ids}
    answer = said(pipeline_of(mira, tmp_path, identity, xapi={"actor": "mbox"}))
    expected = {"objectType": "Agent", "mbox": "mailto:mira@learn.example.org"}
    assert (answer["actor"] == expected) if is_named else (answer == UNKNOWN)


def test_own_pseudonyms_of_a_destination_need_no_external_id(mira: LmsTables, tmp_path: Path) -> None:
    destination = {"standard": "xapi", "url": "http://127.0.0.1:9/", "scope": "all", "pseudonyms": "own"}
    pipeline = pipeline_of(mira, tmp_path, destinations={"main": destination})
    (outcome,) = pipeline.process(event_from_mapping(EVENT))
    named = [statement.parsed["actor"]["account"]["name"] for statement in (*outcome.statements, *outcome.own["main"])]
    assert named[0] == XAPI != named[1]


# --- away -----------------------------------------------------------------------------------------------


def test_events_wait_while_the_database_is_away(mira: LmsTables, tmp_path: Path) -> None:
    database = Path(mira.engine.url.database or "")
    aside = database.with_suffix(".aside")
    config = {"key": Fernet.generate_key().decode(), "database": f"sqlite:///{tmp_path}/outbox.sqlite"}
    destination = {"standard": "xapi", "url": "http://127.0.0.1:9/", "scope": "all"}
    raw = raw_file(mira, delivery=config, destinations={"main": destination})
    mira.engine.dispose()
    database.rename(aside)
    try:
        with Relay(assemble_from(raw, tmp_path / "relay.toml")) as relay:
            assert relay.emit(EVENT) == []
            wait_until(lambda: relay.outbox.status([DEFERRED])[DEFERRED].paused != "")
            status = relay.outbox.status([DEFERRED])[DEFERRED]
            assert status.paused == "identity provider openedx is unavailable (OperationalError)"
            aside.rename(database)
            wait_until(lambda: relay.outbox.status(["main"])["main"].accepted == 1)
    finally:
        if aside.exists():
            aside.rename(database)


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# --- forgetting -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--user-id=7", "--username=Mira"])
def test_a_retired_learner_is_forgotten(mira: LmsTables, tmp_path: Path, option: str) -> None:
    config = tmp_path / "relay.toml"
    text = relay_toml(
        ["xapi.*"], {"main": {"standard": "xapi", "url": "http://127.0.0.1:9/"}}, platform={"source": "openedx"},
        identity={"provider": "openedx", **mira.identity_settings()}, delivery={"database": "sqlite:///outbox.sqlite"},
    )  # fmt: skip
    config.write_text(text, encoding="utf-8")
    with Relay.from_file(config) as relay:
        relay.emit(EVENT)
    mira.ask_to_retire(7)
    mira.rename(7, "retired__user_0a1b2c")
    done = CliRunner().invoke(forget, ["--config", str(config), option, "--yes"])
    assert done.exit_code == 0, done.output
    assert f"{XAPI} (xapi): 1 statements removed" in done.output
    done = CliRunner().invoke(forget, ["--config", str(config), "--username=mira", "--yes"])
    assert done.exit_code == 1
    assert "the identity provider does not know this learner" in done.output


# --- check ----------------------------------------------------------------------------------------------


def test_check_asks_the_providers(mira: LmsTables, tmp_path: Path) -> None:
    config = tmp_path / "relay.toml"
    sections = raw_file(mira, delivery={"database": "sqlite:///outbox.sqlite"})
    del sections["plugins"]
    config.write_text(relay_toml(["xapi.*"], **sections), encoding="utf-8")
    answered = CliRunner().invoke(check, ["--config", str(config), "--connect", "--json"])
    assert answered.exit_code == 0, answered.output
    both = [{"name": name, "sound": True, "reason": "openedx"} for name in ("identity", "courses")]
    assert json.loads(answered.stdout)["providers"] == both
    mira.execute("ALTER TABLE course_overviews_courseoverview RENAME TO away")
    try:
        failed = CliRunner().invoke(check, ["--config", str(config), "--connect"])
    finally:
        mira.execute("ALTER TABLE away RENAME TO course_overviews_courseoverview")
    assert failed.exit_code == 1
    assert "course provider openedx is unavailable (OperationalError)" in failed.output


# --- the operator's file --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("database", "problem"),
    [
        ("django", "no Django is set up in this process"),
        ("postgresql://u:hush-hush@h/db", 'expected "django" inside the LMS'),
        ("mysql+pymysql://u:hush-hush@/db", 'expected "django" inside the LMS'),
        ("mysql://u:hush-hush@h", 'expected "django" inside the LMS'),
        ("hush-hush", 'expected "django" inside the LMS'),
        ("mysql://u:hush-hush@h:port/db", 'expected "django" inside the LMS'),
        ("sqlite://", 'expected "django" inside the LMS'),
        ("env:NO_SUCH_VARIABLE", "environment variable NO_SUCH_VARIABLE is not set or empty"),
    ],
)
def test_addresses_that_cannot_be(mira: LmsTables, tmp_path: Path, database: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        pipeline_of(mira, tmp_path, {"database": database})
    assert f"identity.database: {problem}" in str(refused.value)
    assert "hush" not in str(refused.value)


def test_other_keys(mira: LmsTables, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        pipeline_of(
            mira, tmp_path, {"missing_ids": "create", "timeout": "10m", "retired_salts": ["env:NONE"], "create": True}
        )
    for problem in (
        'timeout: expected "100ms" to "30s"',
        "retired_salts: environment variable NONE is not set or empty",
        "create: unknown key",
    ):
        assert f"identity.{problem}" in str(refused.value)
    with pytest.raises(ConfigurationError, match=r"identity\.missing_ids: a copy of the tables in SQLite is only read"):
        pipeline_of(mira, tmp_path, {"missing_ids": "create"})


def test_a_password_in_clear_text_is_warned_of(mira: LmsTables, tmp_path: Path) -> None:
    address = "mysql://relay:hush-hush@db.example.org/openedx"
    raw = raw_file(mira, {"database": address})
    raw["courses"]["database"] = address
    warnings = assemble_from(raw, tmp_path / "relay.toml").config.warnings
    clear = [warning.partition(":")[0] for warning in warnings if "stands here in clear text" in warning]
    assert clear == ["identity.database", "identity.secret", "courses.database"]
    assert "hush" not in repr(assemble_from(raw, tmp_path / "relay.toml").config)
    assert any(warning.startswith("delivery.key: is missing") for warning in warnings)


def test_settings_hold_the_secret_as_one(mira: LmsTables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMS_TABLES", mira.url)
    monkeypatch.setenv("IDENTITY", SECRET)
    identity = {"database": "env:LMS_TABLES", "secret": "env:IDENTITY"}
    assert said(pipeline_of(mira, tmp_path, identity))["actor"]["account"]["name"] == XAPI
