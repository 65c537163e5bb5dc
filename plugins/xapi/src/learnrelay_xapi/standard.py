"""The xAPI standard, as the core sees it: settings, common fields, composer, protocol, schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import marshmallow

from learnrelay import Answer, Judgement, Learner, Request, Site, Standard, Transformer, hookimpl
from learnrelay.config.fields import Flag, OneOf, Section
from learnrelay.site import cached
from learnrelay.standards import Compose, Prepare

from . import protocol
from .schema import statement_schema
from .statement import ACTORS, IDS, VERSIONS, XapiCommon, composer, preparer, surroundings


class XapiSettings(Section):
    """``[xapi]`` in the operator's file."""

    version = OneOf(list(VERSIONS), load_default="1.0.3")
    statement_ids = OneOf(list(IDS), load_default="stable")
    actor = OneOf(list(ACTORS), load_default="account")
    session_ids = OneOf(["digest", "plain"], load_default="digest")
    question_statements = Flag(load_default=True)


class XapiStandard(Standard):
    """Statements for learning record stores."""

    name = "xapi"
    common = XapiCommon
    settings_schema = XapiSettings
    starter = "learnrelay_xapi/starter"

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(settings)
        self._surroundings = cached(partial(surroundings, settings))

    def composer(self, transformer: Transformer, site: Site) -> Compose:
        """See `learnrelay_xapi.statement`."""
        return composer(self.settings, transformer, self._surroundings(site))

    def preparer(self, transformer: Transformer, site: Site) -> Prepare:
        """See `learnrelay_xapi.statement`."""
        prepare: Any = preparer(self.settings, transformer)
        return prepare if self.settings["question_statements"] else _parents_only(prepare)

    def encode(self, batch: Sequence[bytes], now: datetime) -> Request:
        """See `learnrelay_xapi.protocol`."""
        return protocol.encode(batch, self.settings["version"])

    def judge(self, answer: Answer) -> Judgement:
        """See `learnrelay_xapi.protocol`."""
        return protocol.judge(answer)

    def probe(self) -> Mapping[str, str]:
        """The version header, without which an LRS answers 400."""
        return protocol.HEADERS[self.settings["version"]]

    def notices(self) -> Sequence[str]:
        """The actor forms that tell more than a pseudonym, and sessions in the clear."""
        told = {
            "mbox": 'actor = "mbox": consumers see the e-mail addresses of learners',
            "mbox_sha1sum": 'actor = "mbox_sha1sum": who knows an e-mail address recognises the learner',
            "plain": 'session_ids = "plain": consumers see the keys of login sessions',
        }
        return [told[value] for value in (self.settings["actor"], self.settings["session_ids"]) if value in told]

    def names(self, learner: Learner, site: Site) -> Sequence[str]:
        """The pseudonym, and the address in both its forms."""
        addresses = (actor[key] for key in ("mbox", "mbox_sha1sum") if (actor := ACTORS[key](site)(learner)))
        return [*super().names(learner, site), *addresses]

    def needs_addresses(self) -> bool:
        """All actor forms but the account are made of one."""
        return bool(self.settings["actor"] != "account")

    def schema(self) -> marshmallow.Schema:
        """Schema of a statement in the configured version."""
        return statement_schema(self.settings["version"])


def _parents_only(prepare: Prepare) -> Prepare:
    """``question_statements = false``: a problem with several questions gives the statement about the whole only."""
    return lambda said: prepare(said if isinstance(said, Mapping) else said[0])


@hookimpl
def register_standards(register: Callable[[type[Standard]], None]) -> None:
    """Contribute the standard."""
    register(XapiStandard)
