"""An identity provider that gives a session the same digest in all spaces.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

import hmac
from uuid import UUID

from learnrelay import IdentityProvider, Learner, hookimpl
from learnrelay.config.fields import SecretText, Section


class Settings(Section):
    secret = SecretText(required=True, shortest=16)


class Directory(IdentityProvider):
    name = "directory"
    settings_schema = Settings

    def __init__(self, settings):
        self._secret = settings["secret"]

    def learner(self, user, space):
        kind, told = ("id", user.user_id) if user.user_id else ("name", user.username)
        return Learner(self._uuid(space, kind, told))

    def digest(self, value, space):
        return self._uuid("value", value)

    def _uuid(self, *parts):
        return str(UUID(bytes=hmac.digest(self._secret.reveal().encode(), repr(parts).encode(), "sha256")[:16]))


@hookimpl
def register_identity_providers(register):
    register(Directory)
