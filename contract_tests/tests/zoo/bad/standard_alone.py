"""Has a standard without any installed family, so that there is no event to check.

Caught by: standard.composed

Entry point: learnrelay.standards.v1 zoo
"""

from learnrelay import hookimpl

from .standard import Zoo


@hookimpl
def register_standards(register):
    register(Zoo)
