"""Decodes what stands in the event.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from urllib.parse import unquote

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
        return (unquote(fields.tenant),)


@hookimpl
def register_scopes(register):
    register(TenantScope)
