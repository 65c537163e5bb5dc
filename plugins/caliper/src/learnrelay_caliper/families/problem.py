"""Problems: submitted, judged, question by question; answers and hints that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from learnrelay import Family, Said, Site
from learnrelay.openedx.problem import (
    CheckFields,
    HintFields,
    ProblemFields,
    Question,
    answer_text,
    from_browser,
    overall_success,
    problem_key,
    question_key,
)

from .. import entities
from ..entities import Attempt, Entity, Response, Score

family = Family("caliper.problem")

ITEM = {"type": "AssessmentItemEvent", "action": "Completed", "profile": "AssessmentProfile"}
VIEW = {"type": "ViewEvent", "action": "Viewed", "profile": "AssessmentProfile"}

ONE_VALUE = {
    "multiplechoiceresponse": "MultipleChoiceResponse",
    "optionresponse": "MultipleChoiceResponse",
    "truefalseresponse": "TrueFalseResponse",
}
"""Response type of the platform → response type with ``value``."""

SEVERAL_VALUES = {
    "choiceresponse": "MultipleResponseResponse",
    "formularesponse": "FillinBlankResponse",
    "numericalresponse": "FillinBlankResponse",
    "stringresponse": "FillinBlankResponse",
    "symbolicresponse": "FillinBlankResponse",
}
"""Response type of the platform → response type with ``values``; what is in neither table is a plain `Response`."""


@family.maps(
    "problem_check",
    reads=CheckFields,
    type=("GradeEvent", "AssessmentEvent", "AssessmentItemEvent"),
    action=("Graded", "Submitted", "Completed"),
    profile=("GradingProfile", "AssessmentProfile"),
)
def checked(check: CheckFields, site: Site) -> Said | Sequence[Said]:
    """An answer was checked: the browser sends it (submitted), the server grades it, question by question."""
    key = problem_key(check)
    problem: Entity = {"id": entities.block_id(site, key), "type": "Assessment", "name": check.title}
    if from_browser(check):
        return {
            "type": "AssessmentEvent",
            "action": "Submitted",
            "profile": "AssessmentProfile",
            "object": problem,
            "generated": Attempt(problem["id"]),
        }
    count = check.attempts or None
    attempt = Attempt(problem, count, describes_learner=True)
    success = overall_success(check)
    score = Score(attempt, check.grade, check.max_grade, site.root_url, {"success": success})
    graded = {
        "actor": entities.platform(site),
        "object": attempt,
        "generated": None if check.grade is None and success is None else score,
    }
    return [graded, *(answered(question, key, problem, attempt, site) for question in questions(check))]


def questions(check: CheckFields) -> Sequence[Question]:
    """The questions of the problem; in an old event without a record of them those that have an answer."""
    if check.submission or not isinstance(check.answers, dict):
        return check.submission
    return [Question(key=key, answer=answer) for key, answer in check.answers.items() if answer]


def answered(question: Question, key: str, problem: Entity, whole: Attempt, site: Site) -> Said:
    """The answer to one question: its attempt is part of the attempt at the whole problem."""
    item = entities.block_id(site, question_key(key, question.key))
    return {
        **ITEM,
        "object": {"id": item, "type": "AssessmentItem", "name": question.question, "isPartOf": problem},
        "generated": response(question, Attempt(item, whole.count, part_of=whole)),
    }


def response(question: Question, attempt: Attempt) -> Response:
    """The answer as a response of its kind; of a kind that Caliper does not have as an extension."""
    told = question.answer if isinstance(question.answer, list) else [question.answer]
    values = [value for one in told if (value := answer_text(one))]
    kind = question.response_type or ""
    correct: dict[str, Any] = {"correct": question.correct}
    if kind in ONE_VALUE and len(values) == 1:
        return Response(attempt, ONE_VALUE[kind], value=values[0], extensions=correct)
    if kind in SEVERAL_VALUES and values:
        return Response(attempt, SEVERAL_VALUES[kind], values=values, extensions=correct)
    return Response(attempt, "Response", extensions={**correct, "answer": values or None})


@family.maps("showanswer", reads=ProblemFields, **VIEW)
def answer_shown(problem: ProblemFields, site: Site) -> Said:
    """The learner asks for the answer."""
    return {"object": part_of(problem, site, "Solution", "solution")}


@family.maps("edx.problem.hint.demandhint_displayed", reads=HintFields, **VIEW)
def hint_shown(problem: HintFields, site: Site) -> Said:
    """The learner asks for a hint."""
    return {"object": part_of(problem, site, "Hint", f"hint/{problem.hint_index}")}


def part_of(problem: ProblemFields, site: Site, name: str, path: str) -> Entity:
    """What the platform shows of a problem: a resource of its author, not an annotation of the learner."""
    whole = entities.block_id(site, problem_key(problem))
    return {
        "id": f"{whole}/{path}",
        "type": "DigitalResource",
        "name": name,
        "isPartOf": {"id": whole, "type": "Assessment"},
    }


@family.maps("edx.problem.completed", reads=ProblemFields, **ITEM)
def completed(problem: ProblemFields, site: Site) -> Said:
    """The learner has completed a problem."""
    return {"object": {"id": entities.block_id(site, problem_key(problem)), "type": "AssessmentItem"}}
