"""What an enricher gives and does not get in, because it stands there already, is counted and shown by its path."""

from __future__ import annotations

import json
from pathlib import Path

from installation import Installation
from learnrelay.pipeline.outcome_counts import MAX_NAMES, OTHER_PARTS, OutcomeCounts
from learnrelay.pipeline.run import Outcome, OutcomeState, Pipeline
from relay_files import relay_toml
from single_files import ROWS, assemble_files, raw_event, statements_of

POLLS = '''
from learnrelay import Family, Fields, required

family = Family("rows.polls")


class Answer(Fields):
    question = required("data.question")


@family.maps("poll.answered", reads=Answer)
def answered(answer, platform):
    """The learner answers a poll."""
    return {"question": answer.question, "tags": ["poll"], "place": {"room": 1}}
'''
ENRICHER = """
from learnrelay import Fields, hookimpl, optional


class Org(Fields):
    org = optional("context.org_id")


@hookimpl(reads=Org)
def enrich_statement(fields, standard):
    return {
        "tags": ["poll", "mine"], "place": {"room": 2, "floor": 3}, "question": None, "event": "poll.answered",
        "org": fields.org,
    }
"""
FILES = {"rows.py": ROWS, "polls.py": POLLS, "acme_org.py": ENRICHER}
NOT_ADDED = ["enricher enrichers:acme_org: tags", "enricher enrichers:acme_org: place.room"]


def test_parts_that_stand_there_with_another_value_are_named(tmp_path: Path) -> None:
    assembly = assemble_files(tmp_path, FILES)
    event = raw_event(org_id="Harbour")
    (statement,) = statements_of(assembly, event)
    assert statement == {
        "event": "poll.answered", "question": "q1", "tags": ["poll"], "place": {"room": 1, "floor": 3},
        "org": "Harbour",
    }  # fmt: skip
    (outcome,) = Pipeline(assembly.plan).process(assembly.source.event_from_mapping(event))
    assert outcome.not_added == NOT_ADDED
    counts = OutcomeCounts.of(["rows"])
    counts.count([outcome])
    counts.count([outcome])
    assert counts.as_json()["standards"]["rows"]["not_added"] == dict.fromkeys(NOT_ADDED, 2)
    assert counts.counted()["rows", "not added", NOT_ADDED[0]] == 2
    assert (counts.standards["rows"].events, counts.lines) == (2, 2), "they are no outcomes of their own"


def test_paths_without_end_are_counted_together() -> None:
    counts = OutcomeCounts.of(["rows"])
    for number in range(MAX_NAMES + 5):
        counts.count([Outcome("rows", OutcomeState.TRANSFORMED, "e", not_added=[f"enricher x: {number}"])])
    not_added = counts.standards["rows"].not_added
    assert (len(not_added), not_added[OTHER_PARTS]) == (MAX_NAMES + 1, 5)


def test_the_command_line_runs_an_enricher_and_says_what_is_not_added(
    installation: Installation, tmp_path: Path
) -> None:
    installation.install("acme-org", {"learnrelay.enrichers.v1": {"acme_org": "acme_org"}}, ENRICHER)
    installation.install(
        "acme-rows",
        {
            "learnrelay.standards.v1": {"rows": "acme_rows"},
            "learnrelay.families.v1": {"rows.polls": "acme_rows:family"},
        },
        ROWS + POLLS,
    )
    event = json.dumps(raw_event(org_id="Harbour")).encode()
    plain = installation.run("transform", "--standard", "rows", stdin=event)
    assert "org" not in json.loads(plain.stdout)
    done = installation.run("transform", "--standard", "rows", "--enricher", "acme_org", stdin=event)
    assert json.loads(done.stdout)["org"] == "Harbour", done.stderr
    row = next(line for line in done.stderr.decode().splitlines() if "place.room" in line)
    assert row.split() == ["not", "added", "(there", "already):", "enricher", "enrichers:acme_org:", "place.room", "1"]
    wrong = installation.run("transform", "--standard", "rows", "--enricher", "acme_orgs", stdin=event)
    assert 'no enricher "acme_orgs" is installed' in wrong.stderr.decode()
    assert 'did you mean "acme_org"?' in wrong.stderr.decode()
    config = tmp_path / "relay.toml"
    config.write_text(relay_toml(["rows.*", "acme_org"]))
    explained = installation.run("explain", "--config", config, stdin=event, SECRET="Kd7wq2Lmz9Xv4bTn").stdout.decode()
    assert "  not added   enricher enrichers:acme_org: tags (there already)\n" in explained
    both = installation.run("transform", "--config", config, "--enricher", "acme_org", stdin=event)
    assert (both.returncode, "goes without --config" in both.stderr.decode()) == (2, True)
