"""The Caliper standard, as the core sees it: settings, common fields, composer, protocol, schema."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import marshmallow

from learnrelay import Answer, Judgement, Request, Site, Standard, Transformer, hookimpl
from learnrelay.config.fields import OneOf, Section, Url
from learnrelay.openedx.common import Common
from learnrelay.standards import Compose, Prepare

from . import protocol
from .event import CONTEXTS, composer, preparer
from .schema import event_schema


class CaliperSettings(Section):
    """``[caliper]`` in the operator's file."""

    version = OneOf(list(CONTEXTS), load_default="1.2")
    sensor = Url(load_default="https://learnrelay.invalid/sensor")


class CaliperStandard(Standard):
    """Events for Caliper endpoints."""

    name = "caliper"
    common = Common
    settings_schema = CaliperSettings
    starter = "learnrelay_caliper/starter"

    def preparer(self, transformer: Transformer, site: Site) -> Prepare:
        """See `learnrelay_caliper.event`."""
        return preparer(self.settings, transformer, site)

    def composer(self, transformer: Transformer, site: Site) -> Compose:
        """See `learnrelay_caliper.event`."""
        return composer(self.settings, transformer, site)

    def encode(self, batch: Sequence[bytes], now: datetime) -> Request:
        """See `learnrelay_caliper.protocol`."""
        return protocol.encode(batch, now, self.settings["sensor"], self.settings["version"])

    def judge(self, answer: Answer) -> Judgement:
        """See `learnrelay_caliper.protocol`."""
        return protocol.judge(answer)

    def schema(self) -> marshmallow.Schema:
        """Schema of an event in the configured version."""
        return event_schema(self.settings["version"])


@hookimpl
def register_standards(register: Callable[[type[Standard]], None]) -> None:
    """Contribute the standard."""
    register(CaliperStandard)
