"""Sends a line of JSON for each statement (NDJSON), as analytical databases take them.

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

from learnrelay import Request, hookimpl

from .standard import Zoo


class Lines(Zoo):
    def encode(self, batch, now):
        return Request(b"\n".join(batch) + b"\n", {"Content-Type": "application/x-ndjson"})


@hookimpl
def register_standards(register):
    register(Lines)
