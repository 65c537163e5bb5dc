"""The data map says what the pipeline does: altering a source path changes exactly the output paths that it lists."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from installation import Installation
from learnrelay import Family, Fields, Parts, Platform, Skip, each, entry_key, optional, required
from learnrelay.events import SourceEvent
from learnrelay.kinds import boolean, count, identifier, moment, number, one_of, strict_text, structure, text
from learnrelay.lookups.courses import NoCourses
from learnrelay.personal_data import Grade
from learnrelay.pipeline.plan import Plan, compile_plan, transform_table
from learnrelay.pipeline.run import Pipeline
from learnrelay.privacy.grades import grade_of
from learnrelay.privacy.tracing import NOT_KNOWN, Form, Leaves, TracedIdentity, Tracer, leaves_of
from learnrelay_openedx.personal_names import PERSONAL_NAMES
from openedx_events import SOURCE
from plain import PlainStandard, registry_of
from relay_files import relay_toml


class Part(Fields):
    key = entry_key()
    words = optional("words", kind=text)
    right = optional("right", kind=boolean)


class Rich(Fields):
    name = required("data.name", "data.title", kind=text)
    source = optional("context.event_source", kind=text)
    course_id = optional("context.course_id", kind=text)
    page = optional("context.page", kind=text)
    target = optional("data.target", kind=text)
    inputs = optional("data", kind=text)
    points = optional("data.points", kind=number)
    most = optional("data.most", kind=number)
    at = optional("data.at", kind=moment)
    session = optional("context.session", kind=text)
    friend = optional("data.friend_id", kind=identifier)
    free = optional("data.free", kind=structure)
    unused = optional("data.email", kind=text, reason="read for a reason, told to nobody")
    parts = each("data.parts", Part)


family = Family("plain.rich")


def share(rich: Rich) -> float | None:
    return rich.points / rich.most if rich.points is not None and rich.most and rich.points <= rich.most else None


@family.maps("rich", "rich.old", reads=Rich, did="tell")
def told(rich: Rich, platform: Platform) -> Parts | Skip:
    """Has every turn that a mapping can take."""
    if rich.source == "nowhere":
        return Skip("nothing to tell")
    if rich.source in ("browser", "mobile"):
        return {"what": platform.iri("page", rich.target or rich.page or ""), "by": "hand"}
    return {
        "what": rich.name,
        "in.dotted": {"course": [{"id": rich.course_id}]},
        "share": share(rich),
        "when": rich.at.isoformat() if rich.at else None,
        "session": platform.digest(rich.session) if rich.session else None,
        "free": orjson.dumps(rich.free).decode() if rich.free else None,
        "parts": [{"key": part.key, "words": part.words, "right": part.right} for part in rich.parts],
    }


def plan_of(family: Family) -> Plan:
    registry = registry_of((family.name, "families", family))
    table, problems = transform_table(registry, {}, "")
    assert not problems
    platform = Platform(
        "https://learn.example.org", SOURCE, TracedIdentity(addresses=False, by_both=False), NoCourses({}), "plain"
    )
    standards = {"plain": PlainStandard({"style": "short"})}
    return compile_plan(registry, table, standards, {"plain": platform}, {})


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of(family)


@pytest.fixture(scope="module")
def traced(plan: Plan) -> dict[str, dict[str, Form]]:
    (mapping,) = plan.mappings["rich"]
    return Tracer(Pipeline(plan), mapping, "rich", SOURCE).trace()


def test_each_kind_of_flow_is_found(traced: dict[str, dict[str, Form]]) -> None:
    course = '["in.dotted"].course[*].id'
    expected = {
        "data.name": {"what": Form.VALUE},
        "data.title": {"what": Form.VALUE},
        "context.course_id": {course: Form.VALUE},
        "context.page": {"what": Form.VALUE},
        "data.target": {"what": Form.VALUE},
        "data.points": {"share": Form.VALUE},
        "data.most": {"share": Form.DERIVED},
        "data.at": {"when": Form.VALUE},
        "context.session": {"session": Form.DIGEST},
        "data.free": {"free": Form.VALUE},
        "data.email": {},
        "data.friend_id": {},
        "data": {},
        "data.parts.*.words": {"parts[*].words": Form.VALUE},
        "data.parts.*.right": {"parts[*].right": Form.DERIVED},
        "timestamp": {"id": Form.VALUE},
    }
    for source, outputs in expected.items():
        assert traced[source].keys() == outputs.keys(), source
    assert traced["context.session"] == expected["context.session"]
    assert traced["data.name"] == expected["data.name"]
    assert traced["data.free"] == expected["data.free"]
    assert set(traced["context.event_source"]) == {
        "what", "by", course, "share", "when", "session", "free", "parts[*].key", "parts[*].words", "parts[*].right",
        "who",
    }  # fmt: skip
    assert traced["data.parts.*"]["parts[*].key"] is Form.VALUE
    for source in ("context.user_id", "context.username", "data.user_id", "data.username", "data.attempt_user_id"):
        assert traced[source] == {"who": Form.PSEUDONYM}, source


texts = st.sampled_from(
    ["one", "two", "browser", "mobile", "server", "/three", "https://a.example/b", "course-v1:A+B+C"]
)
bodies = st.fixed_dictionaries(
    {
        "data": texts | st.fixed_dictionaries(
            {},
            optional={
                "name": texts, "title": texts, "target": texts, "points": st.integers(0, 9), "most": st.integers(0, 9),
                "at": st.sampled_from(["2026-03-02T09:00:00Z", "2026-03-03T09:00:00Z", "no time"]),
                "friend_id": st.integers(1, 9), "free": texts | st.lists(texts) | st.dictionaries(texts, texts),
                "email": texts, "user_id": st.integers(1, 3), "username": texts, "attempt_user_id": st.integers(1, 3),
                "parts": st.dictionaries(st.sampled_from(["a", "b"]), st.fixed_dictionaries(
                    {}, optional={"words": texts, "right": st.booleans(), "hidden": texts})),
                "undeclared": texts,
            },
        ),
        "context": st.fixed_dictionaries(
            {}, optional={"event_source": texts, "course_id": texts, "page": texts, "session": texts,
                          "user_id": st.integers(1, 3), "username": texts, "ip": texts},
        ),
    },
)  # fmt: skip


def leaves(plan: Plan, body: dict[str, Any]) -> Leaves | None:
    (mapping,) = plan.mappings["rich"]
    try:
        raw = {"name": "rich", "timestamp": "2026-03-02T09:00:00Z", **body}
        made = Pipeline(plan).statements(mapping, SourceEvent(raw, SOURCE.reader))
    except Exception:
        return None
    return None if isinstance(made, Skip) else leaves_of(made)


@given(body=bodies, other=bodies)
def test_nothing_changes_that_the_map_does_not_list(
    plan: Plan, traced: dict[str, dict[str, Form]], body: dict[str, Any], other: dict[str, Any]
) -> None:
    before = leaves(plan, body)
    if before is None:
        return
    sources = {f"context.{key}" for key in body["context"] | other["context"]}
    if isinstance(body["data"], dict) and isinstance(other["data"], dict):
        sources |= {f"data.{key}" for key in body["data"] | other["data"]}
    for source in sources:
        part, key = source.split(".")
        altered = {**body, part: {k: v for k, v in body[part].items() if k != key}}
        if key in other[part]:
            altered[part][key] = other[part][key]
        after = leaves(plan, altered)
        if after is None:
            continue
        listed: set[str] = set()
        for path, outputs in traced.items():
            if path == source or path.startswith(source + "."):
                listed |= outputs.keys()
        changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        assert changed <= listed, source


@pytest.mark.parametrize(
    ("path", "grade"),
    [
        ("context.username", Grade.DIRECT), ("data.target_username", Grade.DIRECT), ("context.ip", Grade.DIRECT),
        ("context.user_id", Grade.INDIRECT), ("context.session", Grade.INDIRECT), ("data.body", Grade.INDIRECT),
        ("data.submission.*", Grade.INDIRECT), ("data.submission.*.answer", Grade.INDIRECT), ("data", Grade.INDIRECT),
        ("data.answers.**", Grade.INDIRECT), ("data.old", Grade.DIRECT),
        ("data.firstname", Grade.DIRECT), ("data.lastname", Grade.DIRECT), ("data.ip_address", Grade.DIRECT),
        ("data.mail", Grade.DIRECT), ("data.student_email", Grade.DIRECT), ("data.birthday", Grade.INDIRECT),
        ("data.userid", Grade.INDIRECT), ("data.firstName", Grade.DIRECT), ("data.e-mail", Grade.DIRECT),
        ("data.author.name", Grade.DIRECT), ("data.author.uuid", Grade.INDIRECT), ("data.client_id", Grade.INDIRECT),
        ("data.tab_count", Grade.NONE), ("data.course_id", Grade.NONE), ("data.exam_name", Grade.NONE),
        ("data.submission.*.correct", Grade.NONE), ("timestamp", Grade.NONE), ("data.current_time", Grade.NONE),
    ],
)  # fmt: skip
def test_grades(path: str, grade: Grade) -> None:
    assert grade_of(path, PERSONAL_NAMES) is grade


def of_version_two(value: Any) -> Any:
    return value["pupil"] if type(value) is dict and value.get("version") == 2 else None


class Versioned(Fields):
    name = required("data.name", kind=text)
    note = optional("data.note", kind=of_version_two)


def test_a_value_that_no_sample_holds_may_reach_anything() -> None:
    versions = Family("plain.versions")

    @versions.maps("versions", reads=Versioned, did="tell")
    def versioned(fields: Versioned, platform: Platform) -> Parts:
        return {"what": fields.name, "by": fields.note}

    plan = plan_of(versions)
    (mapping,) = plan.mappings["versions"]
    flows = Tracer(Pipeline(plan), mapping, "versions", SOURCE).trace()
    assert flows["data.note"] == {NOT_KNOWN: Form.VALUE}
    assert Form.VALUE in flows["data.name"].values()


_JUMP = re.compile(r"/jump/([a-z]+)/([0-9a-f]{32})")


def jump(value: Any) -> tuple[str, str] | None:
    match = _JUMP.fullmatch(value) if type(value) is str else None
    return (match[1], match[2]) if match else None


def only_this(value: Any) -> str | None:
    return "a pupil of class 7" if value == "7b" else None


class Jumping(Fields):
    """Declares what takes its own example alone, of all that is tried."""

    place = required("data.link", kind=jump, example=("/jump/harbour/0123456789abcdef0123456789abcdef",))
    group = optional("data.class", kind=only_this, example=("7b",))


def test_a_field_with_a_single_example_shows_where_each_part_of_it_goes() -> None:
    jumps = Family("plain.jumps")

    @jumps.maps("jumped", reads=Jumping, did="tell")
    def jumped(fields: Jumping, platform: Platform) -> Parts:
        return {"what": fields.place[0], "by": fields.place[1], "group": fields.group}

    plan = plan_of(jumps)
    (mapping,) = plan.mappings["jumped"]
    flows = Tracer(Pipeline(plan), mapping, "jumped", SOURCE).trace()
    assert {"what", "by"} <= flows["data.link"].keys()
    assert flows["data.class"][NOT_KNOWN] is Form.VALUE
    assert NOT_KNOWN not in flows["data.link"]


class Noted(Fields):
    """Reads a text in each of its forms, and whole."""

    who = optional("data.note|form.state|json.who", "data.note|query.who", "data.note|json.who", kind=text)
    inner = optional("data.note|json.more.text|form.inner", kind=text)
    rows = each("data.note|json.rows", Part)
    whole = optional("data.note", kind=text)


def test_each_form_of_a_text_is_traced_by_itself() -> None:
    notes = Family("plain.notes")

    @notes.maps("noted", reads=Noted, did="tell")
    def noted(fields: Noted, platform: Platform) -> Parts:
        words = [row.words for row in fields.rows]
        return {"who": fields.who, "inner": fields.inner, "words": words, "whole": fields.whole}

    plan = plan_of(notes)
    (mapping,) = plan.mappings["noted"]
    flows = Tracer(Pipeline(plan), mapping, "noted", SOURCE).trace()
    values = {
        path: [output for output, form in table.items() if form is Form.VALUE and output != "whole"]
        for path, table in flows.items() if "note" in path
    }  # fmt: skip
    assert values == {
        "data.note|form.state|json.who": ["who"], "data.note|query.who": ["who"], "data.note|json.who": ["who"],
        "data.note|json.more.text|form.inner": ["inner"], "data.note|json.rows.*": [],
        "data.note|json.rows.*.words": ["words[*]"], "data.note|json.rows.*.right": [], "data.note": [],
    }  # fmt: skip
    assert flows["data.note"]["whole"] is Form.VALUE


def test_an_open_text_may_hold_anything() -> None:
    """A closed list of words, a number and the platform's own keys do not."""
    assert grade_of("data.remark", PERSONAL_NAMES, text) is Grade.INDIRECT
    assert grade_of("data.remarks.*.remark", PERSONAL_NAMES, structure) is Grade.INDIRECT
    assert grade_of("data.letter_grade", PERSONAL_NAMES, text) is Grade.INDIRECT
    assert grade_of("data.vote_value", PERSONAL_NAMES, one_of("up", "down")) is Grade.NONE
    assert grade_of("data.attempts", PERSONAL_NAMES, count) is Grade.NONE
    assert grade_of("data.problem_id", PERSONAL_NAMES, text) is Grade.NONE
    assert grade_of("context.org_id", PERSONAL_NAMES, strict_text) is Grade.NONE
    assert grade_of("data.target_url", PERSONAL_NAMES) is Grade.INDIRECT


# --- the command ----------------------------------------------------------------------------------------

CONFIG = relay_toml(
    ["plain.watching"],
    {
        "main": {"url": "https://main.example.org", "match": {"context.org_id": "Harbour"}},
        "old": {"url": "https://old.example.org", "scope": {"event": "watched.old"}},
        "copy": {"url": "https://copy.example.org", "match": {"context.<b>": True}, "pseudonyms": "own"},
    },
)


class Page(HTMLParser):
    """Collects the text of the page, and what it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = ""
        self.loads: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "action")]

    def handle_data(self, data: str) -> None:
        self.seen += data + " "


def test_table_csv_json_and_page_hold_the_same(plain_installation: Installation, tmp_path: Path) -> None:
    config = tmp_path / "relay.toml"
    config.write_text(CONFIG, encoding="utf-8")
    page = tmp_path / "map.html"

    def run(*arguments: str) -> str:
        done = plain_installation.run("privacy", "--config", str(config), *arguments, SECRET="Kd7wq2Lmz9Xv4bTn")
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    flows = json.loads(run("--json", "--html", str(page)))["flows"]
    lines = list(csv.DictReader(io.StringIO(run("--csv"))))
    assert [{**flow, "destinations": "; ".join(flow["destinations"])} for flow in flows] == lines
    by_key = {(flow["event"], flow["source"], flow["output"]): flow for flow in flows}
    copy = "copy (match context.<b>)"
    assert by_key["watched", "data.video", "what"]["form"] == "value"
    assert by_key["watched", "context.user_id", "who"]["form"] == "pseudonym"
    assert by_key["watched", "context.user_id", "who"]["grade"] == "indirect"
    assert "pseudonym" in by_key["watched", "context.user_id", "who"]["reason"]
    assert by_key["watched", "data.video", "what"]["destinations"] == ["main (match context.org_id)", copy]
    assert by_key["watched.old", "data.video", "what"]["destinations"] == ["main (match context.org_id)", "old", copy]

    graded = json.loads(run("--json", "--grade", "direct", "--grade", "none"))["flows"]
    assert graded == [flow for flow in flows if flow["grade"] != "indirect"]
    assert 0 < len(graded) < len(flows)
    of_old = json.loads(run("--json", "--destination", "old"))["flows"]
    assert [flow for flow in of_old if flow["output"]] == [
        {**flow, "destinations": ["old"]} for flow in flows if "old" in flow["destinations"] and flow["output"]
    ]
    assert {flow["event"] for flow in of_old} == {"watched.old"}

    assert json.loads(run("--json", "--event", "wat*"))["flows"] == flows
    table = run("--event", "watched")
    assert "watched.old" not in table
    for flow in flows:
        if flow["event"] == "watched":
            assert re.search(rf"{re.escape(flow['source'])}\s.*{re.escape(flow['output'])}", table, flags=re.DOTALL)

    read = Page()
    read.feed(page.read_text(encoding="utf-8"))
    for flow in flows:
        assert flow["source"] in read.seen
        assert flow["output"] in read.seen
    assert "<b>" in read.seen
    assert "b" not in read.tags
    assert read.loads == []
    assert "Kd7wq2Lmz9Xv4bTn" not in page.read_text(encoding="utf-8")

    for option, value, cure in (
        ("--event", "wached", ""),
        ("--destination", "mian", 'did you mean "main"?'),
        ("--grade", "some", "indirect"),
    ):
        refused = plain_installation.run("privacy", "--config", str(config), option, value, SECRET="Kd7wq2Lmz9Xv4bTn")
        assert refused.returncode == 2
        assert cure in refused.stderr.decode()


STAGES = """
from learnrelay import Unproven, Fields, Scope, hookimpl, optional

class Agent(Fields):
    agent = optional("context.agent", reason="robots are left out")

class Host(Fields):
    host = optional("context.host")

class Team(Fields):
    team = optional("data.team")

class Level(Fields):
    level = optional("data.level")

class TeamScope(Scope):
    key = "team"
    reads = Team

    def wanted(self, value):
        return value

    def owners(self, fields):
        return (fields.team,) if fields.team else Doubt.ABSENT

class Plugin:
    @hookimpl(reads=Agent)
    def filter_event(self, fields):
        return None

    @hookimpl(reads=Host)
    def enrich_statement(self, fields):
        return {"more": {"host": fields.host}}

    @hookimpl(reads=Level)
    def route_event(self, fields):
        return None

    @hookimpl
    def register_scopes(self, register):
        register(TeamScope)

plugin = Plugin()
"""


def test_what_the_other_stages_read_is_in_the_map(plain_installation: Installation, tmp_path: Path) -> None:
    own = Installation(tmp_path)
    own.install("acme-stages", {"learnrelay.filters.v1": {"stages": "acme_stages:plugin"}}, STAGES)
    config = CONFIG.replace('enabled = ["plain.watching"]', 'enabled = ["plain.watching", "stages"]')
    config = config.replace('scope = "all"\nmatch', 'scope = { team = "red" }\nmatch')
    config = config.replace('event = "watched.old"', 'event = "watched.old", team = "blue"')
    (tmp_path / "relay.toml").write_text(config, encoding="utf-8")
    paths = os.pathsep.join([str(own.site), str(plain_installation.site)])
    done = own.run(
        "privacy", "--config", str(tmp_path / "relay.toml"), "--json",
        PYTHONPATH=paths, SECRET="Kd7wq2Lmz9Xv4bTn",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    by_event: dict[str, dict[str, list[tuple[str, str, str]]]] = {"watched": {}, "watched.old": {}}
    for flow in json.loads(done.stdout)["flows"]:
        outputs = by_event[flow["event"]].setdefault(flow["source"], [])
        outputs.append((flow["output"], flow["form"], flow["reason"]))
    by_source = by_event["watched"]
    assert by_source["context.host"] == [("more.host", "value", "")]
    assert by_source["context.agent"] == [("", "", "read by filter filters:stages: robots are left out")]
    assert by_source["data.level"] == [("", "", "read by router filters:stages")]
    readers = ["scope team of main", "scope team of old", "scope team of copy"]
    assert by_event["watched.old"]["data.team"] == [("", "", f"read by {', '.join(readers)}")]
    assert by_source["data.team"] == [("", "", f"read by {readers[0]}, {readers[2]}")], "old cannot get it"
    assert by_source["context.org_id"] == [("", "", "read by match of main")]
    assert "data.secret" not in by_source
