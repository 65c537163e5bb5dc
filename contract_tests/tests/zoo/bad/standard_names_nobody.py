"""Names nobody in its statements, so that those of a learner could not be removed.

Caught by: standard.learners

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

from learnrelay import hookimpl

from .standard import Zoo


class Silent(Zoo):
    def learners(self, statement):
        return [statement["more"]["what"]]


@hookimpl
def register_standards(register):
    register(Silent)
