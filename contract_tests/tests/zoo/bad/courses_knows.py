"""Returns the course itself from knows(), not True or False.

Caught by: provider.courses

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

from learnrelay import hookimpl

from .courses import TITLES, Catalogue


class Shelf(Catalogue):
    def knows(self, course_id):
        return TITLES.get(course_id)


@hookimpl
def register_course_providers(register):
    register(Shelf)
