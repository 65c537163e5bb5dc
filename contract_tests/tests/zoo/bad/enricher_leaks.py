"""Adds an undeclared address to statements.

Caught by: privacy.non-interference

Entry point: learnrelay.enrichers.v1 carrier_zoo
"""

from learnrelay import Fields, hookimpl, optional


def address(value):
    return value.get("address") if isinstance(value, dict) else None


class Everything(Fields):
    where = optional("context", kind=address)


@hookimpl(reads=Everything)
def enrich_statement(fields, standard):
    return {"where": fields.where}
