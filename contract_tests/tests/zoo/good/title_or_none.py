"""Names a thing by the course's title, if there is one."""

from learnrelay import Family, Fields, Skip, optional, required
from learnrelay.kinds import identifier, number, text

family = Family("carrier.zoo")


class Poll(Fields):
    id = required("data.poll_id", kind=identifier)
    course = optional("context.course_id", kind=text)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    title = platform.course_title(poll.course) if poll.course else None
    name = f"Poll of {title}" if title else "Poll"
    return {"object": platform.iri("poll", poll.id), "name": name}
