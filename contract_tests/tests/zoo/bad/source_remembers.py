"""Takes an event of nobody for one of the user before.

Caught by: platform.facts

Entry point: learnrelay.sources.v1 zoo
"""

from learnrelay import hookimpl

from .source import Campus, CampusFacts

before = []


class GuessedFacts(CampusFacts):
    who_reads = ("person",)

    @staticmethod
    def who(person):
        if person:
            before[:] = [person]
        return CampusFacts.who(person or (before or [None])[0])


class Guessing(Campus):
    facts = GuessedFacts


@hookimpl
def register_sources(register):
    register(Guessing)
