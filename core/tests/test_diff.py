"""``learnrelay diff``: which statements an upgrade or another configuration changes."""

from __future__ import annotations

import json
import os
import site
import sys
import sysconfig
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from command_server import run_command
from learnrelay.comparison.statement_changes import ABSENT, ChangeSelection, StatementChanges, compare_values
from relay_files import relay_toml
from single_files import POLLS, ROWS, raw_event

EVENTS = [
    raw_event(),
    raw_event(data={"question": "q2"}),
    raw_event("poll.closed"),
    raw_event("poll.opened"),
    raw_event(user_id=None),
]
LATER = (
    POLLS.replace('"poll.answered"', '"poll.answered", "poll.opened"')
    .replace('"scale": settings["scale"]', '"steps": settings["scale"], "kind": "poll"')
)  # fmt: skip
EARLIER = POLLS.replace('"poll.answered"', '"poll.answered", "poll.closed"').replace(
    '"scale": settings["scale"]', '"scale": settings["scale"], "kind": "vote"'
)


def write_log(folder: Path, events: Sequence[Any]) -> Path:
    log = folder / "tracking.log"
    log.write_text("".join(json.dumps(event) + "\n" for event in events), encoding="utf-8")
    return log


def write_side(folder: Path, name: str, polls: str, destinations: Mapping[str, Any] | None = None) -> Path:
    """Writes an operator's file with single-file plugins in a folder of its own."""
    place = folder / name
    place.mkdir()
    (place / "standard.py").write_text(ROWS, encoding="utf-8")
    (place / "polls.py").write_text(polls, encoding="utf-8")
    config = place / "relay.toml"
    config.write_text(relay_toml([], destinations, ["standard.py", "polls.py"]), encoding="utf-8")
    return config


def diff(*arguments: Any, code: int, stdin: bytes = b"") -> str:
    environment = {**os.environ, "SECRET": "Kd7wq2Lmz9Xv4bTn", "NO_COLOR": "1"}
    done = run_command(("diff", *arguments), environment, Path.cwd(), stdin)
    assert done.returncode == code, done.stderr.decode() + done.stdout.decode()
    assert b"Traceback" not in done.stderr
    return done.stdout.decode() if code < 2 else done.stderr.decode()


def test_changes_are_counted_by_event_and_path_with_an_example_each(tmp_path: Path) -> None:
    old, new = write_side(tmp_path, "old", EARLIER), write_side(tmp_path, "new", LATER)
    log = write_log(tmp_path, EVENTS)
    report = json.loads(diff(old, new, log, "--json", code=1))
    assert report["lines"] == 5
    assert report["statements"] == {"same": 0, "of_another_version": 0, "changed": 2, "appeared": 1, "vanished": 1}
    listed = {(row["event"], row["kind"], row.get("path") or row["reason"]): row for row in report["differences"]}
    assert {key: row["statements"] for key, row in listed.items()} == {
        ("poll.answered", "changed", "kind"): 2,
        ("poll.answered", "removed", "scale"): 2,
        ("poll.answered", "added", "steps"): 2,
        ("poll.closed", "vanishes", "not mapped"): 1,
        ("poll.opened", "appears", "not mapped"): 1,
    }
    assert listed["poll.closed", "vanishes", "not mapped"]["example"] == {"file": str(log), "line": 3}
    assert listed["poll.answered", "removed", "scale"]["example"] == {"file": str(log), "line": 1, "before": "<number>"}
    constant = listed["poll.answered", "changed", "kind"]["example"]
    assert (constant["before"], constant["after"]) == ("vote", "poll")


def test_events_glued_together_in_a_line_are_compared_each(tmp_path: Path) -> None:
    old, new = write_side(tmp_path, "old", EARLIER), write_side(tmp_path, "new", LATER)
    log = tmp_path / "tracking.log"
    log.write_text("".join(json.dumps(event) for event in (EVENTS[0], EVENTS[2])) + "\n\n", encoding="utf-8")
    report = json.loads(diff(old, new, log, "--json", code=1))
    assert report["lines"] == 2
    assert report["statements"] == {"same": 0, "of_another_version": 0, "changed": 1, "appeared": 0, "vanished": 1}


def test_a_side_that_cannot_read_glued_events_has_no_statement_of_any() -> None:
    changes = StatementChanges((frozenset(), frozenset()))
    unreadable = b'[["", "", "unreadable: not valid JSON", []]]'
    both = b'[["rows", "a", "", [["1", {}]]], null, ["rows", "b", "", [["2", {}]]]]'
    assert list(changes.compare("log", 1, unreadable, both)) == []
    assert {(row.event, row.kind, row.what) for row in changes.rows} == {
        ("a", "appears", "unreadable: not valid JSON"),
        ("b", "appears", "unreadable: not valid JSON"),
    }
    assert list(changes.compare("log", 2, both, unreadable)) == ["1", "2"]


def test_the_same_is_exit_code_0_and_wrong_use_2(tmp_path: Path) -> None:
    config, other = write_side(tmp_path, "old", POLLS), write_side(tmp_path, "new", POLLS)
    log = write_log(tmp_path, EVENTS)
    assert "2 are the same" in diff(config, other, "-", stdin=log.read_bytes(), code=0)
    assert "there is no such file" in diff(config, tmp_path / "gone.toml", log, code=2)
    assert "give --config FILE" in diff(config, Path(sys.executable).parent.parent, log, code=2)
    assert "no Python environment" in diff(f"{tmp_path}:{config}", config, log, code=2)
    assert "no destination main" in diff(config, other, log, "--to", "main", code=2)
    other.write_text(relay_toml(["no.such"]), encoding="utf-8")
    assert "no.such" in diff(config, other, log, code=2)
    assert "No such file" in diff(config, config, tmp_path / "gone.log", code=2)


def test_values_are_masked_unless_they_are_to_be_shown(tmp_path: Path) -> None:
    shouting = POLLS.replace('"question": answer.question', '"question": answer.question.upper()')
    old, new = write_side(tmp_path, "old", POLLS), write_side(tmp_path, "new", shouting)
    log = write_log(tmp_path, [raw_event(data={"question": "hush-hush"})])
    masked = diff(old, new, log, code=1)
    assert "hush" not in masked.lower()
    assert "<text> → <text>" in masked
    assert '  question: "hush-hush" → "HUSH-HUSH"' in diff(old, new, log, "--show-values", code=1)


def test_ids_of_old_statements_that_change_or_vanish(tmp_path: Path) -> None:
    destinations = {"main": {"standard": "rows", "url": "https://main.example.org"}}
    old = write_side(tmp_path, "old", EARLIER, destinations)
    new = write_side(tmp_path, "new", LATER, destinations)
    log = write_log(tmp_path, EVENTS)
    ids = diff(old, new, log, "--ids", "--to", "main", code=1).splitlines()
    assert [line.split("/")[1] for line in ids] == ["poll.answered", "poll.answered", "poll.closed"]
    assert "--ids needs --to NAME" in diff(old, new, log, "--ids", code=2)  # ids of several standards void nothing


@pytest.mark.parametrize(
    ("events", "paths", "ids"),
    [
        ((), (), ["1", "2"]),
        (("watch*", "other"), (), ["1", "2"]),
        (("other",), (), []),
        ((), ("n",), ["1"]),
        ((), ("items[*].x", "no"), ["1"]),
        ((), ("items*",), ["1"]),
        ((), ("verb",), []),
    ],
)
def test_differences_are_selected_by_event_and_path(
    events: tuple[str, ...], paths: tuple[str, ...], ids: list[str]
) -> None:
    changes = StatementChanges((frozenset(), frozenset()), ChangeSelection(events, paths))
    old = answer(("plain", [["1", {"verb": "a", "n": 1, "items": [{"x": 1}]}], ["2", {}]]))
    new = answer(("plain", [["1", {"verb": "a", "n": 2, "items": [{"x": 2}]}]]))
    assert list(changes.compare("log", 1, old, new)) == ids
    assert changes.differ == bool(ids)


def test_only_what_a_destination_gets(tmp_path: Path) -> None:
    def destination(**keys: Any) -> dict[str, Any]:
        return {"main": {"standard": "rows", "url": "https://main.example.org", **keys}}

    own = destination(pseudonyms="own")
    nothing = destination(scope={"all": True, "deny": {"event": "poll.answered"}})
    old = write_side(tmp_path, "old", POLLS, own)
    denied = write_side(tmp_path, "denied", POLLS, nothing)
    log = write_log(tmp_path, EVENTS[:1])
    assert "1 are the same" in diff(old, denied, log, code=0)
    report = json.loads(diff(old, denied, log, "--to", "main", "--json", code=1))
    (row,) = report["differences"]
    assert row["kind"] == "vanishes"
    assert row["reason"].startswith("denied: ")


@pytest.fixture(scope="module")
def other_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a Python environment with the packages of this one, and another release of one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(folder), "platbase": str(folder)}))
    (packages / "acme_polls.py").write_text(LATER, encoding="utf-8")
    metadata = packages / "acme_polls-2.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-polls\nVersion: 2.0\n", encoding="utf-8")
    (packages / "acme_rows.py").write_text(ROWS, encoding="utf-8")
    points = "[learnrelay.standards.v1]\nrows = acme_rows\n"
    points += "[learnrelay.families.v1]\nrows.polls = acme_polls:family\n"
    (metadata / "entry_points.txt").write_text(points, encoding="utf-8")
    lines = [f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()]
    (packages / "packages-of-this-environment.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_another_environment_runs_its_own_plugins(
    other_environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    old = write_side(tmp_path, "old", EARLIER)
    config = tmp_path / "relay.toml"
    config.write_text(relay_toml(["rows.*"]), encoding="utf-8")
    log = write_log(tmp_path, EVENTS)
    report = json.loads(diff(old, f"{other_environment}:{config}", log, "--json", code=1))
    assert report["new"]["python"] == str(other_environment / "bin" / "python")
    assert report["statements"] == {"same": 0, "of_another_version": 0, "changed": 2, "appeared": 1, "vanished": 1}


def test_an_environment_without_learnrelay_is_named(tmp_path: Path) -> None:
    config = write_side(tmp_path, "old", POLLS)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n', encoding="utf-8")
    python.chmod(0o700)
    reason = diff(f"{python}:{config}", config, write_log(tmp_path, EVENTS), code=2)
    assert str(python) in reason


AWAY = """
from learnrelay import IdentityProvider, Unavailable, hookimpl
from learnrelay.config.fields import Section


class Away(IdentityProvider):
    name = "away"
    settings_schema = Section

    def __init__(self, settings):
        pass

    def learner(self, user, space):
        raise Unavailable

    def digest(self, value, space):
        return value


@hookimpl
def register_identity_providers(register):
    register(Away)
"""


def test_a_side_that_ends_half_way_is_named(tmp_path: Path) -> None:
    ending = POLLS.replace("    return {", "    __import__('os')._exit(3)\n    return {")
    old, new = write_side(tmp_path, "old", ending), write_side(tmp_path, "new", POLLS)
    assert "OLD: its process has ended with exit code 3" in diff(old, new, write_log(tmp_path, EVENTS), code=2)


def test_a_provider_that_does_not_answer_is_no_difference(tmp_path: Path) -> None:
    old, new = write_side(tmp_path, "old", POLLS), write_side(tmp_path, "new", POLLS)
    (new.parent / "away.py").write_text(AWAY, encoding="utf-8")
    files = ["standard.py", "polls.py", "away.py"]
    config = relay_toml([], files=files, identity={"provider": "away"}).replace('secret = "env:SECRET"\n', "")
    new.write_text(config, encoding="utf-8")
    reason = diff(old, new, write_log(tmp_path, EVENTS), code=2)
    assert "NEW: identity provider away is unavailable" in reason


def answer(*outcomes: tuple[str, list[Any]], event: str = "watched") -> bytes:
    return json.dumps([[standard, event, "", statements] for standard, statements in outcomes]).encode()


def test_statements_are_paired_by_id_then_by_likeness() -> None:
    changes = StatementChanges((frozenset(), frozenset()))
    a, b, c = ({"verb": verb, "object": {"id": verb}, "n": 1} for verb in ("a", "b", "c"))
    old = answer(("plain", [["1", a], ["2", b], ["3", c]]))
    new = answer(("plain", [["9", {**c, "n": 2}], ["2", {**b, "n": 2}]]))
    assert sorted(changes.compare("log", 1, old, new)) == ["1", "2", "3"]
    assert (changes.changed, changes.vanished, changes.appeared) == (2, 1, 0)
    assert {(row.kind, row.what): count.statements for row, count in changes.rows.items()} == {
        ("changed", "n"): 2,
        ("vanishes", "another number of statements"): 1,
    }


def test_another_version_of_the_mapping_is_no_difference() -> None:
    changes = StatementChanges((frozenset({"acme@1"}), frozenset({"acme@2"})))
    old = answer(("plain", [["1", {"by": "acme@1"}], ["2", {"by": "acme@1", "n": 1}]]))
    new = answer(("plain", [["1", {"by": "acme@2"}], ["2", {"by": "acme@2", "n": 2}]]))
    assert list(changes.compare("log", 1, old, new)) == ["2"]
    assert (changes.of_another_version, changes.changed) == (1, 1)
    assert [row.what for row in changes.rows] == ["n"]


def test_rows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("learnrelay.comparison.statement_changes.MAX_ROWS", 3)
    changes = StatementChanges((frozenset(), frozenset()), ChangeSelection())
    for number in range(9):
        old, new = (answer(("plain", [["1", {f"key{number}": value}]])) for value in ("x" * 5_000, "y"))
        list(changes.compare("log", number, old, new))
    assert [count.statements for count in changes.rows.values()] == [1, 1, 1, 6]
    assert all(len(count.example.before) < 2_000 for count in list(changes.rows.values())[:3])


def test_values_are_compared_strictly() -> None:
    before = {"a": 1, "b": [1, {"c": True}], "d": [1], "e": {"f": 1}}
    after = {"a": 1.0, "b": [1, {"c": 1}], "d": [1, 2], "g": None}
    assert list(compare_values(before, after)) == [
        ("a", 1, 1.0),
        ("b[*].c", True, 1),
        ("d", [1], [1, 2]),
        ("e", {"f": 1}, ABSENT),
        ("g", ABSENT, None),
    ]
