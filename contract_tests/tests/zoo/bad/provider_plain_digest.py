"""Gives plain digests of the user id as pseudonyms, written as UUIDs.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

import hashlib
from uuid import UUID

from learnrelay import Learner, hookimpl

from .provider import Directory


class Plain(Directory):
    def named(self, kind, name_or_id, space):
        return Learner(str(UUID(hashlib.sha256(name_or_id.encode()).hexdigest()[:32])))


@hookimpl
def register_identity_providers(register):
    register(Plain)
