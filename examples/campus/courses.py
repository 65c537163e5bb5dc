"""What the platform teaches: four courses of three organisations, one a CCX, one with old-style keys."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import quote

HOST = "learn.example.org"


class Question(NamedTuple):
    """Holds a question with its right and its wrong answer, each as (value sent, text shown)."""

    text: str
    response_type: str
    input_type: str
    right: tuple[str | list[str], str | list[str]]
    wrong: tuple[str | list[str], str | list[str]]


def _choice(text: str, right: str, wrong: str) -> Question:
    return Question(text, "multiplechoiceresponse", "choicegroup", ("choice_1", right), ("choice_2", wrong))


def _checks(text: str, right: list[str], wrong: list[str]) -> Question:
    return Question(text, "choiceresponse", "checkboxgroup", (["choice_0", "choice_2"], right), (["choice_1"], wrong))


def _number(text: str, right: str, wrong: str) -> Question:
    return Question(text, "numericalresponse", "formulaequationinput", (right, right), (wrong, wrong))


def _word(text: str, right: str, wrong: str) -> Question:
    return Question(text, "stringresponse", "textline", (right, right), (wrong, wrong))


@dataclass(frozen=True, slots=True)
class Block:
    """Describes a block of a course; `path` is where its handlers live, `id` its short id in video and input names."""

    kind: str
    key: str
    id: str
    title: str
    path: str
    duration: float = 0.0
    code: str = "html5"
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """Describes one tab of a sequence, as the learner sees it."""

    sequence: Block
    vertical: Block
    block: Block
    tab: int
    week: str
    page: str
    referer: str


@dataclass(frozen=True, slots=True)
class Course:
    id: str
    org: str
    title: str
    units: tuple[Unit, ...]
    exams: tuple[tuple[str, Block], ...]  # kind and subsection
    possible: int

    @property
    def old(self) -> bool:
        return not self.id.startswith(("course-v1:", "ccx-v1:"))


def _block(course_id: str, rng: random.Random, kind: str, title: str, **more: Any) -> Block:
    """Makes a block with a key in the form that belongs to the kind of course key."""
    code = f"{rng.getrandbits(128):032x}"
    if ":" in course_id:
        prefix, _, run = course_id.partition("-v1:")
        family = "block-v1" if prefix == "course" else "ccx-block-v1"
        key, short = f"{family}:{run}+type@{kind}+block@{code}", code
        path = key
    else:
        org, name, _ = course_id.split("/")
        key, short = f"i4x://{org}/{name}/{kind}/{code}", f"i4x-{org}-{name}-{kind}-{code}"
        path = key.replace("/", ";_")
    return Block(kind, key, short, title, f"/courses/{course_id}/xblock/{path}/handler/", **more)


def _course(course_id: str, org: str, title: str, weeks: str, questions: tuple[Question, ...], exams: str) -> Course:
    rng = random.Random(title.partition(" (")[0])  # a CCX has the blocks of the course it was made from
    units = []
    for number, week in enumerate(weeks.split(", ")):
        sequence = _block(course_id, rng, "sequential", week)
        last = "openassessment" if number == 2 else "html"
        blocks = (
            _block(course_id, rng, "video", f"{week}: lecture", duration=round(rng.uniform(120, 900), 2)),
            _block(course_id, rng, "problem", f"{week}: warm-up", questions=(questions[number],)),
            _block(course_id, rng, "problem", f"{week}: exercise", questions=questions[-3:]),
            _block(course_id, rng, last, f"{week}: in your words"),
        )
        page = f"https://{HOST}/courses/{course_id}/courseware/week{number + 1}/{sequence.key[-8:]}/"
        for tab, block in enumerate(blocks, start=1):
            vertical = _block(course_id, rng, "vertical", block.title)
            referer = f"{page}?activate_block_id={quote(vertical.key, safe='')}"
            units.append(Unit(sequence, vertical, block, tab, week, page, referer))
    subsections = tuple((kind, _block(course_id, rng, "sequential", f"{kind.title()} exam")) for kind in exams.split())
    possible = sum(len(unit.block.questions) for unit in units)
    return Course(course_id, org, title, tuple(units), subsections, possible)


_TIDES = (
    _choice("Which body pulls the tide most strongly?", "The moon", "The sun"),
    _word("Name the tide of the quarter moons.", "neap", "spring"),
    _number("How many high waters has a semidiurnal day?", "2", "3"),
    _checks("Which make a storm surge worse?", ["Onshore wind", "Low pressure"], ["Neap tide"]),
)
_PROGRAMS = (
    _choice("Which loop suits a known number of rounds?", "A for loop", "A while loop"),
    _number("What is 7 // 2?", "3", "3.5"),
    _word("Which keyword gives back a value?", "return", "print"),
    _checks("Which of these can be changed in place?", ["list", "dict"], ["tuple"]),
)
_BEES = (
    _choice("Who lays the eggs?", "The queen", "The drone"),
    _word("What do workers secrete for the comb?", "wax", "resin"),
    _number("On which day does a worker hatch?", "21", "16"),
    _checks("Which plants flower early?", ["Willow", "Hazel"], ["Heather"]),
)
_PYTHON_WEEKS = "Names and values, Loops, Functions"
COURSES = (
    _course(
        "course-v1:TidewaterU+OCEAN101+2026_T3", "TidewaterU", "Reading the Tides",
        "Moon and sun, Harbours, Storm surges", _TIDES, "timed",
    ),
    _course(
        "course-v1:HarbourTech+PY110+2026_T3", "HarbourTech", "Small Programs, Clear Ideas",
        _PYTHON_WEEKS, _PROGRAMS, "practice proctored",
    ),
    _course(
        "ccx-v1:HarbourTech+PY110+2026_T3+ccx@12", "HarbourTech",
        "Small Programs, Clear Ideas (evening class)",
        _PYTHON_WEEKS, _PROGRAMS, "practice",
    ),
    _course(
        "LindenCollege/BEE1/2014_Fall", "LindenCollege", "Keeping Bees",
        "The hive, The comb, The year", _BEES, "",
    ),
)  # fmt: skip
