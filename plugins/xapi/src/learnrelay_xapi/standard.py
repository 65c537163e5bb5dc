"""Implements the xAPI standard for the core: settings, frames, composer, protocol, schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import marshmallow

from learnrelay import (
    Answer,
    Constant,
    Judgement,
    Learner,
    Platform,
    Request,
    SerializedStatement,
    Standard,
    Statement,
    Transformer,
    hookimpl,
)
from learnrelay.config.fields import Flag, OneOf, Section, described
from learnrelay.frames import MakeFrame
from learnrelay.standards import Compose, Prepare

from . import protocol
from .parts import StatementParts
from .people import learner_names
from .statement import ACTORS, IDS, VERSIONS, composer, framer, preparer
from .vocabulary import Verb
from .voiding import voiding_statement


class XapiSettings(Section):
    """Validates ``[xapi]`` in the operator's file."""

    version = OneOf(list(VERSIONS), load_default="1.0.3", metadata=described("version of xAPI", '"2.0"'))
    statement_ids = OneOf(
        list(IDS),
        load_default="stable",
        metadata=described(
            "how ids of statements are made: by one of our schemes, or as event-routing-backends does", '"erb"'
        ),
    )
    actor = OneOf(
        list(ACTORS),
        load_default="account",
        metadata=described(
            "how learners are named: by account, or by e-mail address where the identity provider has one", '"mbox"'
        ),
    )
    session_ids = OneOf(
        ["digest", "plain"],
        load_default="digest",
        metadata=described("whether sessions are named by a keyed digest, or as the platform names them", '"plain"'),
    )
    question_statements = Flag(
        load_default=True,
        metadata=described("whether an answered problem gives a statement for each of its questions too", "false"),
    )
    compatible_with = OneOf(
        ["erb"],
        load_default=None,
        metadata=described("whose statements ours are to equal, in what dashboards read", '"erb"'),
    )


class XapiStandard(Standard):
    """Makes statements for learning record stores."""

    name = "xapi"
    settings_schema = XapiSettings
    starter = "learnrelay_xapi/starter"
    constants: ClassVar = {
        "verb": Constant(Verb, several=True),
        "activity": Constant(str, required=False),
        "in_course": Constant(bool, required=False),
        "instructor": Constant(bool, required=False),
    }
    parts = StatementParts

    def framer(self, platform: Platform) -> MakeFrame:
        """See `learnrelay_xapi.statement`."""
        return framer(self.settings, platform)

    def preparer(self, transformer: Transformer, platform: Platform) -> Prepare:
        """See `learnrelay_xapi.statement`."""
        prepare: Any = preparer(self.settings, transformer, platform)
        return prepare if self.settings["question_statements"] else _parents_only(prepare)

    def composer(self, transformer: Transformer, platform: Platform, event: str) -> Compose:
        """See `learnrelay_xapi.statement`."""
        return composer(self.settings, transformer, event)

    def encode(self, batch: Sequence[bytes], now: datetime) -> Request:
        """See `learnrelay_xapi.protocol`."""
        return protocol.encode(batch, self.settings["version"])

    def judge(self, answer: Answer) -> Judgement:
        """See `learnrelay_xapi.protocol`."""
        return protocol.judge(answer)

    def probe(self) -> Mapping[str, str]:
        """Returns the version header, without which an LRS answers 400."""
        return protocol.HEADERS[self.settings["version"]]

    def notices(self) -> Sequence[str]:
        """Lists what tells more than a pseudonym: e-mail addresses as actors, and sessions in the clear."""
        notices = {
            "mbox": 'actor = "mbox": consumers see the e-mail addresses of learners',
            "mbox_sha1sum": 'actor = "mbox_sha1sum": who knows an e-mail address recognises the learner',
            "plain": 'session_ids = "plain": consumers see the keys of login sessions',
        }
        return [notices[value] for value in (self.settings["actor"], self.settings["session_ids"]) if value in notices]

    def names(self, learner: Learner, platform: Platform) -> Sequence[str]:
        """Lists the pseudonym, alone and as the address of a page, and the e-mail address in both its forms."""
        addresses = (actor[key] for key in ("mbox", "mbox_sha1sum") if (actor := ACTORS[key](platform)(learner)))
        return [learner.pseudonym, platform.learner_iri(learner.pseudonym), *addresses]

    def learners(self, statement: Statement) -> Iterator[str]:
        """See `learnrelay_xapi.people`."""
        return learner_names(statement)

    def needs_addresses(self) -> bool:
        """Tells whether actors are made of addresses: all forms but the account are."""
        return bool(self.settings["actor"] != "account")

    def void(self, statement_id: str, platform: Platform) -> SerializedStatement:
        """See `learnrelay_xapi.voiding`."""
        return voiding_statement(statement_id, VERSIONS[self.settings["version"]], platform)

    def schema(self) -> marshmallow.Schema:
        """Returns the schema of a statement in the configured version."""
        from .schema import statement_schema  # takes a fifth of a command's start, and few commands validate

        return statement_schema(self.settings["version"])


def _parents_only(prepare: Prepare) -> Prepare:
    """Prepares the first of several parts only: ``question_statements = false``."""
    return lambda parts: prepare(parts if isinstance(parts, Mapping) else parts[0])


@hookimpl
def register_standards(register: Callable[[type[Standard]], None]) -> None:
    """Contributes the standard."""
    register(XapiStandard)
