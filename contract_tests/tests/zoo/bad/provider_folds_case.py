"""An identity provider for which Anna and anna are one.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

from learnrelay import Learner, hookimpl

from .provider import Directory


class Sloppy(Directory):
    def named(self, kind, told, space):
        return Learner(self._uuid(space, kind, told.lower()))


@hookimpl
def register_identity_providers(register):
    register(Sloppy)
