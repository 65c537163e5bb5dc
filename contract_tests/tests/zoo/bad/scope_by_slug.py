"""Takes all marks between words for the same.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

import re

from learnrelay import Fields, Scope, hookimpl, optional
from learnrelay.kinds import text
from learnrelay.scopes import Unproven


def slug(word):
    return re.sub(r"[^0-9a-zA-Z]+", "-", word)


class Owner(Fields):
    tenant = optional("context.tenant", kind=text, example=("north", "south"))


class TenantScope(Scope):
    """A tenant."""

    key = "acme_tenant"
    reads = Owner
    examples = ("north", "south")

    def wanted(self, value):
        if not value:
            raise ValueError("expected a tenant")
        return slug(value)

    def owners(self, fields):
        if fields.tenant is None:
            return Unproven.ABSENT
        return (slug(fields.tenant),)


@hookimpl
def register_scopes(register):
    register(TenantScope)
