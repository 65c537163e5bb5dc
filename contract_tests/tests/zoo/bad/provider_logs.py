"""Logs the user for whom it is called.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

import logging

from learnrelay import hookimpl

from .provider import Directory


class Talkative(Directory):
    def named(self, kind, name_or_id, space):
        logging.getLogger("directory").warning("asked for %s", name_or_id)
        return super().named(kind, name_or_id, space)


@hookimpl
def register_identity_providers(register):
    register(Talkative)
