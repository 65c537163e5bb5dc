"""An identity provider that needs nothing that only the operator knows.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

import hmac
from uuid import UUID

from learnrelay import IdentityProvider, Learner, hookimpl
from learnrelay.config.fields import Section


class Settings(Section):
    pass


class Directory(IdentityProvider):
    name = "directory"
    settings_schema = Settings

    def __init__(self, settings):
        pass

    def learner(self, user, space):
        kind, told = ("id", user.user_id) if user.user_id else ("name", user.username)
        return Learner(self._uuid(space, kind, told))

    def digest(self, value, space):
        return self._uuid(space, "value", value)

    def _uuid(self, *parts):
        return str(UUID(bytes=hmac.digest(b"a key that the whole world can read", repr(parts).encode(), "sha256")[:16]))


@hookimpl
def register_identity_providers(register):
    register(Directory)
