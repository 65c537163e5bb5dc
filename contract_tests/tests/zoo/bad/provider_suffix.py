"""Gives pseudonyms that end in the last two digits of the user id.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

from learnrelay import Learner, hookimpl

from .provider import Directory


class Telling(Directory):
    def named(self, kind, name_or_id, space):
        return Learner(self._uuid(space, kind, name_or_id)[:-2] + name_or_id[-2:])


@hookimpl
def register_identity_providers(register):
    register(Telling)
