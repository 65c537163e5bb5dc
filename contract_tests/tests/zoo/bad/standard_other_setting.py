"""A standard whose statements are valid as long as nobody changes its settings.

Caught by: behaviour.valid

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

from learnrelay import hookimpl
from learnrelay.config.fields import OneOf, Section

from .standard import Zoo


class Settings(Section):
    form = OneOf(["short", "long"], load_default="short")


class Talkative(Zoo):
    settings_schema = Settings

    def composer(self, transformer, site):
        compose = super().composer(transformer, site)
        if self.settings["form"] == "short":
            return compose
        return lambda common, said: [{**one, "verbose": True} for one in compose(common, said)]


@hookimpl
def register_standards(register):
    register(Talkative)
