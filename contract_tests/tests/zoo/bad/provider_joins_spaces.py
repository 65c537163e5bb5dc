"""An identity provider that gives a learner the same pseudonym in all spaces.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

from learnrelay import Learner, hookimpl

from .provider import Directory


class Open(Directory):
    def named(self, kind, told, space):
        return Learner(self._uuid(kind, told))


@hookimpl
def register_identity_providers(register):
    register(Open)
