"""What the pages promise of learners: consumers cannot join their data, and who wants to be forgotten is forgotten."""

from __future__ import annotations

from hashlib import sha1
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from learnrelay import Relay
from learnrelay.assembly.assemble import assemble, assemble_from
from learnrelay.cli import cli
from learnrelay.errors import ConfigurationError
from learnrelay.privacy.data_map import derive_data_map
from openedx_events import event_from_mapping

PEOPLE = """user_id,username,external_id,email
1000,ann,Ann 1%,Ann@Example.org
1001,joann,Joann 1%,Joann@Example.org
1003,ann3,Ann 1%3,Ann@Example.org.uk
1002,retired__user_7f,Bea 2,Bea@Example.org
"""
FILE = """
[platform]
root_url = "https://learn.example.org"
[plugins]
enabled = ["xapi.*", "caliper.*"]
[identity]
provider = "table"
path = "people.csv"
secret = "Kd7wq2Lmz9Xv4bTn"
[xapi]
{settings}
[delivery]
database = "sqlite:///outbox.db"
[destinations.lrs]
standard = "xapi"
url = "http://127.0.0.1:1/xapi"
scope = "all"
[destinations.store]
standard = "caliper"
url = "http://127.0.0.1:1/caliper"
scope = "all"
"""
OWN = """
[destinations.partner]
standard = "{}"
url = "http://127.0.0.1:1/partner"
scope = "all"
pseudonyms = "own"
"""
COURSE = "course-v1:Harbour+SAIL+2026"


def event(name: str, data: dict[str, Any], **context: Any) -> dict[str, Any]:
    whole_context = {"course_id": COURSE, "session": "5e5510-key-of-the-session", **context}
    return {"name": name, "timestamp": "2026-03-02T10:00:00+00:00", "data": data, "context": whole_context}


def written(directory: Path, settings: str = "", more: str = "") -> Path:
    (directory / "people.csv").write_text(PEOPLE, encoding="utf-8")
    file = directory / "relay.toml"
    file.write_text(FILE.format(settings=settings) + more, encoding="utf-8")
    return file


def forget(file: Path, *who: str, exit_code: int = 0) -> str:
    done = CliRunner().invoke(cli, ["forget", "--config", str(file), *who])
    assert done.exit_code == exit_code, done.output
    return done.output


def stored(file: Path) -> str:
    """Lists all statements that wait, as text."""
    with Relay.from_file(file) as relay, relay.outbox.database.transaction(write=False) as transaction:
        rows = transaction.execute("SELECT payload FROM learnrelay_statement")
        return "\n".join(bytes(payload).decode() for (payload,) in rows)


@pytest.mark.parametrize("actor", ["account", "mbox", "mbox_sha1sum"])
def test_who_is_forgotten_is_forgotten_in_every_form(actor: str, tmp_path: Path) -> None:
    file = written(tmp_path, f'actor = "{actor}"')
    with Relay.from_file(file) as relay:
        for user in (1000, 1001, 1003):
            relay.emit(event("edx.course.enrollment.activated", {"mode": "audit", "user_id": user}, user_id=user))
    signs = ("Ann 1%", "Ann%201%25", "mailto:Ann@Example.org", sha1(b"mailto:Ann@Example.org").hexdigest())
    assert sum(sign in stored(file) for sign in signs) == 2, "one form for each standard"
    assert "Ann 1% (xapi, caliper): 2 statements removed" in forget(file, "--user-id", "1000")
    left = stored(file)
    assert not any(f'"{sign}"' in left or f'/{sign}"' in left for sign in signs)
    assert len(left.splitlines()) == 4, "those of the others"


def test_who_is_retired_is_silent_and_is_forgotten(tmp_path: Path) -> None:
    enrolled = event("edx.course.enrollment.activated", {"mode": "audit", "user_id": 1002}, user_id=1002)
    file = written(tmp_path)
    (tmp_path / "people.csv").write_text(PEOPLE.replace("retired__user_7f", "bea"), encoding="utf-8")
    with Relay.from_file(file) as relay:
        assert all(outcome.destinations for outcome in relay.emit(enrolled))
    written(tmp_path)
    with Relay.from_file(file) as relay:
        assert not any(outcome.statements for outcome in relay.emit(enrolled)), "the table says that they are retired"
    assert "Bea 2 (xapi, caliper): 2 statements removed" in forget(file, "--user-id", "1002")
    assert stored(file) == ""


def test_forget_lists_what_it_could_not_find(tmp_path: Path) -> None:
    file = written(tmp_path)
    assert "use --pseudonym" in forget(file, "--user-id", "4", exit_code=1)
    keyed = file.read_text(encoding="utf-8").replace('"table"\npath = "people.csv"', '"keyed"')
    file.write_text(keyed, encoding="utf-8")
    with Relay.from_file(file) as relay:
        relay.emit(event("edx.course.enrollment.activated", {"mode": "audit"}, user_id=1000, username="ann"))
    assert "use --user-id" in forget(file, "--username", "ann", exit_code=1)
    assert stored(file)
    forget(file, "--user-id", "1000", "--username", "ann")
    assert stored(file) == ""


MADE = [
    event(
        "edx.special_exam.timed.attempt.submitted",
        {
            "exam_content_id": "block-v1:Harbour+SAIL+2026+type@sequential+block@w", "attempt_user_id": 1000,
            "attempt_id": 907_060_504, "attempt_code": "7C2A9B40-1D3E-4F50-8A6B-9C0D1E2F3A4B",
        },
    ),
    event(
        "edx.special_exam.timed.attempt.created",
        {
            "exam_content_id": "block-v1:Harbour+SAIL+2026+type@sequential+block@w", "attempt_user_id": 1000,
            "attempt_id": 907_060_505,
        },
    ),
    event("edx.forum.comment.created", {"id": "66f0c1", "discussion": {"id": "66f0d1"}, "response": {"id": "66f0e1"}},
          user_id=1000),
    event("edx.forum.thread.voted", {"id": "66f0d1", "vote_value": "up", "undo_vote": False}, user_id=1000),
    event(
        "openassessmentblock.create_submission", {"submission_uuid": "5d8c1f0e-6a37-4e55-9b1c-0f2a7d3e9c41"},
        user_id=1000, module={"usage_key": "block-v1:Harbour+SAIL+2026+type@openassessment+block@w"},
    ),
    event(  # whose key the learner's own work has, not that of the example
        "openassessment.student_training_assess_example",
        {"submission_uuid": "6e9d2f1f-7b48-4f66-8c2d-1f3b8e4f0d52", "options_selected": {}, "corrections": {}},
        user_id=1000, module={"usage_key": "block-v1:Harbour+SAIL+2026+type@openassessment+block@w"},
    ),
]  # fmt: skip
KEYS = (
    "5d8c1f0e-6a37-4e55-9b1c-0f2a7d3e9c41", "6e9d2f1f-7b48-4f66-8c2d-1f3b8e4f0d52", "907060504",
    "907060505", "7c2a9b40-1d3e-4f50-8a6b-9c0d1e2f3a4b", "66f0c1", "66f0d1", "66f0e1", "5e5510-key",
)  # fmt: skip


@pytest.mark.parametrize("standard", ["xapi", "caliper"])
def test_no_key_of_what_a_learner_made_joins_own_pseudonyms_to_others(standard: str, tmp_path: Path) -> None:
    file = written(tmp_path, 'session_ids = "plain"', OWN.format(standard))
    shared, own = "", ""
    with Relay.from_file(file) as relay:
        for event in MADE:
            for outcome in relay.process(event_from_mapping(event))[0]:
                shared += "".join(statement.content.decode() for statement in outcome.statements)
                own += "".join(statement.content.decode() for statement in outcome.own.get("partner", ()))
    assert [key for key in KEYS if key not in shared] == []
    assert [key for key in KEYS if key in own] == []


def test_the_map_shows_in_what_form_each_destination_gets_such_a_key(tmp_path: Path) -> None:
    file = written(tmp_path, more=OWN.format("xapi"))
    forms = {
        (row.source, destination.name, row.form.words)
        for row in derive_data_map(assemble(file), ["edx.forum.comment.created"])
        for destination in row.destinations
        if row.form and row.output == "object.id"
    }
    assert forms == {("data.id", "lrs", "value"), ("data.id", "partner", "digest"), ("data.id", "store", "value")}


@pytest.mark.parametrize("actor", ["mbox", "mbox_sha1sum"])
def test_own_pseudonyms_and_addresses_exclude_each_other(actor: str, tmp_path: Path) -> None:
    written(tmp_path)
    destination = {"standard": "xapi", "url": "https://x.example", "scope": "all", "pseudonyms": "own"}
    raw = {
        "platform": {"root_url": "https://learn.example.org"},
        "plugins": {"enabled": ["xapi.*"]},
        "identity": {"provider": "table", "path": "people.csv", "secret": "Kd7wq2Lmz9Xv4bTn"},
        "xapi": {"actor": actor},
        "destinations": {"partner": destination, "main": {**destination, "pseudonyms": "standard"}},
    }
    with pytest.raises(ConfigurationError) as caught:
        assemble_from(raw, tmp_path / "relay.toml")
    (problem,) = caught.value.problems
    assert problem.key == "destinations.partner.pseudonyms"
    assert "it would get nothing" in problem.reason
