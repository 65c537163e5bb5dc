"""Sets a header of the standard, and one that no request can have.

Caught by: auth.headers

Entry point: learnrelay.auth.v1 acme_derived
"""

from learnrelay import hookimpl

from .auth_scheme import DerivedKey


class Overwriting(DerivedKey):
    def headers(self, request):
        return {**super().headers(request), "content-type": "text/plain", "X-Length": f"{len(request.body)}\n"}


@hookimpl
def register_auth_schemes(register):
    register(Overwriting)
