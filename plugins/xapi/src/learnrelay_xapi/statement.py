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
from datetime import UTC, datetime
from hashlib import sha1
from typing import Any
from uuid import NAMESPACE_DNS, UUID, uuid5

import orjson

from learnrelay import Learner, Said, Site, Skip, Statement, Transformer, required
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
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""Hexadecimal digit → the same with the upper two bits 1 and 0, the variant of RFC 4122."""


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


def stable_id(common: XapiCommon, moment: datetime, statement: Statement, said: Said) -> str:
    """UUID (version 5) of what the statement says: event name, moment, actor, verb, object, result, context.

    Made of the statement's own content only, so it tells nothing that the statement does not (ADR 6). The same in
    live and replay; different for two events that differ in anything that they say.
    """
    told = [
        common.name,
        moment if moment.tzinfo is UTC else moment.astimezone(UTC),
        statement["actor"],
        statement["verb"]["id"],
        statement["object"]["id"],
        said.get("result"),
        said.get("context"),
    ]
    digest = sha1(_NAMESPACE + orjson.dumps(told), usedforsecurity=False).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{_VARIANT[digest[16]]}{digest[17:20]}-{digest[20:32]}"


def erb_id(common: XapiCommon, _moment: datetime, statement: Statement, said: Said) -> str:
    """The id that event-routing-backends gives: verb, actor and time as the source wrote it; blind to the object."""
    verb = json.dumps(statement["verb"])
    child = said.get("child")
    namespace = uuid5(NAMESPACE_DNS, f"{verb}-{child}" if child else verb)
    return str(uuid5(namespace, f"{json.dumps(statement['actor'])}-{common.time_text}"))


IDS = {"stable": stable_id, "erb": erb_id}


class Shared:
    """What the statements of a site have in common, whichever mapping they come from: each actor and course once."""

    def __init__(self, settings: Mapping[str, Any], site: Site) -> None:
        make_actor = ACTORS[settings["actor"]](site)
        no_actor = Skip(UNKNOWN_LEARNER if settings["actor"] == "account" else NO_ADDRESS)

        def actor_or_skip(named: Named) -> Actor | Skip:
            user = learner_among(named)
            if user is None:
                return Skip(NOBODY)
            learner = site.learner(user)
            if learner is None:
                return Skip(UNKNOWN_LEARNER)
            return make_actor(learner) or no_actor

        def parent_of(course_id: str) -> list[dict[str, Any]]:
            return [activities.course_parent(site, course_id)]

        self.actor_of = cached(actor_or_skip)
        self.course_parent = cached(parent_of)
        self.session_of: Callable[[str], str] = site.digest if settings["session_ids"] == "digest" else str


def composer(
    settings: Mapping[str, Any], transformer: Transformer, shared: Shared
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
    actor_of, course_parent, session_of = shared.actor_of, shared.course_parent, shared.session_of

    def one(common: XapiCommon, said: Said, actor: Actor, parent: Statement | None) -> Statement:
        said = pruned(said)
        about = said["object"]
        moment: datetime = said.get("timestamp", common.moment)
        statement: Statement = {
            "id": "",
            "actor": actor,
            "verb": verb_as_said[said.get("verb", default_verb)],
            "object": {"objectType": "Activity", "id": about["id"]},
            "timestamp": orjson.dumps(moment)[1:-1].decode(),  # RFC 3339, at a third of isoformat's cost
            "version": version,
        }
        if definition := of_type | about["definition"] if "definition" in about else of_type:
            statement["object"]["definition"] = definition
        statement["id"] = make_id(common, moment, statement, said)
        if "result" in said:
            statement["result"] = said["result"]
        statement["context"] = context = said.get("context", {})
        extensions = context.setdefault("extensions", {})
        extensions[v.TRANSFORMER_VERSION] = _TRANSFORMER
        if common.session is not None:
            extensions[v.SESSION_ID] = session_of(common.session)
        around = context.setdefault("contextActivities", {})
        if in_course and common.course_id is not None:
            around["parent" if parent is None else "grouping"] = course_parent(common.course_id)
        if parent is not None:
            around["parent"] = [parent["object"]]
            context["statement"] = {"objectType": "StatementRef", "id": parent["id"]}
        if not around:
            del context["contextActivities"]
        return statement

    def compose(common: XapiCommon, said: Said | Sequence[Said]) -> Sequence[Statement] | Skip:
        actor = actor_of((common.subject_id, common.subject_name, common.user_id, common.username))
        if isinstance(actor, Skip):
            return actor
        if isinstance(said, Mapping):
            return [one(common, said, actor, None)]
        parent = one(common, said[0], actor, None)
        return [parent, *(one(common, child, actor, parent) for child in said[1:])]

    return compose


def pruned(said: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without what is None, and without objects that are empty then."""
    kept: dict[str, Any] = {}
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
