"""Grades: of problems, of subsections, of courses; courses that are passed, failed, completed."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ObjectParts, ResultParts, StatementParts
from learnrelay_xapi.scores import score

from ..addresses import block_iri
from .fields import (
    WORK_DELETED,
    CourseFailedFields,
    CourseGradeFields,
    CoursePassedFields,
    CourseResultFields,
    CourseStateFields,
    ProblemGradeFields,
    ProblemRegradeFields,
    ProblemStateFields,
    SubsectionGradeFields,
    all_points,
    is_work_deleted,
    letter_of,
    title_of,
)

family = Family("xapi.grading")


def points_result(grade: ProblemGradeFields | ProblemRegradeFields | SubsectionGradeFields) -> ResultParts:
    """Makes the points a score; success is to have all of them."""
    return {
        "score": score(grade.earned, grade.possible),
        "success": all_points(grade.earned, grade.possible),
    }


@family.maps("edx.grades.problem.submitted", reads=ProblemGradeFields, verb=v.ATTEMPTED, activity=v.QUESTION)
def problem_graded(grade: ProblemGradeFields, platform: Platform) -> StatementParts | Skip:
    """The learner gets points for a problem."""
    if is_work_deleted(grade):
        return WORK_DELETED
    name = activities.text(title_of(grade), platform)
    problem: ObjectParts = {"id": block_iri(platform, grade.problem_id), "definition": {"name": name}}
    return {"object": problem, "result": points_result(grade)}


@family.maps(
    "edx.grades.problem.rescored", "edx.grades.problem.score_overridden",
    reads=ProblemRegradeFields, verb=v.EARNED, activity=v.QUESTION, instructor=True,
)  # fmt: skip
def problem_regraded(grade: ProblemRegradeFields, platform: Platform) -> StatementParts:
    """The learner gets other points for a problem: staff had them calculated anew, or set them."""
    return {"object": {"id": block_iri(platform, grade.problem_id)}, "result": points_result(grade)}


@family.maps(
    "edx.grades.problem.state_deleted",
    reads=ProblemStateFields, verb=v.RESET, activity=v.QUESTION, instructor=True,
)  # fmt: skip
def problem_state_deleted(problem: ProblemStateFields, platform: Platform) -> StatementParts:
    """The learner can begin a problem anew: staff deleted answers and points."""
    return {"object": {"id": block_iri(platform, problem.problem_id)}}


@family.maps(
    "edx.grades.subsection.grade_calculated",
    reads=SubsectionGradeFields, verb=v.EARNED, activity=v.RESOURCE,
)  # fmt: skip
def subsection_graded(grade: SubsectionGradeFields, platform: Platform) -> StatementParts:
    """The learner's points for a subsection are counted anew, without what overrides them."""
    return {"object": {"id": block_iri(platform, grade.block_id)}, "result": points_result(grade)}


def course_result(grade: CourseGradeFields) -> ResultParts:
    """Makes the share of the course a score, with its name."""
    return {
        "score": score(grade.percent, 1.0),
        "extensions": {v.GRADE_CLASSIFICATION: letter_of(grade)},
    }


@family.maps("edx.grades.course.grade_calculated", reads=CourseGradeFields, verb=v.EARNED, activity=v.COURSE)
def course_graded(grade: CourseGradeFields, platform: Platform) -> StatementParts:
    """The learner's grade in a course is calculated anew."""
    return {"object": activities.titled_course(platform, grade.course_id), "result": course_result(grade)}


@family.maps(
    "edx.course.grade.passed.first_time", "edx.course.grade.now_passed",
    reads=CourseStateFields, verb=v.PASSED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def now_passed(course: CourseStateFields, platform: Platform) -> StatementParts:
    """The learner's grade rises to a passing one."""
    return {"object": activities.titled_course(platform, course.course_id, course.mode)}


@family.maps(
    "edx.course.grade.now_failed",
    reads=CourseStateFields, verb=v.FAILED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def now_failed(course: CourseStateFields, platform: Platform) -> StatementParts:
    """The learner's grade falls below a passing one."""
    return {"object": activities.titled_course(platform, course.course_id, course.mode)}


@family.maps(
    "edx.course.completed",
    reads=CourseResultFields, verb=v.COMPLETED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def course_completed(course: CourseResultFields, platform: Platform) -> StatementParts:
    """The learner has completed a course."""
    return {
        "object": activities.titled_course(platform, course.course_id),
        "result": {**course_result(course), "completion": True},
        "timestamp": course.graded_at,
    }


@family.maps(
    "edx.course.passed",
    reads=CoursePassedFields, verb=v.PASSED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def course_passed(course: CoursePassedFields, platform: Platform) -> StatementParts:
    """The learner has passed a course."""
    return {
        "object": activities.titled_course(platform, course.course_id),
        "result": {**course_result(course), "success": True},
        "timestamp": course.graded_at,
    }


@family.maps(
    "edx.course.failed",
    reads=CourseFailedFields, verb=v.FAILED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def course_failed(course: CourseFailedFields, platform: Platform) -> StatementParts:
    """The learner has failed a course."""
    return {
        "object": activities.titled_course(platform, course.course_id),
        "result": {**course_result(course), "success": False},
        "timestamp": course.graded_at,
    }
