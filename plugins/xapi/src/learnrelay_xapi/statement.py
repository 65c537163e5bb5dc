"""Composing statements: what every one has (id, actor, time, version, course, session) around what a mapping said.

A mapping says ``object`` and, where it has something to say, ``result``, ``context``, ``verb``, ``timestamp`` (where
it is not that of the event); the constants of its declaration are ``verb`` (a verb, or several of which
``said["verb"]`` is one, by default the first), ``activity`` (type of the object) and ``in_course`` (False: the course
is the object, not the context). Of several things said the first is the parent of the others, which name it in
``context.statement`` and ``contextActivities`` and have a key of their own, ``child``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha1
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

import orjson

from learnrelay import Learner, Said, Site, Skip, Statement, Transformer, content_uuid, required
from learnrelay.kinds import text
from learnrelay.openedx.common import NOBODY, UNKNOWN_LEARNER, Common, Named, learner_among
from learnrelay.site import cached

from . import __version__, activities
from . import vocabulary as v

NO_ADDRESS = "the identity provider gives no e-mail address for the learner"

VERSIONS = {"1.0.3": "1.0.0", "2.0": "2.0.0"}
"""Configured version → ``version`` of a statement (1.0.3, Data 2.4.10: a sender writes 1.0.0)."""

_TRANSFORMER = f"learnrelay-xapi@{__version__}"
_NAMESPACE = UUID("5d3f7c5e-52f4-5b1c-9a53-3c0f6f0f7f6e").bytes


class XapiCommon(Common):
    """Read for every statement. ``time_text`` is the time as the source wrote it, for ids compatible with ERB's."""

    time_text = required("timestamp", kind=text)


Actor = dict[str, Any]
MakeActor = Callable[[Learner], "Actor | None"]


def account(site: Site) -> MakeActor:
    """``actor = "account"``: the pseudonym under the platform's address."""
    return lambda learner: {
        "objectType": "Agent",
        "account": {"name": learner.pseudonym, "homePage": site.root_url},
    }


def mbox(_site: Site) -> MakeActor:
    """``actor = "mbox"``: the e-mail address itself."""
    return lambda learner: {"objectType": "Agent", "mbox": f"mailto:{learner.email}"} if learner.email else None


def mbox_sha1sum(_site: Site) -> MakeActor:
    """``actor = "mbox_sha1sum"``: SHA-1 of the ``mailto:`` IRI (1.0.3, Data 2.4.2.3)."""

    def hashed(learner: Learner) -> Actor | None:
        if not learner.email:
            return None
        digest = sha1(f"mailto:{learner.email}".encode(), usedforsecurity=False).hexdigest()
        return {"objectType": "Agent", "mbox_sha1sum": digest}

    return hashed


ACTORS = {"account": account, "mbox": mbox, "mbox_sha1sum": mbox_sha1sum}


Part = dict[str, Any]
"""``result`` or ``context`` as the mapping said it, without what is missing; perhaps empty."""


def stable_id(
    common: XapiCommon, moment: datetime, statement: Statement, result: Part, context: Part, _child: str | None
) -> str:
    """UUID (version 5) of what the statement says: event name, moment, actor, verb, object, result, context.

    Made of the statement's own content only, so it tells nothing that the statement does not (ADR 6). The same in
    live and replay; different for two events that differ in anything that they say.
    """
    told = (
        common.name,
        moment if moment.tzinfo is UTC else moment.astimezone(UTC),
        statement["actor"],
        statement["verb"]["id"],
        statement["object"]["id"],
        result or None,
        context or None,
    )
    return content_uuid(_NAMESPACE, orjson.dumps(told))


def erb_id(
    common: XapiCommon, _moment: datetime, statement: Statement, _result: Part, _context: Part, child: str | None
) -> str:
    """The id that event-routing-backends gives: verb, actor and time as the source wrote it; blind to the object."""
    verb = json.dumps(statement["verb"])
    namespace = uuid5(NAMESPACE_DNS, f"{verb}-{child}" if child else verb)
    return str(uuid5(namespace, f"{json.dumps(statement['actor'])}-{common.time_text}"))


IDS = {"stable": stable_id, "erb": erb_id}


@dataclass(frozen=True, slots=True)
class Around:
    """What the statements of a learner in a course and a session have in common.

    extensions: those of every context. course: the course as a context activity, in a list, or None.
    """

    actor: Actor
    extensions: dict[str, str]
    course: list[dict[str, Any]] | None


AroundOf = Callable[[tuple[Named, str | None, str | None]], "Around | Skip"]
"""(how an event names users, course, session) → what is around what it says, or why it has no statement."""


def surroundings(settings: Mapping[str, Any], site: Site) -> AroundOf:
    """One cache for all mappings of a site. Statements share what is the same in them."""
    make_actor = ACTORS[settings["actor"]](site)
    no_actor = Skip(UNKNOWN_LEARNER if settings["actor"] == "account" else NO_ADDRESS)
    session_of: Callable[[str], str] = site.digest if settings["session_ids"] == "digest" else str

    def around(told: tuple[Named, str | None, str | None]) -> Around | Skip:
        named, course_id, session = told
        user = learner_among(named)
        if user is None:
            return Skip(NOBODY)
        learner = site.learner(user)
        if learner is None:
            return Skip(UNKNOWN_LEARNER)
        actor = make_actor(learner)
        if actor is None:
            return no_actor
        extensions = {v.TRANSFORMER_VERSION: _TRANSFORMER}
        if session is not None:
            extensions[v.SESSION_ID] = session_of(session)
        return Around(actor, extensions, None if course_id is None else [activities.course_parent(site, course_id)])

    return cached(around)


def composer(
    settings: Mapping[str, Any], transformer: Transformer, around_of: AroundOf
) -> Callable[[XapiCommon, Said | Sequence[Said]], Sequence[Statement] | Skip]:
    """Prepare everything that does not depend on the event. Statements may share what is the same in them."""
    verbs = transformer.constants["verb"]
    default_verb: v.Verb = verbs if isinstance(verbs, v.Verb) else verbs[0]
    verb_as_said = {verb: verb.said for verb in ([verbs] if isinstance(verbs, v.Verb) else verbs)}
    activity = transformer.constants.get("activity")
    of_type = {"type": activity} if activity else {}
    in_course: bool = transformer.constants.get("in_course", True)
    make_id = IDS[settings["statement_ids"]]
    version = VERSIONS[settings["version"]]

    def one(common: XapiCommon, said: Said, around: Around, parent: Statement | None) -> Statement:
        about = said["object"]
        moment: datetime = said.get("timestamp") or common.moment
        statement: Statement = {
            "id": "",
            "actor": around.actor,
            "verb": verb_as_said[said.get("verb") or default_verb],
            "object": {"objectType": "Activity", "id": about["id"]},
            "timestamp": orjson.dumps(moment)[1:-1].decode(),  # RFC 3339, at a third of isoformat's cost
            "version": version,
        }
        if definition := of_type | pruned(about["definition"]) if "definition" in about else of_type:
            statement["object"]["definition"] = definition
        result = pruned(said["result"]) if "result" in said else {}
        context = pruned(said["context"]) if "context" in said else {}
        statement["id"] = make_id(common, moment, statement, result, context, said.get("child"))
        if result:
            statement["result"] = result
        statement["context"] = context
        said_extensions = context.get("extensions")
        context["extensions"] = {**said_extensions, **around.extensions} if said_extensions else around.extensions
        activities_around = context.get("contextActivities", {})
        if in_course and around.course is not None:
            activities_around["parent" if parent is None else "grouping"] = around.course
        if parent is not None:
            activities_around["parent"] = [parent["object"]]
            context["statement"] = {"objectType": "StatementRef", "id": parent["id"]}
        if activities_around:
            context["contextActivities"] = activities_around
        return statement

    def compose(common: XapiCommon, said: Said | Sequence[Said]) -> Sequence[Statement] | Skip:
        named = (common.subject_id, common.subject_name, common.user_id, common.username)
        around = around_of((named, common.course_id, common.session))
        if isinstance(around, Skip):
            return around
        if type(said) is dict or isinstance(said, Mapping):  # the first is quick, the second general
            return [one(common, said, around, None)]
        parent = one(common, said[0], around, None)
        return [parent, *(one(common, child, around, parent) for child in said[1:])]

    return compose


def pruned(said: Mapping[str, Any] | None) -> dict[str, Any]:
    """A copy without what is None, and without objects that are empty then; nothing of nothing."""
    kept: dict[str, Any] = {}
    if said is None:
        return kept
    for key, value in said.items():
        if value is None:
            continue
        if type(value) is dict:
            if inner := pruned(value):
                kept[key] = inner
        elif type(value) is list:
            kept[key] = [pruned(item) if type(item) is dict else item for item in value]
        else:
            kept[key] = value
    return kept
