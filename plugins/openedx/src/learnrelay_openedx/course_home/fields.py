"""The home of a course: its resumption, goals of the learner, dates that are put off."""

from __future__ import annotations

from learnrelay import Fields, Skip, optional, required
from learnrelay.kinds import boolean, one_of

from ..courses import COURSE, COURSE_OF_PAGE, WHERE, course_key

AS_ANOTHER = Skip("staff acts as a learner")


class CourseHomeFields(Fields):
    """Declares a course."""

    course_id = required(*COURSE, "data.courserun_key", *COURSE_OF_PAGE, kind=course_key, reason=WHERE)


class ResumeFields(CourseHomeFields):
    """Declares how a course is entered: for the first time, or again."""

    how = optional("data.event_type", kind=one_of("start", "resume"), example=("start", "resume"))


class ResetDatesFields(CourseHomeFields):
    """Declares whether somebody of the staff acts as a learner."""

    as_another = optional("data.is_masquerading", kind=boolean)


class UpdateFields(CourseHomeFields):
    """Declares whether the news of the course are shown or hidden."""

    action = optional("data.action", kind=one_of("shown", "hidden"), example=("shown", "hidden"))
