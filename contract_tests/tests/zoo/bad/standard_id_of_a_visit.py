"""Derives ids from a part of the statement: two visits of one moment with different length share one.

Caught by: behaviour.ids

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits :visits
"""

from learnrelay import Family, Fields, hookimpl, optional, required
from learnrelay.kinds import number, text

from .standard import Zoo


class Visit(Fields):
    what = required("data.what", kind=text)
    length = optional("data.length", kind=number)


visits = Family("zoo.visits")


@visits.maps("zoo.visited", reads=Visit)
def visited(visit, platform):
    """The learner visits."""
    return {"what": visit.what, "length": visit.length}


@hookimpl
def register_standards(register):
    register(Zoo)
