"""Reads more from a line than from an object.

Caught by: platform.reads

Entry point: learnrelay.sources.v1 zoo
"""

from learnrelay import hookimpl

from .source import Campus


class Marking(Campus):
    def parse_line(self, line):
        raw = super().parse_line(line)
        return {**raw, "room": "archive"} if "room" not in raw else raw


@hookimpl
def register_sources(register):
    register(Marking)
