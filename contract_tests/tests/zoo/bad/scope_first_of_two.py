"""Reads only the first of two contradictory proofs.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import Fields, hookimpl, optional
from learnrelay.kinds import text

from .scope import DepartmentScope


class Either(Fields):
    department = optional("context.department", "data.department", kind=text, example=("chemistry", "physics"))


class Hasty(DepartmentScope):
    reads = Either


@hookimpl
def register_scopes(register):
    register(Hasty)
