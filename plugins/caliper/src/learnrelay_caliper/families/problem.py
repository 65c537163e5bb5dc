"""Problems: submitted, judged, question by question; answers and hints that were asked for."""

from __future__ import annotations

from collections.abc import Sequence

from learnrelay import Family, Said, Site
from learnrelay.openedx.problem import (
    CheckFields, HintFields, ProblemFields, Question, answer_text, from_browser, overall_success, problem_key,
    question_key,
)  # fmt: skip

from .. import entities
from ..entities import Attempt, Response, Score

family = Family("caliper.problem")


def assessment(check: CheckFields | ProblemFields, site: Site) -> entities.Entity:
    """The problem as a whole."""
    title = check.title if isinstance(check, CheckFields) else None
    return {"id": entities.block_id(site, problem_key(check)), "type": "Assessment", "name": title}


@family.maps(
    "problem_check",
    reads=CheckFields, type=("GradeEvent", "AssessmentEvent", "AssessmentItemEvent"),
    action=("Graded", "Submitted", "Completed"), profile=("GradingProfile", "AssessmentProfile"),
)  # fmt: skip
def checked(check: CheckFields, site: Site) -> Said | Sequence[Said]:
    """An answer was checked: the browser sends it (submitted), the server grades it, question by question."""
    problem = assessment(check, site)
    attempt = Attempt(problem, check.attempts if check.attempts and check.attempts > 0 else None)
    if from_browser(check):
        return {
            "type": "AssessmentEvent",
            "action": "Submitted",
            "profile": "AssessmentProfile",
            "object": problem,
            "generated": attempt,
        }
    graded = {
        "actor": entities.platform(site),
        "object": attempt,
        "generated": Score(attempt, check.grade, check.max_grade, site.root_url),
        "extensions": {"success": overall_success(check)},
    }
    if len(check.submission) < 2:
        return graded
    return [graded, *(question_said(check, attempt, question, site) for question in check.submission)]


def question_said(check: CheckFields, whole: Attempt, question: Question, site: Site) -> Said:
    """One question of several: its attempt is part of the attempt at the whole problem."""
    key = question_key(problem_key(check), question.key)
    item = {
        "id": entities.block_id(site, key),
        "type": "AssessmentItem",
        "name": question.question,
        "isPartOf": whole.item,
    }
    attempt = Attempt({"id": item["id"], "type": "AssessmentItem"}, whole.count, part_of=whole)
    return {
        "type": "AssessmentItemEvent",
        "action": "Completed",
        "profile": "AssessmentProfile",
        "object": item,
        "generated": response(question, attempt),
    }


def response(question: Question, attempt: Attempt) -> Response:
    """The answer: a list as several values, anything else as text."""
    if isinstance(question.answer, list):
        values = tuple(told for one in question.answer if (told := answer_text(one)) is not None)
        return Response(attempt, "MultipleResponseResponse", values=values, correct=question.correct)
    told = answer_text(question.answer)
    if told is None:
        return Response(attempt, correct=question.correct)
    return Response(attempt, "FillinBlankResponse", values=(told,), correct=question.correct)


@family.maps(
    "showanswer", reads=ProblemFields, type="ViewEvent", action="Viewed", profile="AssessmentProfile"
)
def answer_shown(problem: ProblemFields, site: Site) -> Said:
    """The learner asks for the answer."""
    return {
        "object": {
            "id": entities.block_id(site, problem_key(problem), "solution"),
            "type": "DigitalResource",
            "name": "Solution",
        }
    }


@family.maps(
    "edx.problem.hint.demandhint_displayed",
    reads=HintFields, type="ViewEvent", action="Viewed", profile="AssessmentProfile",
)  # fmt: skip
def hint_shown(problem: HintFields, site: Site) -> Said:
    """The learner asks for a hint."""
    return {
        "object": {
            "id": entities.block_id(site, problem_key(problem), "hint", str(problem.hint_index)),
            "type": "DigitalResource",
            "name": "Hint",
        }
    }


@family.maps(
    "edx.problem.completed",
    reads=ProblemFields, type="AssessmentItemEvent", action="Completed", profile="AssessmentProfile",
)  # fmt: skip
def completed(problem: ProblemFields, site: Site) -> Said:
    """The learner has completed a problem."""
    return {"object": {"id": entities.block_id(site, problem_key(problem)), "type": "AssessmentItem"}}
