"""A plugin of a third party: maps the answer to a poll to xAPI."""

from learnrelay import Family, Fields, Platform, optional, required
from learnrelay.kinds import identifier
from learnrelay_xapi.parts import StatementParts
from learnrelay_xapi.vocabulary import Verb

ANSWERED = Verb("http://adlnet.gov/expapi/verbs/answered", "answered")
family = Family("xapi.acme_poll")


class PollFields(Fields):
    """Declares what is read of a poll."""

    id = required("data.poll_id", kind=identifier)
    choice = optional("data.choice", kind=identifier)


@family.maps("acme.poll.answered", reads=PollFields, verb=ANSWERED)
def answered(poll: PollFields, platform: Platform) -> StatementParts:
    """The learner answers a poll."""
    return {"object": {"id": platform.iri("poll", poll.id)}, "result": {"response": poll.choice}}
