"""Validates xAPI statements (1.0.3 and 2.0) by rules written from the specification alone.

There is one table for each kind of object: its properties, each with the rule for its value.
Sections are those of xAPI 1.0.3, part 2; rules that only 2.0 has are marked.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from learnrelay_contract_tests.endpoints import xapi_values as v
from learnrelay_contract_tests.endpoints.xapi_values import Rules, Validation, check_properties

VOIDED = "http://adlnet.gov/expapi/verbs/voided"


def check_statement(statement: Any, version: str = "1.0.3") -> list[str]:
    """Lists the problems of a statement as ``path: reason``; an empty list means that it is valid.

    ``version`` is that of the request's header: ``1.0.x`` or ``2.0.x``. Raises ValueError for another.
    """
    if not re.fullmatch(r"[12]\.0(\.\d+)?", version):
        raise ValueError(f"xAPI version {version!r} is neither 1.0.x nor 2.0.x")
    validation = Validation([], version.startswith("2"))
    _statement(validation, statement, "")
    return validation.problems


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


def _component(validation: Validation, value: Any, path: str) -> None:
    check_properties(validation, value, path, COMPONENT, ("id",))


def _component_list(validation: Validation, value: Any, path: str) -> None:
    v.array(_component)(validation, value, path)
    if isinstance(value, list) and (ids := _component_ids(value)) and len(set(ids)) != len(ids):
        validation.wrong(path, "ids must differ from each other")


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


def _definition(validation: Validation, value: Any, path: str) -> None:
    if not check_properties(validation, value, path, DEFINITION):
        return
    kind = value.get("interactionType")
    lists = [name for name in COMPONENT_LISTS if name in value]
    if kind is None and (lists or "correctResponsesPattern" in value):
        validation.wrong(f"{path}.interactionType", "is required with interaction properties")
    if not isinstance(kind, str) or kind not in COMPONENTS_OF:
        return
    for name in lists:
        if name not in COMPONENTS_OF[kind]:
            validation.wrong(f"{path}.{name}", f"not allowed with interactionType {kind}")
    patterns = value.get("correctResponsesPattern")
    for index, pattern in enumerate(patterns if isinstance(patterns, list) else ()):
        if isinstance(pattern, str) and not _is_pattern(kind, pattern, value):
            validation.wrong(f"{path}.correctResponsesPattern[{index}]", f"is no response to {kind}")


def _is_pattern(kind: str, pattern: str, definition: dict[str, Any]) -> bool:
    """Tells whether a correct-responses pattern has the form of its interaction type (appendix C)."""

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


def _activity(validation: Validation, value: Any, path: str) -> None:
    check_properties(validation, value, path, ACTIVITY, ("id",))


def _statement_ref(validation: Validation, value: Any, path: str) -> None:
    check_properties(validation, value, path, STATEMENT_REF, ("objectType", "id"))


def _object_in_sub_statement(validation: Validation, value: Any, path: str) -> None:
    kind = value.get("objectType", "Activity") if isinstance(value, dict) else "Activity"
    rule = OBJECTS.get(kind) if isinstance(kind, str) else None
    if rule is None:
        validation.wrong(f"{path}.objectType", "is no type of object allowed here")
    else:
        rule(validation, value, path)


def _object(validation: Validation, value: Any, path: str) -> None:
    if isinstance(value, dict) and value.get("objectType") == "SubStatement":
        if check_properties(validation, value, path, SUB_STATEMENT, ("actor", "verb", "object")):
            _across(validation, value, f"{path}.")
    else:
        _object_in_sub_statement(validation, value, path)


OBJECTS: Rules = {
    "Activity": _activity,
    "Agent": v.agent,
    "Group": v.group,
    "StatementRef": _statement_ref,
}


# --- verb, result, context (sections 2.4.3, 2.4.5, 2.4.6) -------------------------------------------


def _verb(validation: Validation, value: Any, path: str) -> None:
    check_properties(validation, value, path, {"id": v.iri, "display": v.language_map}, ("id",))


def _score(validation: Validation, value: Any, path: str) -> None:
    if not check_properties(validation, value, path, dict.fromkeys(("scaled", "raw", "min", "max"), v.number)):
        return
    scaled, raw, low, high = (
        value[key] if v.is_number(value.get(key)) else None for key in ("scaled", "raw", "min", "max")
    )
    if scaled is not None and not -1 <= scaled <= 1:
        validation.wrong(f"{path}.scaled", "must be from -1 to 1")
    if low is not None and high is not None and not low < high:
        validation.wrong(f"{path}.min", "must be less than max")
    if raw is not None and ((low is not None and raw < low) or (high is not None and raw > high)):
        validation.wrong(f"{path}.raw", "must be from min to max")


RESULT: Rules = {
    "score": _score,
    "success": v.boolean,
    "completion": v.boolean,
    "response": v.any_text,
    "duration": v.duration,
    "extensions": v.extensions,
}


def _result(validation: Validation, value: Any, path: str) -> None:
    check_properties(validation, value, path, RESULT)


def _activities(validation: Validation, value: Any, path: str) -> None:
    (v.array(_activity) if isinstance(value, list) else _activity)(validation, value, path)


def _context_activities(validation: Validation, value: Any, path: str) -> None:
    check_properties(validation, value, path, dict.fromkeys(("parent", "grouping", "category", "other"), _activities))


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


def _context_agent(validation: Validation, value: Any, path: str) -> None:
    check_properties(validation, value, path, CONTEXT_AGENT, ("objectType", "agent"))


def _context_group(validation: Validation, value: Any, path: str) -> None:
    check_properties(validation, value, path, CONTEXT_GROUP, ("objectType", "group"))


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


def _context(validation: Validation, value: Any, path: str) -> None:
    check_properties(validation, value, path, CONTEXT_2_0 if validation.is_2_0 else CONTEXT)


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


def _attachment(validation: Validation, value: Any, path: str) -> None:
    check_properties(validation, value, path, ATTACHMENT, ("usageType", "display", "contentType", "length", "sha2"))


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


def _statement(validation: Validation, value: Any, path: str) -> None:
    if not check_properties(validation, value, path, STATEMENT, ("actor", "verb", "object")):
        return
    _across(validation, value, path)
    verb = value.get("verb")
    if isinstance(verb, dict) and verb.get("id") == VOIDED and _type_of_object(value) != "StatementRef":
        validation.wrong("object", "must be a StatementRef, because the verb voids")


def _across(validation: Validation, value: dict[str, Any], prefix: str) -> None:
    """Checks the context against the object of a statement or SubStatement (section 2.4.6)."""
    context = value.get("context")
    if isinstance(context, dict) and _type_of_object(value) != "Activity":
        for key in ("revision", "platform"):
            if key in context:
                validation.wrong(f"{prefix}context.{key}", "only allowed where the object is an Activity")


def _type_of_object(statement: dict[str, Any]) -> Any:
    target = statement.get("object")
    return target.get("objectType", "Activity") if isinstance(target, dict) else None
