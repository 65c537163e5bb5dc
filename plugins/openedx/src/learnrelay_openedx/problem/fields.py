"""Problems: what was submitted, how it was judged, question by question."""

from __future__ import annotations

from typing import Any

import orjson

from learnrelay import Fields, MissingFieldError, Skip, each, entry_key, optional, required
from learnrelay.kinds import boolean, count, number, structure, text

from ..courses import COURSE_FOUND, WHERE, course_key
from ..keys import block_in_address, is_block
from ..origins import OriginFields, is_from_client
from .browser_inputs import block_of_form

NO_BLOCK = Skip("the browser's report names no block")
NO_COURSE = Skip("the browser's report names a block without its course, and so does the page")
ANSWER = "the learner's answer is what the statement is about"


class Question(Fields):
    """Declares one question of a submission. ``answer`` is a text or a list of texts, as the learner saw it."""

    key = entry_key()
    question = optional("question", kind=text)
    answer = optional("answer", kind=structure, reason=ANSWER)
    response_type = optional("response_type", kind=text)
    correct = optional("correct", kind=boolean)


class CheckFields(OriginFields):
    """Declares the check of a problem. In a browser's event the payload is one URL-encoded text of inputs.

    ``grade`` counts the points of the questions; what they weigh in the course stands beside it, where an event has it.
    """

    problem_id = optional("data.problem_id", "data.module_id", "context.module.usage_key", kind=text)
    title = optional("context.module.display_name", kind=text)
    referer = optional("context.referer", kind=text, reason="only the key of the block that it points at is taken")
    inputs = optional("data", kind=text, reason="only the block's id is taken from the names of the inputs")
    course_id = optional(*COURSE_FOUND, kind=course_key, reason=WHERE)
    attempts = optional("data.attempts", kind=count)
    grade = optional("data.grade", kind=number)
    max_grade = optional("data.max_grade", kind=number)
    weighted_earned = optional("data.weighted_earned", kind=number)
    weighted_possible = optional("data.weighted_possible", kind=number)
    success = optional("data.success", kind=text)
    answers = optional("data.answers", kind=structure, reason=ANSWER)
    submission = each("data.submission", Question)


class ProblemFields(Fields):
    """Declares what is read of other problem events."""

    problem_id = required("data.problem_id", "data.module_id", "context.module.usage_key", kind=text)


class HintFields(ProblemFields):
    """Declares a hint, counted from 0."""

    hint_index = required("data.hint_index", kind=count, example=0)


class AnswerFeedbackFields(ProblemFields):
    """Declares feedback to an answer; neither the answer nor the texts are read."""

    correct = optional("data.correctness", kind=boolean)


def problem_key(problem: CheckFields | ProblemFields) -> str:
    """Returns the problem's usage key: from the payload or the block; in a browser's event from referer or inputs.

    Raises MissingFieldError where none of them names a block.
    """
    if problem.problem_id is not None:
        return problem.problem_id
    if isinstance(problem, CheckFields) and from_browser(problem):
        if problem.inputs and problem.course_id and (key := block_of_form(problem.inputs, problem.course_id)):
            return key
        if problem.referer and (named := block_in_address(problem.referer)):
            return named
    raise MissingFieldError(
        "no block is named (nor in data.module_id, context.module.usage_key, the inputs, context.referer)",
        path="data.problem_id",
    )


def checked_problem(check: CheckFields) -> str | Skip:
    """Returns the usage key of the problem; a skip where a browser's report names none, or not its course."""
    try:
        return problem_key(check)
    except MissingFieldError:
        if from_browser(check):
            return NO_COURSE if check.inputs and check.course_id is None else NO_BLOCK
        raise


def from_browser(problem: CheckFields) -> bool:
    """Tells whether the event is the browser's report of a submission, not the server's judgement of it."""
    return is_from_client(problem.sender, problem.request)


def question_key(problem: str, question: str) -> str:
    """Returns the key of a question: the problem's key with the question's input id in the place of the block's."""
    if is_block(problem) and "@" in problem:
        return f"{problem.rpartition('@')[0]}@{question}"
    return f"{problem.rpartition('/')[0]}/{question}" if problem.startswith("i4x://") else f"{problem}/{question}"


def answer_text(answer: Any) -> str | None:
    """Writes an answer as text: lists and objects as JSON, never as Python writes them."""
    if answer is None or isinstance(answer, str):
        return answer
    try:
        return orjson.dumps(answer).decode()
    except TypeError:
        return None


def overall_success(problem: CheckFields) -> bool | None:
    """Tells whether the whole problem was right."""
    return None if problem.success is None else problem.success == "correct"
