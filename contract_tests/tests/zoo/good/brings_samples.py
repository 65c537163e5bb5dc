"""Has samples of its own that reach code which generated samples do not reach."""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import number, text

family = Family(
    "carrier.zoo",
    samples=[
        {
            "name": "zoo.answered",
            "timestamp": "2026-04-01T08:00:00Z",
            "data": {"poll_id": "p", "choice": 4711},
            "context": {"user_id": 7, "course_id": "course-v1:Harbour+SAIL+2026"},
        }
    ],
)


class Poll(Fields):
    id = required("data.poll_id", kind=text)
    choice = optional("data.choice", kind=number)


@family.maps("zoo.answered", reads=Poll)
def answered(poll, platform):
    """The learner answers a poll."""
    return {"object": platform.iri("poll", poll.id), "special": poll.choice == 4711}
