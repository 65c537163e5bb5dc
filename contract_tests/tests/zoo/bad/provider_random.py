"""An identity provider that gives another pseudonym every time.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

from uuid import uuid4

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
        return Learner(str(uuid4()))

    def digest(self, value, space):
        return str(uuid4())


@hookimpl
def register_identity_providers(register):
    register(Directory)
