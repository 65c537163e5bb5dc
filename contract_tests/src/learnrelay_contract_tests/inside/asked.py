"""What is asked of parts of an assembly: a standard's protocol and schema, scopes, providers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson

from learnrelay import Answer, Judgement, Learner, UserRef
from learnrelay.assembly import COURSE_PROVIDERS, IDENTITY_PROVIDERS
from learnrelay.config.fields import SecretText
from learnrelay.events import event_from_mapping
from learnrelay.fields import compile_extractor
from learnrelay.routing import Doubt, ScopeRule


def accepted(assembly: Any, scope: str, values: list[Any]) -> list[str]:
    """For each value the name of the exception with which a scope refuses it; empty where it makes sense."""
    made = assembly.registry.scopes[scope]
    found = []
    for value in values:
        try:
            ScopeRule(made(), value)
            found.append("")
        except Exception as error:
            found.append(type(error).__name__)
    return found


def wanted(assembly: Any, scope: str, values: list[str]) -> list[str | None]:
    """How a scope writes each value that an operator may want; None for one that it refuses."""
    made = assembly.registry.scopes[scope]()
    found = []
    for value in values:
        try:
            found.append(made.wanted(value))
        except Exception:
            found.append(None)
    return found


def owners(assembly: Any, scope: str, events: list[dict[str, Any]]) -> list[list[str] | None]:
    """To whom each event proves to belong; None where that is in doubt, or the scope raises."""
    made = assembly.registry.scopes[scope]()
    extract = compile_extractor(made.reads)
    found: list[list[str] | None] = []
    for event in events:
        try:
            told = made.owners(extract(event_from_mapping(event).body))
            sound = not isinstance(told, (Doubt, str)) and all(isinstance(one, str) for one in told)
            found.append(list(told) if sound else None)
        except Exception:
            found.append(None)
    return found


def validate(assembly: Any, standard: str, statements: list[str]) -> list[Any]:
    """The problems of each statement by the standard's own schema; empty for a valid one."""
    schema = assembly.standards[standard].schema()
    found = []
    for text in statements:
        try:
            found.append(_plain(schema.validate(orjson.loads(text))))
        except Exception as error:
            found.append({"_schema": [f"the schema raised {type(error).__name__}"]})
    return found


def encode(assembly: Any, standard: str, batch: list[str], moment: str) -> dict[str, Any]:
    """A request, its body as text."""
    try:
        request = assembly.standards[standard].encode([one.encode() for one in batch], datetime.fromisoformat(moment))
        return {"body": request.body.decode(), "headers": dict(request.headers)}
    except Exception as error:
        return {"raised": type(error).__name__}


def judge(assembly: Any, standard: str, answers: list[list[Any]]) -> list[list[str]]:
    """Verdict and reason for each answer ``[status, headers, body]``."""
    found = []
    for status, headers, body in answers:
        try:
            told = assembly.standards[standard].judge(Answer(status, headers, body.encode()))
            sound = isinstance(told, Judgement)
            found.append([told.verdict.name, told.reason] if sound else ["?", type(told).__name__])
        except Exception as error:
            found.append(["raised", type(error).__name__])
    return found


def probe(assembly: Any, standard: str) -> dict[str, str]:
    """Headers of the probe."""
    return dict(assembly.standards[standard].probe())


def learners(assembly: Any, users: list[list[str | None]], spaces: list[str]) -> list[Any]:
    """Pseudonym and address of each user in each space, None where unknown; ``!`` and the name of an exception."""
    identity = _provider(assembly, "identity")
    found: list[Any] = []
    for user_id, username in users:
        for space in spaces:
            try:
                told = identity.learner(UserRef(user_id, username), space)
                sound = isinstance(told, Learner) and isinstance(told.pseudonym, str)
                found.append([told.pseudonym, told.email] if sound else told and f"!{type(told).__name__}")
            except Exception as error:
                found.append(f"!{type(error).__name__}")
    return found


def digests(assembly: Any, values: list[str], spaces: list[str]) -> list[str]:
    """Digest of each value in each space."""
    identity = _provider(assembly, "identity")
    return [_try(identity.digest, value, space) for value in values for space in spaces]


def titles(assembly: Any, courses: list[str]) -> list[tuple[str | None, Any]]:
    """Title of each course, and whether it is known."""
    provider = _provider(assembly, "courses")
    return [(_try(provider.title, course), _try(_is_known, provider, course)) for course in courses]


def _is_known(provider: Any, course: str) -> Any:
    known = provider.knows(course)
    return {True: "known", False: "unknown"}[known] if isinstance(known, bool) else (known,)


def _try(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        told = function(*arguments)
    except Exception as error:
        return f"!{type(error).__name__}"
    return told if told is None or isinstance(told, str) else f"!{type(told).__name__}"


def _provider(assembly: Any, name: str) -> Any:
    own = assembly.registry.identity_providers if name == "identity" else assembly.registry.course_providers
    known = {**(IDENTITY_PROVIDERS if name == "identity" else COURSE_PROVIDERS), **own}
    chosen = getattr(assembly.config, name)
    return known[chosen.name](chosen.settings)


def _plain(problems: Any) -> Any:
    return orjson.loads(orjson.dumps(problems, default=str, option=orjson.OPT_NON_STR_KEYS))


def own_spaces(assembly: Any) -> str | None:
    """None if destinations can have pseudonyms of their own."""
    told = _provider(assembly, "identity").own_spaces()
    return None if told is None else str(told)


def secrets(assembly: Any) -> list[str]:
    """Names of the identity provider's settings that are secrets."""
    fields = type(_provider(assembly, "identity")).settings_schema().fields
    return [name for name, field in fields.items() if isinstance(field, SecretText)]


OPERATIONS: dict[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (
        accepted,
        wanted,
        owners,
        validate,
        encode,
        judge,
        probe,
        learners,
        digests,
        titles,
        own_spaces,
        secrets,
    )
}
