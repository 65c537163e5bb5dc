"""Raises in an enricher, so that the statement is lost.

Caught by: stage.enricher

Entry point: learnrelay.enrichers.v1 carrier_zoo
"""

from learnrelay import Fields, hookimpl, optional
from learnrelay.kinds import text


class Org(Fields):
    org = optional("context.org_id", kind=text)


@hookimpl(reads=Org)
def enrich_statement(fields, standard):
    return {"org": fields.org.lower()}
