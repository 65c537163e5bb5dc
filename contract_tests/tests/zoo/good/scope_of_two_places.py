"""A scope over two places that must agree, for ids that may be written in any letters.

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import Fields, Scope, hookimpl, optional
from learnrelay.kinds import uuid
from learnrelay.routing import Doubt


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
        named = {one for one in (fields.department, fields.home) if one is not None}
        if len(named) > 1:
            return Doubt.CONTRADICTORY
        return named or Doubt.ABSENT


@hookimpl
def register_scopes(register):
    register(DepartmentScope)
