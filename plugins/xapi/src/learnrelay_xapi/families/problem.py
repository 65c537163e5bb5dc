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


def definition(check: CheckFields, question: Question | None) -> Said:
    """A question by its text and kind of interaction; a whole problem, or a question without kind, by its title."""
    asked = question if question is not None and question.response_type else None
    return {
        "name": activities.text(check.title, "en-US") if asked is None else None,
        "description": activities.text(asked.question, "en-US") if asked is not None else None,
        "interactionType": INTERACTION_TYPES.get((asked.response_type if asked else None) or "", "other"),
        "extensions": {v.ATTEMPT_ID: check.attempts if check.attempts and check.attempts > 0 else None},
    }


def result(check: CheckFields, question: Question | None) -> Said:
    """The judgement of a whole problem, with the answer where there is just one question."""
    only = question is not None and question.correct is not None
    return {
        "score": score(check.grade, check.max_grade),
        "success": question.correct if question is not None and only else overall_success(check),
        "response": answer_text(question.answer if question is not None else check.answers),
    }


@family.maps("problem_check", reads=CheckFields, verb=(v.EVALUATED, v.ATTEMPTED), activity=v.INTERACTION)
def checked(check: CheckFields, site: Site) -> Said | Sequence[Said]:
    """An answer was checked: as the server judged it (evaluated), or as the browser sent it (attempted)."""
    problem = problem_key(check)
    problem_id = activities.block(site, problem)
    if from_browser(check):
        return {"verb": v.ATTEMPTED, "object": {"id": problem_id, "definition": definition(check, None)}}
    if len(check.submission) < 2:
        question = check.submission[0] if check.submission else None
        return {
            "object": {"id": problem_id, "definition": definition(check, question)},
            "result": result(check, question),
        }
    whole = {
        "object": {"id": problem_id, "definition": definition(check, None)},
        "result": {"score": score(check.grade, check.max_grade), "success": overall_success(check)},
    }
    return [whole, *(question_said(check, problem, question, site) for question in check.submission)]


def question_said(check: CheckFields, problem: str, question: Question, site: Site) -> Said:
    """One question of several, with its own result."""
    return {
        "child": question.key,
        "object": {
            "id": activities.block(site, question_key(problem, question.key)),
            "definition": definition(check, question),
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
    return {"object": {"id": activities.bare_block(site, problem_key(problem))}}
