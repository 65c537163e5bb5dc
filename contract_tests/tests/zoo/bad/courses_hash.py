"""Gives titles of courses that depend on the hash seed.

Caught by: provider.courses

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

from learnrelay import hookimpl

from .courses import Catalogue


class Hashed(Catalogue):
    def title(self, course_id):
        return f"Course {hash(course_id) % 100}"


@hookimpl
def register_course_providers(register):
    register(Hashed)
