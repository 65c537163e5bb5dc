"""Has a schema that raises for unexpected values.

Caught by: standard.schema

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

import marshmallow

from learnrelay import hookimpl

from .standard import Statement, Zoo


class Other(Statement):
    more = marshmallow.fields.Raw()

    @marshmallow.validates_schema
    def _says_something(self, data, **_):
        if not data["more"]["what"]:
            raise marshmallow.ValidationError("says nothing", "more")


class Brittle(Zoo):
    def schema(self):
        return Other()


@hookimpl
def register_standards(register):
    register(Brittle)
