"""Validates Caliper events, entities and envelopes (1.1 and 1.2) by rules written from the specification alone.

``caliper_tables`` holds the types; this module applies them. Problems read ``path: reason`` and quote
only terms of the standard.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from learnrelay_contract_tests.endpoints import caliper_tables as tables
from learnrelay_contract_tests.endpoints.formats import is_duration, is_iri, is_utc_milliseconds, is_uuid

VERSION_OF = {context: version for version, context in tables.CONTEXTS.items()}
ENVELOPE = ("sensor", "sendTime", "dataVersion", "data")


def check_event(event: Any, version: str = "1.2") -> list[str]:
    """Lists the problems of one event as ``path: reason``; an empty list means that it is valid.

    ``version`` is ``1.1`` or ``1.2``. Raises ValueError for another.
    """
    return _validate_item(event, version, is_event=True)


def check_entity(entity: Any, version: str = "1.2") -> list[str]:
    """Lists the problems of an entity description, which an envelope may carry beside events; see ``check_event``."""
    return _validate_item(entity, version, is_event=False)


def check_envelope(envelope: Any) -> list[str]:
    """Lists the problems of an envelope and its contents, by the version that ``dataVersion`` names."""
    if not isinstance(envelope, dict):
        return ["envelope: must be an object"]
    problems = [f"{key}: unknown property" for key in envelope if key not in ENVELOPE]
    problems += [f"{key}: is required" for key in ENVELOPE if key not in envelope]
    if "sensor" in envelope and not (isinstance(envelope["sensor"], str) and envelope["sensor"]):
        problems.append("sensor: must be text, and not empty")
    if "sendTime" in envelope and (reason := _date_time(envelope["sendTime"])):
        problems.append(f"sendTime: {reason}")
    data_version = envelope.get("dataVersion")
    version = VERSION_OF.get(data_version) if isinstance(data_version, str) else None
    if "dataVersion" in envelope and version is None:
        problems.append("dataVersion: must be the context of a known version")
    data = envelope.get("data", [{}])
    if not isinstance(data, list) or not data:
        problems.append("data: must be an array, and not empty")
    elif version is not None and "data" in envelope:
        for index, item in enumerate(data):
            if not isinstance(item, dict):
                problems.append(f"data[{index}]: must be an object")
                continue
            check = check_event if is_event(item) else check_entity
            problems += [f"data[{index}].{problem}" for problem in check(item, version)]
    return problems


def is_event(item: dict[str, Any]) -> bool:
    """Tells whether an item of an envelope's data claims to be an event (else an entity description)."""
    return str(item.get("type", "Event")).endswith("Event")


# --- reading the tables -----------------------------------------------------------------------------


class PropertyRule(NamedTuple):
    """Holds one property of the tables."""

    kinds: tuple[str, ...]
    is_array: bool
    required: bool


Properties = Mapping[str, PropertyRule]


@cache
def _parse_properties(text: str) -> Properties:
    rules = {}
    for item in text.split():
        name, kind = item.split(":")
        is_array = kind.startswith("[")
        rules[name.rstrip("!")] = PropertyRule(
            tuple(kind.strip("[]").split("|")), is_array, required=name.endswith("!")
        )
    return rules


class TypeTable:
    """Holds the types that apply to an event: those of its version and, in 1.1, of the extensions it names."""

    def __init__(self, version: str, extensions: frozenset[str]) -> None:
        self.version = version
        self.events = dict(tables.EVENTS_1_2 if version == "1.2" else tables.EVENTS_1_1)
        for name, event in tables.EVENTS_1_2.items():
            if extensions.intersection(event.profiles.split()):
                self.events[name] = event
        self.properties: dict[str, Properties] = {}
        self.ancestors: dict[str, frozenset[str]] = {}
        entities = tables.ENTITIES_1_2 if version == "1.2" or extensions else tables.ENTITIES_1_1
        for name in entities:
            self._resolve(name, entities)

    def _resolve(self, name: str, entities: Mapping[str, tuple[str, str]]) -> None:
        supertypes, own = entities[name]
        properties: dict[str, PropertyRule] = {}
        ancestors = {name}
        for supertype in supertypes.split():
            self._resolve(supertype, entities)
            properties.update(self.properties[supertype])
            ancestors |= self.ancestors[supertype]
        self.properties[name] = {**properties, **_parse_properties(own)}
        self.ancestors[name] = frozenset(ancestors)

    @cache  # noqa: B019 - instances are few and live as long as the process
    def event_properties(self, kind: str, action: str | None, profile: str | None) -> Properties:
        """Returns the properties of an event type, narrowed by its action and profile if they are known."""
        event = self.events[kind]
        return {
            **_parse_properties(tables.EVENT_1_2 if self.version == "1.2" else tables.EVENT_1_1),
            **_parse_properties(event.narrowed),
            **_parse_properties(event.by_action.get(action or "", "")),
            **_parse_properties(tables.OBJECT_BY_PROFILE.get((kind, profile or ""), "")),
        }


@cache
def _type_table(version: str, extensions: frozenset[str] = frozenset()) -> TypeTable:
    return TypeTable(version, extensions)


# --- scalars: each function returns the reason why a value is wrong, or an empty text -----------------


def _string(value: Any) -> str:
    return "" if isinstance(value, str) else "must be text"


def _integer(value: Any) -> str:
    is_whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return "" if is_whole else "must be a whole number, not negative"


def _decimal(value: Any) -> str:
    return "" if isinstance(value, int | float) and not isinstance(value, bool) else "must be a number"


def _boolean(value: Any) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _object(value: Any) -> str:
    return "" if isinstance(value, dict) else "must be an object"


def _date_time(value: Any) -> str:
    is_time = isinstance(value, str) and is_utc_milliseconds(value)
    return "" if is_time else "must be UTC with exactly three fraction digits and Z"


def _duration(value: Any) -> str:
    return "" if isinstance(value, str) and is_duration(value) else "must be an ISO 8601 duration"


def _entity_id(value: Any) -> str:
    is_id = isinstance(value, str) and (is_iri(value) or (value.startswith("_:") and len(value) > 2))
    return "" if is_id else "must be an absolute IRI"


def _event_id(value: Any) -> str:
    is_urn = isinstance(value, str) and value.startswith("urn:uuid:") and is_uuid(value[9:])
    return "" if is_urn else "must be urn:uuid: and a UUID"


def _nothing(value: Any) -> str:
    return "is not allowed here"


SCALARS: Mapping[str, Callable[[Any], str]] = {
    "string": _string,
    "integer": _integer,
    "decimal": _decimal,
    "boolean": _boolean,
    "object": _object,
    "DateTime": _date_time,
    "Duration": _duration,
    "id": _entity_id,
    "event-id": _event_id,
    "nothing": _nothing,
}


# --- objects ----------------------------------------------------------------------------------------

_DEEPEST = 100
"""Objects within each other; the interpreter's own limit differs from process to process."""


def _validate_item(item: Any, version: str, *, is_event: bool) -> list[str]:
    if version not in tables.CONTEXTS:
        raise ValueError(f"Caliper version {version!r} is neither 1.1 nor 1.2")
    name = "event" if is_event else "entity"
    if not isinstance(item, dict):
        return [f"{name}: must be an object"]
    validation = _ItemValidation(version, _extensions_of_1_1(item.get("@context")) if version == "1.1" else frozenset())
    try:
        validation.check_context(item.get("@context"), "@context")
        if is_event:
            validation.check_event(item)
        else:
            validation.check_entity(item, ("Entity",), "")
    except RecursionError:
        validation.wrong(name, "is nested too deeply")
    return validation.problems


def _extensions_of_1_1(context: Any) -> frozenset[str]:
    prefix, suffix = f"{tables.CONTEXTS['1.1']}/", "-extension"
    return tables.PROFILE_EXTENSIONS_OF_1_1.intersection(
        entry.removeprefix(prefix).removesuffix(suffix)
        for entry in (context if isinstance(context, list) else ())
        if isinstance(entry, str) and entry.startswith(prefix) and entry.endswith(suffix)
    )


class _ItemValidation:
    """Holds the validation of one event or entity in progress."""

    def __init__(self, version: str, extensions: frozenset[str]) -> None:
        self.types = _type_table(version, extensions)
        self.problems: list[str] = []
        self._depth = 0

    def wrong(self, path: str, reason: str) -> None:
        self.problems.append(f"{path}: {reason}")

    def check_context(self, context: Any, path: str) -> None:
        """Requires the version's context alone, or last in an array (Caliper 1.2, section 2.2)."""
        last = context[-1] if isinstance(context, list) and context else context
        if last != tables.CONTEXTS[self.types.version]:
            self.wrong(path, f"must be {tables.CONTEXTS[self.types.version]}, in an array as the last")
        elif isinstance(context, list) and not all(isinstance(entry, str | dict) for entry in context):
            self.wrong(path, "must hold IRIs and context objects only")

    def check_event(self, event: dict[str, Any]) -> None:
        kind, action, profile = (_term(event, key) for key in ("type", "action", "profile"))
        declared = self.types.events.get(kind) if kind else None
        if kind is None or declared is None:
            self.wrong("type", f"is no event type of Caliper {self.types.version}")
            return
        if action and action not in (declared.actions.split() or tables.ACTIONS):
            self.wrong("action", f"is no action of {kind}")
        if profile and self.types.version == "1.2" and profile not in declared.profiles.split():
            self.wrong("profile", f"is no profile of {kind}")
        known_action = action if action in tables.ACTIONS else None
        known_profile = profile if profile in tables.PROFILES else None
        self.check_members(event, self.types.event_properties(kind, known_action, known_profile), "", f"a {kind}")

    def check_members(self, value: dict[str, Any], properties: Properties, prefix: str, owner: str) -> None:
        """Checks the properties of an event, an entity or a value object. Raises RecursionError where they nest on."""
        if self._depth == _DEEPEST:
            raise RecursionError
        self._depth += 1
        for key, item in value.items():
            rule = properties.get(key)
            path = prefix + key
            if key == "@context":
                if prefix:
                    self.check_context(item, path)
            elif rule is None:
                self.wrong(path, f"is no property of {owner}")
            elif not rule.is_array:
                self.check_value(item, rule.kinds, path)
            elif not isinstance(item, list):
                self.wrong(path, "must be an array")
            else:
                for index, member in enumerate(item):
                    self.check_value(member, rule.kinds, f"{path}[{index}]")
        self._depth -= 1
        for key, rule in properties.items():
            if rule.required and key not in value:
                self.wrong(prefix + key, "is required")

    def check_value(self, value: Any, kinds: tuple[str, ...], path: str) -> None:
        kind = kinds[0]
        if kind in SCALARS:
            if reason := SCALARS[kind](value):
                self.wrong(path, reason)
        elif kind in tables.TERMS:
            if not isinstance(value, str) or value not in tables.TERMS[kind]:
                self.wrong(path, f"is no {kind.lower()} term")
        elif kind in tables.VALUE_OBJECTS:
            self.check_value_object(value, kind, path)
        elif isinstance(value, dict):
            self.check_entity(value, kinds, f"{path}.")
        elif _entity_id(value):
            self.wrong(path, f"must be {' or '.join(kinds)}, or the absolute IRI of one")

    def check_value_object(self, value: Any, kind: str, path: str) -> None:
        if not isinstance(value, dict):
            self.wrong(path, f"must be a {kind}")
            return
        if "type" in value and value["type"] != kind:
            self.wrong(f"{path}.type", f"must be {kind}")
        self.check_members(value, _parse_properties(tables.VALUE_OBJECTS[kind]), f"{path}.", f"a {kind}")

    def check_entity(self, entity: dict[str, Any], kinds: tuple[str, ...], prefix: str) -> None:
        kind = _term(entity, "type")
        properties = self.types.properties.get(kind) if kind else None
        if kind is None or properties is None:
            self.wrong(f"{prefix}type", f"is no entity type of Caliper {self.types.version}")
            return
        if self.types.ancestors[kind].isdisjoint(kinds):
            self.wrong(f"{prefix}type", f"is {kind}, must be {' or '.join(kinds)}")
        self.check_members(entity, properties, prefix, f"a {kind}")


def _term(value: dict[str, Any], key: str) -> str | None:
    term = value.get(key)
    return term if isinstance(term, str) else None
