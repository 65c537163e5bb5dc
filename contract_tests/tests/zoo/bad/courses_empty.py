"""Gives empty titles of courses.

Caught by: provider.courses

Entry point: learnrelay.resolvers.v1 carrier_zoo
"""

from learnrelay import hookimpl

from .courses import Catalogue


class Silent(Catalogue):
    def title(self, course_id):
        return super().title(course_id) or ""


@hookimpl
def register_course_providers(register):
    register(Silent)
