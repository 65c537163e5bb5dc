"""What the page of departures says is so: it is fresh, complete, and exactly what the reference pairs show."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from learnrelay.pipeline.run import Pipeline
from learnrelay_openedx import caliper_departures as departures
from learnrelay_openedx.erb.compare_command import compare
from learnrelay_openedx.erb.named_departures import RULES
from openedx_events import event_from_mapping

PAGE = Path(__file__).parents[4] / "docs" / "caliper-departures.md"
EVERY_USER = "32e08e30-f8ae-4ce2-94a8-c2bfe38a70cb"


def test_the_page_is_fresh() -> None:
    """`LEARNRELAY_REGENERATE=1` writes it."""
    if os.environ.get("LEARNRELAY_REGENERATE"):
        PAGE.write_text(departures.page(), "utf-8")
    assert PAGE.read_text("utf-8") == departures.page()


def test_every_mapped_event_has_a_row_and_no_other(pipeline: Pipeline) -> None:
    named = {event.partition(" (")[0] for row in departures.DEPARTURES for event in row.events}
    assert named == set(pipeline.plan.mappings)


def test_the_pairs_differ_where_the_page_says_so_and_nowhere_else(
    reference: Path, relay_with: Callable[..., Pipeline]
) -> None:
    pairs = [json.loads(file.read_text("utf-8")) for file in sorted((reference / "pairs" / "caliper").glob("*.json"))]
    users = {user for pair in pairs for user in users_of(pair["raw"])}
    pipeline = relay_with(root_url="http://localhost:18000", learners=[(*user, EVERY_USER) for user in users])
    assert pairs
    for pair in pairs:
        (outcome,) = pipeline.process(event_from_mapping(pair["raw"]))
        ours, theirs = outcome.statements[0].parsed, pair["expected"]
        changed = {
            "type": ours["type"] != theirs["type"],
            "actor": ours["actor"]["id"] != theirs["actor"]["id"],
            "object": ours["object"]["id"] != theirs["object"]["id"],
            "eventTime": ours["eventTime"] != theirs["eventTime"],
            "session": ("session" in ours) != ("session" in theirs),
        }
        name = pair["raw"]["name"]
        if name == "problem_check":
            name += " (server)" if theirs["type"] == "GradeEvent" else " (browser)"
        assert {key for key, differs in changed.items() if differs} == departures.changes_of(name), name


def test_each_difference_of_the_pairs_has_the_name_of_a_row(
    reference: Path, relay_with: Callable[..., Pipeline], tmp_path: Path
) -> None:
    pairs = [json.loads(file.read_text("utf-8")) for file in sorted((reference / "pairs" / "caliper").glob("*.json"))]
    users = {user for pair in pairs for user in users_of(pair["raw"])}
    pipeline = relay_with(root_url="http://localhost:18000", learners=[(*user, EVERY_USER) for user in users])
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    with ours.open("wb") as our_file, theirs.open("w") as their_file:
        for day, pair in enumerate(pairs, 1):  # some have the same instant, and are events of several problems
            of_day = f"2021-03-{day:02}T10:00:00.250"
            outcomes = pipeline.process(event_from_mapping(pair["raw"] | {"timestamp": f"{of_day}+00:00"}))
            our_file.writelines(s.content + b"\n" for outcome in outcomes for s in outcome.statements)
            their_file.write(f"{json.dumps(pair['expected'] | {'eventTime': f'{of_day}Z'})}\n")
    done = CliRunner().invoke(compare, [str(ours), str(theirs), "--ignore", "object.name", "--json"])
    report = json.loads(done.stdout)
    assert [row for row in report["differences"] if row["kind"] not in ("form", "correction")] == []
    assert (done.exit_code, report["pairs"]["corrected"], report["theirs"]["unreadable"]) == (0, len(pairs), 0)
    assert "answers to questions" in {row["what"] for row in report["differences"]}


def test_each_name_of_a_rule_is_that_of_a_row_and_each_row_has_a_rule() -> None:
    named = {row.name for row in departures.DEPARTURES if row.name}
    assert {rule.name for rule in RULES} | {"answers to questions"} == named


def users_of(value: Any) -> Iterator[tuple[str, str]]:
    """Lists the users who are named below a value, as rows of an identity table."""
    if isinstance(value, dict):
        if value.get("user_id"):
            yield str(value["user_id"]), ""
        if value.get("username"):
            yield "", value["username"]
        for inner in value.values():
            yield from users_of(inner)
