"""A scope that takes what resembles its value for it.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import Fields, Scope, hookimpl, optional
from learnrelay.kinds import text
from learnrelay.routing import Doubt


class Department(Fields):
    department = optional("context.department", kind=text, example=("chemistry", "physics"))


class DepartmentScope(Scope):
    key = "department"
    reads = Department

    def wanted(self, value):
        return value[:4]

    def owners(self, fields):
        return (fields.department[:4],) if fields.department else Doubt.ABSENT


@hookimpl
def register_scopes(register):
    register(DepartmentScope)
