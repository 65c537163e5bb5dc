"""A plugin of a third party: the answer to a poll, said in xAPI."""

from learnrelay import Family, Fields, Said, Site, optional, required
from learnrelay.kinds import identifier
from learnrelay_xapi.vocabulary import Verb

ANSWERED = Verb("http://adlnet.gov/expapi/verbs/answered", "answered")
family = Family("xapi.acme_poll")


class PollFields(Fields):
    """What the poll block tells."""

    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=identifier)


@family.maps("acme.poll.answered", reads=PollFields, verb=ANSWERED)
def answered(poll: PollFields, site: Site) -> Said:
    """The learner answers a poll."""
    return {"object": {"id": site.iri("poll", poll.id)}, "result": {"response": poll.choice}}
