"""Admits the events of all courses of an organisation.

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import Fields, Scope, hookimpl, optional
from learnrelay.kinds import text
from learnrelay.scopes import Unproven


class Course(Fields):
    course = optional("context.course_id", kind=text, example=("course-v1:edX+Demo+1", "course-v1:MITx+Six+2"))


class OrgScope(Scope):
    """An organisation, which stands in the ids of its courses."""

    key = "org_name"
    reads = Course

    def wanted(self, value):
        if not value.isalnum():
            raise ValueError("expected the name of an organisation")
        return value

    def owners(self, fields):
        if fields.course is None:
            return Unproven.ABSENT
        scheme, _, rest = fields.course.partition(":")
        parts = rest.split("+")
        return (parts[0],) if scheme == "course-v1" and len(parts) == 3 and parts[0].isalnum() else Unproven.UNREADABLE

    examples = ("edX", "MITx")


@hookimpl
def register_scopes(register):
    register(OrgScope)
