"""Grades: of problems, of subsections, of courses; courses that are passed, failed, completed."""

from __future__ import annotations

from learnrelay import Family, Said, Site
from learnrelay.openedx.grading import (
    CourseFailedFields,
    CourseGradeFields,
    CoursePassedFields,
    CourseResultFields,
    CourseStateFields,
    ProblemGradeFields,
    SubsectionGradeFields,
    all_points,
    letter_of,
)  # fmt: skip

from .. import activities
from .. import vocabulary as v
from ..scores import score

family = Family("xapi.grading")


def points(grade: ProblemGradeFields | SubsectionGradeFields) -> Said:
    """The points as score; success is to have all of them."""
    return {
        "score": score(grade.earned, grade.possible),
        "success": all_points(grade.earned, grade.possible),
    }


@family.maps("edx.grades.problem.submitted", reads=ProblemGradeFields, verb=v.ATTEMPTED, activity=v.QUESTION)
def problem_graded(grade: ProblemGradeFields, site: Site) -> Said:
    """The learner gets points for a problem."""
    return {"object": {"id": activities.block(site, grade.problem_id)}, "result": points(grade)}


@family.maps(
    "edx.grades.subsection.grade_calculated",
    reads=SubsectionGradeFields, verb=v.EARNED, activity=v.RESOURCE,
)  # fmt: skip
def subsection_graded(grade: SubsectionGradeFields, site: Site) -> Said:
    """The learner's points for a subsection are counted anew."""
    return {"object": {"id": activities.block(site, grade.block_id)}, "result": points(grade)}


def share(grade: CourseGradeFields) -> Said:
    """The share of the course as score, and its name."""
    return {
        "score": score(grade.percent, 1.0),
        "extensions": {v.GRADE_CLASSIFICATION: letter_of(grade)},
    }


@family.maps("edx.grades.course.grade_calculated", reads=CourseGradeFields, verb=v.EARNED, activity=v.COURSE)
def course_graded(grade: CourseGradeFields, site: Site) -> Said:
    """The learner's grade in a course is calculated anew."""
    return {"object": activities.titled_course(site, grade.course_id), "result": share(grade)}


@family.maps(
    "edx.course.grade.passed.first_time", "edx.course.grade.now_passed",
    reads=CourseStateFields, verb=v.PASSED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def now_passed(course: CourseStateFields, site: Site) -> Said:
    """The learner's grade rises to a passing one."""
    return {"object": activities.titled_course(site, course.course_id, course.mode)}


@family.maps(
    "edx.course.grade.now_failed",
    reads=CourseStateFields, verb=v.FAILED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def now_failed(course: CourseStateFields, site: Site) -> Said:
    """The learner's grade falls below a passing one."""
    return {"object": activities.titled_course(site, course.course_id, course.mode)}


@family.maps(
    "edx.course.completed",
    reads=CourseResultFields, verb=v.COMPLETED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def course_completed(course: CourseResultFields, site: Site) -> Said:
    """The learner has completed a course."""
    return {
        "object": activities.titled_course(site, course.course_id),
        "result": {**share(course), "completion": True},
        "timestamp": course.graded_at,
    }


@family.maps(
    "edx.course.passed",
    reads=CoursePassedFields, verb=v.PASSED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def course_passed(course: CoursePassedFields, site: Site) -> Said:
    """The learner has passed a course."""
    return {
        "object": activities.titled_course(site, course.course_id),
        "result": {**share(course), "success": True},
        "timestamp": course.graded_at,
    }


@family.maps(
    "edx.course.failed",
    reads=CourseFailedFields, verb=v.FAILED, activity=v.COURSE, in_course=False,
)  # fmt: skip
def course_failed(course: CourseFailedFields, site: Site) -> Said:
    """The learner has failed a course."""
    return {
        "object": activities.titled_course(site, course.course_id),
        "result": {**share(course), "success": False},
        "timestamp": course.graded_at,
    }
