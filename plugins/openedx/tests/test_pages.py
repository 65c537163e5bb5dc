"""Requests to pages of courses: which count as views, what is read of their paths, and what they prove."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from learnrelay import UNREADABLE_COURSE
from learnrelay.assembly.assemble import assemble_from
from learnrelay.fields import compile_extractor
from learnrelay.privacy.data_map import derive_data_map
from learnrelay_openedx.belonging import CourseFields, course_evidence
from learnrelay_openedx.facts import OpenedxFacts
from learnrelay_openedx.origins import NOT_OF_THE_BLOCK, NOT_THE_SERVER
from learnrelay_openedx.pages import PAGES
from learnrelay_openedx.source import OpenedxSource, filter_event
from openedx_events import SOURCE, event_from_line, event_from_mapping

COURSES = ("course-v1:Harbour+SAIL+2026", "ccx-v1:Harbour+SAIL+2026+ccx@7", "Harbour/SAIL.1x/2013_T1")
HEX = "0123456789abcdef0123456789abcdef"
UNIT = "/xblock/block-v1:Harbour+SAIL+2026+type@{}+block@c0de"

VIEWS = {
    "/courses/{}/courseware": "courseware",
    "/courses/{}/courseware/": "courseware",
    "/courses/{}/courseware/week_1/": "section",
    "/courses/{}/courseware/week_1/reefs": "subsection",
    "/courses/{}/courseware/week_1/reefs/": "subsection",
    "/courses/{}/courseware/week_1/reefs/12": "subsection",
    "/courses/{}/info": "home",
    "/courses/{}/course/": "home",
    "/courses/{}/progress": "progress",
    "/courses/{}/dates": "dates",
    "/courses/{}/discussion/forum": "forum",
    "/courses/{}/wiki/": "wiki",
    "/courses/{}/wiki/SAIL/some-notes/": "wiki",
    f"/courses/{{}}/{HEX}/": "tab",
}

OTHERS = (
    "/", "/courses", "/courses/{}", "/courses/{}/", "/courses/{}/about", "/dashboard", "/u/ada", "/wiki/SAIL/",
    "/courses/{}/progress/4711/", "/courses/{}/progress?x=1", "/courses/{}/progress#x", "/courses/{}/progress\n",
    "/courses/{}/instructor", "/courses/{}/info/x", "/courses/{}/courseware/a/b/c", "/courses/{}/courseware/a/b/1/2",
    "/courses/{}/courseware/a b/", "/courses/{}/courseware/a%2Fb/", "/courses/{}/courseware/ada@example.org/",
    "/courses/{}/wiki/SAIL/_edit/", "/courses/{}/wiki/_create/", "/courses/{}/discussion/forum/search",
    "/courses/{}/discussion/forum/users/7", "/courses/{}/discussion/forum/t/threads/5",
    "/courses/{}/discussion/x/inline",
    "/courses/{}/xblock/block-v1:A+B+C+type@problem+block@x/handler/xmodule_handler/problem_check",
    "/courses/{}/modx/i4x://A/B/problem/x/problem_get", "/api/courseware/course/{}", "/event", "/heartbeat", "/jsi18n/",
    "/static/x.js", "/xblock/resource/x", f"/courses/{{}}/{HEX[:-1]}/", f"/courses/{{}}/{HEX.upper()}/",
    UNIT.format("problem"), UNIT.format("vertical") + "/handler/x", "/courses/{}/courseware/" + "a" * 1_024,
)  # fmt: skip


def request_line(path: str, **more: Any) -> dict[str, Any]:
    """Returns a request as the platform logs it."""
    return {
        "event_type": path, "name": path, "username": "ada", "host": "learn.example.org", "event_source": "server",
        "time": "2026-03-02T10:00:00+00:00", "event": '{"GET": {"q": ["word"]}, "POST": {}}',
        "context": {"user_id": 7, "course_id": "", "path": path}, **more,
    }  # fmt: skip


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("path", VIEWS)
def test_views_of_pages_have_fixed_names(path: str, course: str) -> None:
    line = request_line(path.format(course))
    assert SOURCE.peek_name(line) == f"openedx.page.{VIEWS[path]}.viewed"
    for event in (event_from_mapping(line), event_from_line(json.dumps(line).encode())):
        assert event.name == event.body["name"] == f"openedx.page.{VIEWS[path]}.viewed"
        assert event.facts.course_id == course, "of the path, where the context names none"
    assert event_from_mapping(line).id == event_from_line(json.dumps(line).encode()).id


def test_a_unit_is_one_in_the_learning_front_end() -> None:
    event = event_from_mapping(request_line(UNIT.format("vertical")))
    assert (event.name, event.facts.course_id) == ("openedx.page.unit.viewed", COURSES[0])


@pytest.mark.parametrize("course", COURSES)
@pytest.mark.parametrize("path", OTHERS)
def test_no_other_request_is_a_view(path: str, course: str) -> None:
    line = request_line(path.format(course))
    assert event_from_mapping(line).name == SOURCE.peek_name(line) == line["name"]


def test_names_are_read_as_written_unless_a_view_is_mapped() -> None:
    source = OpenedxSource()
    line = request_line("/courses/Harbour/SAIL/2013/progress")
    assert source.event_from_mapping(line).name == line["name"]
    source.reader.use_request_names({"openedx.page.wiki.viewed"})
    assert source.event_from_mapping(line).name == line["name"]
    source.reader.use_request_names({"openedx.page.progress.viewed"})
    assert source.event_from_mapping(line).name == "openedx.page.progress.viewed"


def test_the_path_is_kept_where_the_context_lacks_it() -> None:
    path = "/courses/Harbour/SAIL/2013/progress"
    for context in ({}, None, {"path": ""}, "text"):
        assert event_from_mapping(request_line(path, context=context)).body["context"]["path"] == path
    elsewhere = event_from_mapping(request_line(path, context={"path": "/event"}))
    assert elsewhere.body["context"]["path"] == "/event", "what the server adds counts"


@pytest.mark.parametrize("name", PAGES.forms)
def test_a_client_opens_no_page(name: str) -> None:
    fields = compile_extractor(OpenedxFacts)
    body = {
        "name": name,
        "data": {},
        "context": {"event_source": "browser", "path": "/event"},
        "timestamp": "2026-03-02T09:00:00Z",
    }
    assert filter_event(fields(body)) is NOT_THE_SERVER
    handler = "/courses/A/B/C/xblock/block-v1:A+B+C+type@poll+block@x/handler/publish_event"
    assert filter_event(fields({**body, "context": {"event_source": "server", "path": handler}})) is NOT_OF_THE_BLOCK


def evidence(path: str, course_id: str) -> Any:
    context = {"user_id": 7, "course_id": course_id, "path": path}
    return course_evidence(
        compile_extractor(CourseFields)(event_from_mapping(request_line(path, context=context)).body)
    )


def test_a_path_proves_no_course_and_contradicts_another() -> None:
    path = f"/courses/{COURSES[0]}/progress"
    assert evidence(path, "").proofs == ()
    shown = evidence(path, "course-v1:Other+X+1")
    assert [proof.key for proof in shown.proofs] == ["course-v1:Other+X+1"]
    assert [mention.key for mention in shown.mentions] == [COURSES[0]]
    assert UNREADABLE_COURSE not in evidence(path, COURSES[0]).mentions
    handler = f"/courses/{COURSES[0]}/xblock/i4x:;_;_Harbour;_SAIL;_problem;_reef/handler/xmodule_handler/problem_get"
    assert {mention.course for mention in evidence(handler, COURSES[0]).mentions} == {"Harbour+SAIL"}


def test_the_data_map_shows_what_leaves_of_a_path(tmp_path: Path) -> None:
    raw = {
        "platform": {"root_url": "https://learn.example.org", "source": "openedx"},
        "plugins": {"enabled": ["xapi.page_views"]},
        "identity": {"provider": "keyed", "secret": "Zq3xT9mLw2Kd8RbVf5NcYh7PjGs4UeXa"},
    }
    known: dict[str, set[tuple[str, str]]] = {}
    for row in derive_data_map(assemble_from(raw, tmp_path / "relay.toml"), PAGES.forms):
        known.setdefault(row.event, set()).add((row.source, row.output))
    for name in PAGES.forms:
        assert {("context.path", "object.id"), ("context.user_id", "actor.account.name")} <= known[name], name
        assert not any(output for source, output in known[name] if source.startswith("data.GET")), name


@pytest.mark.parametrize("length", [10, 1_000, 100_000])
def test_a_long_path_takes_no_time(length: int) -> None:
    for part in ("a", "a/", "a+", "_", "a.", "~"):
        for start in ("/courses/", "/courses/A/B/C/wiki/", "/xblock/block-v1:", "/courses/course-v1:"):
            name = event_from_mapping(request_line(start + part * length)).name
            assert name.startswith(("/", "openedx.page."))
