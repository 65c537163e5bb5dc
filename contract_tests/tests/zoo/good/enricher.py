"""Adds an extension to statements.

Entry point: learnrelay.enrichers.v1 carrier_zoo
"""

from learnrelay import Fields, hookimpl, optional
from learnrelay.kinds import text


class Org(Fields):
    org = optional("context.org_id", kind=text)


@hookimpl(reads=Org)
def enrich_statement(fields, standard):
    if fields.org is None:
        return None
    if standard == "xapi":
        return {"context": {"platform": fields.org}}
    return {"extensions": {"org": fields.org}}
