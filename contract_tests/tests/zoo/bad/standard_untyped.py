"""Has a schema that checks only the names of properties.

Caught by: standard.schema

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

import marshmallow

from learnrelay import hookimpl

from .standard import Statement, Zoo


class Other(Statement):
    id = marshmallow.fields.Raw(required=True)
    at = marshmallow.fields.Raw(required=True)


class Vague(Zoo):
    def schema(self):
        return Other()


@hookimpl
def register_standards(register):
    register(Vague)
