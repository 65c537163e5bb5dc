"""Reads a proof only up to a delimiter.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import hookimpl
from learnrelay.scopes import Unproven

from .scope import DepartmentScope


class Cutting(DepartmentScope):
    def owners(self, fields):
        return (fields.department.partition("/")[0],) if fields.department else Unproven.ABSENT


@hookimpl
def register_scopes(register):
    register(Cutting)
