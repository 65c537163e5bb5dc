"""Accepts one word as proof for every owner.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import hookimpl

from .scope import DepartmentScope


class Generous(DepartmentScope):
    def owners(self, fields):
        return ("chemistry", "physics") if fields.department == "*" else super().owners(fields)


@hookimpl
def register_scopes(register):
    register(Generous)
