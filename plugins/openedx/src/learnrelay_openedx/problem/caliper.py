"""Problems: submitted, judged, question by question; answers and hints that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from learnrelay import Family, Platform, Skip
from learnrelay_caliper import entities
from learnrelay_caliper.entities import Attempt, Entity, Response, Score
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import block_iri
from .fields import (
    AnswerFeedbackFields,
    CheckFields,
    HintFields,
    ProblemFields,
    Question,
    answer_text,
    checked_problem,
    from_browser,
    overall_success,
    problem_key,
    question_key,
)

family = Family("caliper.problem")

ITEM: EventKind = {"type": "AssessmentItemEvent", "action": "Completed", "profile": "AssessmentProfile"}
VIEW: EventKind = {"type": "ViewEvent", "action": "Viewed", "profile": "AssessmentProfile"}

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
    "save_problem_check",
    reads=CheckFields,
    type=("GradeEvent", "AssessmentEvent", "AssessmentItemEvent"),
    action=("Graded", "Submitted", "Completed"),
    profile=("GradingProfile", "AssessmentProfile"),
)
def checked(check: CheckFields, platform: Platform) -> EventParts | Sequence[EventParts] | Skip:
    """An answer was checked: the browser sends it (submitted), the server grades it, question by question."""
    key = checked_problem(check)
    if isinstance(key, Skip):
        return key
    problem: Entity = {"id": block_iri(platform, key), "type": "Assessment", "name": check.title}
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
    extensions = {
        "success": success,
        "weightedScoreGiven": check.weighted_earned,
        "weightedMaxScore": check.weighted_possible,
    }
    score = Score(attempt, check.grade, check.max_grade, platform.home_url, extensions)
    is_graded = any(value is not None for value in (check.grade, check.weighted_earned, success))
    graded: EventParts = {
        "actor": entities.ed_app(platform),
        "object": attempt,
        "generated": score if is_graded else None,
    }
    answered = [question_answered(question, key, problem, attempt, platform) for question in questions(check)]
    return [graded, *answered]


def questions(check: CheckFields) -> Sequence[Question]:
    """Returns the questions of the problem; in an old event without a record of them those that have an answer."""
    if check.submission or not isinstance(check.answers, dict):
        return check.submission
    return [Question(key=key, answer=answer) for key, answer in check.answers.items() if answer]


def question_answered(question: Question, key: str, problem: Entity, whole: Attempt, platform: Platform) -> EventParts:
    """Makes the answer to one question: its attempt is part of the attempt at the whole problem."""
    item = block_iri(platform, question_key(key, question.key))
    name = question.question or problem["name"]
    parts: EventParts = {
        "object": {"id": item, "type": "AssessmentItem", "name": name, "isPartOf": problem},
        "generated": response(question, Attempt(item, whole.count, part_of=whole)),
    }
    return {**ITEM, **parts}


def response(question: Question, attempt: Attempt) -> Response:
    """Makes the answer a response of its kind; of a kind that Caliper does not have, an extension."""
    answers = question.answer if isinstance(question.answer, list) else [question.answer]
    values = [value for answer in answers if (value := answer_text(answer))]
    kind = question.response_type or ""
    correct: dict[str, Any] = {"correct": question.correct}
    if kind in ONE_VALUE and len(values) == 1:
        return Response(attempt, ONE_VALUE[kind], value=values[0], extensions=correct)
    if kind in SEVERAL_VALUES and values:
        return Response(attempt, SEVERAL_VALUES[kind], values=values, extensions=correct)
    return Response(attempt, "Response", extensions={**correct, "answer": values or None})


@family.maps("showanswer", reads=ProblemFields, **VIEW)
def answer_shown(problem: ProblemFields, platform: Platform) -> EventParts:
    """The learner asks for the answer."""
    return {"object": part_of(problem, platform, "Solution", "solution")}


@family.maps("edx.problem.hint.demandhint_displayed", reads=HintFields, **VIEW)
def hint_shown(problem: HintFields, platform: Platform) -> EventParts:
    """The learner asks for a hint."""
    return {"object": part_of(problem, platform, "Hint", f"hint/{problem.hint_index}")}


def part_of(problem: ProblemFields, platform: Platform, name: str, path: str) -> Entity:
    """Makes what the platform shows of a problem: a resource of its author, not an annotation of the learner."""
    whole = block_iri(platform, problem_key(problem))
    return {
        "id": f"{whole}/{path}",
        "type": "DigitalResource",
        "name": name,
        "isPartOf": {"id": whole, "type": "Assessment"},
    }


@family.maps("edx.problem.completed", reads=ProblemFields, **ITEM)
def completed(problem: ProblemFields, platform: Platform) -> EventParts:
    """The learner has completed a problem."""
    return {"object": {"id": block_iri(platform, problem_key(problem)), "type": "AssessmentItem"}}


@family.maps(
    "reset_problem",
    reads=ProblemFields, type="AssessmentEvent", action="Reset", profile="AssessmentProfile",
)  # fmt: skip
def problem_reset(problem: ProblemFields, platform: Platform) -> EventParts:
    """The learner resets a problem."""
    whole = {"id": block_iri(platform, problem.problem_id), "type": "Assessment"}
    return {"object": whole, "generated": Attempt(whole["id"])}


@family.maps("save_problem_success", reads=ProblemFields, type="Event", action="Saved", profile="GeneralProfile")
def answers_saved(problem: ProblemFields, platform: Platform) -> EventParts:
    """The learner saves answers, to hand them in later."""
    return {"object": {"id": block_iri(platform, problem.problem_id), "type": "Assessment"}}


@family.maps(
    "edx.problem.hint.feedback_displayed",
    reads=AnswerFeedbackFields, type="ViewEvent", action="Viewed", profile="ReadingProfile",
)  # fmt: skip
def feedback_seen(feedback: AnswerFeedbackFields, platform: Platform) -> EventParts:
    """The learner sees feedback to an answer."""
    problem = block_iri(platform, feedback.problem_id)
    return {
        "object": {
            "id": block_iri(platform, feedback.problem_id, "feedback"),
            "type": "DigitalResource",
            "isPartOf": problem,
        },
        "extensions": {"success": feedback.correct},
    }
