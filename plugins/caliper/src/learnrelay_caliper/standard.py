"""Implements the Caliper standard for the core: settings, frames, composer, protocol, schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import ClassVar

import marshmallow

from learnrelay import Answer, Constant, Judgement, Platform, Request, Standard, Statement, Transformer, hookimpl
from learnrelay.config.fields import OneOf, Section, Url, described
from learnrelay.frames import MakeFrame
from learnrelay.standards import Compose, Prepare

from . import protocol
from .event import CONTEXTS, composer, framer, preparer
from .parts import EventParts
from .people import learner_names
from .schema import event_schema


class CaliperSettings(Section):
    """Validates ``[caliper]`` in the operator's file."""

    version = OneOf(list(CONTEXTS), load_default="1.2", metadata=described("version of Caliper", '"1.1"'))
    sensor = Url(
        load_default="https://learnrelay.invalid/sensor",
        metadata=described("id of the sensor, which each message names", '"https://lms.example.org/sensor"'),
    )


class CaliperStandard(Standard):
    """Makes events for Caliper endpoints."""

    name = "caliper"
    settings_schema = CaliperSettings
    starter = "learnrelay_caliper/starter"
    constants: ClassVar = {
        **{name: Constant(str, several=True) for name in ("type", "action", "profile")},
        "staff": Constant(bool, required=False),
    }
    parts = EventParts

    def framer(self, platform: Platform) -> MakeFrame:
        """See `learnrelay_caliper.event`."""
        return framer(platform)

    def preparer(self, transformer: Transformer, platform: Platform) -> Prepare:
        """See `learnrelay_caliper.event`."""
        return preparer(self.settings, transformer, platform)

    def composer(self, transformer: Transformer, platform: Platform, event: str) -> Compose:
        """See `learnrelay_caliper.event`."""
        return composer(self.settings, transformer, platform, event)

    def encode(self, batch: Sequence[bytes], now: datetime) -> Request:
        """See `learnrelay_caliper.protocol`."""
        return protocol.encode(batch, now, self.settings["sensor"], self.settings["version"])

    def judge(self, answer: Answer) -> Judgement:
        """See `learnrelay_caliper.protocol`."""
        return protocol.judge(answer)

    def learners(self, statement: Statement) -> Iterator[str]:
        """See `learnrelay_caliper.people`."""
        return learner_names(statement)

    def schema(self) -> marshmallow.Schema:
        """Returns the schema of an event in the configured version."""
        return event_schema(self.settings["version"])


@hookimpl
def register_standards(register: Callable[[type[Standard]], None]) -> None:
    """Contributes the standard."""
    register(CaliperStandard)
