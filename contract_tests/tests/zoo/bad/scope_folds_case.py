"""Accepts Chemistry as proof for chemistry.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import hookimpl
from learnrelay.scopes import Unproven

from .scope import DepartmentScope


class Sloppy(DepartmentScope):
    def owners(self, fields):
        return (fields.department.lower(),) if fields.department else Unproven.ABSENT


@hookimpl
def register_scopes(register):
    register(Sloppy)
