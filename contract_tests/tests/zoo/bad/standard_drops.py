"""Drops the last statement of a large batch.

Caught by: standard.batches

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

from learnrelay import hookimpl

from .standard import Zoo


class Short(Zoo):
    def encode(self, batch, now):
        return super().encode(batch[:99], now)


@hookimpl
def register_standards(register):
    register(Short)
