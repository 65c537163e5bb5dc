"""Says in its reasons, its log and its own text with which key it failed.

Caught by: auth.secrets auth.headers

Entry point: learnrelay.auth.v1 acme_derived
"""

import logging

from learnrelay import hookimpl
from learnrelay.auth import AuthError

from .auth_scheme import DerivedKey


class Telling(DerivedKey):
    def __repr__(self):
        return f"Telling({self.settings['key'].reveal()})"

    def headers(self, request):
        logging.getLogger("acme").warning("asks with %s", self.settings["key"].reveal())
        raise AuthError(f"the vault refuses {self.settings['key'].reveal()}")


@hookimpl
def register_auth_schemes(register):
    register(Telling)
