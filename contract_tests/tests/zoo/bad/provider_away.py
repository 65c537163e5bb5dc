"""Is always unavailable.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

from learnrelay import Unavailable, hookimpl

from .provider import Directory


class Away(Directory):
    def learner(self, user, space):
        raise Unavailable


@hookimpl
def register_identity_providers(register):
    register(Away)
