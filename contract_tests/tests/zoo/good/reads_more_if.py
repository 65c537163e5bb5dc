"""Reads a text that a setting lets in, and declares it."""

from learnrelay import Family, Fields, optional, required
from learnrelay.config.fields import Flag, Section
from learnrelay.kinds import text


class Settings(Section):
    texts = Flag(load_default=False)


family = Family("carrier.zoo", settings_schema=Settings)


class Poll(Fields):
    id = required("data.poll_id", kind=text)


class WrittenPoll(Poll):
    words = optional("data.words", kind=text)


@family.maps("zoo.answered", reads=Poll, reads_if={"texts": WrittenPoll})
def answered(poll, platform):
    words = poll.words if isinstance(poll, WrittenPoll) else None
    return {"object": platform.iri("poll", poll.id), "words": words}
