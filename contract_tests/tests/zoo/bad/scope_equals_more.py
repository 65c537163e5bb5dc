"""Has names that equal each name that begins like them.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

from learnrelay import Fields, Scope, hookimpl, optional
from learnrelay.kinds import text
from learnrelay.scopes import Unproven


class Prefix(str):
    def __eq__(self, other):
        return self.startswith(other) or other.startswith(self)

    def __hash__(self):
        return 1


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
        return Prefix(value)

    def owners(self, fields):
        if fields.tenant is None:
            return Unproven.ABSENT
        return (Prefix(fields.tenant),)


@hookimpl
def register_scopes(register):
    register(TenantScope)
