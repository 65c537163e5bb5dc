"""Grades: of problems, of subsections, of courses; courses that are passed, failed, completed."""

from __future__ import annotations

from collections.abc import Sequence

from learnrelay import Family, Platform, Skip
from learnrelay_caliper import entities
from learnrelay_caliper.entities import Attempt, Entity, Result, Score
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import block_iri
from ..caliper_entities import course_content
from .fields import (
    WORK_DELETED,
    CourseFailedFields,
    CourseGradeFields,
    CoursePassedFields,
    CourseResultFields,
    CourseRunFields,
    ProblemGradeFields,
    ProblemRegradeFields,
    ProblemStateFields,
    SubsectionGradeFields,
    is_assessed_by_people,
    is_work_deleted,
    letter_of,
    title_of,
)

family = Family("caliper.grading")

GRADE: EventKind = {"type": "GradeEvent", "action": "Graded", "profile": "GradingProfile"}
GENERAL: EventKind = {"type": "Event", "profile": "GeneralProfile"}


def graded(
    item: Entity, given: float | None, most: float | None, platform: Platform, letter: str | None = None
) -> EventParts:
    """Makes the grading of the learner's work on an item; without points there is no score."""
    attempt = Attempt(item, describes_learner=True)
    score = Score(attempt, given, most, platform.home_url, {"letterGrade": letter})
    return {
        "actor": entities.ed_app(platform),
        "object": attempt,
        "generated": None if given is None else score,
    }


@family.maps(
    "edx.grades.problem.submitted",
    reads=ProblemGradeFields,
    type=("AssessmentEvent", "GradeEvent"),
    action=("Submitted", "Graded"),
    profile=("AssessmentProfile", "GradingProfile"),
)
def problem_submitted(grade: ProblemGradeFields, platform: Platform) -> Sequence[EventParts] | Skip:
    """The learner submits a problem, and the platform grades it; work that people assess was submitted before."""
    if is_work_deleted(grade):
        return WORK_DELETED
    iri = block_iri(platform, grade.problem_id)
    problem: Entity = {"id": iri, "type": "Assessment", "name": title_of(grade)}
    points: EventParts = {**GRADE, **graded(problem, grade.earned, grade.possible, platform)}
    return [points] if is_assessed_by_people(grade) else [{"object": problem, "generated": Attempt(iri)}, points]


@family.maps(
    "edx.grades.problem.rescored", "edx.grades.problem.score_overridden",
    reads=ProblemRegradeFields, staff=True, **GRADE,
)  # fmt: skip
def problem_regraded(grade: ProblemRegradeFields, platform: Platform) -> EventParts:
    """Staff have a learner's points for a problem calculated anew, or set them; the platform, where nobody is known."""
    problem = {"id": block_iri(platform, grade.problem_id), "type": "Assessment"}
    return graded(problem, grade.earned, grade.possible, platform)


@family.maps(
    "edx.grades.problem.state_deleted",
    reads=ProblemStateFields, type=("AssessmentEvent", "Event"), action="Reset",
    profile=("AssessmentProfile", "GeneralProfile"), staff=True,
)  # fmt: skip
def problem_state_deleted(problem: ProblemStateFields, platform: Platform) -> EventParts:
    """Staff delete a learner's answers and points for a problem; where nobody is known, the platform: a plain event."""
    iri = block_iri(platform, problem.problem_id)
    return {
        "type": "Event",
        "profile": "GeneralProfile",
        "actor": entities.ed_app(platform),
        "object": {"id": iri, "type": "Assessment"},
        "generated": Attempt(iri, describes_learner=True),
    }


@family.maps("edx.grades.subsection.grade_calculated", reads=SubsectionGradeFields, **GRADE)
def subsection_graded(grade: SubsectionGradeFields, platform: Platform) -> EventParts:
    """The learner's points for a subsection are counted anew, without what overrides them."""
    item = {"id": block_iri(platform, grade.block_id), "type": "AssignableDigitalResource"}
    return graded(item, grade.earned, grade.possible, platform)


@family.maps("edx.grades.course.grade_calculated", reads=CourseGradeFields, **GRADE)
def course_graded(grade: CourseGradeFields, platform: Platform) -> EventParts:
    """The learner's grade in a course is calculated anew: a share of 1."""
    return graded(course_content(platform, grade.course_id), grade.percent, 1.0, platform, letter_of(grade))


def standing(
    course_id: str, platform: Platform, *, by_platform: bool, passed: bool | None = None,
    grade: CourseGradeFields | None = None,
) -> EventParts:  # fmt: skip
    """Makes the learner's result in a course, with the grade where the event has it."""
    percent = grade.percent if grade else None
    result = Result(
        Attempt(course_content(platform, course_id), describes_learner=by_platform),
        percent,
        None if percent is None else 1.0,
        platform.home_url,
        {"passed": passed, "letterGrade": letter_of(grade) if grade else None},
    )
    return {
        "actor": entities.ed_app(platform) if by_platform else None,
        "object": entities.course(platform, course_id),
        "generated": result,
    }


@family.maps("edx.course.grade.passed.first_time", reads=CourseRunFields, action="Completed", **GENERAL)
def passed_first(course: CourseRunFields, platform: Platform) -> EventParts:
    """The learner has done what the course asks for, for the first time; that it is passed says the result."""
    return standing(course.course_id, platform, by_platform=False, passed=True)


@family.maps("edx.course.grade.now_passed", reads=CourseRunFields, action="Graded", **GENERAL)
def now_passed(course: CourseRunFields, platform: Platform) -> EventParts:
    """The learner's grade rises to a passing one."""
    return standing(course.course_id, platform, by_platform=True, passed=True)


@family.maps("edx.course.grade.now_failed", reads=CourseRunFields, action="Graded", **GENERAL)
def now_failed(course: CourseRunFields, platform: Platform) -> EventParts:
    """The learner's grade falls below a passing one."""
    return standing(course.course_id, platform, by_platform=True, passed=False)


@family.maps("edx.course.completed", reads=CourseResultFields, action="Completed", **GENERAL)
def course_completed(course: CourseResultFields, platform: Platform) -> EventParts:
    """The learner has completed a course."""
    result = standing(course.course_id, platform, by_platform=False, grade=course)
    return {**result, "eventTime": course.graded_at}


@family.maps("edx.course.passed", reads=CoursePassedFields, action="Graded", **GENERAL)
def course_passed(course: CoursePassedFields, platform: Platform) -> EventParts:
    """The learner has passed a course."""
    result = standing(course.course_id, platform, by_platform=True, passed=True, grade=course)
    return {**result, "eventTime": course.graded_at}


@family.maps("edx.course.failed", reads=CourseFailedFields, action="Graded", **GENERAL)
def course_failed(course: CourseFailedFields, platform: Platform) -> EventParts:
    """The learner has failed a course."""
    result = standing(course.course_id, platform, by_platform=True, passed=False, grade=course)
    return {**result, "eventTime": course.graded_at}
