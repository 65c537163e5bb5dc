"""Composes statements: adds id, actor, time, version, course and session to a mapping's parts.

A mapping gives `StatementParts`; the constants of its declaration are ``verb`` (a verb, or several of which
``parts["verb"]`` is one, by default the first), ``activity`` (type of the object), ``in_course`` (False: the course is
the object, not the context) and ``instructor`` (True: staff who acted on the learner are named). Of several parts the
first is the parent of the others, which name it in ``context.statement`` and ``contextActivities`` and have a key of
their own, ``child``.
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
from orjson import Fragment

from learnrelay import (
    Facts,
    Learner,
    NotJsonError,
    Parts,
    Platform,
    SerializedStatement,
    Skip,
    Statement,
    Transformer,
    Who,
    cached_json,
    content_uuid,
    to_json,
    without_none,
)
from learnrelay.caching import cached
from learnrelay.frames import UNKNOWN_LEARNER, MakeFrame

from . import activities, erb_form
from .parts import ResultParts
from .vocabulary import Verb

NO_ADDRESS = "the identity provider gives no e-mail address for the learner"

VERSIONS = {"1.0.3": "1.0.0", "2.0": "2.0.0"}
"""Configured version → ``version`` of a statement (1.0.3, Data 2.4.10: a sender writes 1.0.0)."""

# --- actors ---------------------------------------------------------------------------------------------

Actor = dict[str, Any]
MakeActor = Callable[[Learner], "Actor | None"]


def account(platform: Platform) -> MakeActor:
    """Makes actors for ``actor = "account"``: the pseudonym under the platform's address."""
    return lambda learner: {
        "objectType": "Agent",
        "account": {"name": learner.pseudonym, "homePage": platform.home_url},
    }


def mbox(_platform: Platform) -> MakeActor:
    """Makes actors for ``actor = "mbox"``: the e-mail address itself."""
    return lambda learner: {"objectType": "Agent", "mbox": f"mailto:{learner.email}"} if learner.email else None


def mbox_sha1sum(_platform: Platform) -> MakeActor:
    """Makes actors for ``actor = "mbox_sha1sum"``: SHA-1 of the ``mailto:`` IRI (1.0.3, Data 2.4.2.3)."""

    def hashed(learner: Learner) -> Actor | None:
        if not learner.email:
            return None
        digest = sha1(f"mailto:{learner.email}".encode(), usedforsecurity=False).hexdigest()
        return {"objectType": "Agent", "mbox_sha1sum": digest}

    return hashed


ACTORS = {"account": account, "mbox": mbox, "mbox_sha1sum": mbox_sha1sum}

# --- ids ------------------------------------------------------------------------------------------------

IDS = ("stable", "stable-2", "erb")

_uuid_of = content_uuid(UUID("5d3f7c5e-52f4-5b1c-9a53-3c0f6f0f7f6e"))


def erb_id(time_text: str, verb_text: str, actor: str, child: str | None) -> str:
    """Returns the id that event-routing-backends gives: of verb, actor and time as written; blind to the object."""
    namespace = uuid5(NAMESPACE_DNS, f"{verb_text}-{child}" if child else verb_text)
    return str(uuid5(namespace, f"{actor}-{time_text}"))


# --- frames ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class CourseContext:
    """Holds a course as a context activity: in a list (None without a course), and as whole ``contextActivities``.

    iri: as JSON, null without a course.
    """

    iri: bytes
    listed: Fragment | None
    alone: bytes


@dataclass(slots=True)
class StatementFrame:
    """Holds what the statements of a learner in a course and a session have in common, as JSON.

    actor_text: the actor as it stands in `erb_id`, where that is asked for. session: the extension of the context.
    instructor: staff who acted; empty for nobody.
    """

    actor: bytes
    actor_text: str
    course: CourseContext
    session: bytes
    instructor: bytes


def framer(settings: Mapping[str, Any], platform: Platform) -> MakeFrame:
    """Makes the function from a learner, course and session to a `StatementFrame`."""
    make_actor = ACTORS[settings["actor"]](platform)
    no_actor = Skip(UNKNOWN_LEARNER if settings["actor"] == "account" else NO_ADDRESS)
    as_erb = settings["statement_ids"] == "erb"
    is_erb_form = settings["compatible_with"] == "erb"
    published: Callable[[str], str] = platform.digest if platform.own or settings["session_ids"] == "digest" else str
    session_term = to_json(platform.term("session_id"))

    @cached
    def actor_of(learner: Learner) -> tuple[bytes, str] | None:
        actor = make_actor(learner)
        return None if actor is None else (cached_json(actor), json.dumps(actor) if as_erb else "")

    @platform.cached
    def course_of(course_id: str | None) -> CourseContext:
        if course_id is None:
            return CourseContext(b"null", None, b"")
        course = activities.course_parent(platform, course_id)
        if is_erb_form:
            course = erb_form.rename_languages(course, platform.language, in_course=True)
        listed = cached_json([course])
        return CourseContext(
            cached_json(course["id"]), Fragment(listed), b',"contextActivities":{"parent":%b}' % listed
        )

    @cached
    def session_of(key: str | None) -> bytes:
        return b"" if key is None else b",%b:%b" % (session_term, to_json(published(key)))

    def instructor_of(learner: Learner, who: Who) -> bytes:
        staff = None if who.staff is None else platform.learner(who.staff)
        agent = None if staff is None or staff == learner else actor_of(staff)
        return b"" if agent is None else agent[0]

    def make_frame(learner: Learner, who: Who, course_id: str | None, session: str | None) -> StatementFrame | Skip:
        actor = actor_of(learner)
        if actor is None:
            return no_actor
        return StatementFrame(*actor, course_of(course_id), session_of(session), instructor_of(learner, who))

    return make_frame


# --- statements -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class PreparedParts:
    """Holds parts as pieces of JSON; between them goes what depends on learner, time, course and session.

    verb_text: the verb as it stands in `erb_id`, where that is asked for. in_id: what the id is made of besides name,
    time and actor. activity: the object, where children name it. body: from the verb to the last extension of the
    context. activities: the mapping's own ``contextActivities``.
    """

    verb_text: str
    in_id: bytes
    activity: Fragment | None
    body: bytes
    activities: Mapping[str, Any] | None
    child: str | None
    timestamp: datetime | None


def preparer(
    settings: Mapping[str, Any], transformer: Transformer, platform: Platform
) -> Callable[[Parts | Sequence[Parts]], list[PreparedParts]]:
    """Makes the function that serializes a mapping's parts; `composer` adds the rest to its results."""
    declared = transformer.constants["verb"]
    verbs: Sequence[Verb] = [declared] if isinstance(declared, Verb) else declared
    verb_json = {verb.id: Fragment(cached_json(verb.json)) for verb in verbs}
    verb_texts = {verb.id: json.dumps(verb.json) for verb in verbs}
    as_erb = settings["statement_ids"] == "erb"
    activity_type = transformer.constants.get("activity")
    type_only = {"type": activity_type} if activity_type else {}
    version = VERSIONS[settings["version"]]
    is_erb_form = settings["compatible_with"] == "erb"
    session_term, version_term = platform.term("session_id"), platform.term("transformer_version")

    def prepare(parts: Parts, is_parent: bool = False, is_child: bool = False) -> PreparedParts:
        object_parts = parts["object"]
        verb: Verb = parts.get("verb") or verbs[0]
        result = without_none(_with_text(parts["result"])) if parts.get("result") else None
        context = without_none(parts["context"]) if parts.get("context") else {}
        # ADR 6: all of this stands in the statement, so that the id tells nothing that the statement does not
        in_id = to_json((verb.id, object_parts["id"], result or None, context or None))
        activity = {"objectType": "Activity", "id": object_parts["id"]}
        definition = (
            type_only | without_none(object_parts["definition"]) if object_parts.get("definition") else type_only
        )
        if definition:
            activity["definition"] = definition
        own_activities = context.pop("contextActivities", None)
        if is_erb_form:  # the id stays as it is, so that a store knows the statement in either form
            activity = erb_form.rename_languages(activity, platform.language)
            own_activities = erb_form.rename_in_context(own_activities, platform.language)
            result = erb_form.rewrite_result(result, parts.get("result"))
        statement: Statement = {"verb": verb_json[verb.id], "object": activity, "version": version}
        if result:
            statement["result"] = result
        extensions = context.pop("extensions", {})
        extensions.pop(session_term, None)  # that of the event is still to come, as is what a child is part of
        extensions.pop(version_term, None)
        extensions[version_term] = transformer.origin
        if is_child:
            context.pop("statement", None)
        context["extensions"] = extensions
        statement["context"] = context
        return PreparedParts(
            verb_texts[verb.id] if as_erb else "",
            in_id[1:],
            Fragment(cached_json(activity)) if is_parent else None,
            to_json(statement)[1:-3],  # extensions, context and statement are closed by the composer
            own_activities,
            parts.get("child"),
            parts.get("timestamp"),
        )

    def prepare_all(parts: Parts | Sequence[Parts]) -> list[PreparedParts]:
        if type(parts) is dict or isinstance(parts, Mapping):
            return [prepare(parts)]
        children = [prepare(child, is_child=True) for child in parts[1:]]
        return [prepare(parts[0], is_parent=bool(children)), *children]

    return prepare_all


def _with_text(result: ResultParts) -> ResultParts:
    """Writes a response that is a list as JSON; None for one that JSON cannot hold."""
    response = result.get("response")
    if not isinstance(response, list):
        return result
    try:
        return {**result, "response": to_json(response).decode()}
    except NotJsonError:
        return {**result, "response": None}


def composer(
    settings: Mapping[str, Any], transformer: Transformer, event: str
) -> Callable[[Facts, StatementFrame, Sequence[PreparedParts]], Sequence[SerializedStatement]]:
    """Makes the function that joins prepared parts, time, frame and id to statements."""
    in_course: bool = transformer.constants.get("in_course", True)
    has_instructor: bool = transformer.constants.get("instructor", False)
    as_erb = settings["statement_ids"] == "erb"
    has_course_in_id = settings["statement_ids"] == "stable-2"
    name = cached_json(event)

    def activities_of(parts: PreparedParts, course: CourseContext, parent: PreparedParts | None) -> bytes:
        merged = {**(parts.activities or {})}
        if in_course and course.listed is not None:
            merged["grouping" if parent is not None or "parent" in merged else "parent"] = course.listed
        if parent is not None:
            merged["parent"] = [parent.activity]
        return b',"contextActivities":' + to_json(merged) if merged else b""

    def compose(
        facts: Facts, frame: StatementFrame, prepared: Sequence[PreparedParts]
    ) -> Sequence[SerializedStatement]:
        alone = frame.course.alone if in_course else b""
        who_and_where, instructor = frame.actor, b""
        if has_instructor and frame.instructor:
            who_and_where += b"," + frame.instructor
            instructor = b',"instructor":' + frame.instructor
        if has_course_in_id:  # where the course is the object, it is in the id already
            who_and_where += b"," + (frame.course.iri if in_course else b"null")
        statements: list[SerializedStatement] = []
        parent, reference = None, b""
        for parts in prepared:
            if parts.timestamp is None:
                moment, utc = facts.moment, facts.utc
            else:
                moment, utc = parts.timestamp, orjson.dumps(parts.timestamp.astimezone(UTC))
            timestamp = utc if moment.tzinfo is UTC else orjson.dumps(moment)  # RFC 3339
            if as_erb:
                identifier = erb_id(facts.time_text, parts.verb_text, frame.actor_text, parts.child)
            else:
                identifier = _uuid_of(b"".join((b"[", name, b",", utc, b",", who_and_where, b",", parts.in_id)))
            activities = alone
            if parent is not None or parts.activities:
                activities = activities_of(parts, frame.course, parent)
            content = b"".join((
                b'{"id":"', identifier.encode(), b'","actor":', frame.actor, b',"timestamp":', timestamp, b",",
                parts.body, frame.session, b"}", activities, instructor, reference, b"}}",
            ))  # fmt: skip
            statements.append(SerializedStatement(identifier, content))
            if parent is None and len(prepared) > 1:
                parent = parts
                reference = b',"statement":{"objectType":"StatementRef","id":"%b"}' % identifier.encode()
        return statements

    return compose
