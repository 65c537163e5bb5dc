"""Admits the events of a tenant, by its id.

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import Fields, Scope, hookimpl, optional
from learnrelay.kinds import identifier
from learnrelay.scopes import Unproven


class Owner(Fields):
    tenant = optional("context.tenant", kind=identifier, example=("17", "18"))


class TenantScope(Scope):
    """A tenant."""

    key = "acme_tenant"
    reads = Owner
    examples = ("17", "18")

    def wanted(self, value):
        if not value:
            raise ValueError("expected a tenant")
        return value

    def owners(self, fields):
        if fields.tenant is None:
            return Unproven.ABSENT
        return (fields.tenant,)


@hookimpl
def register_scopes(register):
    register(TenantScope)
