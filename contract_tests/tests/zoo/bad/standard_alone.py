"""A standard of which nothing is installed that speaks it: there is no event to check it with.

Caught by: standard.composed

Entry point: learnrelay.standards.v1 zoo
"""

from learnrelay import hookimpl

from .standard import Zoo


@hookimpl
def register_standards(register):
    register(Zoo)
