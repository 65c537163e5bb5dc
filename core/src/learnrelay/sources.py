"""Defines a source, which reads a learning platform's events into one shape, and declares their facts.

::

    class CampusSource(Source):
        name = "campus"
        shape = Shape(name=("action",), timestamp=("at",), data=("details",), context="about")
        facts = CampusFacts
        course_address = "courses/{}"

Paths, kinds and addresses are declared, so that reading can be compiled; a callable is the exception.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from .config.fields import NO_SETTINGS
from .events import EventReader, Shape, SourceEvent, copy_mapping, parse_line
from .facts import Facts
from .fields import Fields
from .personal_data import PersonalNames
from .sample_values import SampleValues


class CourseParts(NamedTuple):
    """Holds the parts of a course key: the course's number in the catalogue, and its run or term; empty if unknown."""

    number: str = ""
    term: str = ""


class CourseRef(NamedTuple):
    """Identifies what a key names. ``course`` is without the run. Parts are empty that the key does not have."""

    org: str
    course: str = ""
    key: str = ""


UNREADABLE_COURSE = CourseRef("")
"""Reference of a key that cannot be read."""


class CourseEvidence(NamedTuple):
    """Holds what an event proves and mentions of its course.

    proofs: what proves course or organisation. mentions: courses of the blocks that it names; they prove nothing, but
    must not contradict.
    """

    proofs: tuple[CourseRef, ...]
    course_keys: tuple[CourseRef, ...]
    mentions: tuple[CourseRef, ...]


@dataclass(frozen=True, slots=True)
class CourseProof:
    """Declares how events prove their course: the fields to read, and how to interpret them and an operator's values.

    evidence: declared values → `CourseEvidence`. read_org, read_key: a text of the operator's file → what it names, or
    `UNREADABLE_COURSE`.
    """

    reads: type[Fields]
    evidence: Callable[[Any], CourseEvidence]
    read_org: Callable[[str], CourseRef]
    read_key: Callable[[str], CourseRef]


@dataclass(frozen=True, slots=True)
class EnterpriseProof:
    """Declares how events prove the enterprise of their learner.

    reads: declares ``in_context`` (enterprise of the signed-in user) and ``in_data`` (enterprise of the payload).
    speaks_of_another: whether the payload is about another user than the signed-in one.
    trusts_payload: whether the platform wrote the payload; one that a client sent proves nothing.
    """

    reads: type[Fields]
    speaks_of_another: Callable[[Any], bool]
    trusts_payload: Callable[[Any], bool] = lambda fields: True


class Source(ABC):
    """Reads the events of a learning platform. Subclass it, contribute the class through ``register_sources``.

    Class attributes
        name: as in the operator's file, ``[platform] source = …``.
        shape: where raw events have name, data, context and timestamp.
        facts: when, who, which course, which session.
        course_address: address of a course run below the platform's root; ``{}`` is its id.
        terms: addresses of the extensions that are the platform's own in every statement: ``session_id`` and
            ``transformer_version``, where a standard has no term for them.
        retired_prefix: prefix of the names of users whom the platform has retired; empty without such names.
        course_proof, enterprise_proof: how an event proves its course and enterprise; None where it cannot.
        personal_names: names of personal data that are the platform's own.
        sample_values: realistic values of its fields, of which samples are made.
    """

    name: ClassVar[str]
    shape: ClassVar[Shape] = Shape()
    facts: ClassVar[type[Facts]]
    course_address: ClassVar[str] = "course/{}"
    terms: ClassVar[Mapping[str, str]] = {}
    retired_prefix: ClassVar[str] = ""
    course_proof: ClassVar[CourseProof | None] = None
    enterprise_proof: ClassVar[EnterpriseProof | None] = None
    personal_names: ClassVar[PersonalNames] = PersonalNames()
    sample_values: ClassVar[SampleValues] = SampleValues()

    event_from_line: Callable[[bytes], SourceEvent]
    """Reads one line of a log. Raises UnreadableEventError."""

    def __init__(self, settings: Mapping[str, Any] = NO_SETTINGS) -> None:
        """Keeps the plugin's settings, and compiles the reader."""
        self.settings = settings
        self.reader = EventReader(self.shape, self.facts)
        own = type(self)
        is_plain = own.parse_line is Source.parse_line and own.bring_into_shape is Source.bring_into_shape
        self.event_from_line = self.reader.event_from_line if is_plain else self._event_from_line
        self._is_plain = is_plain

    def parse_line(self, line: bytes) -> dict[str, Any]:
        """Reads the raw event in a line. Raises UnreadableEventError with the reason, never with the content."""
        return parse_line(line)

    def bring_into_shape(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Brings a raw event, of a line or handed over as an object, into the declared shape; may change it.

        What is in it already stays as it is. Raises UnreadableEventError with the reason, never with the content.
        """
        return raw

    def _event_from_line(self, line: bytes) -> SourceEvent:
        return SourceEvent(self.bring_into_shape(self.parse_line(line)), self.reader)

    def event_from_mapping(self, raw: Mapping[str, Any]) -> SourceEvent:
        """Reads an event handed over inside a Python process; it is copied. Raises UnreadableEventError."""
        return SourceEvent(self.bring_into_shape(copy_mapping(raw)), self.reader)

    def peek_name(self, raw: Mapping[str, Any]) -> str | None:
        """Returns the name of an event without reading the rest; None where only the whole event tells it."""
        return self.reader.peek_name(raw) if self._is_plain else None

    def course_parts(self, course_id: str) -> CourseParts:
        """Splits a course key into the parts that people use."""
        return CourseParts()
