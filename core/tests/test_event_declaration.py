"""``learnrelay new-plugin --event`` guesses a declaration from real events, and writes none of their values."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from installation import Installation
from learnrelay import Fields
from learnrelay.cli.event_declaration import (
    DeclarationGuesser,
    write_construction,
    write_declaration,
    write_samples,
    write_values,
)
from learnrelay.fields import compile_extractor
from openedx_events import SOURCE, event_from_line, event_from_mapping
from plain import event
from relay_files import relay_toml

QUIZ_EVENTS = Path(__file__).with_name("quiz_events.jsonl").read_bytes().splitlines()


def guess(*payloads: Any) -> tuple[dict[str, str], str]:
    """Returns name → declaration of what is guessed of payloads, and all that is written."""
    return guess_events([event_from_mapping(event("acme.answered", data=data)) for data in payloads])


def guess_events(events: list[Any]) -> tuple[dict[str, str], str]:
    declaration = DeclarationGuesser(SOURCE).guess(events)
    source = write_declaration(declaration, "AnsweredFields")
    names: dict[str, Any] = {"__name__": "guessed"}
    exec(compile(source, "guessed", "exec", dont_inherit=True), names)
    samples = write_samples(declaration, SOURCE, events)
    fields: type[Fields] = names["AnsweredFields"]
    for line in samples.encode().splitlines():
        compile_extractor(fields)(event_from_line(line).body)
    eval(write_construction(declaration, SOURCE, "AnsweredFields"), names)
    written = source + samples + write_values(declaration, '"', '"')
    return dict(re.findall(r"^    (# \w+|\w+) = (.*)$", source, flags=re.MULTILINE)), written


def test_kinds_come_from_names_and_values() -> None:
    uuid = "6f1b2c7e-0f6e-4c55-9f2f-5a3c1d7e9b10"
    declared, _ = guess(
        {
            "question_id": "q1", "block_id": 7, "run_id": uuid, "seconds": 3, "attempts": 2, "share": 0.5,
            "is_final": False, "started": "2026-03-02T09:00:00Z", "mode": "verified", "several": [1, 2],
        }
    )  # fmt: skip
    assert {name: re.sub(r'\w+\("data\.\w+", kind=|\)', "", text) for name, text in declared.items()} == {
        "question_id": "identifier", "block_id": "identifier", "run_id": "uuid", "seconds": "number",
        "attempts": "count", "share": "number", "is_final": "boolean", "started": "moment", "mode": "text",
        "several": "scalars",
    }  # fmt: skip


def test_several_events_show_what_may_be_missing_and_one_does_not() -> None:
    declared, _ = guess({"question_id": "q1", "share": 0.5, "rank": 1}, {"question_id": "q2", "share": 1, "rank": None})
    assert [text.partition("(")[0] for text in declared.values()] == ["required", "required", "optional"]
    declared, _ = guess({"share": 0.5, "question_id": "q1", "rank": 1})
    assert [text.partition("(")[0] for text in declared.values()] == ["optional", "required", "optional"]
    mixed, _ = guess({"question_id": "q1", "value": "hush"}, {"question_id": "q1", "value": 3})
    assert mixed["value"] == 'required("data.value")'


def test_what_looks_personal_is_graded_and_left_to_the_author() -> None:
    declared, written = guess(
        {"id": "i", "email": "ada@hush.example", "choice": "hush", "poll": {"author": {"name": "Ada"}}}
    )
    assert list(declared) == ["id", "# email", "# choice", "# author_name"]
    assert (
        '    # direct: names a person, or reaches one\n    # email = optional("data.email", kind=text, reason='
        in written
    )
    assert "    # indirect: linkable to a person, or a person's words\n    # choice = " in written


def test_collections_and_texts_that_hold_values() -> None:
    rows = [{"row_id": "r1", "points": 3}, {"row_id": "r2", "points": 4}]
    declared, written = guess(
        {
            "rows": rows, "by_input": {"hush_2_1": {"ok": True}, "hush_3_1": {"ok": False}},
            "other": '{"quizid": 17}', "answers": {"hush/1": "hush"},
            "input_i4x-hush-4f1c0de77_2_1": 3, "poll": {"size": 3, "rows": 2},
        }
    )  # fmt: skip
    assert declared["rows"] == 'each("data.rows", RowsEntry)'
    assert declared["row_id"] == 'required("row_id", kind=identifier)'
    assert declared["by_input"] == 'each("data.by_input", ByInputEntry)'
    assert declared["quizid"] == 'required("data.other|json.quizid", kind=identifier)'
    assert declared["poll_rows"] == 'optional("data.poll.rows", kind=number)', "rows is taken"
    assert "# data.answers is left out: an object whose keys are values\n" in written
    assert "hush" not in written


@pytest.mark.parametrize(
    "payload",
    [
        {},
        None,
        "text",
        [1],
        {"a": None},
        {"class": 1, "declared": 2, "1st": 3, "ünï": 4, "é": 1},
        {"a.b": 1, "c|d": 2},
        {"a": {"b": {"c": {"d": {"e": {"f": 1}}}}}},
        {"a": [{"b": 1}, 2]},
        {"a": [[1]]},
        {"a": {}},
        {"a": [{"email": "x"}]},
        {"a": "x" * 100_000},
        {"k" * n: n for n in range(1, 200)},
        {'"': 1, "\\": 2, "'": 3, "\n": 4, "#": 5},
        {"user": {"id": 1, "name": "n"}},
        {"user_id": 7, "username": "hush"},
    ],
)
def test_any_payload_gives_a_module_and_samples(payload: Any) -> None:
    guess(payload)
    guess(payload, {"id": "i1"}, payload)


def test_nothing_of_the_events_is_written() -> None:
    _, written = guess_events([event_from_line(line) for line in QUIZ_EVENTS])
    for word in ("hush", "ada", "4711", "192.0.2.4", "q-", "2026-03-02T08:59", "12.4"):
        assert word not in written


def test_an_event_of_moodle_whose_name_has_backslashes(installation: Installation) -> None:
    row = {
        "eventname": "\\mod_quiz\\event\\attempt_opened", "userid": 31, "courseid": 7, "relateduserid": 31,
        "other": json.dumps({"quizid": "36", "grade": 2.5}), "timecreated": 1772448240, "ip": "192.0.2.13",
    }  # fmt: skip
    file = installation.directory / "events.jsonl"
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    done = installation.run(
        "new-plugin", "acme-quiz", "--for", "xapi", "--source", "moodle", "--event", file, "--directory", "made"
    )
    assert done.returncode == 0, done.stderr.decode()
    made = installation.directory / "made"
    assert (made / "src/acme_quiz/contract.toml").read_text() == '[sections.platform]\nsource = "moodle"\n'
    assert 'quizid = required("data.quizid", kind=identifier)' in (made / "src/acme_quiz/fields.py").read_text()
    installation.pip(made)
    config = installation.directory / "relay.toml"
    config.write_text(relay_toml(["xapi.acme_quiz"], platform={"source": "moodle"}), encoding="utf-8")
    done = installation.run(
        "transform", "--config", config, "--validate", made / "tests" / "events.jsonl", SECRET="Kd7wq2Lmz9Xv4bTn"
    )
    assert done.returncode == 0, done.stderr.decode()
    assert len(done.stdout.splitlines()) == 2


CAMPUS = """
from learnrelay import hookimpl
from learnrelay.config.fields import Section, Text
from learnrelay_openedx.source import OpenedxSource


class Settings(Section):
    retired = Text(load_default="was_")


settings_schema = Settings


class CampusSource(OpenedxSource):
    name = "campus"

    def __init__(self, settings):
        super().__init__(settings)
        self.retired_prefix = settings["retired"]


@hookimpl
def register_sources(register):
    register(CampusSource)
"""


def test_a_source_has_its_default_settings(installation: Installation) -> None:
    installation.install("campus", {"learnrelay.sources.v1": {"campus": "campus"}}, CAMPUS)
    file = installation.directory / "events.jsonl"
    file.write_text(json.dumps(event("campus.answered", data={"question": "q1"})) + "\n", encoding="utf-8")
    done = installation.run("new-plugin", "xapi.acme-answer", "--source", "campus", "--event", file)
    assert done.returncode == 0, done.stderr.decode()


WRONG: list[tuple[list[dict[str, Any]], str]] = [
    ([event("a.b"), event("a.c")], "--event: the events are of several names (a.b, a.c), give those of one"),
    ([], "--event: the events are none"),
    ([{"data": {}}], "events.jsonl:1: no event name"),
    ([event("/courses/x/ada_l")], "the name of the event is an address or a sentence, no name"),
    ([event('a"; import os; "')], "the name of the event is an address or a sentence, no name"),
]


@pytest.mark.parametrize(("events", "reason"), WRONG, ids=[reason for _, reason in WRONG])
def test_events_that_are_of_no_use_are_an_error(
    installation: Installation, events: list[dict[str, Any]], reason: str
) -> None:
    file = installation.directory / "events.jsonl"
    file.write_text("".join(json.dumps(raw) + "\n" for raw in events), encoding="utf-8")
    done = installation.run("new-plugin", "xapi.acme-x", "--source", "openedx", "--event", str(file))
    assert done.returncode == 2
    assert reason in " ".join(done.stderr.decode().split())
    assert [path.name for path in installation.directory.iterdir()] == ["events.jsonl"]
