"""Maps an event as its settings say: each line runs with one of them."""

from learnrelay import Family, Fields, required
from learnrelay.config.fields import Flag, Section
from learnrelay.kinds import text


class Settings(Section):
    is_short = Flag(load_default=False)


family = Family("carrier.zoo", settings_schema=Settings)


class Poll(Fields):
    id = required("data.poll_id", kind=text)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform, settings):
    if settings["is_short"]:
        return {"object": poll.id}
    return {"object": platform.iri("poll", poll.id)}
