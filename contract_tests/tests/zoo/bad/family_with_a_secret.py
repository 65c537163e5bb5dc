"""Wants a secret in a mapping.

Caught by: plugin.loads
"""

from learnrelay import Family, Fields, required
from learnrelay.config.fields import SecretText, Section
from learnrelay.kinds import text


class Settings(Section):
    key = SecretText(load_default=None)


family = Family("carrier.zoo", settings_schema=Settings)


class Poll(Fields):
    id = required("data.poll_id", kind=text)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform, settings):
    return {"object": poll.id, "key": str(settings["key"])}
