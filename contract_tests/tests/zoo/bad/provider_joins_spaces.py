"""Gives a learner the same pseudonym in all spaces.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

from learnrelay import Learner, hookimpl

from .provider import Directory


class Open(Directory):
    def named(self, kind, name_or_id, space):
        return Learner(self._uuid(kind, name_or_id))


@hookimpl
def register_identity_providers(register):
    register(Open)
