"""Gives a session the same digest in all spaces.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

from learnrelay import hookimpl

from .provider import Directory


class Open(Directory):
    def digest(self, value, space):
        return self._uuid("value", value)


@hookimpl
def register_identity_providers(register):
    register(Open)
