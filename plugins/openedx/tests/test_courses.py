"""Which course an event speaks of, where it names none itself, and that this proves nothing."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from learnrelay.fields import compile_extractor
from learnrelay_openedx.belonging import COURSE_PROOF, CourseFields
from learnrelay_openedx.courses import course_key
from learnrelay_openedx.problem.fields import NO_COURSE, CheckFields, checked_problem
from learnrelay_openedx.video.fields import VideoFields, video_key
from openedx_events import SOURCE, event_from_mapping

SAILING = "course-v1:Harbour+SAIL+2026"
KNOTS = "Harbour/KNOTS.1x/2013"
PAGE = f"https://learn.example.org/courses/{KNOTS}/courseware/week1/day2/"
VIDEO_2013 = {"id": "i4x-Harbour-KNOTS_1x-videoalpha-reef", "currentTime": 0, "code": "x"}


def line_2013(name: str, payload: Any, **root: Any) -> bytes:
    """Writes a line as the platform did before events had a context."""
    return orjson.dumps({
        "username": "mira", "event_type": name, "event_source": "browser", "session": "s", "agent": "a", "host": "h",
        "time": "2013-08-04T06:27:13.660689+00:00", "page": PAGE, "event": orjson.dumps(payload).decode(), **root,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("text", "course"),
    [
        (SAILING, SAILING),
        (f"{SAILING}\n", SAILING),
        (f" {KNOTS}  ", KNOTS),
        ("sailing", None),
        ("", None),
        (7, None),
        ("block-v1:Harbour+SAIL+2026+type@video+block@reef", SAILING),
        ("block-v1:Harbour+SAIL+2026+branch@draft-branch+type@video+block@reef", SAILING),
        ("ccx-block-v1:Harbour+SAIL+2026+ccx@4+type@video+block@reef", "ccx-v1:Harbour+SAIL+2026+ccx@4"),
        ("lib-block-v1:Harbour+SHELF+type@video+block@reef", None),
        ("lb:Harbour:SHELF:problem:reef", None),
        ("i4x://Harbour/KNOTS/video/reef", None),
        (PAGE, KNOTS),
        (
            f"https://apps.example.org/learning/course/{SAILING}/block-v1:Harbour+SAIL+2026+type@vertical+block@u",
            SAILING,
        ),
        ("https://learn.example.org/xblock/block-v1:Harbour+SAIL+2026+type@vertical+block@u?show_title=0", SAILING),
        ("https://learn.example.org/courses/course-v1%3AHarbour%2BSAIL%2B2026/info", SAILING),
        (f"https://learn.example.org/login?next=/courses/{SAILING}/", None),
        (f"https://learn.example.org/dashboard#/courses/{SAILING}/", None),
        (f"/courses/{SAILING}/jump_to/block-v1:Other+X+1+type@video+block@v", None),
        ("https://learn.example.org/courses", None),
    ],
)
def test_the_course_in_keys_and_addresses(text: Any, course: str | None) -> None:
    assert course_key(text) == course


def test_lines_of_2013_have_no_context() -> None:
    event = SOURCE.event_from_line(line_2013("play_video", VIDEO_2013))
    assert event.facts.course_id == event.course_id == KNOTS
    video = compile_extractor(VideoFields)(event.body)
    assert video_key(video) == "i4x://Harbour/KNOTS.1x/videoalpha/reef"
    event = SOURCE.event_from_line(line_2013("problem_check", "input_i4x-Harbour-KNOTS_1x-problem-Quiz_1_2_1=a"))
    assert checked_problem(compile_extractor(CheckFields)(event.body)) == "i4x://Harbour/KNOTS.1x/problem/Quiz_1"
    event = SOURCE.event_from_line(line_2013("seq_goto", {"old": 1, "new": 2}))
    assert event.facts.course_id == KNOTS


def test_a_report_whose_page_is_no_course_s_says_that_the_course_is_missing() -> None:
    line = line_2013(
        "problem_check", "input_i4x-Harbour-KNOTS_1x-problem-Quiz_1_2_1=a", page="https://learn.example.org/x"
    )
    assert checked_problem(compile_extractor(CheckFields)(SOURCE.event_from_line(line).body)) is NO_COURSE


@pytest.mark.parametrize(
    ("data", "context", "course"),
    [
        ({"course_id": KNOTS}, {"course_id": SAILING, "page": PAGE}, SAILING),
        ({"course_id": KNOTS}, {"course_id": "", "page": f"/courses/{SAILING}/"}, KNOTS),
        ({"id": "block-v1:Harbour+SAIL+2026+type@video+block@reef"}, {"course_id": "", "page": PAGE}, SAILING),
        ({"id": "reef"}, {"course_id": "", "page": PAGE, "referer": f"/courses/{SAILING}/"}, KNOTS),
        ({"id": "reef"}, {"page": "x_module", "referer": PAGE}, KNOTS),
        ({"id": "reef"}, {"course_id": ["a"], "page": PAGE}, KNOTS),
        ({"id": "reef"}, {"page": "x_module"}, None),
    ],
)
def test_what_names_the_course_first(data: Any, context: dict[str, Any], course: str | None) -> None:
    event = {"name": "e", "timestamp": "2026-03-02T10:00:00Z", "data": data, "context": context}
    assert event_from_mapping(event).facts.course_id == course


@pytest.mark.parametrize("sender", ["browser", "server"])
def test_a_course_that_was_found_proves_nothing(sender: str) -> None:
    context = {"course_id": "", "page": f"/courses/{SAILING}/", "referer": PAGE, "event_source": sender}
    data = {"id": "block-v1:Harbour+SAIL+2026+type@video+block@reef"}
    event = {"name": "e", "timestamp": "2026-03-02T10:00:00Z", "data": data, "context": context}
    evidence = COURSE_PROOF.evidence(compile_extractor(CourseFields)(event_from_mapping(event).body))
    assert evidence.proofs == evidence.course_keys == ()
