"""Traces source paths to output paths, by running the mappings on samples made from their declarations.

Each sample holds marker values, different at each path. One path at a time is altered, and the changes in the
statements come from it. Samples are varied until no new form of statement appears: each optional field left out, each
alternative path used, one and no entry in a collection, the texts that the mapping's own code compares with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from hashlib import sha1
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from ..events import SourceEvent
from ..fields import ENTRY_KEY, Field, Fields
from ..kinds import INVALID
from ..mapping import ANY_EVENT, Skip
from ..pipeline.plan import MappingPlan
from ..pipeline.run import Pipeline
from ..providers import CourseProvider, IdentityProvider, Learner, UserRef
from ..sample_values import SampleValues
from ..sources import Source
from ..standards import SerializedStatement
from .literals import literals_of_function
from .samples import closed_list, marked_values, put

Body = dict[str, Any]
Leaves = dict[str, list[Any]]
"""Output path → its values, in the order of the statements and lists."""


class Form(IntEnum):
    """Orders the ways in which a source value shows in an output, the weakest first."""

    DECIDES = 1  # whether the output is there, or which constant it is
    DERIVED = 2  # computed: an id, a share, a digest of the content
    DIGEST = 3  # keyed digest by the identity provider
    PSEUDONYM = 4  # the learner's pseudonym
    HASHED_ADDRESS = 5  # hash of the learner's e-mail address
    ADDRESS = 6  # the learner's e-mail address
    VALUE = 7  # the value, or a part of it

    @property
    def words(self) -> str:
        """Returns the name as text, for tables."""
        return self.name.lower().replace("_", " ")


# --- traceable look-ups ---------------------------------------------------------------------------------


class TracedIdentity(IdentityProvider):
    """Gives everyone a pseudonym that can be recognised, and, if ``addresses``, an e-mail address."""

    name = "traced"

    def __init__(self, addresses: bool, by_both: bool) -> None:
        """Sets what identifies a user. ``by_both``: id and name together, if both are known; else the id alone."""
        self.addresses = addresses
        self.by_both = by_both
        self.given: dict[str, Form] = {}

    def learner(self, user: UserRef, space: str) -> Learner:
        """Returns a learner with a recognizable pseudonym."""
        who = f"{user.user_id}/{user.username}" if self.by_both else user.user_id or f"name:{user.username}"
        pseudonym = self._mark(f"learner {who}", Form.PSEUDONYM)
        if not self.addresses:
            return Learner(pseudonym)
        email = f"{pseudonym.replace('-', '')[::-1]}@learner.invalid"
        self.given[email] = Form.ADDRESS
        for text in (email, f"mailto:{email}"):
            self.given[sha1(text.encode(), usedforsecurity=False).hexdigest()] = Form.HASHED_ADDRESS
        return Learner(pseudonym, email)

    def digest(self, value: str, space: str) -> str:
        """Returns a recognizable digest."""
        return self._mark(f"digest {value}", Form.DIGEST)

    def _mark(self, of: str, form: Form) -> str:
        mark = str(uuid5(NAMESPACE_URL, of))
        self.given[mark] = form
        return mark


class TracedCourses(CourseProvider):
    """Gives every course a title of its own."""

    name = "traced"

    def title(self, course_id: str) -> str:
        """Returns a title that differs from course to course."""
        return f"Course {uuid5(NAMESPACE_URL, course_id).hex[:8]}"


# --- samples --------------------------------------------------------------------------------------------

_MARK = re.compile(r"mk\d+[a-z]")
_TOKENS = re.compile(r"[0-9a-f]{32}@learner\.invalid|[0-9a-f]{40}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_COMPUTED_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,}")
_COMPUTED = re.compile(rf"\d{{3}}|mk\d|{_COMPUTED_ID.pattern}")
_HEX_DIGITS = re.compile(r"[0-9a-f]{1,8}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT")


NAME = "name"
"""Path of an event's name. It stays as it is, save for mappings of every event: with another name it were an event of
another mapping."""


@dataclass(slots=True)
class TracedPath:
    """Describes a source path of a mapping: the field that reads it first, sample values for it, and all its fields."""

    declared: Field
    values: list[Any]
    fields: list[Field] = field(default_factory=list)


def paths_of(
    reads: Sequence[type[Fields]], words: Sequence[str], platform: SampleValues, is_named: bool = True
) -> dict[str, TracedPath]:
    """Maps all declared paths (``*`` for the entries of collections) to two or more sample values each.

    ``is_named``: the name of the events is fixed, and no path to trace.
    """
    traced: dict[str, TracedPath] = {}

    def add(fields: type[Fields], prefix: str) -> None:
        for declared in fields.declared.values():
            for path in declared.paths:
                full = prefix + path
                if path == ENTRY_KEY or (full == NAME and is_named):
                    continue
                if declared.entries is not None:
                    full += ".*"
                    add(declared.entries, full + ".")
                    traced.setdefault(full, TracedPath(declared, [2, 1, 0, "list"]))
                elif full not in traced:
                    values = marked_values(full, declared, len(traced), words, platform)
                    traced[full] = TracedPath(declared, values)
                traced[full].fields.append(declared)

    for fields in reads:
        add(fields, "")
    return traced


# --- running --------------------------------------------------------------------------------------------

_MOST_FORMS = 10
_MOST_VALUES = 30
_MOST_REMEMBERED = 4_000
_NONE: list[Any] = []

Sample = dict[str, Any]
"""Source path → value; a path that is not in it is absent. For collections the number of entries."""


def _forms_of_texts(path: str) -> dict[str, str]:
    """Returns the texts that a path goes into, with the forms that it reads there."""
    parts = path.split("|")
    return {"|".join(parts[:number]): part.partition(".")[0] for number, part in enumerate(parts) if number}


def _exclude_each_other(path: str, other: str) -> bool:
    """Tells whether no event holds both: one text is not of two forms, nor whole and with a value put in."""
    forms, others = _forms_of_texts(path), _forms_of_texts(other)
    return path in others or other in forms or any(others.get(text, form) != form for text, form in forms.items())


NOT_KNOWN = "(not known: the field needs an example, or another one)"
"""Stands for the outputs of a path without two values that its kind tells apart: it may reach any."""


class Tracer:
    """Traces one mapping."""

    def __init__(
        self, pipeline: Pipeline, mapping: MappingPlan, event: str, source: Source, *more: type[Fields]
    ) -> None:
        """Prepares the samples. ``more``: the fields that enrichers read."""
        self.pipeline = pipeline
        self.mapping = mapping
        self.event = event
        self.source = source
        words = [literal for literal in literals_of_function(mapping.transformer.function) if isinstance(literal, str)]
        self.user_paths = {
            path for name in source.facts.who_reads for path in source.facts.declared[name].paths if path != NAME
        }
        reads = [mapping.transformer.reads, source.facts, *more]
        self.paths = paths_of(reads, words, source.sample_values, is_named=event != ANY_EVENT)
        self.containers = {
            path for path in self.paths
            if not path.endswith(".*") and any(other.startswith(path + ".") for other in self.paths)
        }  # fmt: skip
        within_texts = [path for path in self.paths if "|" in path]
        self.excluded = {
            path: {other for other in self.paths if other != path and _exclude_each_other(path, other)}
            for path in (self.paths if within_texts else ())
        }
        self.telling: dict[str, list[Any]] = {
            path: traced.values[:2] + [value for value in traced.values[2:] if isinstance(value, dict)][:1]
            for path, traced in self.paths.items()
        }
        self.marked = list(self.paths)
        self.flows: dict[str, dict[str, Form]] = {path: {} for path in self.paths}
        self._outputs: dict[tuple[bytes, ...], Leaves] = {}
        self._cached_leaves = lru_cache(_MOST_REMEMBERED)(self._run)

    def trace_sample(self) -> Leaves:
        """Returns the output of a sample: values that an event's output shares with it are the mapping's constants."""
        whole = self._whole()
        return {} if whole is None else self._leaves(whole) or {}

    def trace(self) -> dict[str, dict[str, Form]]:
        """Returns source path → output path → form. Paths without an output have an empty table."""
        whole = self._whole()
        if whole is None:
            return self.flows
        users = {
            path: traced.declared
            for path, traced in self.paths.items()
            if path in self.user_paths and not traced.declared.needed  # without it there is no statement
        }
        one_user = {path: "mk0u" if user.kind(4711) in (None, INVALID) else 4711 for path, user in users.items()}
        named = {path: user for path, user in one_user.items() if not users[path].examples}  # the rest: who sent it
        samples = [whole, {**whole, **one_user}, {**whole, **named}]
        for path in self.containers:
            without = {p: v for p, v in samples[1].items() if not p.startswith(path + ".")}
            samples += [{**without, path: value} for value in self.paths[path].values]
        seeds = len(samples)
        forms: set[frozenset[tuple[str, str]]] = set()
        outputs: set[str] = set()
        for number, sample in enumerate(samples):  # grows while new forms of statements appear
            for path, altered, leaves in self._alter(sample, self.paths, every=number < 2):
                form = _form(leaves)
                if form in forms:
                    continue
                forms.add(form)
                room = 4 * _MOST_FORMS if leaves.keys() - outputs or 2 <= number < seeds else _MOST_FORMS
                outputs |= leaves.keys()
                if len(samples) < seeds + room:
                    samples.append(altered)
                if path in altered and altered[path] not in self.telling[path]:
                    self.telling[path].append(altered[path])
        words = [path for path, values in self.telling.items() if len(values) > 2 or self.paths[path].declared.examples]
        alone = [
            {**samples[1], collection: 1, path: value}
            for collection in self.paths if collection.endswith(".*")
            for path in words if path != collection
            for value in self.telling[path][2:]
        ]  # fmt: skip
        for sample in [*samples, *alone]:  # again, with the words that only later samples have shown to matter
            self._note(sample, words)
        for path, traced in self.paths.items():
            others = [{**whole, path: value} for value in traced.values if self._is_completed(path, value)]
            if path in whole and not traced.declared.needed:
                others.append({p: v for p, v in whole.items() if p != path})
            for sample in others:
                self._note(sample, self.paths)
            samples += others
        for path, traced in self.paths.items():
            if not self._is_varied(path):
                self.flows[path][NOT_KNOWN] = Form.VALUE
            if traced.values and path not in whole and path not in self.containers:
                rivals = self._readers(path) | self.excluded.get(path, set())
                kept = self._needed_elsewhere(path, rivals)
                for sample in samples:
                    moved = {**{p: v for p, v in sample.items() if p not in rivals}, path: traced.values[0]}
                    if self._leaves(moved) is None:
                        moved = {**kept, **moved}
                    self._note(moved, [path], every=sample is whole)
        for path in users:
            for sample in samples:
                self._note({**{p: v for p, v in sample.items() if p not in users}, path: one_user[path]}, [path])
        for path, flows in self.flows.items():
            for inner in self.flows if path.endswith(".*") else ():
                if inner.startswith(path + "."):  # an output of an entry depends on the entry
                    for output in self.flows[inner]:
                        flows.setdefault(output, Form.DECIDES)
        return self.flows

    def _is_varied(self, path: str) -> bool:
        """Tells whether there are values that show where the path goes. Of a mere sign its presence does."""
        traced = self.paths[path]
        kind = traced.declared.kind
        is_sign = bool(closed_list(kind)) or (bool(traced.values) and kind(traced.values[0]) is True)
        return len(traced.values) > 1 or is_sign or path in self.containers

    def _note(self, sample: Sample, paths: Iterable[str], every: bool = False) -> None:
        for _ in self._alter(sample, paths, every):
            pass

    def _readers(self, path: str) -> set[str]:
        """Returns the paths of the fields that read this one: its alternatives, and itself."""
        alternatives = self.paths[path].declared.paths
        prefix = path[: path.rfind("*.") + 2] if ".*." in path else ""
        plain = {prefix + alternative for alternative in alternatives}
        return {p for p in self.paths if p.removesuffix(".*") in plain or p == path}

    def _needed_elsewhere(self, path: str, rivals: Iterable[str]) -> Sample:
        """Returns those alternatives of a path without which another field has no value, with values for that alone."""
        own = path[path.rfind("*.") + 2 :] if ".*." in path else path
        kept: Sample = {}
        for rival in rivals:
            fields = self.paths[rival].fields
            if rival != path and any(declared.needed and own not in declared.paths for declared in fields):
                kinds = [declared.kind for declared in fields if own in declared.paths]
                values = self.paths[rival].values
                useless = (value for value in values if all(kind(value) in (None, INVALID) for kind in kinds))
                kept[rival] = next(useless, values[0])
        return kept

    def _whole(self) -> Sample | None:
        """Finds a sample with every field at its first path for which the mapping makes statements."""
        sample = {
            path: traced.values[0]
            for path, traced in self.paths.items()
            if traced.values
            and path not in self.containers
            and path.removesuffix(".*").endswith(traced.declared.paths[0])
        }
        if self._leaves(sample) is not None:
            return sample
        for path in sample:  # one of them is not of the form that the mapping wants
            for value in self.paths[path].values:
                if self._leaves({**sample, path: value}) is not None:
                    return {**sample, path: value}
        for path in sample:  # one of them is a reason to skip the event
            without = {other: value for other, value in sample.items() if other != path}
            if self._leaves(without) is not None:
                return without
        return None

    def _alter(self, sample: Sample, paths: Iterable[str], every: bool) -> Iterator[tuple[str, Sample, Leaves]]:
        """Alters and leaves out each path of a sample in turn, and records how the output changes."""
        whole = self._leaves(sample)
        if whole is None:
            return
        for path in paths:
            if path in self.containers and path not in sample:
                continue  # a text in the place of an object would remove the values below it too
            excluded = sample.keys() & self.excluded.get(path, set())
            rest = {other: value for other, value in sample.items() if other != path and other not in excluded}
            before = self._leaves({**rest, **({path: sample[path]} if path in sample else {})}) if excluded else whole
            if before is None:
                continue
            now = sample.get(path)
            values = self.paths[path].values[:_MOST_VALUES] if every else self.telling[path]
            for value in [value for value in values if value != now]:
                altered = {**rest, path: value}
                if (after := self._leaves(altered)) is not None:
                    self._compare(before, after, path, now, value)
                    yield path, altered, after
            if path in sample and (after := self._leaves(rest)) is not None:
                self._compare(before, after, path, now, None)
                yield path, rest, after

    def _is_completed(self, path: str, value: Any) -> bool:
        """Tells whether a mapping may complete the value by other paths: a relative address, a short key."""
        if not isinstance(value, str):
            return False
        forms = self.source.sample_values.marked_forms(path)
        return value.startswith("/") or (forms is not None and forms.completed and _MARK.fullmatch(value) is not None)

    def _leaves(self, sample: Sample) -> Leaves | None:
        """Returns the output of a sample, or None. It is cached: a third of all samples appear more than once."""
        return self._cached_leaves(orjson.dumps(sample, option=orjson.OPT_SORT_KEYS))

    def _event(self, body: Body) -> SourceEvent:
        return SourceEvent(body, self.source.reader, body)

    def _run(self, sample: bytes) -> Leaves | None:
        """Returns the output of a sample given as JSON, and records the marks in it."""
        try:
            made = self.pipeline.statements(
                self.mapping,
                self._event(body_of(self.event, orjson.loads(sample), self.source.sample_values.entry_key)),
            )
        except Exception:  # a sample that the mapping cannot use
            return None
        if isinstance(made, Skip) or not made:
            return None
        contents = tuple([statement.content for statement in made])
        if (known := self._outputs.get(contents)) is not None:  # what was altered shows nowhere
            return known
        leaves = leaves_of(made)
        if len(self._outputs) < _MOST_REMEMBERED:
            self._outputs[contents] = leaves
        for output, values in leaves.items():
            for value in values:
                if type(value) is str and "mk" in value:
                    for number in _numbers_of_marks(value):
                        if number < len(self.marked):
                            self.flows[self.marked[number]][output] = Form.VALUE
        return leaves

    def _compare(self, before: Leaves, after: Leaves, path: str, was: Any, became: Any) -> None:
        if before is after or before == after:
            return
        for output in before.keys() | after.keys():
            old, new = before.get(output, _NONE), after.get(output, _NONE)
            if old == new:
                continue
            gone, come = [v for v in old if v not in new], [v for v in new if v not in old]
            if gone or come:
                form = max(self._form_of(gone, new, path, was), self._form_of(come, old, path, became))
                self.flows[path][output] = max(form, self.flows[path].get(output, Form.DECIDES))

    def _form_of(self, values: list[Any], others: list[Any], path: str, raw: Any) -> Form:
        """Determines how the source value shows in the values that only appear with it."""
        form = Form.DERIVED if values and others and not _constant(values + others) else Form.DECIDES
        marks = {"mk0k", "mk1k"} if path.endswith(".*") else set(_MARK.findall(str(raw)))
        identity = self.mapping.shared.platform.identity
        given = identity.given if isinstance(identity, TracedIdentity) else {}
        for value in values:
            text = str(value)
            if not marks.isdisjoint(_MARK.findall(text)) or (not marks and _shows(raw, value)):
                return Form.VALUE
            form = max([form, *(given.get(token, form) for token in _TOKENS.findall(text))])
        return form


@lru_cache(100_000)
def _numbers_of_marks(text: str) -> tuple[int, ...]:
    return tuple(int(mark[2:-1]) for mark in _MARK.findall(text) if mark[-1] in "abcr")


def _form(leaves: Leaves | None) -> frozenset[tuple[str, str]]:
    """Returns the output paths of statements, with the constants there."""
    return frozenset((path, str(values) if _constant(values) else "") for path, values in (leaves or {}).items())


def _constant(values: list[Any]) -> bool:
    """Tells whether values are the mapping's constants, without anything computed or taken from the sample."""
    return all(value is True or value is False or (type(value) is str and _is_word(value)) for value in values)


@lru_cache(100_000)
def _is_word(text: str) -> bool:
    return _COMPUTED.search(text, text.rfind("/") + 1) is None


def _shows(raw: Any, value: Any) -> bool:
    """Tells whether a value without marks shows in an output, as it is or rounded."""
    if raw is None or isinstance(raw, bool) or isinstance(value, bool):
        return False
    if isinstance(raw, (int, float)):
        if isinstance(value, (int, float)):
            return bool(value in (raw, round(raw, 3)))
        return re.search(rf"(?<![\w.-]){re.escape(str(raw))}(?![\w.-])", str(value)) is not None
    text = str(raw)
    if not any(character.isdigit() for character in text):
        return text == str(value)
    if _HEX_DIGITS.fullmatch(text):  # a few of them are in some computed id by chance
        return text in _COMPUTED_ID.sub("", str(value))
    return text in str(value) or (_MOMENT.match(text) is not None and text[:19] in str(value))


def body_of(event: str, sample: Sample, entry_key: str) -> Body:
    """Makes the event's body of a sample."""
    body: Body = {"name": event, "data": {}, "context": {}, "timestamp": None}
    for path in sorted(sample, key=lambda path: path.count(".")):
        if ".*." not in path:
            put(
                body,
                path.removesuffix(".*"),
                _entries(path, sample, entry_key) if path.endswith(".*") else sample[path],
            )
    return body


def _entries(path: str, sample: Sample, entry_key: str) -> Any:
    """Makes the entries of a collection: the first as in the sample, the second with other marks."""
    wanted = sample[path]
    inner = {p.removeprefix(path + "."): v for p, v in sample.items() if p.startswith(path + ".")}
    entries = []
    for number in range(2 if wanted == "list" else wanted):
        entry: Body = {}
        for name, value in inner.items():
            put(entry, name, value if number == 0 or not isinstance(value, str) else value.replace("mk", "mk9"))
        entries.append(entry)
    return (
        entries
        if wanted == "list"
        else {entry_key.format(mark=f"mk{number}k"): entry for number, entry in enumerate(entries)}
    )


def leaves_of(statements: Sequence[SerializedStatement]) -> Leaves:
    """Collects the values of statements by output path: keys with dots in quotes, ``[*]`` for the items of a list."""
    leaves: Leaves = {}
    for statement in statements:
        _walk(statement.parsed, "", leaves)
    return leaves


def _walk(value: Any, path: str, leaves: Leaves) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            inside = below(path, key)
            if type(inner) is str:  # most are; spares a call
                leaves.setdefault(inside, []).append(inner)
            else:
                _walk(inner, inside, leaves)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _walk(inner, f"{path}[*]", leaves)
    else:
        leaves.setdefault(path, []).append(value)


@lru_cache(100_000)
def below(path: str, key: str) -> str:
    """Returns the output path of a key of the object at ``path``."""
    if re.fullmatch(r"[@\w-]+", key) is None:
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key
