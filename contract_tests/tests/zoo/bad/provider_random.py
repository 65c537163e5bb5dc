"""Gives another pseudonym every time.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

from uuid import uuid4

from learnrelay import hookimpl

from .provider import Directory


class Moody(Directory):
    def _uuid(self, *parts):
        return str(uuid4())


@hookimpl
def register_identity_providers(register):
    register(Moody)
