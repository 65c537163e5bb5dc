"""Has a kind that gives the end of a key."""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text


def block_of(raw):
    """The id of a block, at the end of its key."""
    return raw.rpartition("@" if "@" in raw else "/")[2] or None if isinstance(raw, str) else None


family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    block = optional(
        "data.usage_key", kind=block_of, example=("block-v1:a+b+c+type@poll+block@17", "i4x://a/b/poll/17")
    )


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "choice": poll.block}
