"""Raises without its field, in one standard only.

Caught by: stage.enricher

Entry point: learnrelay.enrichers.v1 zoo
"""

from learnrelay import Fields, hookimpl, optional
from learnrelay.kinds import text


class Org(Fields):
    org = optional("context.org_id", kind=text)


@hookimpl(reads=Org)
def enrich_statement(fields, standard):
    if standard != "xapi":
        return None
    return {"context": {"platform": fields.org.title()}}
