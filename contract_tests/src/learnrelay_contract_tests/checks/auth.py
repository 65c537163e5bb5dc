"""Checks auth schemes: the headers that they give, and that nobody else sees their secrets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from learnrelay.auth import MESSAGE_HEADERS, find_header_fault, list_credentials

from .. import leaks
from ..samples import Marker
from ..subject import Subject
from . import Finding, NotApplicableError, Note, check

_TIME_LEFT = 5.0  # seconds that a request may take
_SET = {"Content-Type": "application/json", "X-Set-By-The-Standard": "1"}
_REQUESTS = (
    ("POST", _SET, '[{"id": "1"}]', _TIME_LEFT),
    ("POST", _SET, '[{"id": "2"}]' * 10_000, _TIME_LEFT),
    ("GET", {"X-Set-By-The-Standard": "1"}, "", _TIME_LEFT),
    ("POST", _SET, "é\x00", _TIME_LEFT),
)
_SHORTEST = 8  # characters of a text that is in another one by no coincidence


def _ask_scheme(subject: Subject) -> dict[str, Any]:
    if not subject.is_auth_scheme:
        raise NotApplicableError("the plugin is no auth scheme")
    answer: dict[str, Any] = subject.process.ask("auth_headers", requests=[list(request) for request in _REQUESTS])
    return answer


@check(
    "auth.headers",
    "An auth scheme gives each request headers that can be sent, within the time that is left, and again after a 401.",
)
def check_headers(subject: Subject) -> Iterable[Finding | Note]:
    """Asks for the headers of small, large, empty and odd requests, and once more after a 401."""
    asked = _ask_scheme(subject)
    answers = asked["answers"]
    yield from (Finding(fault) for fault in dict.fromkeys(_find_faults(answers)))
    if asked["renewed"] != "bool":
        yield Finding(f"renew returns neither True nor False, or raises ({asked['renewed']})")
    if all("unavailable" in answer for answer in answers):
        yield Finding("gives no headers: give settings with which it can, in contract.toml under [auth]")
    names = {name for answer in answers for name, _ in answer.get("headers", ())}
    yield Note(f"sets {', '.join(sorted(map(str, names))) or 'no header'}")


def _find_faults(answers: list[dict[str, Any]]) -> Iterator[str]:
    reserved = MESSAGE_HEADERS.union(map(str.lower, _SET))
    for answer in answers:
        if "raised" in answer:
            yield f"raises {answer['raised']}, or returns no mapping: raise AuthError with a reason"
        for name, value in answer.get("headers", ()):
            if fault := find_header_fault(name, value, reserved):
                yield f"a header that it gives {fault}"
        if answer["seconds"] > _TIME_LEFT:
            yield f"takes {answer['seconds']:.0f} s for headers, of {_TIME_LEFT:.0f} s that are left"


@check(
    "auth.secrets",
    "No secret of an auth scheme, and no value of its headers, is in a reason, a log record or the scheme's own text.",
    private=True,
)
def check_secrets(subject: Subject) -> Iterable[Finding | Note]:
    """Searches all that the scheme says for the secrets of its settings, and for its credentials in all forms."""
    if subject.is_auth_scheme:
        subject.process.ask("take_log_records")
    asked = _ask_scheme(subject)
    markers = [Marker(key, secret) for key, secret in asked["secrets"].items() if len(secret) >= _SHORTEST]
    for answer in asked["answers"]:
        headers = {name: value for name, value in answer.get("headers", ()) if name and value}
        markers += [Marker("a header", text) for text in list_credentials(headers) if len(text) >= _SHORTEST]
    places = {
        "a log record": subject.process.ask("take_log_records"),
        "its own text": asked["shown"],
        "the reason of an AuthError": [text for answer in asked["answers"] for text in answer.get("texts", ())],
        "what it prints": [subject.process.read_output()],
    }
    for place, texts in places.items():
        for path, form in dict.fromkeys((marker.path, form) for marker, form in leaks.find_markers(markers, texts)):
            yield Finding(f"{path} is in {place} {form}")
