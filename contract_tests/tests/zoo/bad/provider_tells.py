"""Gives pseudonyms that contain the user's name.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

from learnrelay import Learner, hookimpl
from learnrelay.config.fields import Section

from .provider import Directory


class Nothing(Section):
    pass


class Telling(Directory):
    settings_schema = Nothing

    def __init__(self, settings):
        pass

    def learner(self, user, space):
        return Learner(f"{space}-{user.username or user.user_id}")

    def digest(self, value, space):
        return value[::-1]


@hookimpl
def register_identity_providers(register):
    register(Telling)
