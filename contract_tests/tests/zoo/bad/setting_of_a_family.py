"""Fails with one of its settings.

Caught by: behaviour.valid
"""

from learnrelay import Family, Fields, required
from learnrelay.config.fields import OneOf, Section
from learnrelay.kinds import text


class Settings(Section):
    form = OneOf(["short", "long"], load_default="short")


family = Family("carrier.zoo", settings_schema=Settings)
FORMS = {"short": "poll"}


class Poll(Fields):
    id = required("data.poll_id", kind=text)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform, settings):
    return {"object": platform.iri(FORMS[settings["form"]], poll.id)}
