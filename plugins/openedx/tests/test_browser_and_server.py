"""Browser and server report the same click: both name the same block, in every form in which browsers name inputs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, quote_plus

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from learnrelay.fields import Fields, compile_extractor
from learnrelay_openedx.problem.fields import CheckFields, checked_problem
from learnrelay_openedx.video.fields import VideoFields, video_key
from openedx_events import SOURCE

BLOCK_SCHEMES = {"course-v1": "block-v1", "ccx-v1": "ccx-block-v1"}


@dataclass(frozen=True)
class Block:
    """Holds a block as authors make it, in a course of either kind: ``scheme:Org+Number+Run`` or ``Org/Number/Run``."""

    scheme: str
    org: str
    number: str
    run: str
    kind: str
    name: str

    @property
    def course(self) -> str:
        if self.scheme:
            return f"{self.scheme}:{self.org}+{self.number}+{self.run}"
        return f"{self.org}/{self.number}/{self.run}"

    @property
    def key(self) -> str:
        """Returns the key by which the server names the block."""
        if self.scheme:
            of_course = self.course.partition(":")[2]
            return f"{BLOCK_SCHEMES[self.scheme]}:{of_course}+type@{self.kind}+block@{self.name}"
        return f"i4x://{self.org}/{self.number}/{self.kind}/{self.name}"

    @property
    def html_id(self) -> str:
        """Returns the id that the block has on a page: in old courses with ``_`` for full stops and the like."""
        if self.scheme:
            return self.name
        whole = f"i4x-{self.org}-{self.number}-{self.kind}-{self.name}"
        return re.sub(r"_+", "_", re.sub(r"[^\w-]", "_", whole))


plain = st.text("abcXYZ0123456789", min_size=1, max_size=6)
new_parts = st.text("abXY019._-", min_size=1, max_size=8).filter(lambda part: part.strip("."))
old_names = st.text("abXY019_-", min_size=1, max_size=12).filter(lambda name: "__" not in name)
new_names = st.text(st.characters(categories=["L", "Nd"], include_characters="_-.~"), min_size=1, max_size=20)
numbered_names = st.builds("{}_{}_{}".format, plain, st.integers(0, 99), st.integers(0, 99))


def blocks(*kinds: str) -> st.SearchStrategy[Block]:
    """Makes blocks of new, coached and old courses. ``kinds``: the first is the only one that new courses have."""
    new = st.builds(
        Block, st.just("course-v1"), new_parts, new_parts, new_parts, st.just(kinds[0]), new_names | numbered_names
    )
    coached = st.builds(
        Block, st.just("ccx-v1"), new_parts, new_parts, st.builds("{}+ccx@{}".format, new_parts, st.integers(1, 99)),
        st.just(kinds[0]), new_names | numbered_names,
    )  # fmt: skip
    old = st.builds(
        Block, st.just(""), new_parts, new_parts, new_parts, st.sampled_from(kinds), old_names | numbered_names
    )
    return new | coached | old


TAILS = (
    "", "[]", "{}", "_dynamath", "_comment", "_choiceinput_0bc", "_choiceinput_12_textinput_0",
    "_choiceinput_1_numtolerance_input_3", "_choiceinput_0_decoy_input_10",
)  # fmt: skip
inputs = st.lists(st.tuples(st.integers(2, 120), st.integers(1, 120)), min_size=1, max_size=4)
values = st.sampled_from(["choice_0", "3.14", "", "A*x^2", '{"input_reef_2_1":1}', "a&input_reef_2_1=b", "+ ü"])
foreign = st.sampled_from(["target_shape", "choiceinput_0bc", "genex_answer", "plot-button", "csrfmiddlewaretoken"])


@st.composite
def forms(draw: st.DrawFn, block: Block) -> str:
    """Writes the form of a problem as browsers do, with some fields that are no inputs."""
    safe = draw(st.sampled_from(["", "[]{}"]))
    tail = draw(st.none() | st.sampled_from(TAILS))  # None: each input has its own
    fields = []
    for question, field in draw(inputs):
        own_tail = draw(st.sampled_from(TAILS)) if tail is None else tail
        name = f"input_{block.html_id}_{question}_{field}{own_tail}"
        fields.append(f"{quote_plus(name, safe=safe)}={quote_plus(draw(values))}")
    fields += [f"{name}={quote_plus(draw(values))}" for name in draw(st.lists(foreign, max_size=2))]
    form = "&".join(draw(st.permutations(fields)))
    return orjson.dumps(form).decode() if draw(st.booleans()) else form  # until 2014 the quotes of JSON stayed


extractor_of = cache(compile_extractor)


def read(fields: type[Fields], name: str, payload: Any, **root: Any) -> Any:
    """Reads declared fields from a line of a log."""
    line = {"event_type": name, "time": "2013-08-04T06:27:13.660689+00:00", "username": "mira", "event": payload}
    return extractor_of(fields)(SOURCE.event_from_line(orjson.dumps({**line, **root})).body)


def browser_root(block: Block, *, names_course: bool) -> dict[str, Any]:
    """Returns the rest of a browser's line: with the course in its context, or, as in 2013, in its page alone."""
    page = f"https://learn.example.org/courses/{block.course}/courseware/week1/day2/"
    context = {"context": {"course_id": block.course}} if names_course else {}
    return {"event_source": "browser", "page": page, **context}


@st.composite
def reported_forms(draw: st.DrawFn) -> tuple[Block, str]:
    block = draw(blocks("problem"))
    return block, draw(forms(block))


@given(reported_forms(), st.booleans())
@example(
    (Block("", "MITx", "6.002x", "2013", "problem", "H1_Ohm"), "input_i4x-MITx-6_002x-problem-H1_Ohm_2_1=5"), False
)
@example((Block("course-v1", "edX", "X", "1", "problem", "A_B"), "input_A_B_2_1%5B%5D=a&input_A_B_3_1=b"), True)
def test_a_checked_problem_is_the_same_to_browser_and_server(reported: tuple[Block, str], names_course: bool) -> None:
    block, form = reported
    by_browser = read(CheckFields, "problem_check", form, **browser_root(block, names_course=names_course))
    by_server = read(
        CheckFields, "problem_check", {"problem_id": block.key, "grade": 1, "answers": {f"{block.html_id}_2_1": "a"}},
        event_source="server", context={"course_id": block.course},
    )  # fmt: skip
    assert checked_problem(by_browser) == checked_problem(by_server) == block.key


@given(reported_forms(), st.booleans())
@example((Block("course-v1", "edX", "X", "1", "problem", "A_B"), "input_A_B_2_1%5B%5D=a&input_A_B_3_1=b"), True)
def test_a_form_that_is_sent_as_an_object_names_the_same_block(reported: tuple[Block, str], as_text: bool) -> None:
    block, form = reported
    sent = parse_qsl(form.strip('"'), keep_blank_values=True)
    inputs = {name: ["my answer", value] for name, value in sent if name.startswith("input_")}
    payload = orjson.dumps(inputs).decode() if as_text else inputs
    check = read(CheckFields, "problem_check", payload, **browser_root(block, names_course=True))
    assert checked_problem(check) == block.key
    assert "my answer" not in str(vars(check)), "what was put in is not even read"


@pytest.mark.parametrize("payload", [{}, {"input_reef_2_1": "a", "grade": 1}, {"grade": 1, "input_reef_2_1": "a"}])
def test_an_object_of_other_names_too_is_no_form(payload: dict[str, Any]) -> None:
    check = read(CheckFields, "problem_check", payload, event_source="browser", page="https://learn.example.org/x")
    assert check.inputs is None


@given(blocks("video", "videoalpha"), st.booleans())
@example(Block("", "BerkeleyX", "Stat_2.1x", "1T2014", "videoalpha", "S1_V1"), False)
def test_a_video_is_the_same_to_player_and_server(block: Block, names_course: bool) -> None:
    payload = orjson.dumps({"id": block.html_id, "currentTime": 1.5, "code": "x"}).decode()
    by_player = read(VideoFields, "play_video", payload, **browser_root(block, names_course=names_course))
    by_server = read(VideoFields, "play_video", {"id": block.key}, context={"course_id": block.course})
    assert video_key(by_player) == video_key(by_server) == block.key


def spellings(key: str) -> list[str]:
    """Lists how a key comes out of addresses that were encoded twice, decoded as forms, or cleaned of slashes."""
    return [key, quote_plus(key), quote_plus(quote_plus(key)), key.replace("+", " "), key.replace("://", ":/")]


@given(blocks("video", "videoalpha"))
def test_a_key_is_the_same_however_an_address_spelled_it(block: Block) -> None:
    for spelled in spellings(block.key):
        payload = orjson.dumps({"id": spelled, "currentTime": 1.5, "code": "x"}).decode()
        by_player = read(VideoFields, "play_video", payload, **browser_root(block, names_course=True))
        assert video_key(by_player) == block.key, spelled


@given(blocks("problem"))
@example(Block("course-v1", "edX", "X", "1", "problem", "A_B"))
def test_the_block_of_an_address_is_the_same_with_plus_signs_encoded_or_not(block: Block) -> None:
    for spelled in (block.key, quote_plus(block.key)):
        referer = f"https://learn.example.org/courses/{block.course}/courseware/a/b/?activate_block_id={spelled}"
        context = {"course_id": block.course, "referer": referer}
        check = read(CheckFields, "problem_check", "", event_source="browser", context=context)
        assert checked_problem(check) == block.key, spelled


@settings(max_examples=30)
@given(reported_forms(), blocks("problem"))
def test_a_form_of_two_problems_names_neither(reported: tuple[Block, str], other: Block) -> None:
    block, form = reported
    if other.html_id != block.html_id:
        other_input = quote_plus(f"input_{other.html_id}_2_1")
        mixed = "&".join([form.strip('"'), f"{other_input}=a"])
        check = read(CheckFields, "problem_check", mixed, **browser_root(block, names_course=True))
        assert not isinstance(checked_problem(check), str)
