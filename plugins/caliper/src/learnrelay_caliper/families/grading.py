"""Grades: of problems, of subsections, of courses; courses that are passed, failed, completed."""

from __future__ import annotations

from collections.abc import Sequence

from learnrelay import Family, Said, Site
from learnrelay.openedx.grading import (
    CourseFailedFields,
    CourseGradeFields,
    CoursePassedFields,
    CourseResultFields,
    CourseStateFields,
    ProblemGradeFields,
    SubsectionGradeFields,
    letter_of,
)

from .. import entities
from ..entities import Attempt, Entity, Result, Score

family = Family("caliper.grading")

GRADE = {"type": "GradeEvent", "action": "Graded", "profile": "GradingProfile"}
GENERAL = {"type": "Event", "profile": "GeneralProfile"}


def graded(item: Entity, given: float | None, most: float | None, site: Site, letter: str | None = None) -> Said:
    """The platform grades the learner's work on an item; without points there is no score to tell."""
    attempt = Attempt(item, describes_learner=True)
    score = Score(attempt, given, most, site.root_url, {"letterGrade": letter})
    return {
        "actor": entities.platform(site),
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
def problem_submitted(grade: ProblemGradeFields, site: Site) -> Sequence[Said]:
    """The learner submits a problem, and the platform grades it."""
    problem = {"id": entities.block_id(site, grade.problem_id), "type": "Assessment"}
    submitted = {"object": problem, "generated": Attempt(problem["id"])}
    return [submitted, {**GRADE, **graded(problem, grade.earned, grade.possible, site)}]


@family.maps("edx.grades.subsection.grade_calculated", reads=SubsectionGradeFields, **GRADE)
def subsection_graded(grade: SubsectionGradeFields, site: Site) -> Said:
    """The learner's points for a subsection are counted anew."""
    item = {"id": entities.block_id(site, grade.block_id), "type": "AssignableDigitalResource"}
    return graded(item, grade.earned, grade.possible, site)


@family.maps("edx.grades.course.grade_calculated", reads=CourseGradeFields, **GRADE)
def course_graded(grade: CourseGradeFields, site: Site) -> Said:
    """The learner's grade in a course is calculated anew: a share of 1."""
    return graded(entities.course_content(site, grade.course_id), grade.percent, 1.0, site, letter_of(grade))


def standing(
    course_id: str, site: Site, *, by_platform: bool, passed: bool | None = None,
    grade: CourseGradeFields | None = None,
) -> Said:  # fmt: skip
    """How the learner stands in a course: the result of the work on its content, with the grade where it is told."""
    percent = grade.percent if grade else None
    result = Result(
        Attempt(entities.course_content(site, course_id), describes_learner=by_platform),
        percent,
        None if percent is None else 1.0,
        site.root_url,
        {"passed": passed, "letterGrade": letter_of(grade) if grade else None},
    )
    return {
        "actor": entities.platform(site) if by_platform else None,
        "object": entities.course(site, course_id),
        "generated": result,
    }


@family.maps("edx.course.grade.passed.first_time", reads=CourseStateFields, action="Completed", **GENERAL)
def passed_first(course: CourseStateFields, site: Site) -> Said:
    """The learner has done what the course asks for, for the first time; that it is passed says the result."""
    return standing(course.course_id, site, by_platform=False, passed=True)


@family.maps("edx.course.grade.now_passed", reads=CourseStateFields, action="Graded", **GENERAL)
def now_passed(course: CourseStateFields, site: Site) -> Said:
    """The learner's grade rises to a passing one."""
    return standing(course.course_id, site, by_platform=True, passed=True)


@family.maps("edx.course.grade.now_failed", reads=CourseStateFields, action="Graded", **GENERAL)
def now_failed(course: CourseStateFields, site: Site) -> Said:
    """The learner's grade falls below a passing one."""
    return standing(course.course_id, site, by_platform=True, passed=False)


@family.maps("edx.course.completed", reads=CourseResultFields, action="Completed", **GENERAL)
def course_completed(course: CourseResultFields, site: Site) -> Said:
    """The learner has completed a course."""
    said = standing(course.course_id, site, by_platform=False, grade=course)
    return {**said, "eventTime": course.graded_at}


@family.maps("edx.course.passed", reads=CoursePassedFields, action="Graded", **GENERAL)
def course_passed(course: CoursePassedFields, site: Site) -> Said:
    """The learner has passed a course."""
    said = standing(course.course_id, site, by_platform=True, passed=True, grade=course)
    return {**said, "eventTime": course.graded_at}


@family.maps("edx.course.failed", reads=CourseFailedFields, action="Graded", **GENERAL)
def course_failed(course: CourseFailedFields, site: Site) -> Said:
    """The learner has failed a course."""
    said = standing(course.course_id, site, by_platform=True, passed=False, grade=course)
    return {**said, "eventTime": course.graded_at}
