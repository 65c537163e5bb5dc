"""Maps one event to several statements, as many as it has parts."""

from learnrelay import Family, Fields, each, entry_key, optional, required
from learnrelay.kinds import number, text

family = Family("carrier.zoo")


class Part(Fields):
    key = entry_key()
    points = optional("points", kind=number)


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    parts = each("data.parts", Part)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The whole, then its parts."""
    whole = {"object": platform.iri("poll", poll.id)}
    return [whole, *({"object": platform.iri("poll", poll.id, part.key), "points": part.points} for part in poll.parts)]
