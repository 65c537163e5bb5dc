"""Uses no secret of the operator.

Caught by: provider.identity

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

import hmac
from uuid import UUID

from learnrelay import hookimpl
from learnrelay.config.fields import Section

from .provider import Directory


class Nothing(Section):
    pass


class Open(Directory):
    settings_schema = Nothing

    def __init__(self, settings):
        pass

    def _uuid(self, *parts):
        return str(UUID(bytes=hmac.digest(b"a key that the whole world can read", repr(parts).encode(), "sha256")[:16]))


@hookimpl
def register_identity_providers(register):
    register(Open)
