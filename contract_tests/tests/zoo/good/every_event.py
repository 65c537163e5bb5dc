"""Maps every event that nothing else maps."""

from learnrelay import Family, Fields, optional, required
from learnrelay.kinds import text

family = Family("carrier.zoo", samples=[{"name": "zoo.fed", "timestamp": "2026-03-02T09:00:00+00:00",
                                         "data": {}, "context": {"user_id": 470113}}])  # fmt: skip


class Row(Fields):
    name = required("name")
    org = optional("context.org_id", kind=text)


@family.maps("*", reads=Row)
def row(event, platform):
    """Makes a row of an event."""
    return {"org": event.org, "length": len(event.name)}
