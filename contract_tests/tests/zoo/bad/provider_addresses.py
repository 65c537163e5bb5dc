"""Invents e-mail addresses of learners.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

from learnrelay import Learner, hookimpl

from .provider import Directory


class Postman(Directory):
    def named(self, kind, name_or_id, space):
        return Learner(self._uuid(space, kind, name_or_id), f"{name_or_id}@harbour-college.net")


@hookimpl
def register_identity_providers(register):
    register(Postman)
