"""Problems: submitted, judged, question by question; answers and hints that were asked for."""

from __future__ import annotations

from collections.abc import Sequence

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
)  # fmt: skip

from .. import activities
from .. import vocabulary as v
from ..scores import score

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


def whole(check: CheckFields) -> Said:
    """A problem by its title."""
    return {
        "name": activities.text(check.title, "en-US"),
        "interactionType": "other",
        "extensions": {v.ATTEMPT_ID: check.attempts or None},
    }


def asked(check: CheckFields, question: Question) -> Said:
    """A question by its text and kind of interaction."""
    return {
        "description": activities.text(question.question, "en-US"),
        "interactionType": INTERACTION_TYPES.get(question.response_type or "", "other"),
        "extensions": {v.ATTEMPT_ID: check.attempts or None},
    }


def judged(check: CheckFields) -> Said:
    """How a whole problem was judged."""
    return {"score": score(check.grade, check.max_grade), "success": overall_success(check)}


@family.maps("problem_check", reads=CheckFields, verb=(v.EVALUATED, v.ATTEMPTED), activity=v.INTERACTION)
def checked(check: CheckFields, site: Site) -> Said | Sequence[Said]:
    """An answer was checked: as the server judged it (evaluated), or as the browser sent it (attempted)."""
    problem = problem_key(check)
    problem_id = activities.block(site, problem)
    if from_browser(check):
        return {"verb": v.ATTEMPTED, "object": {"id": problem_id, "definition": whole(check)}}
    if not check.submission:
        result = {**judged(check), "response": answer_text(check.answers)}
        return {"object": {"id": problem_id, "definition": whole(check)}, "result": result}
    if len(check.submission) == 1:
        return only_question(check, problem_id, check.submission[0])
    parent = {"object": {"id": problem_id, "definition": whole(check)}, "result": judged(check)}
    return [parent, *(one_of_several(check, problem, question, site) for question in check.submission)]


def only_question(check: CheckFields, problem_id: str, question: Question) -> Said:
    """A problem with one question: they are one activity, known by its title where the question has no kind."""
    result = {**judged(check), "response": answer_text(question.answer)}
    if question.correct is not None:
        result["success"] = question.correct
    definition = asked(check, question) if question.response_type else whole(check)
    return {"object": {"id": problem_id, "definition": definition}, "result": result}


def one_of_several(check: CheckFields, problem: str, question: Question, site: Site) -> Said:
    """One question of several, with its own result."""
    return {
        "child": question.key,
        "object": {
            "id": activities.block(site, question_key(problem, question.key)),
            "definition": asked(check, question),
        },
        "result": {"success": question.correct, "response": answer_text(question.answer)},
    }


@family.maps("showanswer", reads=ProblemFields, verb=v.ASKED, activity=v.SOLUTION)
def answer_shown(problem: ProblemFields, site: Site) -> Said:
    """The learner asks for the answer."""
    return {"object": {"id": activities.block(site, problem_key(problem), "answer")}}


@family.maps("edx.problem.hint.demandhint_displayed", reads=HintFields, verb=v.ASKED, activity=v.SUPPLEMENT)
def hint_shown(problem: HintFields, site: Site) -> Said:
    """The learner asks for a hint."""
    return {"object": {"id": activities.block(site, problem_key(problem), "hint", str(problem.hint_index))}}


@family.maps("edx.problem.completed", reads=ProblemFields, verb=v.COMPLETED, activity=v.INTERACTION)
def completed(problem: ProblemFields, site: Site) -> Said:
    """The learner has completed a problem."""
    return {"object": {"id": activities.block(site, problem_key(problem))}}
