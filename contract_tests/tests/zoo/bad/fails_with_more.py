"""Fails on a value that it reads under a setting only.

Caught by: behaviour.valid
"""

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
    if isinstance(poll, WrittenPoll) and poll.words is not None:
        raise RuntimeError
    return {"object": platform.iri("poll", poll.id)}
