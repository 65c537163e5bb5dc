"""Takes the title of a course for several words.

Caught by: behaviour.valid
"""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    course = optional("context.course_id", kind=text)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    title = platform.course_title(poll.course) if poll.course else ""
    first, *_, last = (title or "none at all").split(" ")[0:2] or [""]
    return {"object": platform.iri("poll", poll.id), "choice": first + last[3]}
