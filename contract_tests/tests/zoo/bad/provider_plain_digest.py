"""An identity provider whose pseudonyms are plain digests of the user id, written as UUIDs.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

import hashlib
from uuid import UUID

from learnrelay import Learner, hookimpl

from .provider import Directory


class Plain(Directory):
    def named(self, kind, told, space):
        return Learner(str(UUID(hashlib.sha256(told.encode()).hexdigest()[:32])))


@hookimpl
def register_identity_providers(register):
    register(Plain)
