"""Gives every event without an owner to a default owner.

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
