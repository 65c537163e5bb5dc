"""Operates parts of an assembly: a standard's protocol and schema, scopes, providers."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

import orjson

from learnrelay import Answer, Judgement, Learner, SerializedStatement, Unavailable, UserRef
from learnrelay.assembly.core_plugins import COURSE_PROVIDERS, IDENTITY_PROVIDERS
from learnrelay.config.fields import SecretText
from learnrelay.fields import compile_extractor, declared_paths
from learnrelay.pipeline.routing import ScopeRule
from learnrelay.privacy.data_map import trace_flows
from learnrelay.privacy.shipped_flows import FlowName, Frame, ShippedFlows
from learnrelay.scopes import Unproven

from .auth_operations import auth_headers
from .pipeline_runner import as_mapping


def scope_errors(assembly: Any, scope: str, values: list[Any]) -> list[str]:
    """Returns for each value the name of the exception with which a scope refuses it; empty if it accepts it."""
    rule_for = _compile_scope(assembly, scope)
    names = []
    for value in values:
        try:
            rule_for(value)
            names.append("")
        except Exception as error:
            names.append(type(error).__name__)
    return names


def _compile_scope(assembly: Any, scope: str) -> Callable[[Any], ScopeRule]:
    """Returns a function from values to their rule. It compiles once: that takes a hundred times as long as to ask."""
    scope_instance = assembly.registry.make(assembly.registry.scopes[scope], assembly.source)
    compiled: ScopeRule | None = None

    def rule_for(values: Any) -> ScopeRule:
        nonlocal compiled
        compiled = compiled.with_values(values) if compiled else ScopeRule(scope_instance, values)
        return compiled

    return rule_for


def scope_values(assembly: Any, scope: str, values: list[str]) -> list[str | None]:
    """Returns for each value of an operator how the scope writes it; None if it refuses it."""
    scope_instance = assembly.registry.make(assembly.registry.scopes[scope], assembly.source)
    values_or_none = []
    for value in values:
        try:
            values_or_none.append(scope_instance.wanted(value))
        except Exception:
            values_or_none.append(None)
    return values_or_none


def scope_owners(assembly: Any, scope: str, events: list[dict[str, Any]]) -> list[list[str] | None]:
    """Returns the proven owners of each event; None if ownership is in doubt, or the scope raises."""
    scope_instance = assembly.registry.make(assembly.registry.scopes[scope], assembly.source)
    source, extract = assembly.source, compile_extractor(scope_instance.reads)
    owners_of_events: list[list[str] | None] = []
    for event in events:
        try:
            body = source.event_from_mapping(as_mapping(event, source.shape)).body
            owners = scope_instance.owners(extract(body))
            is_valid = not isinstance(owners, (Unproven, str)) and all(isinstance(owner, str) for owner in owners)
            owners_of_events.append(list(owners) if is_valid else None)
        except Exception:
            owners_of_events.append(None)
    return owners_of_events


def scope_collisions(assembly: Any, scope: str, names: list[str], events: list[dict[str, Any]]) -> bool:
    """Tells whether a name of a destination equals an owner of the event that holds another of the names."""
    scope_instance = assembly.registry.make(assembly.registry.scopes[scope], assembly.source)
    source, extract = assembly.source, compile_extractor(scope_instance.reads)
    wanted: dict[Any, str] = {}
    for name in names:
        with suppress(Exception):  # `scope_errors` tells which
            if wanted.setdefault(scope_instance.wanted(name), name) != name:
                return True
    for name, event in zip(names, events, strict=True):
        with suppress(Exception):  # an event that is denied
            owners = scope_instance.owners(extract(source.event_from_mapping(as_mapping(event, source.shape)).body))
            if not isinstance(owners, Unproven) and any(wanted.get(owner, name) != name for owner in owners):
                return True
    return False


def scope_admissions(assembly: Any, scope: str, wanted: list[str], events: list[dict[str, Any]]) -> list[bool]:
    """Tells for each event whether a destination gets it whose scope is the text of the same place in ``wanted``."""
    rule_for = _compile_scope(assembly, scope)
    rules: dict[str, ScopeRule | None] = {}
    for text in set(wanted):
        try:
            rules[text] = rule_for(text)
        except Exception:  # `scope_errors` tells which
            rules[text] = None
    admissions = []
    for text, event in zip(wanted, events, strict=True):
        body = assembly.source.event_from_mapping(as_mapping(event, assembly.source.shape)).body
        rule = rules[text]
        admissions.append(rule is not None and rule.denial(body, {}) is None)
    return admissions


def validate(assembly: Any, standard: str, statements: list[str]) -> list[Any]:
    """Returns the problems of each statement by the standard's own schema; empty for a valid one."""
    schema = assembly.standards[standard].schema()
    problems = []
    for text in statements:
        try:
            problems.append(_as_json(schema.validate(orjson.loads(text))))
        except Exception as error:
            problems.append({"_schema": [f"the schema raised {type(error).__name__}"]})
    return problems


def learner_faults(assembly: Any, standard: str, samples: list[list[Any]]) -> list[str]:
    """Returns for each ``[event, statements]`` why `forget` would miss one of them; empty if it finds all."""
    instance, source, platform = assembly.standards[standard], assembly.source, _platform(assembly, standard)
    faults = []
    for event, statements in samples:
        facts = source.event_from_mapping(as_mapping(event, source.shape)).facts
        who = source.facts.who(*(getattr(facts, name) for name in source.facts.who_reads))
        fault = ""
        try:
            names = set(instance.names(platform.learner(who.user), platform))
            for text in statements:
                named = list(instance.learners(orjson.loads(text)))
                if not names.intersection(named):
                    fault = "learners() does not name the learner as names() does"
        except Exception as error:
            fault = f"raised {type(error).__name__}"
        faults.append(fault)
    return faults


def _platform(assembly: Any, standard: str) -> Any:
    """Returns the platform of a standard's mappings."""
    return next(mapping.shared.platform for mapping in assembly.plan.list_mappings() if mapping.standard == standard)


def void(assembly: Any, standard: str, ids: list[str]) -> list[Any]:
    """Returns id and JSON of the statement that voids each id, or None; ``!`` and the name of an exception."""
    instance, platform = assembly.standards[standard], _platform(assembly, standard)
    answers: list[Any] = []
    for statement_id in ids:
        try:
            voiding = instance.void(statement_id, platform)
            is_valid = isinstance(voiding, SerializedStatement)
            answers.append([voiding.id, voiding.content.decode()] if is_valid else voiding and f"!{type(voiding)}")
        except Exception as error:
            answers.append(f"!{type(error).__name__}")
    return answers


def encode(assembly: Any, standard: str, batch: list[str], moment: str) -> dict[str, Any]:
    """Returns a request with its body as text."""
    try:
        request = assembly.standards[standard].encode(
            [statement.encode() for statement in batch], datetime.fromisoformat(moment)
        )
        return {"body": request.body.decode(), "headers": dict(request.headers)}
    except Exception as error:
        return {"raised": type(error).__name__}


def judge(assembly: Any, standard: str, answers: list[list[Any]]) -> list[list[str]]:
    """Returns verdict and reason for each answer ``[status, headers, body]``."""
    verdicts = []
    for status, headers, body in answers:
        try:
            judgement = assembly.standards[standard].judge(Answer(status, headers, body.encode()))
            is_valid = isinstance(judgement, Judgement)
            verdicts.append([judgement.verdict.name, judgement.reason] if is_valid else ["?", type(judgement).__name__])
        except Exception as error:
            verdicts.append(["raised", type(error).__name__])
    return verdicts


def probe(assembly: Any, standard: str) -> dict[str, str]:
    """Returns the headers of the probe."""
    return dict(assembly.standards[standard].probe())


def learners(assembly: Any, users: list[list[str | None]], spaces: list[str]) -> list[Any]:
    """Returns pseudonym and address of each user in each space, None if unknown; ``!`` and the name of an exception."""
    identity = _provider(assembly, "identity")
    answers: list[Any] = []
    patience = _Patience()
    for user_id, username in users:
        for space in spaces:
            try:
                learner = patience.ask(identity.learner, UserRef(user_id, username), space)
                is_valid = isinstance(learner, Learner) and isinstance(learner.pseudonym, str)
                answers.append(
                    [learner.pseudonym, learner.email] if is_valid else learner and f"!{type(learner).__name__}"
                )
            except Exception as error:
                answers.append(f"!{type(error).__name__}")
    return answers


def digests(assembly: Any, values: list[str], spaces: list[str]) -> list[str]:
    """Returns the digest of each value in each space."""
    digest, patience = _provider(assembly, "identity").digest, _Patience()
    return [_call_provider(patience, digest, value, space) for value in values for space in spaces]


def titles(assembly: Any, courses: list[str]) -> list[tuple[str | None, Any]]:
    """Returns the title of each course, and whether the provider knows it."""
    provider, patience = _provider(assembly, "courses"), _Patience()
    return [
        (_call_provider(patience, provider.title, course), _call_provider(patience, _is_known, provider, course))
        for course in courses
    ]


class _Patience:
    """Asks a provider again when it says that it is unavailable, a limited number of times in all."""

    def __init__(self) -> None:
        self._tries = 20

    def ask(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """Returns the answer. Raises what the provider raises."""
        while True:
            try:
                return method(*arguments)
            except Unavailable:
                if not self._tries:
                    raise
                self._tries -= 1
                time.sleep(0.05)


def _is_known(provider: Any, course: str) -> Any:
    known = provider.knows(course)
    return {True: "known", False: "unknown"}[known] if isinstance(known, bool) else (known,)


def _call_provider(patience: _Patience, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        value = patience.ask(function, *arguments)
    except Exception as error:
        return f"!{type(error).__name__}"
    return value if value is None or isinstance(value, str) else f"!{type(value).__name__}"


def _provider(assembly: Any, name: str) -> Any:
    own = assembly.registry.identity_providers if name == "identity" else assembly.registry.course_providers
    known = {**(IDENTITY_PROVIDERS if name == "identity" else COURSE_PROVIDERS), **own}
    chosen = getattr(assembly.config, name)
    return known[chosen.name](chosen.settings)


def _as_json(problems: Any) -> Any:
    return orjson.loads(orjson.dumps(problems, default=str, option=orjson.OPT_NON_STR_KEYS))


def own_spaces(assembly: Any) -> str | None:
    """Returns None if destinations can have pseudonyms of their own, else the provider's reason."""
    reason = _provider(assembly, "identity").own_spaces()
    return None if reason is None else str(reason)


def secrets(assembly: Any) -> list[str]:
    """Returns the names of the identity provider's settings that are secrets."""
    fields = type(_provider(assembly, "identity")).settings_schema().fields
    return [name for name, field in fields.items() if isinstance(field, SecretText)]


def unused_fields(assembly: Any, standard: str, event: str) -> list[str]:
    """Returns the declared paths of a mapping from which nothing flows into a statement."""
    (mapping,) = [mapping for mapping in assembly.plan.mappings_of(event) if mapping.standard == standard]
    flows = trace_flows(assembly, event, standard)
    declared = [path.removesuffix(".**") for _, path, _ in declared_paths(mapping.transformer.reads)]
    return [path for path in declared if path in flows and not flows[path]]


def compare_shipped_flows(assembly: Any, standard: str, event: str) -> str:
    """Tells of the shipped flows of an event's mapping: ``none`` that are believed, ``same`` as its code, ``other``."""
    (mapping,) = [mapping for mapping in assembly.plan.mappings_of(event) if mapping.standard == standard]
    shipped = ShippedFlows(assembly, Frame()).find(FlowName(standard, mapping.transformer.family, False, event))
    if shipped is None:
        return "none"
    return "same" if shipped == trace_flows(assembly, event, standard, Frame()) else "other"


OPERATIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        scope_errors,
        scope_values,
        scope_owners,
        scope_admissions,
        scope_collisions,
        validate,
        learner_faults,
        void,
        encode,
        judge,
        probe,
        learners,
        digests,
        titles,
        own_spaces,
        secrets,
        auth_headers,
        unused_fields,
        compare_shipped_flows,
    )
}
