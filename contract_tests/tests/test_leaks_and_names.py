"""Markers are found in whatever dress, and nowhere else; personal names are known in every spelling."""

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

from learnrelay_contract_tests.leaks import find
from learnrelay_contract_tests.names import resembles
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
    assert "1" in [marker.path for marker, _ in find(markers, [text])]


@given(
    text=st.text(max_size=300) | st.uuids().map(str) | st.binary(max_size=60).map(lambda raw: raw.hex()),
    number=st.integers(0, 10**6),
)
def test_no_marker_where_there_is_none(text: str, number: int) -> None:
    markers = [Marker(name, marker_text(random.Random(number), name)) for name in PERSONAL_NOISE]
    assert not list(find(markers, [json.dumps({"id": text})]))


PERSONAL = [
    "ip_addr", "ipAddress", "IP", "eMail", "e-mail", "user_email", "emailaddr", "user-name", "userName", "usernames",
    "uname",
    "dob", "birth_date", "dateOfBirth", "birthdate", "phoneNumber", "tel", "first_name", "lastname", "full-name",
    "surname",
    "user_id", "userid", "learner_id", "gender", "zip", "postcode", "adress", "mailing_address", "passport_no",
    "session",
    "session_key", "user_agent", "comment_author", "answer", "latitude", "country_code", "SSN", "authored_by",
    "nick_name",
]  # fmt: skip
HARMLESS = [
    "course_id", "org_id", "problem_id", "usage_key", "block_id", "duration", "current_time", "position", "title",
    "name",
    "display_name", "exam_name", "target_name", "mode", "state", "attempts", "grade", "max_grade", "success",
    "timestamp",
    "event_source", "page", "referer", "target_url", "percent", "letter_grade", "hint_index", "poll_id", "label",
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
