"""Reads a platform that has other names for everything.

Entry point: learnrelay.sources.v1 zoo
"""

from learnrelay import Facts, SampleValues, Shape, Source, UserRef, Who, hookimpl, optional, required
from learnrelay.kinds import identifier, moment, text


class CampusFacts(Facts):
    moment = required("timestamp", kind=moment)
    time_text = required("timestamp", kind=text)
    person = optional("context.person_id", kind=identifier, reason="turned into a pseudonym")
    course_id = optional("context.room", kind=text)
    session = optional("context.visit", kind=text, reason="published as a digest only")

    who_reads = ("person",)

    @staticmethod
    def who(person):
        return Who(UserRef(person)) if person else None


class Campus(Source):
    name = "zoo"
    shape = Shape(
        name=("what", "action"),
        timestamp=("at",),
        data=("payload",),
        context="around",
        context_at_root=("room",),
        json_in_data=True,
        identifying=("person_id", "visit"),
    )
    facts = CampusFacts
    course_address = "rooms/{}/about"
    terms = {"session_id": "https://campus.example/terms/visit"}  # noqa: RUF012  # read-only by its declaration
    sample_values = SampleValues({"room": ("room-1", "room-2"), "person_id": (470_113, 470_217)})


@hookimpl
def register_sources(register):
    register(Campus)
