"""Takes upper and lower case for the same in long names.

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
        return value.casefold() if len(value) > 20 else value

    def owners(self, fields):
        if fields.tenant is None:
            return Unproven.ABSENT
        return (fields.tenant.casefold() if len(fields.tenant) > 20 else fields.tenant,)


@hookimpl
def register_scopes(register):
    register(TenantScope)
