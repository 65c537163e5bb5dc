"""Gives a key that it derives from a secret, and keeps it until a consumer refuses it.

Entry point: learnrelay.auth.v1 acme_derived
"""

import hashlib

from learnrelay import hookimpl
from learnrelay.auth import AuthScheme
from learnrelay.config.fields import SecretText, Section, Text


class Settings(Section):
    key_id = Text(required=True)
    key = SecretText(required=True)


class DerivedKey(AuthScheme):
    name = "acme_derived"
    settings_schema = Settings

    def __init__(self, settings):
        super().__init__(settings)
        self._derived = None

    def headers(self, request):
        if self._derived is None:
            day = request.now.strftime("%Y-%m-%d")
            self._derived = hashlib.sha256(f"{self.settings['key'].reveal()} {day}".encode()).hexdigest()
        return {"Authorization": f"Acme {self._derived}", "X-Acme-Key": self.settings["key_id"]}

    def renew(self):
        self._derived = None
        return True


@hookimpl
def register_auth_schemes(register):
    register(DerivedKey)
