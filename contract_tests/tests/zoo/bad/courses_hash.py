"""A course provider whose titles depend on the hash seed.

Caught by: provider.courses

Entry point: learnrelay.resolvers.v1 zoo
"""

from learnrelay import CourseProvider, hookimpl
from learnrelay.config.fields import Section


class Settings(Section):
    pass


class Titles(CourseProvider):
    name = "titles"
    settings_schema = Settings

    def __init__(self, settings):
        pass

    def title(self, course_id):
        return f"Course {hash(course_id) % 100}"


@hookimpl
def register_course_providers(register):
    register(Titles)
