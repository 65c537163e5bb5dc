"""Problems: submitted, judged, question by question; answers and hints that were asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import DefinitionParts, ResultParts, StatementParts
from learnrelay_xapi.scores import score

from .. import xapi_vocabulary as openedx
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

family = Family("xapi.problem")

INTERACTION_TYPES = {
    "annotationresponse": "fill-in",
    "choiceresponse": "choice",
    "choicetextresponse": "choice",
    "formularesponse": "fill-in",
    "imageresponse": "matching",
    "multiplechoiceresponse": "choice",
    "numericalresponse": "numeric",
    "optionresponse": "choice",
    "stringresponse": "fill-in",
    "symbolicresponse": "fill-in",
    "truefalseresponse": "true-false",
}
"""Response type of the platform → interaction type (1.0.3, Data 2.4.4.1); all others are ``other``."""


def problem_definition(check: CheckFields, platform: Platform) -> DefinitionParts:
    """Defines a problem by its title."""
    return {
        "name": activities.text(check.title, platform),
        "interactionType": "other",
        "extensions": {v.ATTEMPT_ID: check.attempts or None},
    }


def question_definition(check: CheckFields, question: Question, platform: Platform) -> DefinitionParts:
    """Defines a question by its problem's title, its text and its kind of interaction."""
    return {
        "name": activities.text(check.title, platform),
        "description": activities.text(question.question, platform),
        "interactionType": INTERACTION_TYPES.get(question.response_type or "", "other"),
        "extensions": {v.ATTEMPT_ID: check.attempts or None},
    }


def problem_result(check: CheckFields) -> ResultParts:
    """Makes the result of a whole problem: its own points as the score, the weighted ones as extensions."""
    return {
        "score": score(check.grade, check.max_grade),
        "success": overall_success(check),
        "extensions": {
            openedx.WEIGHTED_EARNED: check.weighted_earned,
            openedx.WEIGHTED_POSSIBLE: check.weighted_possible,
        },
    }


def answer_parts(answer: Any) -> str | list[Any] | None:
    """Returns an answer as the response: a list as it is, for the standard to write, anything else as text."""
    return answer if isinstance(answer, list) else answer_text(answer)


@family.maps(
    "problem_check", "save_problem_check",
    reads=CheckFields, verb=(v.EVALUATED, v.ATTEMPTED), activity=v.INTERACTION,
)  # fmt: skip
def checked(check: CheckFields, platform: Platform) -> StatementParts | Sequence[StatementParts] | Skip:
    """An answer was checked: as the server judged it (evaluated), or as the browser sent it (attempted)."""
    problem = checked_problem(check)
    if isinstance(problem, Skip):
        return problem
    problem_id = block_iri(platform, problem)
    if from_browser(check):
        title: DefinitionParts = {"name": activities.text(check.title, platform), "interactionType": "other"}
        return {"verb": v.ATTEMPTED, "object": {"id": problem_id, "definition": title}}
    if not check.submission:
        result: ResultParts = {**problem_result(check), "response": answer_parts(check.answers)}
        return {"object": {"id": problem_id, "definition": problem_definition(check, platform)}, "result": result}
    if len(check.submission) == 1:
        return single_question(check, problem_id, check.submission[0], platform)
    parent: StatementParts = {
        "object": {"id": problem_id, "definition": problem_definition(check, platform)},
        "result": problem_result(check),
    }
    return [parent, *(child_question(check, problem, question, platform) for question in check.submission)]


def single_question(check: CheckFields, problem_id: str, question: Question, platform: Platform) -> StatementParts:
    """Makes a problem with one question: they are one activity."""
    result: ResultParts = {**problem_result(check), "response": answer_parts(question.answer)}
    if question.correct is not None:
        result["success"] = question.correct
    definition = question_definition(check, question, platform)
    return {"object": {"id": problem_id, "definition": definition}, "result": result}


def child_question(check: CheckFields, problem: str, question: Question, platform: Platform) -> StatementParts:
    """Makes the parts about one question of several, with its own result."""
    return {
        "child": question.key,
        "object": {
            "id": block_iri(platform, question_key(problem, question.key)),
            "definition": question_definition(check, question, platform),
        },
        "result": {"success": question.correct, "response": answer_parts(question.answer)},
    }


@family.maps("showanswer", reads=ProblemFields, verb=v.ASKED, activity=v.SOLUTION)
def answer_shown(problem: ProblemFields, platform: Platform) -> StatementParts:
    """The learner asks for the answer."""
    return {"object": {"id": block_iri(platform, problem_key(problem), "answer")}}


@family.maps("edx.problem.hint.demandhint_displayed", reads=HintFields, verb=v.ASKED, activity=v.SUPPLEMENT)
def hint_shown(problem: HintFields, platform: Platform) -> StatementParts:
    """The learner asks for a hint."""
    return {"object": {"id": block_iri(platform, problem_key(problem), "hint", str(problem.hint_index))}}


@family.maps("edx.problem.completed", reads=ProblemFields, verb=v.COMPLETED, activity=v.INTERACTION)
def completed(problem: ProblemFields, platform: Platform) -> StatementParts:
    """The learner has completed a problem."""
    return {"object": {"id": block_iri(platform, problem_key(problem))}}


@family.maps("reset_problem", reads=ProblemFields, verb=v.RESET, activity=v.INTERACTION)
def problem_reset(problem: ProblemFields, platform: Platform) -> StatementParts:
    """The learner resets a problem."""
    return {"object": {"id": block_iri(platform, problem.problem_id)}}


@family.maps("save_problem_success", reads=ProblemFields, verb=v.SAVED, activity=v.INTERACTION)
def answers_saved(problem: ProblemFields, platform: Platform) -> StatementParts:
    """The learner saves answers, to hand them in later."""
    return {"object": {"id": block_iri(platform, problem.problem_id)}}


@family.maps("edx.problem.hint.feedback_displayed", reads=AnswerFeedbackFields, verb=v.VIEWED, activity=v.RESOURCE)
def feedback_seen(feedback: AnswerFeedbackFields, platform: Platform) -> StatementParts:
    """The learner sees feedback to an answer."""
    return {
        "object": {"id": block_iri(platform, feedback.problem_id, "feedback")},
        "result": {"success": feedback.correct},
    }
