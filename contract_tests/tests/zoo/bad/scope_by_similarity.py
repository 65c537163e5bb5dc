"""A scope that takes what resembles its value for it.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import hookimpl
from learnrelay.routing import Doubt

from .scope import DepartmentScope


class Similar(DepartmentScope):
    def wanted(self, value):
        return value[:4]

    def owners(self, fields):
        return (fields.department[:4],) if fields.department else Doubt.ABSENT


@hookimpl
def register_scopes(register):
    register(Similar)
