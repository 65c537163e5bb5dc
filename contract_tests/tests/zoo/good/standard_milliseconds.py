"""Has milliseconds only, in statements and ids.

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

from learnrelay import hookimpl

from .standard import Zoo


class Coarse(Zoo):
    def composer(self, transformer, platform, event):
        return lambda facts, who, parts: [self.compose(facts.time_text[:23], who, parts)]


@hookimpl
def register_standards(register):
    register(Coarse)
