"""Accepts compatibility forms of letters for the letters.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from unicodedata import normalize

from learnrelay import hookimpl
from learnrelay.scopes import Unproven

from .scope import DepartmentScope


class Learned(DepartmentScope):
    def owners(self, fields):
        return (normalize("NFKC", fields.department),) if fields.department else Unproven.ABSENT


@hookimpl
def register_scopes(register):
    register(Learned)
