"""Reads fields that decide whether there is a statement, that choose a word, and that one setting alone puts out."""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.config.fields import Flag, Section
from learnrelay.kinds import number, text


class Settings(Section):
    has_share = Flag(load_default=False)


family = Family("carrier.zoo", settings_schema=Settings)


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    state = optional("data.state", kind=text)
    level = optional("data.level", kind=number)
    share = optional("data.share", kind=number)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform, settings):
    if poll.state == "draft":
        return Skip("drafts are not reported")
    level = None if poll.level is None else "high" if poll.level > 5 else "low"
    share = poll.share if settings["has_share"] else None
    return {"object": platform.iri("poll", poll.id), "level": level, "share": share}
