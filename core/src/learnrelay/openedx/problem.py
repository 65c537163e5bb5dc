"""Problems: what was submitted, how it was judged, question by question."""

from __future__ import annotations

import re
from typing import Any

import orjson

from ..errors import MissingFieldError
from ..fields import Fields, each, entry_key, optional, required
from ..kinds import boolean, count, number, structure, text
from .keys import block_in_address, block_key, is_block

_BROWSER_INPUT = re.compile(r"(?:^|&)input_([^_&=]+)_")

ANSWER = "the learner's answer is what the statement is about"


class Question(Fields):
    """One question of a submission. ``answer`` is a text or a list of texts, as the learner saw it."""

    key = entry_key()
    question = optional("question", kind=text)
    answer = optional("answer", kind=structure, reason=ANSWER)
    response_type = optional("response_type", kind=text)
    correct = optional("correct", kind=boolean)


class CheckFields(Fields):
    """What the check of a problem tells. In a browser's event the payload is one URL-encoded text of inputs."""

    source = optional("context.event_source", kind=text)
    course_id = optional("context.course_id", kind=text)
    problem_id = optional("data.problem_id", "data.module_id", "context.module.usage_key", kind=text)
    title = optional("context.module.display_name", kind=text)
    referer = optional("context.referer", kind=text, reason="only the key of the block that it points at is taken")
    inputs = optional("data", kind=text, reason="only the block's id is taken from the names of the inputs")
    attempts = optional("data.attempts", kind=count)
    grade = optional("data.grade", kind=number)
    max_grade = optional("data.max_grade", kind=number)
    success = optional("data.success", kind=text)
    answers = optional("data.answers", kind=structure, reason=ANSWER)
    submission = each("data.submission", Question)


class ProblemFields(Fields):
    """What other problem events tell."""

    problem_id = required("data.problem_id", "data.module_id", "context.module.usage_key", kind=text)


class HintFields(ProblemFields):
    """A hint, counted from 0."""

    hint_index = required("data.hint_index", kind=count, example=0)


def problem_key(problem: CheckFields | ProblemFields) -> str:
    """The usage key of the problem: from the payload or the block; in a browser's event from referer or inputs.

    Raises MissingFieldError where none of them names a block.
    """
    if problem.problem_id is not None:
        return problem.problem_id
    if isinstance(problem, CheckFields):
        if problem.inputs and problem.course_id and (found := _BROWSER_INPUT.search(problem.inputs)):
            key = block_key(problem.course_id, "problem", found.group(1))
            if key is not None:
                return key
        if problem.referer and (named := block_in_address(problem.referer)):
            return named
    raise MissingFieldError(
        "no block is named (nor in data.module_id, context.module.usage_key, the inputs, context.referer)",
        path="data.problem_id",
    )


def from_browser(problem: CheckFields) -> bool:
    """Whether the event is the browser's report of a submission, not the server's judgement of it."""
    return problem.source == "browser"


def question_key(problem: str, question: str) -> str:
    """The key of one question: the problem's key with the question's input id in the place of the block's."""
    if is_block(problem) and "@" in problem:
        return f"{problem.rpartition('@')[0]}@{question}"
    return f"{problem.rpartition('/')[0]}/{question}" if problem.startswith("i4x://") else f"{problem}/{question}"


def answer_text(answer: Any) -> str | None:
    """An answer as text: lists and objects as JSON, never as Python writes them."""
    if answer is None or isinstance(answer, str):
        return answer
    try:
        return orjson.dumps(answer).decode()
    except TypeError:
        return None


def overall_success(problem: CheckFields) -> bool | None:
    """Whether the whole problem was right."""
    return None if problem.success is None else problem.success == "correct"
