"""A scope for which Chemistry is chemistry.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import hookimpl
from learnrelay.routing import Doubt

from .scope import DepartmentScope


class Sloppy(DepartmentScope):
    def owners(self, fields):
        return (fields.department.lower(),) if fields.department else Doubt.ABSENT


@hookimpl
def register_scopes(register):
    register(Sloppy)
