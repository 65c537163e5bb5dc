"""A scope that looks at what follows a delimiter.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 zoo
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
        if not value.isalpha():
            raise ValueError("expected the name of a department")
        return value

    def owners(self, fields):
        return (fields.department.rpartition(":")[2],) if fields.department else Doubt.ABSENT


@hookimpl
def register_scopes(register):
    register(DepartmentScope)
