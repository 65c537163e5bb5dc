"""The rules of an xAPI statement (1.0.3 and 2.0), written from the specification alone.

One table for each kind of object: its properties, each with the rule for its value.
Sections are those of xAPI 1.0.3, part 2; what only 2.0 has is marked.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from learnrelay_contract_tests.receivers import xapi_values as v
from learnrelay_contract_tests.receivers.xapi_values import Check, Rules, properties

VOIDED = "http://adlnet.gov/expapi/verbs/voided"


def check_statement(statement: Any, version: str = "1.0.3") -> list[str]:
    """Problems of a statement as ``path: reason``; an empty list means that it is valid.

    ``version`` is that of the request's header: ``1.0.x`` or ``2.0.x``. Raises ValueError for another.
    """
    if not re.fullmatch(r"[12]\.0(\.\d+)?", version):
        raise ValueError(f"xAPI version {version!r} is neither 1.0.x nor 2.0.x")
    check = Check([], version.startswith("2"))
    _statement(check, statement, "")
    return check.problems


# --- objects (section 2.4.4) ------------------------------------------------------------------------

COMPONENTS_OF: Mapping[str, tuple[str, ...]] = {
    "true-false": (),
    "choice": ("choices",),
    "fill-in": (),
    "long-fill-in": (),
    "matching": ("source", "target"),
    "performance": ("steps",),
    "sequencing": ("choices",),
    "likert": ("scale",),
    "numeric": (),
    "other": (),
}
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
COMPONENT_LISTS = ("choices", "scale", "source", "target", "steps")


def _is_component_id(text: str) -> bool:
    return bool(text) and not re.search(r"\s", text)


COMPONENT: Rules = {
    "id": v.text(_is_component_id, "must be text without blanks"),
    "description": v.language_map,
}


def _component(check: Check, value: Any, path: str) -> None:
    properties(check, value, path, COMPONENT, ("id",))


def _component_list(check: Check, value: Any, path: str) -> None:
    v.array(_component)(check, value, path)
    if isinstance(value, list) and (ids := _component_ids(value)) and len(set(ids)) != len(ids):
        check.wrong(path, "ids must differ from each other")


def _component_ids(components: Any) -> list[str]:
    return [item["id"] for item in components if isinstance(item, dict) and isinstance(item.get("id"), str)]


DEFINITION: Rules = {
    "name": v.language_map,
    "description": v.language_map,
    "type": v.iri,
    "moreInfo": v.iri,
    "extensions": v.extensions,
    "interactionType": v.word(*COMPONENTS_OF),
    "correctResponsesPattern": v.array(v.any_text),
    **dict.fromkeys(COMPONENT_LISTS, _component_list),
}


def _definition(check: Check, value: Any, path: str) -> None:
    if not properties(check, value, path, DEFINITION):
        return
    kind = value.get("interactionType")
    lists = [name for name in COMPONENT_LISTS if name in value]
    if kind is None and (lists or "correctResponsesPattern" in value):
        check.wrong(f"{path}.interactionType", "is required with interaction properties")
    if not isinstance(kind, str) or kind not in COMPONENTS_OF:
        return
    for name in lists:
        if name not in COMPONENTS_OF[kind]:
            check.wrong(f"{path}.{name}", f"not allowed with interactionType {kind}")
    patterns = value.get("correctResponsesPattern")
    for index, pattern in enumerate(patterns if isinstance(patterns, list) else ()):
        if isinstance(pattern, str) and not _is_pattern(kind, pattern, value):
            check.wrong(f"{path}.correctResponsesPattern[{index}]", f"is no response to {kind}")


def _is_pattern(kind: str, pattern: str, definition: dict[str, Any]) -> bool:
    """Whether a correct-responses pattern has the form of its interaction type (appendix C)."""

    def known(name: str, ids: Collection[str]) -> bool:
        return not isinstance(definition.get(name), list) or set(ids) <= set(_component_ids(definition[name]))

    parts = pattern.split("[,]")
    match kind:
        case "true-false":
            return pattern in {"true", "false"}
        case "choice" | "sequencing":
            return known("choices", parts)
        case "likert":
            return known("scale", [pattern])
        case "matching":
            pairs = [part.split("[.]") for part in parts]
            return (
                all(len(pair) == 2 for pair in pairs)
                and known("source", [pair[0] for pair in pairs])
                and known("target", [pair[1] for pair in pairs])
            )
        case "performance":
            parts[0] = re.sub(r"^\{order_matters=(?:true|false)\}", "", parts[0])
            steps = [part.partition("[.]") for part in parts]
            return all(dot for _, dot, _ in steps) and known("steps", [step for step, _, _ in steps])
        case "numeric":
            bounds = [bound for bound in pattern.split("[:]") if bound]
            return 0 < len(bounds) < 3 and all(map(NUMBER.fullmatch, bounds))
    return True


ACTIVITY: Rules = {"objectType": v.word("Activity"), "id": v.iri, "definition": _definition}
STATEMENT_REF: Rules = {"objectType": v.word("StatementRef"), "id": v.uuid}


def _activity(check: Check, value: Any, path: str) -> None:
    properties(check, value, path, ACTIVITY, ("id",))


def _statement_ref(check: Check, value: Any, path: str) -> None:
    properties(check, value, path, STATEMENT_REF, ("objectType", "id"))


def _object_in_sub_statement(check: Check, value: Any, path: str) -> None:
    kind = value.get("objectType", "Activity") if isinstance(value, dict) else "Activity"
    rule = OBJECTS.get(kind) if isinstance(kind, str) else None
    if rule is None:
        check.wrong(f"{path}.objectType", "is no type of object allowed here")
    else:
        rule(check, value, path)


def _object(check: Check, value: Any, path: str) -> None:
    if isinstance(value, dict) and value.get("objectType") == "SubStatement":
        if properties(check, value, path, SUB_STATEMENT, ("actor", "verb", "object")):
            _across(check, value, f"{path}.")
    else:
        _object_in_sub_statement(check, value, path)


OBJECTS: Rules = {
    "Activity": _activity,
    "Agent": v.agent,
    "Group": v.group,
    "StatementRef": _statement_ref,
}


# --- verb, result, context (sections 2.4.3, 2.4.5, 2.4.6) -------------------------------------------


def _verb(check: Check, value: Any, path: str) -> None:
    properties(check, value, path, {"id": v.iri, "display": v.language_map}, ("id",))


def _score(check: Check, value: Any, path: str) -> None:
    if not properties(check, value, path, dict.fromkeys(("scaled", "raw", "min", "max"), v.number)):
        return
    scaled, raw, low, high = (
        value[key] if v.is_number(value.get(key)) else None for key in ("scaled", "raw", "min", "max")
    )
    if scaled is not None and not -1 <= scaled <= 1:
        check.wrong(f"{path}.scaled", "must be from -1 to 1")
    if low is not None and high is not None and not low < high:
        check.wrong(f"{path}.min", "must be less than max")
    if raw is not None and ((low is not None and raw < low) or (high is not None and raw > high)):
        check.wrong(f"{path}.raw", "must be from min to max")


RESULT: Rules = {
    "score": _score,
    "success": v.boolean,
    "completion": v.boolean,
    "response": v.any_text,
    "duration": v.duration,
    "extensions": v.extensions,
}


def _result(check: Check, value: Any, path: str) -> None:
    properties(check, value, path, RESULT)


def _activities(check: Check, value: Any, path: str) -> None:
    (v.array(_activity) if isinstance(value, list) else _activity)(check, value, path)


def _context_activities(check: Check, value: Any, path: str) -> None:
    properties(check, value, path, dict.fromkeys(("parent", "grouping", "category", "other"), _activities))


CONTEXT_AGENT: Rules = {
    "objectType": v.word("contextAgent"),
    "agent": v.agent,
    "relevantTypes": v.array(v.iri, at_least=1),
}
CONTEXT_GROUP: Rules = {
    "objectType": v.word("contextGroup"),
    "group": v.group,
    "relevantTypes": v.array(v.iri, at_least=1),
}


def _context_agent(check: Check, value: Any, path: str) -> None:
    properties(check, value, path, CONTEXT_AGENT, ("objectType", "agent"))


def _context_group(check: Check, value: Any, path: str) -> None:
    properties(check, value, path, CONTEXT_GROUP, ("objectType", "group"))


CONTEXT: Rules = {
    "registration": v.uuid,
    "instructor": v.actor,
    "team": v.group,
    "contextActivities": _context_activities,
    "revision": v.any_text,
    "platform": v.any_text,
    "language": v.language,
    "statement": _statement_ref,
    "extensions": v.extensions,
}
CONTEXT_2_0: Rules = {
    **CONTEXT,
    "contextAgents": v.array(_context_agent),
    "contextGroups": v.array(_context_group),
}


def _context(check: Check, value: Any, path: str) -> None:
    properties(check, value, path, CONTEXT_2_0 if check.two else CONTEXT)


# --- attachments (section 2.4.11) and the statement -------------------------------------------------

ATTACHMENT: Rules = {
    "usageType": v.iri,
    "display": v.language_map,
    "description": v.language_map,
    "contentType": v.text(
        re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(\s*;.*)?", re.ASCII).fullmatch, "must be a media type"
    ),
    "length": v.size,
    "sha2": v.text(
        re.compile(r"(?i:[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})").fullmatch,
        "must be the hexadecimal digits of a SHA-2 hash",
    ),
    "fileUrl": v.iri,
}


def _attachment(check: Check, value: Any, path: str) -> None:
    properties(check, value, path, ATTACHMENT, ("usageType", "display", "contentType", "length", "sha2"))


COMMON: Rules = {
    "actor": v.actor,
    "verb": _verb,
    "result": _result,
    "context": _context,
    "timestamp": v.timestamp,
    "attachments": v.array(_attachment),
}
SUB_STATEMENT: Rules = {**COMMON, "objectType": v.word("SubStatement"), "object": _object_in_sub_statement}
STATEMENT: Rules = {
    **COMMON,
    "id": v.uuid,
    "object": _object,
    "stored": v.timestamp,
    "authority": v.authority,
    "version": v.version,
}


def _statement(check: Check, value: Any, path: str) -> None:
    if not properties(check, value, path, STATEMENT, ("actor", "verb", "object")):
        return
    _across(check, value, path)
    verb = value.get("verb")
    if isinstance(verb, dict) and verb.get("id") == VOIDED and _type_of_object(value) != "StatementRef":
        check.wrong("object", "must be a StatementRef, because the verb voids")


def _across(check: Check, value: dict[str, Any], prefix: str) -> None:
    """What the object of a statement or SubStatement demands of its context (section 2.4.6)."""
    context = value.get("context")
    if isinstance(context, dict) and _type_of_object(value) != "Activity":
        for key in ("revision", "platform"):
            if key in context:
                check.wrong(f"{prefix}context.{key}", "only allowed where the object is an Activity")


def _type_of_object(statement: dict[str, Any]) -> Any:
    target = statement.get("object")
    return target.get("objectType", "Activity") if isinstance(target, dict) else None
