"""Markers are found in every form and nowhere else; personal names are recognised in every spelling."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import uuid
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learnrelay.privacy.names import of_path, resembles
from learnrelay_contract_tests.leaks import find_markers
from learnrelay_contract_tests.samples import PERSONAL_NOISE, Marker, marker_text

DRESSES: dict[str, Callable[[str], str]] = {
    "plain": lambda m: m,
    "inside longer text": lambda m: f"urn:user:{m}:answer-3",
    "upper": str.upper,
    "lower": str.lower,
    "swapped": str.swapcase,
    "reversed": lambda m: m[::-1],
    "md5": lambda m: hashlib.md5(m.encode()).hexdigest(),
    "sha1": lambda m: hashlib.sha1(m.encode()).hexdigest(),
    "sha1 of the mailto IRI": lambda m: hashlib.sha1(f"mailto:{m}".encode()).hexdigest(),
    "sha256 in capitals": lambda m: hashlib.sha256(m.encode()).hexdigest().upper(),
    "sha256 of lower case, shortened": lambda m: hashlib.sha256(m.lower().encode()).hexdigest()[:20],
    "sha256 in base64": lambda m: base64.b64encode(hashlib.sha256(m.encode()).digest()).decode(),
    "uuid5": lambda m: str(uuid.uuid5(uuid.NAMESPACE_URL, m)),
    "base64": lambda m: base64.b64encode(m.encode()).decode(),
    "base64, url-safe, without padding": lambda m: base64.urlsafe_b64encode(m.encode()).decode().rstrip("="),
    "base64 within a longer text": lambda m: base64.b64encode(f"x{m}yz".encode()).decode(),
    "hex": lambda m: m.encode().hex(),
    "url-encoded": lambda m: quote(m, safe=""),
    "url-encoded, every letter": lambda m: "".join(f"%{byte:02X}" for byte in m.encode()),
    "split by dashes": "-".join,
    "split into a list": lambda m: json.dumps(list(m)),
    "in part": lambda m: m[:10],
    "without its blanks": lambda m: m.replace(" ", "_"),
}  # fmt: skip


@pytest.mark.parametrize("dress", DRESSES)
@given(number=st.integers(0, 10**6), name=st.sampled_from(["full_name", "email", "address"]))
def test_a_marker_is_found_in_every_dress(dress: str, number: int, name: str) -> None:
    markers = [Marker(str(n), marker_text(random.Random(number + n), name)) for n in range(3)]
    text = json.dumps({"id": "3f0c", "object": {"name": DRESSES[dress](markers[1].text)}})
    assert "1" in [marker.path for marker, _ in find_markers(markers, [text])]


@given(
    text=st.text(max_size=300) | st.uuids().map(str) | st.binary(max_size=60).map(lambda raw: raw.hex()),
    number=st.integers(0, 10**6),
)
def test_no_marker_where_there_is_none(text: str, number: int) -> None:
    markers = [Marker(name, marker_text(random.Random(number), name)) for name in PERSONAL_NOISE]
    assert not list(find_markers(markers, [json.dumps({"id": text})]))


PERSONAL = [
    "ip_addr", "ipAddress", "IP", "eMail", "e-mail", "user_email", "emailaddr", "user-name", "userName", "usernames",
    "uname",
    "dob", "birth_date", "dateOfBirth", "birthdate", "phoneNumber", "tel", "first_name", "lastname", "full-name",
    "surname",
    "user_id", "userid", "learner_id", "gender", "zip", "postcode", "adress", "mailing_address", "passport_no",
    "session", "referer",
    "session_key", "user_agent", "comment_author", "answer", "latitude", "country_code", "SSN", "authored_by",
    "nick_name", "firstname", "lastname", "ip_address", "mail", "birthday", "student_email",
]  # fmt: skip
HARMLESS = [
    "course_id", "org_id", "problem_id", "usage_key", "block_id", "duration", "current_time", "position", "title",
    "name",
    "display_name", "exam_name", "target_name", "mode", "state", "attempts", "grade", "max_grade", "success",
    "timestamp",
    "event_source", "page", "target_url", "percent", "letter_grade", "hint_index", "poll_id", "label",
    "section",
    "content_id", "thread_type", "rating", "completion", "choice", "description", "enterprise_uuid", "speed",
    "tab_count",
]  # fmt: skip


@pytest.mark.parametrize("name", PERSONAL)
def test_personal_names(name: str) -> None:
    assert resembles(name)


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_names(name: str) -> None:
    assert resembles(name) is None


WITHIN = [  # where the personal name is a part of a longer one
    "attempt_user_id", "target_user_id", "owner_username", "authorEmail", "ip2", "username2", "user_ids", "lat",
    "creator_email_addr", "client_ip_v4", "homeAddress1", "mobile_phone_no", "usrname", "tel_no", "birthplace",
    "vorname",    "access_token", "geo_lat",
]  # fmt: skip
ABOUT = [  # how many, of which kind, whether: about people, and nobody's data
    "user_partition", "user_partitions", "username_taken", "email_verified", "user_count", "poll_options_total",
    "answered_at", "answered_on", "answering_time", "last_login_at",
    "answer_code", "session_type", "age_limit", "agent_count", "token_count", "student_view", "author_mode",
]  # fmt: skip
LOOKALIKES = [
    "chip_id",
    "ship",
    "recipe",
    "script_id",
    "latency",
    "altitude",
    "biology",
    "antibody",
    "trace",
    "unzip",
    "years",
]


@pytest.mark.parametrize("name", WITHIN)
def test_personal_names_within_others(name: str) -> None:
    assert resembles(name)


@pytest.mark.parametrize("name", [*ABOUT, *LOOKALIKES])
def test_no_false_alarm_over_names(name: str) -> None:
    assert resembles(name) is None


@pytest.mark.parametrize(
    ("path", "personal"),
    [
        ("data.author.name", True), ("data.user.id", True), ("data.geo.lat", True), ("context.attempt_user_id", True),
        ("data.emails.*.value", True), ("data.account.id", True), ("data.learners.*.key", True),
        ("data.users.*.score", False), ("data.course.id", False), ("data.problem.title", False),
        ("context.module.display_name", False), ("data.student.level", False), ("context.user_partition.id", False),
    ],
)  # fmt: skip
def test_the_object_gives_a_name_away(path: str, personal: bool) -> None:
    assert bool(of_path(path)) is personal


def test_the_plainest_form_is_named() -> None:
    """A plain value beside a character that might be URL-encoding is reported as plain."""
    marker = Marker("data.email", "vex.karimotse@harbour.no")
    assert [form for _, form in find_markers([marker], [f"100% + {marker.text}"])] == ["as it is"]


def test_a_digest_written_as_a_uuid_is_found() -> None:
    marker = Marker("the user id", "88213-vex")
    written = str(uuid.UUID(hashlib.md5(marker.text.encode()).hexdigest()))
    assert [form for _, form in find_markers([marker], [written])] == ["as md5 digest"]
