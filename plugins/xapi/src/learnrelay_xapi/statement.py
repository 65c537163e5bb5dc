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
from typing import Any, NamedTuple
from uuid import NAMESPACE_DNS, UUID, uuid5

import orjson
from orjson import Fragment

from learnrelay import (
    Learner,
    Said,
    Site,
    Skip,
    Statement,
    Transformer,
    Written,
    content_uuid,
    kept_json,
    required,
    to_json,
)
from learnrelay.kinds import text
from learnrelay.openedx.common import NOBODY, UNKNOWN_LEARNER, Common, learner_among
from learnrelay.site import cached

from . import __version__, activities
from . import vocabulary as v

NO_ADDRESS = "the identity provider gives no e-mail address for the learner"

VERSIONS = {"1.0.3": "1.0.0", "2.0": "2.0.0"}
"""Configured version → ``version`` of a statement (1.0.3, Data 2.4.10: a sender writes 1.0.0)."""

_TRANSFORMER = f"learnrelay-xapi@{__version__}"


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


_uuid_of = content_uuid(UUID("5d3f7c5e-52f4-5b1c-9a53-3c0f6f0f7f6e"))


def erb_id(common: XapiCommon, verb: v.Verb, actor: str, child: str | None) -> str:
    """The id that event-routing-backends gives: verb, actor and time as the source wrote it; blind to the object."""
    said = json.dumps(verb.said)
    namespace = uuid5(NAMESPACE_DNS, f"{said}-{child}" if child else said)
    return str(uuid5(namespace, f"{actor}-{common.time_text}"))


IDS = ("stable", "erb")


@dataclass(slots=True)
class Course:
    """A course as a context activity, in a list (None for none); the ``contextActivities`` that have nothing else."""

    listed: Fragment | None
    alone: bytes


@dataclass(slots=True)
class Around:
    """What the statements of a learner in a course have in common: the actor as JSON, and as it stands in `erb_id`
    where that is asked for; the course.
    """

    actor: bytes
    actor_text: str
    course: Course


Named = tuple[str | None, str | None, str | None, str | None, str | None]
"""How an event names users (id and name in the payload, id and name of who was signed in) and course."""


class Surroundings(NamedTuple):
    """From how an event names users and course to what is around what it says, or why it has no statement; from the key
    of a session to how the extensions of the context end with it. One cache for all mappings.
    """

    around_of: Callable[[Named], Around | Skip]
    session_of: Callable[[str | None], bytes]


def surroundings(settings: Mapping[str, Any], site: Site) -> Surroundings:
    """What surrounds all that events of a platform say."""
    make_actor = ACTORS[settings["actor"]](site)
    no_actor = Skip(UNKNOWN_LEARNER if settings["actor"] == "account" else NO_ADDRESS)
    as_erb = settings["statement_ids"] == "erb"

    @cached
    def course_of(course_id: str | None) -> Course:
        if course_id is None:
            return Course(None, b"")
        listed = kept_json([activities.course_parent(site, course_id)])
        return Course(Fragment(listed), b',"contextActivities":{"parent":%b}' % listed)

    def around(named: Named) -> Around | Skip:
        *users, course_id = named
        user = learner_among(*users)
        if user is None:
            return Skip(NOBODY)
        learner = site.learner(user)
        if learner is None:
            return Skip(UNKNOWN_LEARNER)
        actor = make_actor(learner)
        if actor is None:
            return no_actor
        return Around(kept_json(actor), json.dumps(actor) if as_erb else "", course_of(course_id))

    published: Callable[[str], str] = site.digest if site.own or settings["session_ids"] == "digest" else str

    def session(key: str | None) -> bytes:
        return b"}" if key is None else b",%b:%b}" % (to_json(v.SESSION_ID), to_json(published(key)))

    return Surroundings(cached(around), cached(session))


@dataclass(slots=True)
class Thing:
    """A thing said, as JSON up to what depends on learner, time, course and session.

    told: what the id is made of besides name, time and actor. activity: the object, where children name it. body: from
    the verb to the extensions of the context, which are open. activities: its own ``contextActivities``. child,
    timestamp: as said.
    """

    verb: v.Verb
    told: bytes
    activity: Fragment | None
    body: bytes
    activities: Mapping[str, Any] | None
    child: str | None
    timestamp: datetime | None


def preparer(settings: Mapping[str, Any], transformer: Transformer) -> Callable[[Said | Sequence[Said]], list[Thing]]:
    """Prepare what depends on the mapping's words alone; `composer` goes on with what this gives."""
    declared = transformer.constants["verb"]
    verbs: Sequence[v.Verb] = [declared] if isinstance(declared, v.Verb) else declared
    verb_json = {verb.id: Fragment(kept_json(verb.said)) for verb in verbs}
    activity = transformer.constants.get("activity")
    of_type = {"type": activity} if activity else {}
    version = VERSIONS[settings["version"]]

    def thing(said: Said, is_parent: bool = False, is_child: bool = False) -> Thing:
        about = said["object"]
        verb: v.Verb = said.get("verb") or verbs[0]
        result = present(said["result"]) if "result" in said else None
        context = present(said["context"]) if "context" in said else {}
        # ADR 6: all of this stands in the statement, so that the id tells nothing that the statement does not
        told = to_json((verb.id, about["id"], result or None, context or None))
        activity = {"objectType": "Activity", "id": about["id"]}
        definition = of_type | present(about["definition"]) if "definition" in about else of_type
        if definition:
            activity["definition"] = definition
        statement: Statement = {"verb": verb_json[verb.id], "object": activity, "version": version}
        if result:
            statement["result"] = result
        own = context.pop("contextActivities", None)
        extensions = context.pop("extensions", {})
        extensions[v.TRANSFORMER_VERSION] = _TRANSFORMER
        extensions.pop(v.SESSION_ID, None)  # that of the event is still to come, as is what a child is part of
        if is_child:
            context.pop("statement", None)
        context["extensions"] = extensions  # the last, for it is left open
        statement["context"] = context
        as_parent = Fragment(kept_json(activity)) if is_parent else None
        return Thing(verb, told[1:], as_parent, to_json(statement)[1:-3], own, said.get("child"), said.get("timestamp"))

    def things(said: Said | Sequence[Said]) -> list[Thing]:
        if isinstance(said, Mapping):
            return [thing(said)]
        children = [thing(child, is_child=True) for child in said[1:]]
        return [thing(said[0], is_parent=bool(children)), *children]

    return things


def composer(
    settings: Mapping[str, Any], transformer: Transformer, around: Surroundings
) -> Callable[[XapiCommon, Sequence[Thing]], Sequence[Written] | Skip]:
    """Prepare everything that does not depend on the event: what comes is put between what is JSON already."""
    around_of, session_of = around
    in_course: bool = transformer.constants.get("in_course", True)
    as_erb = settings["statement_ids"] == "erb"
    names = {event: kept_json(event) for event in transformer.events}

    def activities_of(thing: Thing, around: Around, parent: Thing | None) -> bytes:
        found = {**(thing.activities or {})}
        if in_course and around.course.listed is not None:
            found["parent" if parent is None else "grouping"] = around.course.listed
        if parent is not None:
            found["parent"] = [parent.activity]
        return b',"contextActivities":' + to_json(found) if found else b""

    def compose(common: XapiCommon, things: Sequence[Thing]) -> Sequence[Written] | Skip:
        around = around_of((common.subject_id, common.subject_name, common.user_id, common.username, common.course_id))
        if isinstance(around, Skip):
            return around
        name = names.get(common.name) or to_json(common.name)
        session = session_of(common.session)
        alone = around.course.alone if in_course else b""
        made: list[Written] = []
        parent, reference = None, b""
        for thing in things:
            moment = thing.timestamp or common.moment
            when = in_utc = orjson.dumps(moment)  # RFC 3339
            if moment.tzinfo is not UTC:
                in_utc = orjson.dumps(moment.astimezone(UTC))
            if as_erb:
                identifier = erb_id(common, thing.verb, around.actor_text, thing.child)
            else:
                identifier = _uuid_of(b"".join((b"[", name, b",", in_utc, b",", around.actor, b",", thing.told)))
            activities = alone if parent is None and not thing.activities else activities_of(thing, around, parent)
            content = b"".join((
                b'{"id":"', identifier.encode(), b'","actor":', around.actor, b',"timestamp":', when, b",",
                thing.body, session, activities, reference, b"}}",
            ))  # fmt: skip
            made.append(Written(identifier, content))
            if parent is None and len(things) > 1:
                parent, reference = thing, b',"statement":{"objectType":"StatementRef","id":"%b"}' % identifier.encode()
        return made

    return compose


_WRITTEN_AS_SAID = frozenset((str, int, float, bool))


def present(said: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of what a mapping said without what is None, and without objects that are empty then."""
    kept: dict[str, Any] = {}
    for key, value in said.items():
        kind = type(value)
        if kind in _WRITTEN_AS_SAID:
            kept[key] = value
        elif value is None:
            continue
        elif kind is dict:
            if inner := present(value):
                kept[key] = inner
        elif kind is list:
            kept[key] = [present(item) if type(item) is dict else item for item in value]
        else:
            kept[key] = value
    return kept
