"""An identity provider that makes up e-mail addresses.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

from learnrelay import Learner, hookimpl

from .provider import Directory


class Postman(Directory):
    def named(self, kind, told, space):
        return Learner(self._uuid(space, kind, told), f"{told}@harbour-college.net")


@hookimpl
def register_identity_providers(register):
    register(Postman)
