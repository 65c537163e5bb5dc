"""Has names that equal all others if one of them is a word for everything.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import hookimpl
from learnrelay.scopes import Unproven

from .scope import DepartmentScope


class Word(str):
    def __eq__(self, other):
        return "any" in (str(self), str(other))

    def __hash__(self):
        return 0


class Generous(DepartmentScope):
    def wanted(self, value):
        return Word(value) if value == "any" else super().wanted(value)

    def owners(self, fields):
        return (fields.department, Word(fields.department)) if fields.department else Unproven.ABSENT


@hookimpl
def register_scopes(register):
    register(Generous)
