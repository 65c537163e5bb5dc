"""A standard that carries milliseconds only, in its ids too.

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

from learnrelay import hookimpl

from .standard import Zoo


class Coarse(Zoo):
    def composer(self, transformer, site):
        def compose(common, said):
            at = common.when[:23]
            return [{"id": f"{said['what']} {at}", "at": at, "more": said}]

        return compose


@hookimpl
def register_standards(register):
    register(Coarse)
