"""Guesses the declaration of an event's fields from real events, for ``learnrelay new-plugin --event``.

What is written holds paths and types, and invented values in their places: no value of the events.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pprint import pformat
from typing import Any, NamedTuple

import click
import orjson

from .. import kinds
from ..errors import BlankLineError, EventError
from ..events import SourceEvent
from ..fields import Fields, value_at
from ..inner_texts import read_step
from ..kinds import Kind
from ..personal_data import Grade, PersonalNames
from ..plugins.discovery import installed, load, select_source
from ..plugins.registry import collect
from ..privacy import names
from ..privacy.grades import OPEN_KINDS, OPEN_TEXT, grade_of
from ..privacy.masking import shown_event_name
from ..privacy.samples import put, realistic_values
from ..reading.documents import read_events
from ..reading.lines import open_log
from ..sample_values import SampleValues
from ..sources import Source

_EVENT_NAME = re.compile(r"[\w.:\\-]{1,100}", re.ASCII)
_TAKEN_NAMES = frozenset({"family", "fields", "platform", "settings", "values_of", "contract", "extensions_of"})
"""Names in the templates that a mapping must not have."""
_DEEPEST = 5
_MOST = 60  # fields of a declaration
_COUNTED = frozenset({"count", "number", "num", "attempt", "attempts", "index", "total", "position", "rank", "size"})
_GENERAL = frozenset({"id", "key", "name", "title", "type", "uuid", "value"})
_PLAIN_KEY = re.compile(r"(?!.*(\d{3}|[0-9a-f]{8}))[A-Za-z@_][\w@-]{0,40}")  # ids and digests are values
_ABSENT: tuple[Any, ...] = (None, "", [], {})
_ANY_NAME = (kinds.boolean, kinds.count, kinds.integer, kinds.number)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_WHY = {Grade.DIRECT: "names a person, or reaches one", Grade.INDIRECT: "linkable to a person, or a person's words"}


@dataclass(slots=True)
class GuessedField:
    """Describes a field that events were seen to hold.

    reason: why it is not declared, though it was seen. entries: of a collection.
    """

    name: str
    path: str
    kind: Kind
    needed: bool
    grade: Grade = Grade.NONE
    reason: str = ""
    entries: list[GuessedField] | None = None

    @property
    def is_open(self) -> bool:
        """Tells whether the field may hold anything that somebody wrote."""
        return self.entries is None and self.kind in OPEN_KINDS


@dataclass(slots=True)
class GuessedDeclaration:
    """Holds what was guessed of an event. ``unnamed``: how many keys were left out that are no names."""

    event: str
    fields: list[GuessedField] = field(default_factory=list)
    unnamed: int = 0

    @property
    def declared(self) -> list[GuessedField]:
        """Lists the fields that are declared."""
        return [guessed for guessed in self.fields if not guessed.reason]

    @property
    def object_field(self) -> GuessedField | None:
        """Returns the field that most likely says what the event is about: the first id that is always there."""
        ids = (each for each in self.declared if each.needed and each.kind in (kinds.identifier, kinds.uuid))
        return next(ids, None)


class DeclarationGuesser:
    """Guesses from events of one name. Only their payload is looked at: the context is the source's."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._names: PersonalNames = source.personal_names
        # Where a fact is only found for want of better, as a course in a block's id, the value is the event's own too.
        self._facts = {path for each in source.facts.declared.values() for path in each.paths[:2]}
        self._declaration = GuessedDeclaration("")

    def guess(self, events: Sequence[SourceEvent]) -> GuessedDeclaration:
        """Returns what the events hold."""
        self._declaration = GuessedDeclaration(events[0].name)
        self._declaration.fields = self._fields_of([event.body for event in events], "data", [])[:_MOST]
        if len(events) == 1:  # it does not show what may be missing
            about = self._declaration.object_field
            for guessed in self._declaration.fields:
                guessed.needed = guessed is about
        return self._declaration

    def _fields_of(self, holders: Sequence[Any], path: str, taken: list[str]) -> list[GuessedField]:
        """Lists the fields below a path. ``holders``: for each event what the path starts at; its names are unique."""
        return list(self._below([value_at(holder, path) for holder in holders], path, path.count(".") + 1, taken))

    def _below(self, values: Sequence[Any], path: str, depth: int, taken: list[str]) -> Iterator[GuessedField]:
        keys = dict.fromkeys(key for value in values if type(value) is dict for key in value)
        for key in keys:
            if not _PLAIN_KEY.fullmatch(key):
                self._declaration.unnamed += 1
                continue
            inner_path = f"{path}.{key}" if path else key
            if inner_path in self._facts:
                continue
            inner = [value.get(key) if type(value) is dict else None for value in values]
            yield from self._field(inner, inner_path, depth, taken)

    def _field(self, values: Sequence[Any], path: str, depth: int, taken: list[str]) -> Iterator[GuessedField]:
        present = [value for value in values if value not in _ABSENT]
        if not present:
            return
        if all(type(value) is dict for value in present):
            if _is_collection(present):
                yield self._collection(path, [list(value.values()) for value in present], taken)
            elif depth >= _DEEPEST:
                yield self._undeclared(path, "nested deeper than this guess goes", taken)
            elif any(not _PLAIN_KEY.fullmatch(key) for value in present for key in value):
                yield self._undeclared(path, "an object whose keys are values", taken)
            else:
                yield from self._below(values, path, depth + 1, taken)
        elif all(type(value) is list for value in present):
            items = [item for value in present for item in value]
            if all(type(item) is dict for item in items):
                yield self._collection(path, present, taken)
            elif kinds.scalars(items) is not None:
                yield self._plain(path, kinds.scalars, len(present) == len(values), taken)
            else:
                yield self._undeclared(path, "a list of different things", taken)
        elif any(type(value) in (dict, list) for value in present):
            yield self._undeclared(path, "not of the same type in all events", taken)
        elif "|" not in path and (texts := _objects_in_texts(present)) is not None:
            head, _, last = path.rpartition(".")
            yield from self._below(texts, f"{head}.{last}|json", depth + 1, taken)
        else:
            kind = _kind_of(path, present)
            yield self._plain(path, kind, kind is not kinds.moment and len(present) == len(values), taken)

    def _plain(self, path: str, kind: Kind, needed: bool, taken: list[str]) -> GuessedField:
        name = _unique_name(path, taken)
        grade = grade_of(path.replace("|json", ""), self._names)
        if grade is Grade.NONE and kind not in _ANY_NAME and names.resembles(name):
            grade = Grade.INDIRECT
        reason = f"{grade.value}: {_WHY[grade]}" if grade is not Grade.NONE else ""
        return GuessedField(name, path, kind, needed, grade, reason)

    def _collection(self, path: str, entries: Sequence[Sequence[Any]], taken: list[str]) -> GuessedField:
        items = [item for several in entries for item in several if type(item) is dict]
        inner = list(self._below(items, "", _DEEPEST, []))
        for guessed in inner:  # whether it is personal may depend on what the entries are
            if not guessed.reason and (grade := grade_of(f"{path}.*.{guessed.path}", self._names)) is not Grade.NONE:
                guessed.grade, guessed.reason = grade, f"{grade.value}: {_WHY[grade]}"
        if not any(not guessed.reason for guessed in inner):
            return self._undeclared(path, "a collection with nothing in it that can be declared", taken)
        return GuessedField(_unique_name(path, taken), path, kinds.text, needed=False, entries=inner)

    def _undeclared(self, path: str, reason: str, taken: list[str]) -> GuessedField:
        return GuessedField(_unique_name(path, taken), path, kinds.structure, needed=False, reason=reason)


def _is_collection(objects: Sequence[Mapping[str, Any]]) -> bool:
    """Tells whether the entries of objects are of one kind: objects with the same keys, several of them."""
    entries = [entry for value in objects for entry in value.values()]
    if len(entries) <= len(objects) or not all(type(entry) is dict and entry for entry in entries):
        return False
    return len({frozenset(entry) for entry in entries}) == 1


def _objects_in_texts(values: Sequence[Any]) -> list[dict[str, Any]] | None:
    """Returns the objects in texts that are JSON; None where one of them is not."""
    texts = [read_step({"text": value}, "text|json") for value in values]
    objects = [text for text in texts if isinstance(text, dict)]
    return objects if len(objects) == len(texts) else None


def _kind_of(path: str, values: Sequence[Any]) -> Kind:
    words = names.tokens(path.rpartition(".")[2])
    if all(type(value) is bool for value in values):
        return kinds.boolean
    if is_id(words[-1] if words else "", values):
        return kinds.uuid if all(kinds.uuid(value) for value in values) else kinds.identifier
    if all(kinds.number(value) is not None for value in values):
        is_counted = not _COUNTED.isdisjoint(words) and all(kinds.count(value) is not None for value in values)
        return kinds.count if is_counted else kinds.number
    for kind in (kinds.uuid, kinds.moment, kinds.text):
        if all(kind(value) is not None for value in values):
            return kind
    return kinds.scalar


def is_id(word: str, values: Sequence[Any]) -> bool:
    """Tells whether values under a name with this last word are ids: ``question_id``, ``quizid`` with numbers."""
    if word in ("id", "key", "uuid", "guid"):
        return all(map(kinds.identifier, values))
    return word.endswith("id") and all(type(value) is int or str(value).isdecimal() for value in values)


def _unique_name(path: str, taken: list[str]) -> str:
    """Makes the name of an attribute of the last part of a path, and of those before it where it is taken."""
    parts = [part for part in path.replace("|json", "").split(".") if part != "data"] or [path]
    is_general = parts[-1].lower() in _GENERAL and len(parts) > 1
    for first in range(len(parts) - 1 - is_general, -1, -1):
        words = [word.lower() for part in parts[first:] for word in _WORDS.findall(part)]
        name = "_".join(words) or "value"
        name = f"_{name}" if name[0].isdigit() else name
        name = f"{name}_" if keyword.iskeyword(name) or name in dir(Fields) else name
        if name not in taken:
            break
    while name in taken:
        name += "_"
    taken.append(name)
    return name


# --- what is written ------------------------------------------------------------------------------------


def escape_name(event: str) -> str:
    """Returns the name of an event as it stands in a text of Python: backslashes are doubled."""
    return event.replace("\\", "\\\\")


def class_name(words: str) -> str:
    """Makes the name of a class: ``question_answered`` → ``QuestionAnswered``."""
    return "".join(part.capitalize() for part in words.split("_"))


def write_declaration(declaration: GuessedDeclaration, name: str) -> str:
    """Returns the module of the declarations; ``name`` is that of the class."""
    classes: list[str] = []
    used: set[str] = set()
    _write_class(name, f"What is read of {escape_name(declaration.event)}.", declaration.fields, classes, used)
    calls = {call for call in ("each", "optional", "required") if re.search(rf"\b{call}\(", _without_comments(classes))}
    imports = [f"from learnrelay import {', '.join(sorted(['Fields', *calls]))}"]
    if used:
        imports.append(f"from learnrelay.kinds import {', '.join(sorted(used))}")
    head = (
        f'"""What is read of the event {escape_name(declaration.event)}: guessed from events, to be checked by you."""'
    )
    notes = []
    if declaration.unnamed:
        notes = ["", f"# left out are keys that are no names: {declaration.unnamed}"]
    return (
        "\n".join(
            [head, "", "from __future__ import annotations", "", *imports, *notes, "", "", "\n\n\n".join(classes)]
        )
        + "\n"
    )


def _without_comments(texts: Sequence[str]) -> str:
    return "\n".join(line for text in texts for line in text.splitlines() if not line.lstrip().startswith("#"))


def _write_class(name: str, about: str, fields: Sequence[GuessedField], classes: list[str], used: set[str]) -> None:
    lines = [f"class {name}(Fields):", f'    """{about}"""', ""]
    for guessed in fields:
        if guessed.entries is not None:
            entry = f"{class_name(guessed.name)}Entry"
            _write_class(entry, f"What is read of an entry of {guessed.path}.", guessed.entries, classes, used)
            lines.append(f"    {guessed.name} = each({guessed.path!r}, {entry})".replace("'", '"'))
            continue
        kind = guessed.kind.__name__ if guessed.kind is not kinds.scalar else ""
        arguments = [f'"{guessed.path}"', *([f"kind={kind}"] if kind else [])]
        call = "required" if guessed.needed else "optional"
        if guessed.reason and guessed.grade is Grade.NONE:
            lines.append(f"    # {guessed.path} is left out: {guessed.reason}")
            continue
        if guessed.reason:
            reason = 'reason="say why you need it"'
            lines += [f"    # {guessed.reason}", f"    # {guessed.name} = {call}({', '.join([*arguments, reason])})"]
            continue
        if kind:
            used.add(kind)
        if guessed.is_open:
            lines.append(f"    # indirect: {OPEN_TEXT}")
        lines.append(f"    {guessed.name} = {call}({', '.join(arguments)})")
    classes.append("\n".join(lines).rstrip())


def write_samples(declaration: GuessedDeclaration, source: Source, events: Sequence[SourceEvent]) -> str:
    """Returns two events as JSON lines: all declared fields, and the required ones. The values are invented."""
    return "".join(orjson.dumps(_sample(declaration, source, events[0], number)).decode() + "\n" for number in range(2))


def sample_value(guessed: GuessedField, source: Source, number: int = 0) -> Any:
    """Returns an invented value of a field, as an event has it."""
    values = _values(guessed.path, guessed.kind, source.sample_values)
    return values[number % len(values)]


def _values(path: str, kind: Kind, sample_values: SampleValues) -> list[Any]:
    accepted = realistic_values(path, kind.__name__, lambda value: kind(value) is not None, (), sample_values)
    return [value for value in accepted if kind(value) is not None]


def _sample(declaration: GuessedDeclaration, source: Source, event: SourceEvent, number: int) -> dict[str, Any]:
    body: dict[str, Any] = {"timestamp": _sample_time(source, number), "data": {}, "context": {}}
    for each in source.facts.declared.values():  # who, and which course: without them there is no statement
        for path in each.paths:
            is_personal = grade_of(path, source.personal_names) is not Grade.NONE
            if path != "timestamp" and value_at(event.body, path) not in _ABSENT and (is_personal or "course" in path):
                put(body, path, sample_value(GuessedField("", path, each.kind, needed=False), source))
    for guessed in declaration.declared:
        if number and not guessed.needed:
            continue
        if guessed.entries is None:
            put(body, guessed.path, sample_value(guessed, source, number))
            continue
        entry: dict[str, Any] = {}
        for inner in guessed.entries:
            if not inner.reason and inner.entries is None:
                put(entry, inner.path, sample_value(inner, source))
        put(body, guessed.path, [entry])
    shape = source.shape
    at_root = {key: body["context"].pop(key) for key in shape.context_at_root if key in body["context"]}
    context = {shape.context: body["context"]} if body["context"] else {}
    return {
        shape.name[0]: declaration.event,
        shape.timestamp[0]: body["timestamp"],
        shape.data[0]: body["data"],
        **at_root,
        **context,
    }


def _sample_time(source: Source, number: int) -> Any:
    """Returns an invented time, as the platform writes times."""
    kind = source.facts.declared["moment"].kind
    text = f"2026-03-02T09:00:0{5 * number}.250000+00:00"
    if kind(text) is not None:
        return text
    values = [*source.facts.declared["moment"].examples, *source.sample_values.by_name.get("timestamp", ()), 1772442000]
    return next(value for value in values if kind(value) is not None)


def write_construction(declaration: GuessedDeclaration, source: Source, name: str) -> str:
    """Returns the call that makes the required fields by hand, with invented values."""
    lines = [
        f"        {each.name}={_literal(each.kind(sample_value(each, source)))},\n"
        for each in declaration.declared
        if each.needed and each.entries is None
    ]
    return f"{name}(\n{''.join(lines)}    )" if lines else f"{name}()"


def write_values(declaration: GuessedDeclaration, prefix: str, suffix: str) -> str:
    """Returns the table of the values that may go into a statement without a thought: no open texts, no collections."""
    lines = []
    for each in declaration.declared:
        if each.entries is None and not each.is_open and each is not declaration.object_field:
            value = f"fields.{each.name}"
            if each.kind is kinds.moment:
                value = f"{value}.isoformat() if {value} else None"
            lines.append(f"        {prefix}{each.name}{suffix}: {value},\n")
    return f"{{\n{''.join(lines)}    }}" if lines else "{}"


def _literal(value: Any) -> str:
    return orjson.dumps(value).decode() if isinstance(value, str) else pformat(value)


class GuessedEvent(NamedTuple):
    """Holds the declaration that was guessed of events, with their source."""

    source: Source
    events: Sequence[SourceEvent]
    declaration: GuessedDeclaration

    @classmethod
    def read(cls, files: Sequence[str], source_name: str | None) -> GuessedEvent:
        """Reads the events. Raises click.UsageError where one is unreadable, or of another name."""
        try:
            info = select_source(installed(), source_name)
        except ValueError as error:
            raise click.UsageError(f"--source: {error}") from None
        registry = collect([(info, load(info))])
        (source_type,) = registry.sources.values()
        source, events = registry.make(source_type), []
        for file in files:
            with open_log(file) as stream:
                for line in read_events(stream, file):
                    try:
                        if line.problem:
                            raise EventError(line.problem)
                        events.append(source.event_from_line(line.content))
                    except BlankLineError:
                        continue
                    except EventError as error:
                        raise click.UsageError(f"{file}:{line.number}: {error.reason}") from None
        names = list(dict.fromkeys(event.name for event in events))
        if len(names) != 1:
            shown = ", ".join(shown_event_name(name, is_known=False) for name in names[:5])
            several = f"of several names ({shown}), give those of one" if names else "none"
            raise click.UsageError(f"--event: the events are {several}")
        if not _EVENT_NAME.fullmatch(names[0]):
            raise click.UsageError("--event: the name of the event is an address or a sentence, no name")
        return cls(source, events, DeclarationGuesser(source).guess(events))

    @property
    def function(self) -> str:
        """Returns the name of the mapping: the last part of the event's name."""
        words = [word.lower() for word in _WORDS.findall(re.split(r"[.:\\]", self.declaration.event)[-1])]
        name = "_".join(words) or "happened"
        name = name if name.isidentifier() else f"event_{name}"
        return f"{name}_event" if name in _TAKEN_NAMES or keyword.iskeyword(name) else name

    def values(self) -> dict[str, str]:
        """Returns what templates may use."""
        function, about = self.function, self.declaration.object_field
        fields_class = f"{class_name(function)}Fields"
        others = [part for part in re.split(r"[.:_\\-]", self.declaration.event) if part.isidentifier()]
        kind = re.sub(r"_?(id|key|uuid|guid)_?$", "", about.name) if about else ""
        kind = kind or (others[-2] if len(others) > 1 else "activity")
        invented = _literal(str(sample_value(about, self.source))) if about else ""
        return {
            "event": escape_name(self.declaration.event), "function": function, "fields_class": fields_class,
            "word": function.removesuffix("_event").rpartition("_")[2], "kind": kind,
            "object": f'platform.iri("{kind}", fields.{about.name})' if about else f'platform.iri("{kind}")',
            "invented_object": f'platform.iri("{kind}", {invented})' if about else f'platform.iri("{kind}")',
            "setting": "with_values",
            "construction": write_construction(self.declaration, self.source, fields_class),
            "values": write_values(self.declaration, '"', '"'),
            "extensions": write_values(self.declaration, 'f"{TERMS}/', '"'),
        }  # fmt: skip

    def files(self, module: str) -> dict[str, str]:
        """Returns the files that come from no template."""
        fields_class = f"{class_name(self.function)}Fields"
        files = {
            f"src/{module}/fields.py": write_declaration(self.declaration, fields_class),
            "tests/events.jsonl": write_samples(self.declaration, self.source, self.events),
        }
        if sum(info.kind == "sources" for info in installed()) > 1:  # the harness runs with this one
            files[f"src/{module}/contract.toml"] = f'[sections.platform]\nsource = "{self.source.name}"\n'
        return files
