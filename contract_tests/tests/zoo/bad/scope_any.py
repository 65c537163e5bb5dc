"""A scope of which one value means everything.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import hookimpl
from learnrelay.routing import Doubt

from .scope import DepartmentScope


class Generous(DepartmentScope):
    def owners(self, fields):
        return (fields.department, "any") if fields.department else Doubt.ABSENT


@hookimpl
def register_scopes(register):
    register(Generous)
