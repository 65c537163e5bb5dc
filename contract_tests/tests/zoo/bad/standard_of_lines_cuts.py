"""Sends lines of JSON, and drops those beyond a limit of its own.

Caught by: standard.batches

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

from learnrelay import Request, hookimpl

from .standard import Zoo


class ShortLines(Zoo):
    def encode(self, batch, now):
        return Request(b"\n".join(batch[:500]), {"Content-Type": "application/x-ndjson"})


@hookimpl
def register_standards(register):
    register(ShortLines)
