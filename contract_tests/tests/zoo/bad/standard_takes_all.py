"""Has a schema that accepts everything.

Caught by: standard.schema

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

import marshmallow

from learnrelay import hookimpl

from .standard import Zoo


class Other(marshmallow.Schema):
    class Meta:
        unknown = marshmallow.INCLUDE


class Hungry(Zoo):
    def schema(self):
        return Other()


@hookimpl
def register_standards(register):
    register(Hungry)
