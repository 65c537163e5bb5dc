"""Accepts every event for one value of the scope.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import hookimpl
from learnrelay.scopes import Unproven

from .scope import DepartmentScope


class Generous(DepartmentScope):
    def owners(self, fields):
        return (fields.department, "any") if fields.department else Unproven.ABSENT


@hookimpl
def register_scopes(register):
    register(Generous)
