"""Compares checksums of names.

Caught by: stage.scope

Entry point: learnrelay.routers.v1 carrier_zoo
"""

import zlib

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
        return zlib.crc32(value.encode()) % 65536

    def owners(self, fields):
        if fields.tenant is None:
            return Unproven.ABSENT
        return (zlib.crc32(fields.tenant.encode()) % 65536,)


@hookimpl
def register_scopes(register):
    register(TenantScope)
