"""Raises something other than ValueError for an invalid configuration.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import hookimpl

from .scope import DepartmentScope


class Strict(DepartmentScope):
    def wanted(self, value):
        return {"chemistry": "chemistry", "physics": "physics"}[value]


@hookimpl
def register_scopes(register):
    register(Strict)
