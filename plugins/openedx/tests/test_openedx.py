"""What events mean: whose they are, which block they are about, where a link leads, what an answer is as text."""

from __future__ import annotations

import doctest
import importlib
import json
import pkgutil
from contextlib import suppress
from dataclasses import replace
from time import process_time
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import learnrelay_openedx
from learnrelay import InvalidFieldError, MissingFieldError, Platform, Who
from learnrelay.config.secrets import Secret
from learnrelay.fields import Fields, compile_extractor
from learnrelay.kinds import count
from learnrelay.lookups.courses import NoCourses
from learnrelay.lookups.identity import KeyedIdentity
from learnrelay.providers import UserRef
from learnrelay.times import iso_duration
from learnrelay_openedx.addresses import page_address
from learnrelay_openedx.belonging import courses_in
from learnrelay_openedx.exam.fields import AttemptFields, attempt_iri
from learnrelay_openedx.facts import OpenedxFacts
from learnrelay_openedx.keys import block_in_address, block_key, is_block, parse_course
from learnrelay_openedx.problem.browser_inputs import block_of_form
from learnrelay_openedx.problem.fields import (
    NO_BLOCK,
    CheckFields,
    answer_text,
    checked_problem,
    problem_key,
    question_key,
)
from learnrelay_openedx.video.fields import seconds
from openedx_events import SOURCE, event_from_mapping

PLATFORM = Platform(
    "https://learn.example.org",
    SOURCE,
    KeyedIdentity({"secret": Secret("a secret of the tests", "tests"), "pseudonyms": "shared"}),
    NoCourses({}),
)
BROWSER = {"event_source": "browser"}
WIND = "block-v1:Harbour+SAIL101+2026+type@problem+block@wind"


def who_of(facts: OpenedxFacts) -> Who | None:
    return OpenedxFacts.who(*(getattr(facts, name) for name in OpenedxFacts.who_reads))


def read(fields: type[Fields], data: Any = None, **context: Any) -> Any:
    event = {"name": "e", "timestamp": "2026-03-02T10:00:00Z", "data": data, "context": context}
    return compile_extractor(fields)(event_from_mapping(event).body)


MODULES = [module.name for module in pkgutil.walk_packages(learnrelay_openedx.__path__, "learnrelay_openedx.")]


@pytest.mark.parametrize("module", [name for name in MODULES if ".django_" not in name])  # what the LMS alone imports
def test_examples_in_docstrings(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0


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
    who = who_of(read(OpenedxFacts, data, **context))
    assert (who and who.user) == expected


@pytest.mark.parametrize("unreadable", [[6], [], {"id": 6}, {}, 6.5, 2.0**60, True, " "])
@pytest.mark.parametrize("key", ["user_id", "attempt_user_id", "username"])
def test_a_subject_whom_nobody_can_read_is_not_who_was_signed_in(key: str, unreadable: Any) -> None:
    if (key, unreadable) == ("username", " "):
        unreadable = 6
    facts = read(OpenedxFacts, {key: unreadable}, user_id=5, username="staff")
    with pytest.raises(InvalidFieldError, match="names a user by what is none"):
        who_of(facts)


@pytest.mark.parametrize(
    ("course", "block", "expected"),
    [
        ("course-v1:Harbour+SAIL+2026", "a", "block-v1:Harbour+SAIL+2026+type@video+block@a"),
        ("ccx-v1:Harbour+SAIL+2026+ccx@4", "a", "ccx-block-v1:Harbour+SAIL+2026+ccx@4+type@video+block@a"),
        ("library-v1:Harbour+SHELF", "a", "lib-block-v1:Harbour+SHELF+type@video+block@a"),
        ("Harbour/KNOTS/2014", "a", "i4x://Harbour/KNOTS/video/a"),
        ("Harbour/KNOTS/2014", "i4x-Harbour-KNOTS-video-a", "i4x://Harbour/KNOTS/video/a"),
        (
            "Harbour/KNOTS.1x/2014",
            "i4x-Harbour-KNOTS_1x-videoalpha-Quiz-2_b",
            "i4x://Harbour/KNOTS.1x/videoalpha/Quiz-2_b",
        ),
        ("Har-bour.eu/K--_.N/2014", "i4x-Har-bour_eu-K--_N-video-a", "i4x://Har-bour.eu/K--_.N/video/a"),
        ("Harbour/KNOTS/2014", "i4x-Other-KNOTS-video-a", None),
        ("Harbour/KNOTS/2014", "i4x-Harbour-KNOTS-video", None),
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
    if not block.startswith("i4x-"):
        assert (key is None) == (parse_course(course) is None and not is_block(block))


@pytest.mark.parametrize("form", ["", "{}", None, {}, [], "[]", "submit=1", "input_knot=5"])
def test_a_browsers_report_that_names_no_block_is_skipped(form: Any) -> None:
    context = {"course_id": "course-v1:Harbour+SAIL101+2026", "event_source": "browser"}
    assert checked_problem(read(CheckFields, form, **context)) == NO_BLOCK
    with pytest.raises(MissingFieldError):
        checked_problem(read(CheckFields, form, **context | {"event_source": "server"}))


SAIL = "block-v1:Harbour+SAIL101+2026+type@problem+block@"


@pytest.mark.parametrize(
    ("form", "block"),
    [
        ("input_Reef_Knot_Problem_2_1=A*x%5E2", "Reef_Knot_Problem"),
        ("input_Week_3_1_2_1=4&input_Week_3_1_12_10=5", "Week_3_1"),
        ("input_7_2_1=4", "7"),
        ("input_input_check_2_1=5", "input_check"),
        ("input_hw%3Aknot-1.4_2_1=x", "hw:knot-1.4"),
        ("input_%E7%B7%B4%E7%BF%92_1_2_1=%E7%94%B2", "練習_1"),
        ("input_knot_2_1%5B%5D=choice_0&input_knot_2_1[]=choice_2", "knot"),
        ("input_knot_2_1%7B%7D=%7B%22input_reef_2_1%22%3A1%7D", "knot"),
        ("input_knot_2_1=V%2FR&input_knot_2_1_dynamath=%3Cmath%3E", "knot"),
        ("input_knot_2_1_comment=fine&input_knot_2_1={}", "knot"),
        ("input_knot_2_1_choiceinput_0bc=on&input_knot_2_1_choiceinput_0_textinput_0=5", "knot"),
        ("input_knot_2_1_choiceinput_1_numtolerance_input_0=1.41", "knot"),
        ("target_shape=W1&choiceinput_0bc=2&input_knot_2_1=input_reef_2_1%26input_x_3_1", "knot"),
        ('"input_knot_2_1=5"', "knot"),
        ("input_knot=5", None),
        ("input_knot_2_1=5&input_reef_2_1=5", None),
        ("knot_2_1=5", None),
        ("", None),
    ],
)
def test_the_block_of_a_form(form: str, block: str | None) -> None:
    assert block_of_form(form, "course-v1:Harbour+SAIL101+2026") == (block and SAIL + block)


names = st.text(st.characters(categories=["L", "Nd"], include_characters="_-.~:"), min_size=1)


@given(names, st.integers(2, 99), st.integers(1, 99), st.sampled_from(["", "[]", "{}", "_dynamath", "_comment"]))
def test_browser_and_server_name_the_same_block(name: str, question: int, field: int, tail: str) -> None:
    form = urlencode({f"input_{name}_{question}_{field}{tail}": "choice_1", "submit": "1"})
    check = read(CheckFields, form, course_id="course-v1:Harbour+SAIL101+2026", event_source="browser")
    assert problem_key(check) == problem_key(read(CheckFields, {"problem_id": SAIL + name}))


@pytest.mark.parametrize(
    ("data", "context", "expected"),
    [
        ({"problem_id": WIND}, {}, WIND),
        ({"module_id": WIND}, {}, WIND),
        ({}, {"module": {"usage_key": WIND}}, WIND),
        ("input_wind_2_1=choice_1", BROWSER, WIND),
        ("a=b&input_wind_2_1%5B%5D=", BROWSER, WIND),
        ("input_wind_2_1=choice_1", {}, MissingFieldError),
        (f"input_{WIND}_2_1=choice_1", BROWSER, MissingFieldError),
        ("input_wind_2_1=1", {"course_id": None, **BROWSER}, MissingFieldError),
        ("", {**BROWSER, "referer": "/?activate_block_id=block-v1%3AA%2BB%2BC%2Btype%40vertical%2Bblock%40v"},
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
    text = answer_text(answer)
    assert text == answer if answer is None or isinstance(answer, str) else json.loads(text or "") == answer


def test_an_answer_that_cannot_be_written_is_none() -> None:
    answer: Any = "reef"
    for _ in range(500):
        answer = [answer]
    assert answer_text(answer) is None


COURSE = "https://learn.example.org/courses/course-v1:Harbour+SAIL101+2026"
PAGE = f"{COURSE}/courseware/week1/wind/"
ROOT = "https://learn.example.org/"
UUID = "0d0a3f0c-2f63-4d0b-8c0e-7b1f2a3c4d5e"
NOT_AN_ADDRESS, NO_PAGE = InvalidFieldError, None


@pytest.mark.parametrize(
    ("target", "page", "expected"),
    [
        # where a relative one starts
        ("../../week2/", PAGE, f"{COURSE}/courseware/week2/"),
        ("about", "not a page", f"{ROOT}about"),
        ("about", "mailto:a@learn.example.org", f"{ROOT}about"),
        ("/about", None, f"{ROOT}about"),
        ("#top", PAGE + "?token=a1b2", PAGE),
        ("//charts.example.org/a b", PAGE, "https://charts.example.org/a%20b"),
        ("reef", "https://charts.example.org/north/", "https://charts.example.org/north/reef"),
        # pages, blocks and files of courses, static pages
        (COURSE, None, COURSE),
        (f"{COURSE}/progress", None, f"{COURSE}/progress"),
        (f"{COURSE}/pdfbook/0/chapter/2/17", None, f"{COURSE}/pdfbook/0/chapter/2/17"),
        (f"{COURSE}/jump_to/{WIND}?x=1", None, f"{COURSE}/jump_to/{WIND}"),
        (f"{COURSE}/jump_to_id/wind", None, f"{COURSE}/jump_to_id/wind"),
        (f"/xblock/{WIND}", None, f"{ROOT}xblock/{WIND}"),
        ("/courses/Harbour/KNOTS/2014/info", None, f"{ROOT}courses/Harbour/KNOTS/2014/info"),
        (f"{COURSE.replace('+', '%2B').replace(':H', '%253AH')}/about", None, f"{COURSE}/about"),
        ("/asset-v1:Harbour+SAIL101+2026+type@asset+block@sails.pdf", None,
         f"{ROOT}asset-v1:Harbour+SAIL101+2026+type@asset+block@sails.pdf"),
        (f"https://apps.learn.example.org/learning/course/course-v1:A+B+C/{WIND}", None,
         f"https://apps.learn.example.org/learning/course/course-v1:A+B+C/{WIND}"),
        # all else of the platform
        ("/u/mira.o", PAGE, ROOT),
        ("/%75/mira.o", PAGE, ROOT),
        ("/%2575/mira.o", PAGE, ROOT),
        ("/U/mira.o", PAGE, ROOT),
        ("/u%2Fmira.o", PAGE, ROOT),
        ("/\\u\\mira.o", PAGE, ROOT),
        ("/profile/mira.o", PAGE, ROOT),
        ("/account/settings/mira.o", PAGE, ROOT),
        ("/submission_history/mira.o/x", PAGE, ROOT),
        ("/api/badges/v1/assertions/user/mira.o", PAGE, ROOT),
        ("/api/user/v1/accounts/mira.o", PAGE, ROOT),
        (f"/certificates/{UUID}", PAGE, ROOT),
        ("/certificates/0d0a3f0c2f634d0b8c0e7b1f2a3c4d5e", PAGE, ROOT),
        ("/certificates/user/7/course/c", PAGE, ROOT),
        ("/activate/0d0a3f0c2f634d0b", PAGE, ROOT),
        ("/password_reset_confirm/Mw-5x1-abc/", PAGE, ROOT),
        ("/about;sid=mira", PAGE, ROOT),
        (f"{COURSE}/progress/7", None, ROOT),
        (f"{COURSE}/courseware/../u/mira.o", None, ROOT),
        (f"{COURSE}/courseware/%2e%2e/%2e%2e", None, ROOT),
        (f"{COURSE}/wiki/mira.o", None, ROOT),
        ("/courses/%2e%2e/u/mira.o", None, ROOT),
        ("/courses/..%2f..%2fu%2fmira.o/about", None, ROOT),
        ("/course/u/mira.o/x", None, ROOT),
        ("/c4x/../u/asset/mira.o", None, ROOT),
        (f"{COURSE}/discussion/forum/users/7", None, ROOT),
        ("https://LEARN.example.org/u/mira.o", None, ROOT),
        ("https://learn.example.org./u/mira.o", None, ROOT),
        ("https://ｌearn.example.org/u/mira.o", None, ROOT),
        ("http://learn.example.org:8000/u/mira.o", None, "http://learn.example.org:8000/"),
        ("https://mira:sesame@learn.example.org:8000/", PAGE, "https://learn.example.org:8000/"),
        ("mira.o", "https://mira@apps.learn.example.org/profile/u/mira.o", "https://apps.learn.example.org/"),
        # other sites
        ("https://charts.example.org", None, "https://charts.example.org/"),
        ("https://charts.example.org/ü?a=1#b", None, "https://charts.example.org/ü"),
        ("https://charts.example.org/50%/{x}", PAGE, "https://charts.example.org/50%25/%7Bx%7D"),
        ("https://charts.example.org/north/sea-of-calm_2.html", None,
         "https://charts.example.org/north/sea-of-calm_2.html"),
        ("https://charts.example.org/2026/03/17/", None, "https://charts.example.org/2026/03/17/"),
        ("https://mira:sesame@charts.example.org/north", None, "https://charts.example.org/north"),
        ("https://charts.example.org/north;sid=mira/x", None, "https://charts.example.org/north"),
        ("https://charts.example.org/a/@mira/x", None, "https://charts.example.org/a/"),
        ("https://charts.example.org/a/%40mira/x", None, "https://charts.example.org/a/"),
        ("https://charts.example.org/a/mira%2540x.example", None, "https://charts.example.org/a/"),
        ("https://charts.example.org/~mira", None, "https://charts.example.org/"),
        ("https://charts.example.org/Users/mira", None, "https://charts.example.org/Users/"),
        ("https://charts.example.org/%75/mira", None, "https://charts.example.org/%75/"),
        ("https://charts.example.org/u//mira", None, "https://charts.example.org/u//"),
        (f"https://charts.example.org/d/{UUID}/edit", None, "https://charts.example.org/d/"),
        ("https://charts.example.org/d/1aB2cD3eF4gH5iJ6kL7m/edit", None, "https://charts.example.org/d/"),
        ("https://charts.example.org/d/aB3dE9", None, "https://charts.example.org/d/"),
        ("https://charts.example.org/d/" + "a" * 300, None, "https://charts.example.org/d/"),
        ("https://charts.example.org/Chapter1/HTML5/ISO8601", None, "https://charts.example.org/Chapter1/HTML5/ISO8601"),
        ("https://charts.example.org/d/eyJhbGciOi.eyJzdWIi", None, "https://charts.example.org/d/"),
        ("https://chat.example.org/joinchat/abcdef", None, "https://chat.example.org/joinchat/"),
        ("https://chat.example.org/c/AAAAAEHbEkejzxUjAUCfYg", None, "https://chat.example.org/c/"),
        ("https://wiki.example.org/HowToTieTheReefKnot", None, "https://wiki.example.org/HowToTieTheReefKnot"),
        ("https://charts.example.org/d/5f4dcc3b5aa765d61d8327de", None, "https://charts.example.org/d/"),
        ("https://charts.example.org/d/+49-30-123-45-67", None, "https://charts.example.org/d/"),
        ("https://charts.example.org/d/20260317", None, "https://charts.example.org/d/"),
        ("https://charts.example.org/a%2Fu%2Fmira", None, "https://charts.example.org/"),
        ("https://charts.example.org/a\\u\\mira", None, "https://charts.example.org/"),
        ("https://u/harbour", PAGE, "https://u/harbour"),
        ("https://u/harbour", "http://[half", "https://u/harbour"),  # the page does not matter
        # no pages of the web, and no addresses
        *((f"{scheme}:ann.smith@x.example", PAGE, NO_PAGE) for scheme in ("mailto", "MAILTO", "skype", "tel", "data")),
        ("file:///C:/Users/ann.smith/essay.doc", PAGE, NO_PAGE),
        ("ftp://files.example.org/ann.smith", PAGE, NO_PAGE),
        (" java\nscript:greet('mira')", PAGE, NO_PAGE),
        ("javascript:", PAGE, NO_PAGE),
        ("http://[half", PAGE, NOT_AN_ADDRESS),
        ("../north", "http://[half", NOT_AN_ADDRESS),
        ("http:///nowhere", PAGE, NOT_AN_ADDRESS),
        ("https://two hosts/", PAGE, NOT_AN_ADDRESS),
        ("https://learn.example.org:harbour/", PAGE, NOT_AN_ADDRESS),
        ("https://mira@/", PAGE, NOT_AN_ADDRESS),
        ("https://0:A", PAGE, NOT_AN_ADDRESS),
    ],
)  # fmt: skip
def test_what_is_published_of_an_address(target: str, page: str | None, expected: Any) -> None:
    if expected is NOT_AN_ADDRESS:
        with pytest.raises(InvalidFieldError) as error:
            page_address(PLATFORM, target, page)
        assert error.value.path == "data.target_url"
    else:
        assert page_address(PLATFORM, target, page) == expected


@given(
    target=st.text(min_size=1)
    | st.builds("https://{}/{}".format, st.sampled_from(["a.example", ROOT[8:-1]]), st.text()),
    page=st.none() | st.text(min_size=1),
)
@example(target="//[::1]:8000/%zz?\ue000#[]", page=None)
def test_what_is_published_is_an_absolute_iri_of_which_all_is_published(target: str, page: str | None) -> None:
    try:
        address = page_address(PLATFORM, target, page)
    except InvalidFieldError:
        return
    if address is not None:
        assert urlsplit(address).scheme in ("http", "https")
        assert not set(address) & set(' "<>\\^`{|}\n\t')
        assert page_address(PLATFORM, address) == address


@pytest.mark.parametrize(
    "part", ["a", "1", "a1", "/", "a/", "%25", "course-v1:", "block-v1:a+", "i4x://a/", "-", "c4x/"]
)
def test_a_long_address_takes_no_time(part: str) -> None:
    start = process_time()
    for address in (part * 60_000, f"https://charts.example.org/{part * 60_000}", f"/courses/{part * 60_000}"):
        with suppress(InvalidFieldError):
            page_address(PLATFORM, address)
        list(courses_in(address))
    assert process_time() - start < 5


def test_no_address_that_somebody_followed_joins_destinations_with_pseudonyms_of_their_own() -> None:
    spaces = [replace(PLATFORM, space=f"xapi/{name}", own=True) for name in ("acme", "umbra")]
    for address in ("https://mira-olsen.example/essay", "https://charts.example.org/mira-olsens-essay"):
        published = [page_address(platform, address) for platform in spaces]
        assert len({*published, page_address(PLATFORM, address)}) == 3
        assert not any("mira" in str(each) for each in published)
        assert published == [page_address(platform, f"{address}?a=1") for platform in spaces]


@given(st.text())
def test_a_page_address_names_a_block_or_nothing(address: str) -> None:
    block = block_in_address(address)
    assert block is None or is_block(block)


def test_which_attempt() -> None:
    code = {"attempt_code": "7C2A9B40-1D3E-4F50-8A6B-9C0D1E2F3A4B", "attempt_id": 12, "exam_content_id": WIND}
    without = {"attempt_code": "twelve", "attempt_id": 12, "exam_content_id": WIND}
    assert attempt_iri(read(AttemptFields, code), PLATFORM) == "urn:uuid:7c2a9b40-1d3e-4f50-8a6b-9c0d1e2f3a4b"
    assert str(attempt_iri(read(AttemptFields, without), PLATFORM)).endswith("/proctored_exam/attempt/12")
    assert attempt_iri(read(AttemptFields, {"exam_content_id": WIND}), PLATFORM) is None


@given(st.floats() | st.integers())
def test_times_and_counts_take_any_number(value: float) -> None:
    assert (seconds(value) is None) == (iso_duration(value) is None)
    counted = count(value)
    assert counted is None or (isinstance(counted, int) and counted == value and counted >= 0)
