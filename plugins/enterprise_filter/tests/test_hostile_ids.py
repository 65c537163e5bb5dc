"""Whatever resembles an id without being it proves nothing, wherever it stands and in either shape of an event."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from learnrelay.events import SourceEvent
from learnrelay.pipeline.run import Pipeline
from openedx_events import event_from_line, event_from_mapping
from plain import event

from .tenants import ACME, BLOCK, LAGOON, RUN, UMBRA, pipeline_for


def resembling(name: str) -> Iterator[Any]:
    """Generates what a careless comparison, parser or normalisation would take for the name."""
    blanks = " \t\n\r\x0b\x00\x1f\x85\u00a0\u2009\u2028\u200b\u200d\u2060\ufeff\u00ad\u061c\u202e\ufe0f\u0301"
    for blank in blanks:
        yield from (blank + name, name + blank, name[:3] + blank + name[3:])
    for sign in "xX0_-.~/:+%*?#;,|&=@$^'\"`()[]{}<>\\":
        yield from (sign + name, name + sign)
    yield from (name[:-1], name[1:], name + name, name[::-1], f"{name},{name}", f"{name} {name}", f"{name}|{UMBRA}")
    yield from (f'"{name}"', f"'{name}'", f"[{name}]", f"{{{name}}}", f"<{name}>", f"urn:uuid:{name}", f"id={name}")
    yield from (quote(name, safe="") + "%20", "%" + name, f"%{ord(name[0]):02X}{name[1:]}", "&#72;" + name[1:])
    for char, other in [("a", "а"), ("o", "ο"), ("c", "с"), ("e", "е"), ("5", "５"), ("r", "ｒ"), ("1", "l"),
                        ("0", "O"), ("-", "‐"), ("-", "–"), ("+", "＋"), ("+", " "), ("+", "%2B"), (":", "："),
                        ("1", "١"), ("S", "ſ"), ("u", "u\u0308")]:  # fmt: skip
        if char in name:
            yield name.replace(char, other)
    yield from ("*", ".*", "%", "glob:*", "regex:.*", f"glob:{name}", f"regex:{name}", name[:4] + "*")
    yield from ("x" * 200_000, name + "x" * 200_000, "None", "null", "true", "1")
    yield from ([], {})
    yield from ([name], [name, name], [name, UMBRA], [[name]], {"id": name}, {name: True}, {"uuid": name}, [None], [""])
    yield from (True, False, 0, 1, -1, 1.5, 2**63, name.encode().hex(), list(name))


def in_process(raw: dict[str, Any]) -> SourceEvent:
    return event_from_mapping(raw)


def in_the_log(raw: dict[str, Any]) -> SourceEvent:
    context = dict(raw["context"])
    line = {"name": raw["name"], "event": orjson.dumps(raw["data"]).decode(), "time": raw["timestamp"]}
    line |= {key: context.pop(key) for key in ("username", "session") if key in context}
    return event_from_line(b"prefix - " + orjson.dumps({**line, "context": context}))


def event_with(**values: Any) -> dict[str, Any]:
    """Makes an event that names only this owner: ``context__org_id=…``."""
    raw = event(data={"video": "v1"}, course_id=None)
    for path, value in values.items():
        part, key = path.split("__")
        raw[part][key] = value
    return raw


OTHERS = {
    "context__enterprise_uuid": ACME, "data__enterprise_uuid": ACME, "context__course_id": RUN, "data__course_id": RUN,
    "context__org_id": "Harbour",
}  # fmt: skip
"""All proofs that an event can have, each in its place."""

PARTS = [
    ("enterprise_uuid", "{}", ACME, {"enterprise"}),
    ("org_id", "{}", "Harbour", {"org"}),
    ("course_id", "course-v1:{}+SAIL+2026", "Harbour", {"org", "course", "run"}),
    ("course_id", "ccx-v1:{}+SAIL+2026+ccx@1", "Harbour", {"org", "course"}),
    ("course_id", "{}/SAIL/2026", "Harbour", {"org", "course"}),
    ("course_id", "course-v1:Harbour+{}+2026", "SAIL", {"course", "run"}),
    ("course_id", "{}", RUN, {"run"}),
]
"""Key, form of its value, the name in it, and the scopes that the name is needed for."""

PERMITS = {
    "enterprise": {"enterprise": [ACME, "00000000-0000-0000-0000-000000000000"]},
    "org": {"org": ["Harbour", "1", "True"]},
    "course": {"course": "Harbour+SAIL"},
    "run": {"course": RUN},
}
PIPELINE = pipeline_for(PERMITS)


def reached(pipeline: Pipeline, source: SourceEvent) -> set[str]:
    (outcome,) = pipeline.process(source)
    assert outcome.statements
    assert set(outcome.destinations) | outcome.denied.keys() == PERMITS.keys()
    return set(outcome.destinations)


@pytest.mark.parametrize("read", [in_process, in_the_log])
@pytest.mark.parametrize(("key", "form", "name", "scopes"), PARTS)
def test_what_resembles_an_id_proves_nothing_and_spoils_other_proofs(
    key: str, form: str, name: str, scopes: set[str], read: Callable[[dict[str, Any]], SourceEvent]
) -> None:
    assert reached(PIPELINE, read(event_with(**OTHERS))) == PERMITS.keys()
    for place in [place for place in OTHERS if place.endswith(key)]:
        assert reached(PIPELINE, read(event_with(**{place: form.format(name)}))) >= scopes
        tried = 0
        for alike in resembling(name):
            if alike == "1":
                continue  # an organisation of this name there is
            value = form.format(alike) if isinstance(alike, str) else alike
            tried += 1
            for values in ({place: value}, {**OTHERS, place: value}):
                assert not reached(PIPELINE, read(event_with(**values))) & scopes, (place, repr(value)[:80])
        assert tried > 150


@pytest.mark.parametrize("read", [in_process, in_the_log])
def test_denials_are_not_evaded_by_what_resembles_an_id(read: Callable[[dict[str, Any]], SourceEvent]) -> None:
    """Who is denied stays denied where the id cannot be read; only an id that is plainly another's may pass."""
    denials = {"umbra": {"enterprise": UMBRA}, "lagoon": {"org": LAGOON}}
    pipeline = pipeline_for({name: {"all": True, "deny": deny} for name, deny in denials.items()})
    for alike in resembling(UMBRA):
        (outcome,) = pipeline.process(read(event_with(context__enterprise_uuid=alike)))
        assert "umbra" in outcome.denied, repr(alike)[:80]
    for alike in resembling(LAGOON):
        key = f"course-v1:{alike}+REEF+2026" if isinstance(alike, str) else alike
        (outcome,) = pipeline.process(read(event_with(context__course_id=key)))
        is_an_org = isinstance(alike, str) and re.fullmatch(r"[\w.~:@-]+", alike) is not None
        assert ("lagoon" in outcome.denied) is not is_an_org, repr(key)[:80]


def test_letters_that_unicode_holds_equal_are_other_letters() -> None:
    composed, taken_apart = (unicodedata.normalize(form, "École") for form in ("NFC", "NFD"))
    pipeline = pipeline_for({"here": {"org": [composed, "Straße", "ﬁn", "ΣΑΣ"]}})
    for org in (composed, "Straße", "ﬁn", "ΣΑΣ"):
        (outcome,) = pipeline.process(event_from_mapping(event_with(context__org_id=org)))
        assert outcome.destinations == ("here",), org
    for org in (taken_apart, "école", "Strasse", "STRASSE", "fin", "σας", "σασ", "Ecole"):
        for values in ({"context__org_id": org}, {"context__course_id": f"course-v1:{org}+X+1"}):
            (outcome,) = pipeline.process(event_from_mapping(event_with(**values)))
            assert outcome.destinations == (), org


@pytest.mark.parametrize(
    "field",
    ["id", "problem_id", "module_id", "block_id", "usage_key", "component_usage_id", "exam_content_id", "item_id"],
)
def test_every_block_that_an_event_names_lies_in_its_course(field: str) -> None:
    others = {f"data__{other}": BLOCK for other in ("problem_id", "id", "usage_key") if other != field}
    for sign, answer in [
        (BLOCK, {"org", "course", "run"}), ("a1b2", {"org", "course", "run"}), (7, {"org", "course", "run"}),
        (BLOCK.replace("2026", "2025"), {"org"}), (BLOCK.replace("Harbour", LAGOON), set()),
        (BLOCK.replace("Harbour", "harbour"), set()), (BLOCK.upper(), set()), (f"\u00a0{BLOCK}", set()),
        ("block-v1:", set()), ("i4x://", set()), (f"i4x://{LAGOON}/SAIL/problem/p1", set()),
    ]:  # fmt: skip
        for more in ({}, others):
            raw = event_with(context__course_id=RUN, **more, **{f"data__{field}": sign})
            assert reached(PIPELINE, event_from_mapping(raw)) == answer, (sign, more)
