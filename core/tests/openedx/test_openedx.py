"""What events mean: whose they are, which block they are about, where a link leads, what an answer is as text."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from learnrelay import InvalidFieldError, MissingFieldError, Site, openedx
from learnrelay.events import event_from_mapping
from learnrelay.fields import Fields, compile_extractor
from learnrelay.kinds import count
from learnrelay.openedx.common import Common, learner_of
from learnrelay.openedx.exam import AttemptFields, attempt_iri
from learnrelay.openedx.keys import block_in_address, block_key, is_block, parse_course
from learnrelay.openedx.navigation import LinkFields, target_address
from learnrelay.openedx.problem import CheckFields, answer_text, problem_key, question_key
from learnrelay.openedx.video import iso_duration, seconds
from learnrelay.resolvers.courses import NoCourses
from learnrelay.resolvers.identity import KeyedIdentity
from learnrelay.secrets import Secret
from learnrelay.site import UserRef

SITE = Site(
    "https://learn.example.org",
    KeyedIdentity({"secret": Secret("a secret of the tests", "tests"), "pseudonyms": "shared"}),
    NoCourses({}),
)
WIND = "block-v1:Harbour+SAIL101+2026+type@problem+block@wind"


def read(fields: type[Fields], data: Any = None, **context: Any) -> Any:
    event = {"name": "e", "timestamp": "2026-03-02T10:00:00Z", "data": data, "context": context}
    return compile_extractor(fields)(event_from_mapping(event).body)


@pytest.mark.parametrize("module", [module.name for module in pkgutil.iter_modules(openedx.__path__)])
def test_examples_in_docstrings(module: str) -> None:
    assert doctest.testmod(importlib.import_module(f"learnrelay.openedx.{module}")).failed == 0


@pytest.mark.parametrize(
    ("data", "context", "expected"),
    [
        ({}, {"user_id": 7, "username": "mira"}, UserRef("7", "mira")),
        ({"user_id": 8}, {"user_id": 9, "username": "staff"}, UserRef("8", None)),
        ({"user_id": "7"}, {"user_id": 7, "username": "mira"}, UserRef("7", "mira")),
        ({"username": "tomas"}, {"user_id": 9, "username": "staff"}, UserRef(None, "tomas")),
        ({"username": "mira"}, {"user_id": 7, "username": "mira"}, UserRef("7", "mira")),
        ({"user_id": "tomas"}, {"user_id": 9, "username": "staff"}, UserRef(None, "tomas")),
        ({"attempt_user_id": 8}, {"user_id": 9, "username": "staff"}, UserRef("8", None)),
        ({"user_id": None}, {"user_id": 0, "username": ""}, UserRef("0", None)),
        ({"user_id": 8.0}, {"user_id": 9, "username": "staff"}, UserRef("8", None)),
        ({"user_id": ""}, {"user_id": None, "username": ""}, None),
        ([{"user_id": 8}], {"user_id": True}, None),
    ],
)
def test_whose_event_it_is(data: Any, context: dict[str, Any], expected: UserRef | None) -> None:
    assert learner_of(read(Common, data, **context)) == expected


@pytest.mark.parametrize("unreadable", [[6], [], {"id": 6}, {}, 6.5, 2.0**60, True, " "])
@pytest.mark.parametrize("key", ["user_id", "attempt_user_id", "username"])
def test_a_subject_whom_nobody_can_read_is_not_who_was_signed_in(key: str, unreadable: Any) -> None:
    if (key, unreadable) == ("username", " "):
        unreadable = 6
    common = read(Common, {key: unreadable}, user_id=5, username="staff")
    with pytest.raises(InvalidFieldError, match="names a user by what is none"):
        learner_of(common)


@pytest.mark.parametrize(
    ("course", "block", "expected"),
    [
        ("course-v1:Harbour+SAIL+2026", "a", "block-v1:Harbour+SAIL+2026+type@video+block@a"),
        ("ccx-v1:Harbour+SAIL+2026+ccx@4", "a", "ccx-block-v1:Harbour+SAIL+2026+ccx@4+type@video+block@a"),
        ("library-v1:Harbour+SHELF", "a", "lib-block-v1:Harbour+SHELF+type@video+block@a"),
        ("Harbour/KNOTS/2014", "a", "i4x://Harbour/KNOTS/video/a"),
        ("Harbour/KNOTS/2014", "i4x-Harbour-KNOTS-video-a", "i4x://Harbour/KNOTS/video/a"),
        ("Harbour/KNOTS/2014", WIND, WIND),
        ("library-v1:Harbour+SHELF+2026", "a", None),
        ("course-v1:Harbour+SAIL", "a", None),
        ("sailing", "a", None),
    ],
)
def test_keys_of_blocks(course: str, block: str, expected: str | None) -> None:
    assert block_key(course, "video", block) == expected


@given(st.text(), st.text(), st.text(min_size=1))
def test_a_key_is_a_block_or_none(course: str, block_type: str, block: str) -> None:
    key = block_key(course, block_type, block)
    assert key is None or is_block(key)
    assert (key is None) == (parse_course(course) is None and not is_block(block))


@pytest.mark.parametrize(
    ("data", "context", "expected"),
    [
        ({"problem_id": WIND}, {}, WIND),
        ({"module_id": WIND}, {}, WIND),
        ({}, {"module": {"usage_key": WIND}}, WIND),
        ("input_wind_2_1=choice_1", {}, WIND),
        ("a=b&input_wind_2_1%5B%5D=", {}, WIND),
        ("input_wind_2_1=1", {"course_id": None}, MissingFieldError),
        ("", {"referer": "/?activate_block_id=block-v1%3AA%2BB%2BC%2Btype%40vertical%2Bblock%40v"},
         "block-v1:A+B+C+type@vertical+block@v"),
        ("", {"referer": "http://[half/?activate_block_id=x"}, MissingFieldError),
        (None, {}, MissingFieldError),
    ],
)  # fmt: skip
def test_which_problem_was_checked(data: Any, context: dict[str, Any], expected: Any) -> None:
    check = read(CheckFields, data, **{"course_id": "course-v1:Harbour+SAIL101+2026", **context})
    if expected is MissingFieldError:
        with pytest.raises(MissingFieldError) as error:
            problem_key(check)
        assert error.value.path == "data.problem_id"
    else:
        assert problem_key(check) == expected


def test_questions_of_a_problem() -> None:
    assert question_key(WIND, "wind_2_1") == "block-v1:Harbour+SAIL101+2026+type@problem+block@wind_2_1"
    assert question_key("i4x://Harbour/KNOTS/problem/reef", "reef_2_1") == "i4x://Harbour/KNOTS/problem/reef_2_1"


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.text(), st.lists))
def test_an_answer_is_text(answer: Any) -> None:
    found = answer_text(answer)
    assert found == answer if answer is None or isinstance(answer, str) else json.loads(found or "") == answer


def test_an_answer_that_cannot_be_written_is_none() -> None:
    answer: Any = "reef"
    for _ in range(500):
        answer = [answer]
    assert answer_text(answer) is None


PAGE = "https://learn.example.org/courses/c/week1/"


@pytest.mark.parametrize(
    ("target", "page", "expected"),
    [
        ("https://charts.example.org/ü?a=1#b", None, "https://charts.example.org/ü"),
        ("../week2/", PAGE, "https://learn.example.org/courses/c/week2/"),
        ("week2", "not a page", "https://learn.example.org/week2"),
        ("week2", "mailto:a@learn.example.org", "https://learn.example.org/week2"),
        ("/about", None, "https://learn.example.org/about"),
        ("#top", PAGE + "?token=a1b2", PAGE),
        ("//charts.example.org/a b", PAGE, "https://charts.example.org/a%20b"),
        ("mailto:office@learn.example.org", PAGE, "mailto:office@learn.example.org"),
        ("50%/{x}", PAGE, PAGE + "50%25/%7Bx%7D"),
        ("http://[half", PAGE, None),
        ("http:///nowhere", PAGE, None),
        ("https://two hosts/", PAGE, None),
        ("https://learn.example.org:harbour/", PAGE, None),
        ("https://mira@/", PAGE, None),
        ("https://mira:sesame@learn.example.org:8000/", PAGE, "https://learn.example.org:8000/"),
        ("mailto:office@learn.example.org?body=from+mira", PAGE, "mailto:office@learn.example.org"),
        ("/u/mira.o", PAGE, "https://learn.example.org/u/"),
        ("mira.o", "https://mira@apps.example.org/profile/u/mira.o", "https://apps.example.org/profile/u/"),
        ("https://u/harbour", PAGE, "https://u/harbour"),
        ("/courses/c/progress/7", PAGE, "https://learn.example.org/courses/c/progress/"),
        ("/courses/c/progress/week1", PAGE, "https://learn.example.org/courses/c/progress/week1"),
        ("/courses/c/discussion/forum/users/7", PAGE, "https://learn.example.org/courses/c/discussion/forum/users/"),
        ("/discussions/c/learners/mira.o/posts", PAGE, "https://learn.example.org/discussions/c/learners/"),
        ("/api/user/v1/accounts/mira.o", PAGE, "https://learn.example.org/api/user/v1/accounts/"),
        ("/certificates/user/7/course/c", PAGE, "https://learn.example.org/certificates/user/"),
        ("javascript:greet('mira')", PAGE, None),
        ("https://0:A", PAGE, None),
        ("mailto:", PAGE, None),
        ("javascript:", PAGE, None),
    ],
)
def test_where_a_link_leads(target: str, page: str | None, expected: str | None) -> None:
    link = LinkFields(target_url=target, current_url=page)
    if expected is None:
        with pytest.raises(InvalidFieldError) as error:
            target_address(link, SITE)
        assert error.value.path == "data.target_url"
    else:
        assert target_address(link, SITE) == expected


@given(target=st.text(min_size=1), page=st.none() | st.text(min_size=1))
@example(target="//[::1]:8000/%zz?\ue000#[]", page=None)
def test_a_link_leads_to_an_absolute_address(target: str, page: str | None) -> None:
    try:
        address = target_address(LinkFields(target_url=target, current_url=page), SITE)
    except InvalidFieldError:
        return
    assert urlsplit(address).scheme
    assert not set(address) & set(' "<>\\^`{|}\n\t')
    assert target_address(LinkFields(target_url=address), SITE) == address


@given(st.text())
def test_a_page_address_names_a_block_or_nothing(address: str) -> None:
    found = block_in_address(address)
    assert found is None or is_block(found)


def test_which_attempt() -> None:
    code = {"attempt_code": "7C2A9B40-1D3E-4F50-8A6B-9C0D1E2F3A4B", "attempt_id": 12, "exam_content_id": WIND}
    without = {"attempt_code": "twelve", "attempt_id": 12, "exam_content_id": WIND}
    assert attempt_iri(read(AttemptFields, code), SITE) == "urn:uuid:7c2a9b40-1d3e-4f50-8a6b-9c0d1e2f3a4b"
    assert str(attempt_iri(read(AttemptFields, without), SITE)).endswith("/proctored_exam/attempt/12")
    assert attempt_iri(read(AttemptFields, {"exam_content_id": WIND}), SITE) is None


@given(st.floats() | st.integers())
def test_times_and_counts_take_any_number(value: float) -> None:
    assert (seconds(value) is None) == (iso_duration(value) is None)
    counted = count(value)
    assert counted is None or (isinstance(counted, int) and counted == value and counted >= 0)
