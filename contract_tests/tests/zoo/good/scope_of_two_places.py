"""Requires that two paths agree, for ids in any letters.

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import Fields, Scope, hookimpl, optional
from learnrelay.kinds import uuid
from learnrelay.scopes import Unproven


class Department(Fields):
    department = optional("context.department", kind=uuid)
    home = optional("data.department", kind=uuid)


class DepartmentScope(Scope):
    key = "department"
    reads = Department

    def wanted(self, value):
        wanted = uuid(value)
        if wanted is None:
            raise ValueError("expected the UUID of a department")
        return wanted

    def owners(self, fields):
        named = {department for department in (fields.department, fields.home) if department is not None}
        if len(named) > 1:
            return Unproven.CONTRADICTORY
        return named or Unproven.ABSENT


@hookimpl
def register_scopes(register):
    register(DepartmentScope)
