"""A new secret of [identity]: who was called how before, and how from now on (docs/running.md)."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from learnrelay import Relay
from learnrelay.cli import cli
from relay_files import relay_toml

OLD, NEW = "Kd7wq2Lmz9Xv4bTn", "Hb5rj8Pxc3Gf6yWs"
EVENT = {
    "name": "edx.video.played",
    "timestamp": "2026-03-02T09:42:01+00:00",
    "data": {"id": "0a1b", "code": "html5", "currentTime": 42, "duration": 1001},
    "context": {"user_id": 7, "username": "ann", "course_id": "course-v1:Harbour+SAIL+2026"},
}


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLD", OLD)
    monkeypatch.setenv("NEW", NEW)


def write_file(folder: Path, secret: str, **identity: str) -> Path:
    url = "http://127.0.0.1:1/"
    destinations = {
        "lrs": {"standard": "xapi", "url": url},
        "partner": {"standard": "xapi", "url": url, "pseudonyms": "own"},
        "store": {"standard": "caliper", "url": url},
    }
    text = relay_toml(
        ["xapi.video", "caliper.video"], destinations,
        identity={"secret": f"env:{secret}", **identity}, delivery={"engine": "none"},
    )  # fmt: skip
    (file := folder / "relay.toml").write_text(text, encoding="utf-8")
    return file


def pseudonyms(file: Path, users: str, *options: str, code: int = 0) -> Result:
    arguments = ["pseudonyms", "-c", str(file), "-", "--output", str(file.with_name("map.csv")), *options]
    done = CliRunner().invoke(cli, arguments, input=users)
    assert done.exit_code == code, done.output
    return done


def rows(file: Path) -> list[dict[str, str]]:
    with file.with_name("map.csv").open(encoding="utf-8") as text:
        return list(csv.DictReader(text))


def actors(file: Path) -> dict[str, str]:
    """What statements of an event of user 7 name the learner, by space."""
    with Relay.from_file(file) as relay:
        statements = [json.loads(s.content) for outcome in relay.emit(EVENT) for s in outcome.statements]
    named = {}
    for statement in statements:
        actor: Any = statement["actor"]
        space = "caliper" if isinstance(actor, str) or "id" in actor else "xapi"
        named[space] = json.dumps(actor)
    return named


@pytest.mark.parametrize(("present", "other", "option"), [("NEW", "OLD", "former"), ("OLD", "NEW", "new")])
def test_the_map_has_the_names_of_both_times(present: str, other: str, option: str, tmp_path: Path) -> None:
    before, after = actors(write_file(tmp_path, "OLD")), actors(write_file(tmp_path, "NEW"))
    file = write_file(tmp_path, present)
    pseudonyms(file, "user_id,username\n7,ann\n", f"--{option}-secret", f"env:{other}")
    by_id = {row["space"]: row for row in rows(file) if row["known_by"] == "id"}
    assert by_id.keys() == {"xapi", "xapi/partner", "caliper"}
    columns = ("former", "present") if option == "former" else ("present", "new")
    for space in ("xapi", "caliper"):
        assert by_id[space][columns[0]] in before[space]
        assert by_id[space][columns[1]] in after[space]
    by_name = [row for row in rows(file) if row["known_by"] == "name"]
    assert {row["space"] for row in by_name} == by_id.keys(), "events that have the name only"
    assert len({row["present"] for row in rows(file)}) == 6


def test_the_map_is_for_its_owner_and_replaces_nothing(tmp_path: Path) -> None:
    file = write_file(tmp_path, "NEW")
    pseudonyms(file, "user_id\n7\n")
    assert file.with_name("map.csv").stat().st_mode & 0o777 == 0o600
    assert "present" in rows(file)[0] and "former" not in rows(file)[0]
    assert "exists already" in pseudonyms(file, "user_id\n7\n", code=2).output


def test_with_a_table_only_pseudonyms_of_single_destinations_change(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("user_id,username,external_id\n7,ann,ext-7\n")
    file = write_file(tmp_path, "NEW", provider="table", path="people.csv")
    done = pseudonyms(file, "user_id,username\n7,ann\n8,bob\n", "--former-secret", "env:OLD", code=1)
    assert "1 users are left out: the identity provider does not know them" in done.output
    changed = {row["space"]: row["former"] != row["present"] for row in rows(file)}
    assert changed == {"xapi": False, "caliper": False, "xapi/partner": True}
    assert len(rows(file)) == 3, "id and name give the same: each is there once"


def test_who_objected_is_marked_so_that_they_can_be_added_under_the_new_secret(tmp_path: Path) -> None:
    (tmp_path / "objections.txt").touch(0o600)
    file = write_file(tmp_path, "OLD", objections="objections.txt")
    assert CliRunner().invoke(cli, ["object", "-c", str(file), "--user-id", "7"]).exit_code == 0
    pseudonyms(file, "user_id\n7\n8\n", "--new-secret", "env:NEW")
    assert {(row["user_id"], row["objected"]) for row in rows(file)} == {("7", "yes"), ("8", "")}


@pytest.mark.parametrize(
    ("users", "options", "reason"),
    [
        ("name\nann\n", (), "-: no column user_id or username in the first line"),
        ("user_id,username\n7,ann\n,\n", (), "-:3: neither user_id nor username"),
        ("user_id\n7\n", ("--new-secret", "file:nowhere"), "--new-secret: secret file nowhere cannot be read"),
        ("user_id\n7\n", ("--former-secret", "env:NONE"), "--former-secret: environment variable NONE is not set"),
        ("user_id\n7\n", ("--former-secret", "env:OLD", "--new-secret", "env:NEW"), "goes without --new-secret"),
    ],
)
def test_mistakes_are_named_and_leave_no_file(
    users: str, options: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    done = pseudonyms(file := write_file(tmp_path, "NEW"), users, *options, code=2)
    assert reason in done.output.replace("Invalid value for ", "")
    assert not file.with_name("map.csv").exists()
