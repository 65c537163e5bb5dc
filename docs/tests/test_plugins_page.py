"""The page for plugin authors: its code runs, and its commands are those that there are."""

from __future__ import annotations

import re
import socket
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learnrelay import (
    Fields,
    Learner,
    MissingFieldError,
    Platform,
    Skip,
    Transformer,
    Unavailable,
    Unproven,
    UserRef,
    Who,
    hookspecs,
    kinds,
)
from learnrelay.assembly.assemble import assemble_from
from learnrelay.auth import OutgoingRequest, find_header_fault
from learnrelay.cli import cli
from learnrelay.cli.new_plugin import STAGES
from learnrelay.config import Destination
from learnrelay.config.secrets import Secret
from learnrelay.delivery.sender import Sender
from learnrelay.fields import compile_extractor
from learnrelay.lookups.courses import NoCourses
from learnrelay.lookups.identity import KeyedIdentity
from learnrelay.outbox.queue import ClaimedDelivery
from learnrelay.pipeline.routing import ScopeRule
from learnrelay.pipeline.run import Pipeline
from learnrelay.sinks import Sink, Verdict
from learnrelay_caliper.parts import EventParts
from learnrelay_caliper.standard import CaliperStandard
from learnrelay_contract_tests import registered
from learnrelay_enterprise_filter.courses import CourseScope, OrgScope
from learnrelay_enterprise_filter.enterprises import EnterpriseScope
from learnrelay_openedx.source import OpenedxSource
from learnrelay_xapi.parts import StatementParts
from learnrelay_xapi.standard import XapiStandard

DOCS = Path(__file__).parents[1]
PAGE = (DOCS / "plugins.md").read_text(encoding="utf-8")
PAGES = {path.stem: path.read_text("utf-8") for path in sorted((DOCS / "plugins").glob("*.md"))}


def code(name: str) -> dict[str, Any]:
    """Returns the names that all blocks of a page define, one after the other: each page stands by itself."""
    names: dict[str, Any] = {"__name__": "page"}
    for source in re.findall(r"```python\n(.*?)```", PAGES[name], flags=re.DOTALL):
        exec(compile(source, f"{name}.md", "exec", dont_inherit=True), names)
    return names


MAPPING, STANDARD = code("mapping"), code("standard")
IDENTITY = KeyedIdentity({"secret": Secret("Kd7wq2Lmz9Xv4bTn"), "pseudonyms": "per-standard"})


def test_its_single_file_maps_an_event(tmp_path: Path) -> None:
    (block,) = re.findall(r"`polls\.py`:\n\n((?:    .*\n|\n)+)", PAGE)
    lines = textwrap.dedent(block).strip().splitlines()
    assert len(lines) <= 12
    (tmp_path / "polls.py").write_text("\n".join(lines), encoding="utf-8")
    raw = {
        "platform": {"root_url": "https://learn.example.org", "source": "openedx"},
        "plugins": {"files": ["polls.py"]},
        "identity": {"provider": "keyed", "secret": "Kd7wq2Lmz9Xv4bTn"},
    }
    assembly = assemble_from(raw, tmp_path / "relay.toml")
    event = {
        "name": "poll.answered", "timestamp": "2026-03-02T09:00:00+00:00", "data": {"question_id": 7},
        "context": {"user_id": 4711},
    }  # fmt: skip
    (outcome,) = Pipeline(assembly.plan).process(assembly.source.event_from_mapping(event))
    assert outcome.statements[0].parsed["object"]["id"] == "https://learn.example.org/question/7"


def test_its_filter_takes_settings() -> None:
    source = next(
        block for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL) if "ModeSettings" in block
    )
    names: dict[str, Any] = {"__name__": "page"}
    exec("from learnrelay import Fields, optional\nfrom learnrelay.kinds import text\n" + source, names)
    settings = names["settings_schema"]().load({"unreported": ["honor"]})
    assert names["filter_event"](names["Enrolment"](mode="honor"), settings) is not None
    assert names["filter_event"](names["Enrolment"](mode="audit"), settings) is None


def test_its_code_does_what_it_says() -> None:
    page = MAPPING
    assert [transformer.name for transformer in page["family"].transformers] == ["xapi.acme_poll:answered"]
    extract = {name: compile_extractor(page[name]) for name in ("AnswerFields", "ScoreFields", "TableFields")}
    assert extract["AnswerFields"]({"data": {"question_id": 3}}).question == "3"
    assert extract["ScoreFields"]({"data": {"percent": 50}}).share == 0.5
    rows = extract["TableFields"]({"data": {"rows": {"a": {"choice": "tea"}}}}).rows
    assert [(row.key, row.choice) for row in rows] == [("a", "tea")]
    try:
        extract["AnswerFields"]({"data": {}})
    except MissingFieldError as error:
        assert error.path == "data.question_id"


def test_its_stages_decide_as_it_says() -> None:
    page = code("filter")
    modes = page["ModeSettings"]().load({})
    dropped = page["filter_event"](page["Enrolment"](mode="audit"), modes)
    assert dropped == Skip("enrolments of its mode are not reported")
    assert page["filter_event"](page["Enrolment"](mode="verified"), modes) is None
    page = code("enricher")
    assert page["enrich_statement"](page["Org"](), "xapi") is None
    assert page["enrich_statement"](page["Org"](org="Harbour"), "caliper") is None
    assert "Harbour" in str(page["enrich_statement"](page["Org"](org="Harbour"), "xapi"))
    page = code("router")
    assert page["route_event"](page["Origin"](source="mobile"), None) == Skip("of unknown origin")
    rule = ScopeRule(code("scope")["DepartmentScope"](code("source")["CampusSource"]()), "chemistry")
    unreadable = rule.denial({"context": {"department": ["chemistry"]}}, {})
    assert unreadable is not None
    assert unreadable.reason.endswith(Unproven.UNREADABLE.value)
    assert rule.denial({"context": {"department": "chemistry"}}, {}) is None
    denial = rule.denial({"context": {}}, {})
    assert denial is not None
    assert denial.reason.endswith(Unproven.ABSENT.value)


TYPED = st.text(st.characters(codec="utf-8") | st.sampled_from('\x00\x01\x08"\\/'), max_size=20)


@settings(max_examples=30)
@given(titles=st.lists(TYPED, min_size=1, max_size=3), user_id=st.sampled_from([7, "a/b c", 'q"\\']))
def test_its_standard_that_joins_json_gives_what_it_shows(titles: list[str], user_id: Any) -> None:
    standard_class = STANDARD["BadgeStandard"]
    standard_class.__abstractmethods__ = frozenset()  # the page leaves out what is as in any standard
    standard = standard_class({})
    platform = Platform("https://learn.example.org", OpenedxSource(), IDENTITY, NoCourses({}), "badges")
    transformer = Transformer("badges", ("badge.earned",), Fields, lambda _fields, _platform: {})
    frame = standard.framer(platform)(Learner(str(user_id)), None, None, None)
    prepared = standard.preparer(transformer, platform)([{"badge": {"title": title, "rank": None}} for title in titles])
    compose = standard.composer(transformer, platform, "badge.earned")
    event = OpenedxSource().event_from_mapping({"name": "badge.earned", "timestamp": "2026-03-02T10:00:00+01:00"})
    statements = compose(event.facts, frame, prepared)
    assert [statement.parsed for statement in statements] == [
        {
            "id": statement.id, "event": "badge.earned", "time": "2026-03-02T09:00:00+00:00",
            "holder": platform.iri("user", str(user_id)), "badge": {"title": title},
        }
        for statement, title in zip(statements, titles, strict=True)
    ]  # fmt: skip
    assert len({statement.id for statement in statements}) == len(set(titles))


def test_its_directory_is_unavailable_while_its_server_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    directory = code("resolver")["Directory"]({"url": f"http://127.0.0.1:{port}", "secret": Secret("Kd7wq2Lmz9Xv4bTn")})
    with pytest.raises(Unavailable):
        directory.learner(UserRef("17"), "xapi")
    assert directory.digest("a", "xapi") != directory.digest("a", "caliper")


def test_its_source_reads_events_and_declares_what_they_mean() -> None:
    source = code("source")["CampusSource"]()
    raw = {
        "action": "quiz.submitted", "at": "2026-03-02T10:00:00+01:00", "details": {"quiz": 3},
        "about": {"person": 7, "course": "harbour/sail/2026", "login": "s1"},
    }  # fmt: skip
    event = source.event_from_line(b"prefix " + orjson.dumps(raw))
    assert event.body == {
        "name": "quiz.submitted", "timestamp": raw["at"], "data": raw["details"], "context": raw["about"]
    }  # fmt: skip
    assert source.event_from_mapping(raw).id == event.id
    facts = event.facts
    assert (facts.course_id, facts.session, facts.time_text) == ("harbour/sail/2026", "s1", raw["at"])
    assert event.facts.utc == b'"2026-03-02T09:00:00+00:00"'
    assert facts.who(facts.user_id) == Who(UserRef("7"))
    assert facts.who(None) is None
    identity: Any = KeyedIdentity({"secret": Secret("Kd7wq2Lmz9Xv4bTn"), "pseudonyms": "per-standard"})
    platform = Platform("https://campus.example", source, identity, NoCourses({}), "plain")
    assert platform.course_iri("sail 1") == "https://campus.example/courses/sail%201"
    assert platform.term("session_id") == "https://campus.example/terms/session"
    assert platform.term("transformer_version") == "https://campus.example/extension/transformer-version"
    for scope, wanted, other in [(OrgScope, "harbour", "atoll"), (CourseScope, "harbour+sail", "harbour+knots")]:
        rules = {name: ScopeRule(scope(source), name) for name in (wanted, other)}
        assert rules[wanted].denial(event.body, {}) is None, wanted
        assert rules[other].denial(event.body, {}) is not None, other
        for unreadable in ("harbour", ["harbour/sail/2026"]):
            assert rules[wanted].denial({"context": {"course": unreadable}}, {}) is not None, unreadable
    with pytest.raises(ValueError, match="campus"):
        EnterpriseScope(source)


def test_its_test_of_a_sink_passes(tmp_path: Path) -> None:
    code("sink")["test_what_every_sink_promises"](tmp_path)


def test_its_sink_stores_each_statement_once(tmp_path: Path) -> None:
    page, file = code("sink"), tmp_path / "statements.db"
    file.touch()
    sinks: list[type[Sink]] = []
    page["register_sinks"](sinks.append)
    (table,) = sinks
    settings = table.settings_schema().load({"file": str(file)})
    destination = Destination("table", "plain", "all", "acme_table", settings)
    sender = Sender(table(settings, None, destination))  # type: ignore[arg-type]  # it asks the standard nothing
    rows = tuple(ClaimedDelivery(n, b'{"id":"%d"}' % n, 0, statement_id=str(n)) for n in range(5))
    assert [sender(part).verdict for part in (rows[:3], rows, rows[3:])] == [Verdict.STORED] * 3
    assert sender.sink.probe().reason == "5 statements are there"
    sender.close()
    file.write_bytes(b"no database" * 100)
    result = sender(rows)
    assert (result.verdict, result.reason) == (Verdict.RETRY, "the table cannot be opened (SQLITE_NOTADB)")
    assert str(file) in table.describe(settings)


def test_its_auth_scheme_signs_what_is_sent() -> None:
    scheme = code("auth")["SignedRequests"]({"key_id": "relay", "key": Secret("Kd7wq2Lmz9Xv4bTn")})
    now = datetime(2026, 3, 2, 9, tzinfo=UTC)
    requests = [OutgoingRequest("POST", "https://lrs.example.org", {}, body, now, 5.0) for body in (b"[1]", b"[2]")]
    first, second = (scheme.headers(request) for request in requests)
    assert first["X-Acme-Time"] == second["X-Acme-Time"] == "20260302T090000Z"
    assert first["Authorization"] != second["Authorization"]
    for name, value in first.items():
        assert find_header_fault(name, value) == ""
    assert not scheme.renew()


def test_its_commands_kinds_and_options_exist() -> None:
    text = "\n".join([PAGE, *PAGES.values()])
    commands: list[tuple[str, str]] = re.findall(r"^ {4}learnrelay ([a-z-]+)([^#\n]*)", text, flags=re.MULTILINE)
    assert {name for name, _ in commands} >= {"new-plugin", "contract-test", "transform", "plugins"}
    for name, rest in commands:
        command = cli.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None, name
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, name
    table = PAGES["mapping"].partition("| kind (`learnrelay.kinds`)")[2].partition("\n\n")[0]
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`([a-z_]+)`", row.split("|")[1])}
    takers = {
        name
        for name, kind in vars(kinds).items()
        if not name.startswith("_") and getattr(kind, "__annotations__", {}).keys() == {"value", "return"}
    }
    assert named == takers - {"scalar"}


def test_what_it_says_of_constants_and_parts_is_all_there_is() -> None:
    for standard, parts, title in (
        (XapiStandard, StatementParts, "## What a mapping may say in xAPI"),
        (CaliperStandard, EventParts, "## What a mapping may say in Caliper"),
    ):
        section = PAGES["mapping"].partition(title)[2].partition("\n## ")[0]
        constants, described = (table.splitlines() for table in re.findall(r"((?:^\|.*\n)+)", section, re.MULTILINE))
        names = [re.match(r"\| `(\w+)=", row) for row in constants[2:]]
        assert {name[1] for name in names if name} == set(standard.constants), title
        named = {name for row in described[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])}
        of_constants = set(standard.constants) - {"verb"}
        assert named == {*parts.__annotations__, *parts.__required_keys__} - of_constants, title


def test_its_examples_of_both_standards_give_valid_statements(statements: Callable[..., list[dict[str, Any]]]) -> None:
    raw = {
        "name": "acme_quiz.submitted", "timestamp": "2026-03-02T09:00:00+00:00", "context": {"user_id": 4711},
        "data": {"quiz": 3, "share": 0.5, "passed": True, "answers": {"q1": {"choice": "tea", "correct": False}}},
    }  # fmt: skip
    with registered(MAPPING["quizzes"], MAPPING["items"]):
        whole, part = statements(raw, "xapi.acme_quiz")
        assert (whole["result"]["score"], part["result"]["response"]) == ({"scaled": 0.5}, "tea")
        assert (whole["verb"]["display"], part["verb"]["display"]) == ({"en": "passed"}, {"en": "failed"})
        data = {"question_id": "q1", "tries": 2, "choice": "tea"}
        (event,) = statements({**raw, "name": "acme_poll.answered", "data": data}, "caliper.acme_poll")
        assert event["generated"]["selections"] == ["tea"]
        assert event["generated"]["attempt"]["count"] == 2
    for standard, made in ((XapiStandard, [whole, part]), (CaliperStandard, [event])):
        schema = standard(standard.settings_schema().load({})).schema()
        assert [schema.validate(statement) for statement in made] == [{}] * len(made)


def test_each_hook_has_a_page_that_links_to_it() -> None:
    hooks = [name for name, value in vars(hookspecs).items() if hasattr(value, f"{hookspecs.PROJECT}_spec")]
    reference = (DOCS / "hooks.md").read_text("utf-8")
    for hook in hooks:
        assert f"\n## `{hook}`\n" in reference
        assert any(f"(../hooks.md#{hook})" in text for text in PAGES.values()), f"no page of docs/plugins/ has {hook}"


def test_each_stage_of_the_scaffold_has_a_page() -> None:
    for stage in STAGES:
        page = "mapping" if stage == "transformer" else stage
        assert f"(plugins/{page}.md)" in PAGE, stage
        assert "learnrelay new-plugin " in PAGES[page], stage
