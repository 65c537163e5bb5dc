"""Declares the source, which reads events of Open edX in both shapes that the platform writes.

The in-process shape (``name``, ``data``, ``context``, ``timestamp``) is the canonical one. A tracking-log line has the
payload under ``event`` (often as JSON text), the time under ``time``, and some of the context at the root; mixtures of
both occur.
"""

from __future__ import annotations

from collections.abc import Callable

from learnrelay import CourseParts, Shape, Skip, Source, hookimpl
from learnrelay.kinds import INVALID

from .belonging import COURSE_PROOF, ENTERPRISE_PROOF
from .facts import OpenedxFacts
from .keys import parse_course
from .origins import NOT_OF_THE_BLOCK, NOT_THE_SERVER, REQUEST, is_server_only, publishes
from .pages import PAGES
from .personal_names import PERSONAL_NAMES
from .sample_values import SAMPLE_VALUES


class OpenedxSource(Source):
    """Reads the events of Open edX."""

    name = "openedx"
    shape = Shape(
        name=("name", "event_type"),
        timestamp=("timestamp", "time"),
        data=("data", "event"),
        context_at_root=(
            "username", "session", "ip", "agent", "host", "referer", "accept_language", "event_source", "page",
        ),
        json_in_data=True,
        input_prefix="input_",
        identifying=("user_id", "username", "session", "course_id", "org_id", "path"),
        client_mark=("event_source", "browser"),
        request_prefix="/",
        request_names=PAGES,
    )  # fmt: skip
    facts = OpenedxFacts
    course_address = "course/{}"
    terms = {  # noqa: RUF012  # read-only by its declaration
        "session_id": "https://w3id.org/xapi/openedx/extensions/session-id",
        "transformer_version": "https://w3id.org/xapi/openedx/extension/transformer-version",
    }
    retired_prefix = "retired__user_"
    course_proof = COURSE_PROOF
    enterprise_proof = ENTERPRISE_PROOF
    personal_names = PERSONAL_NAMES
    sample_values = SAMPLE_VALUES

    def course_parts(self, course_id: str) -> CourseParts:
        """Returns the number and the run of a course key."""
        key = parse_course(course_id)
        return CourseParts(key.course, key.run) if key else CourseParts()


@hookimpl
def register_sources(register: Callable[[type[Source]], None]) -> None:
    """Contributes the source."""
    register(OpenedxSource)


@hookimpl(reads=OpenedxFacts)
def filter_event(fields: OpenedxFacts) -> Skip | None:
    """Refuses names that a client cannot emit, and those that a block publishes without having them."""
    if fields.request != REQUEST and fields.request is not None:
        return None if publishes(fields.request, fields.name) else NOT_OF_THE_BLOCK
    return NOT_THE_SERVER if fields.sender is INVALID and is_server_only(fields.name) else None
