"""Cuts names after 255 letters.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import Fields, Scope, hookimpl, optional
from learnrelay.kinds import text
from learnrelay.scopes import Unproven


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
        return value

    def owners(self, fields):
        if fields.tenant is None:
            return Unproven.ABSENT
        return (fields.tenant[:255],)


@hookimpl
def register_scopes(register):
    register(TenantScope)
