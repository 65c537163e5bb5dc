"""A standard whose ids see whole seconds only.

Caught by: behaviour.ids

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

from learnrelay import hookimpl

from .standard import Zoo


class Hasty(Zoo):
    def composer(self, transformer, site):
        return lambda common, said: [{"id": f"{said['what']} {common.when[:19]}", "at": common.when, "more": said}]


@hookimpl
def register_standards(register):
    register(Hasty)
