"""Admits events that prove their owner.

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import Fields, Scope, hookimpl, optional
from learnrelay.kinds import text
from learnrelay.scopes import Unproven


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
        return (fields.department,) if fields.department else Unproven.ABSENT


@hookimpl
def register_scopes(register):
    register(DepartmentScope)
