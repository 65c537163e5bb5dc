"""A scope to which everything belongs that nobody claims.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import hookimpl

from .scope import DepartmentScope


class Generous(DepartmentScope):
    def owners(self, fields):
        return (fields.department or "chemistry",)


@hookimpl
def register_scopes(register):
    register(Generous)
