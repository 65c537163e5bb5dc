"""Composes statements that are invalid under another setting.

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

    def composer(self, transformer, platform, event):
        compose = super().composer(transformer, platform, event)
        if self.settings["form"] == "short":
            return compose
        return lambda *arguments: [{**statement, "verbose": True} for statement in compose(*arguments)]


@hookimpl
def register_standards(register):
    register(Talkative)
