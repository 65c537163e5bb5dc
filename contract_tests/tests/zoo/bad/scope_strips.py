"""Strips blanks from a proof.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import hookimpl
from learnrelay.scopes import Unproven

from .scope import DepartmentScope


class Tidy(DepartmentScope):
    def owners(self, fields):
        return (fields.department.strip(),) if fields.department else Unproven.ABSENT


@hookimpl
def register_scopes(register):
    register(Tidy)
