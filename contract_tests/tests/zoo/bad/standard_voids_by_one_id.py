"""Voids each statement by a statement with the same id, of which consumers take the first only.

Caught by: standard.void

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

from learnrelay import SerializedStatement, hookimpl, to_json

from .standard import Zoo


class OneVoid(Zoo):
    def void(self, statement_id, platform):
        return SerializedStatement("void", to_json({"id": "void", "voids": statement_id}))


@hookimpl
def register_standards(register):
    register(OneVoid)
