"""Checks sources: how they read raw events, what they say of them, and how they address things."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from .. import leaks
from ..endpoints.formats import is_iri
from ..samples import Event, Marker, as_line, copy, message_of
from ..subject import Subject
from . import Finding, NotApplicableError, Note, check
from .privacy import list_alterations

FACTS = ("moment", "time_text", "course_id")
"""Facts that every source declares."""

MARKER = Marker("the line", "Vexolun Karimotse 884213")
MALFORMED_LINES = (
    "", " ", "\t", "null", "3", "[]", '"text"', "{}", "{", "}", "[{}]", '{"a": ', "{'a': 1}", "\ufeff{}", "\x00",
    f'{{"{MARKER.text}": ', f"{MARKER.text}", f"{MARKER.text} {{}}", f'["{MARKER.text}"]', f'{{"a": "{MARKER.text}}}',
    f"[{MARKER.text}] {{{MARKER.text}}}", "[" * 5000, '{"a":' * 5000,
    '{"a": NaN, "b": Infinity}', f'{{"a": {"9" * 400}}}',
)  # fmt: skip
NAMES: tuple[Any, ...] = (None, "", 0, 7, True, [MARKER.text], {"name": MARKER.text})
"""What stands in the place of an event's name though it is none."""


def _require_source(subject: Subject) -> None:
    if not subject.is_source:
        raise NotApplicableError("the plugin is no source")


def _sample_events(subject: Subject) -> list[Event]:
    return [sample.event for case in subject.cases for sample in case.samples]


def _raw_forms(event: Event, subject: Subject) -> Iterator[tuple[str, list[Any]]]:
    """Yields an event as an object and as lines: under each key of the declared shape, with its payload as text."""
    shape = subject.source.shape
    yield "a line with the last keys", message_of(as_line(event, shape), "line")
    yield "a line with its payload as text", message_of(as_line(event, shape, True), "line")
    for keys, part in ((shape.name, "name"), (shape.timestamp, "timestamp"), (shape.data, "data")):
        for key in keys:
            raw = {
                shape.name[0]: event["name"], shape.timestamp[0]: event["timestamp"], shape.data[0]: event["data"],
                shape.context: event["context"],
            }  # fmt: skip
            del raw[{"name": shape.name, "timestamp": shape.timestamp, "data": shape.data}[part][0]]
            yield f"a line with its {part} under {key}", message_of({**raw, key: event[part]}, "line")


@check(
    "platform.reads",
    "The source reads an event to the same body and the same id from an object, from a line, and under replay.",
)
def check_reads(subject: Subject) -> Iterable[Finding | Note]:
    """Reads all samples in each form of the declared shape, twice, in two processes."""
    _require_source(subject)
    forms = 0
    for event in _sample_events(subject):
        labels, raws = zip(*_raw_forms(event, subject), strict=True)
        forms += len(raws)
        events = [message_of(event, "object"), *raws]
        readings = subject.process.ask("read", events=events)
        replayed = subject.second_process[0].ask("read", events=events[::-1])[::-1]
        if "body" not in readings[0]:
            yield Finding("a sample of the declared shape is no event as an object")
            return
        if "body" in readings[0] and readings[0]["body"] != event:
            yield Finding("the body of an event is not what its object holds in the declared shape")
            return
        for label, reading in zip(labels, readings[1:], strict=True):
            if reading.get("body") != readings[0]["body"]:
                yield Finding(f"{label} gives another body than the same event as an object")
                return
            if reading.get("id") != readings[0]["id"]:
                yield Finding(f"{label} gives another id than the same event as an object")
                return
        if readings != replayed:
            yield Finding("reading an event again, in another process, gives another body or id")
            return
    yield Note(f"{forms:,} lines read")


@check(
    "platform.malformed",
    "What is no event raises UnreadableEventError, with a reason that contains nothing of the content.",
    private=True,
)
def check_malformed(subject: Subject) -> Iterable[Finding | Note]:
    """Reads malformed lines, and lines and objects without a name or with a wrong one."""
    _require_source(subject)
    shape = subject.source.shape
    events: list[list[Any]] = [["line", line] for line in MALFORMED_LINES]
    sample = subject.cases[0].samples[0].event
    for name in NAMES:
        unnamed = {**copy(sample), "name": name, MARKER.text: MARKER.text}
        events += [message_of(unnamed, "object"), message_of(as_line(unnamed, shape), "line")]
    answers = subject.process.ask("read", events=events)
    for number, (event, answer) in enumerate(zip(events, answers, strict=True)):
        shown = f"malformed {'line' if event[0] == 'line' else 'object'} {number + 1}"
        if "raised" in answer:
            yield Finding(f"{shown} raises {answer['raised']}: raise UnreadableEventError")
        elif "body" in answer:
            yield Finding(f"{shown} is read as an event, though it has no name")
        elif any(leaks.find_markers([MARKER], [answer["unreadable"]])):
            yield Finding(f"the reason for which {shown} is unreadable contains a part of it")
    keys = ("data", "context", "timestamp")
    odd = [message_of({**copy(sample), key: value}, "object") for key in keys for value in ODD]
    odd += [message_of(as_line(event, shape), "line") for _, event in odd]
    for (form, _), answer in zip(odd, subject.process.ask("read", events=odd), strict=True):
        if "raised" in answer:
            yield Finding(f"an odd {form} raises {answer['raised']}: raise UnreadableEventError, or read it")
            break
    yield Note(f"{len(events) + len(odd)} malformed events")


ODD: tuple[Any, ...] = (None, "", "text", "{", '{"a": NaN}', '"', 0, -1.5, 10**12, True, [], ["a"], {}, {"": {}})
"""What may stand in the place of a payload, a context or a time."""


@check(
    "platform.facts",
    "Facts depend on declared fields alone, and `who` on its arguments alone; all facts that standards need are there.",
)
def check_facts(subject: Subject) -> Iterable[Finding | Note]:
    """Alters everything undeclared, and asks for the facts of all samples in another order and process."""
    _require_source(subject)
    names = {field.name for field in subject.source.facts}
    for name in (*FACTS, *subject.source.who_reads):
        if name not in names:
            reader = "every standard" if name in FACTS else "who"
            yield Finding(f"the facts declare no {name}, which {reader} reads")
    events = [message_of(event, "object") for event in _sample_events(subject)]
    facts = subject.process.ask("facts", events=events)
    others = {
        "a second time": subject.process.ask("facts", events=events),
        "in another order": subject.process.ask("facts", events=events[::-1])[::-1],
        "in another process": subject.second_process[0].ask("facts", events=events[::-1])[::-1],
    }
    for words, again in others.items():
        if facts != again:
            yield Finding(f"the facts of an event, or whom it is about, are others {words}")
            break
    for text in sorted({text for text in facts if text.startswith("who ")}):
        yield Finding(f"{text}: return a Who or None, or raise InvalidFieldError")
    yield from _find_undeclared_facts(subject)


def _find_undeclared_facts(subject: Subject) -> Iterator[Finding | Note]:
    case = subject.cases[0]
    labels, events = zip(*list_alterations(subject, case, case.samples[0], "object"), strict=True)
    usual, *others = subject.process.ask("facts", events=list(events))
    for label, facts in zip(labels[1:], others, strict=True):
        if facts != usual:
            yield Finding(f"undeclared data changes the facts: {label}")
            return
    yield Note(f"{len(events):,} alterations tested")


@check("platform.addresses", "Courses have an address of their own, and the terms of the platform are IRIs.")
def check_addresses(subject: Subject) -> Iterable[Finding | Note]:
    """Looks at the declared address of courses and at the terms."""
    _require_source(subject)
    address = subject.source.course_address
    if re.findall(r"[{}]+", address) != ["{}"]:
        yield Finding("course_address needs exactly one placeholder, {}, and no other braces")
    elif address.startswith("/") or "://" in address:
        yield Finding("course_address is relative to the platform's root: no slash before it, and no scheme")
    for name, term in subject.source.terms.items():
        if not isinstance(term, str) or not is_iri(term):
            yield Finding(f"the term {name} is no IRI: {orjson.dumps(term).decode()[:80]}")
