"""Contributes a callable object as mapping, without a Family."""

from dataclasses import dataclass

from learnrelay import Fields, Transformer, hookimpl, required
from learnrelay.kinds import text


class Poll(Fields):
    id = required("data.poll_id", kind=text)


@dataclass(frozen=True)
class Says:
    word: str

    def __call__(self, poll, platform):
        return {"object": platform.iri(self.word, poll.id)}


@hookimpl
def register_transformers(register):
    for event, word in (("zoo.opened", "open"), ("zoo.closed", "closed")):
        register(Transformer("carrier", (event,), Poll, Says(word), {"did": word}, family="carrier.zoo"))
