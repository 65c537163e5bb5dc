"""Where a source path comes out: found by running the mappings themselves, on samples made from their declarations.

Each sample holds marker values, different at each path. One path at a time is altered, and what changes in the
statements comes from it. Samples are varied until no new form of statement turns up: each optional field left out, each
alternative path used, one and no entry in a collection, the words that the mapping's own code compares with.
"""

from __future__ import annotations

import dis
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from hashlib import sha1
from types import CodeType, FunctionType, ModuleType
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson

from .families import Skip
from .fields import ENTRY_KEY, Field, Fields
from .kinds import Kind
from .pipeline import Pipeline
from .plugins.plan import Step
from .site import CourseProvider, IdentityProvider, Learner, UserRef
from .standards import Written

Body = dict[str, Any]
Leaves = dict[str, list[Any]]
"""Output path → its values, in the order of the statements and lists."""


class Form(IntEnum):
    """How a source value shows in an output, the weakest first."""

    DECIDES = 1  # whether the output is there, or which constant it is
    DERIVED = 2  # computed: an id, a share, a digest of the content
    DIGEST = 3  # keyed digest by the identity provider
    PSEUDONYM = 4  # the learner's pseudonym
    HASHED_ADDRESS = 5  # hash of the learner's e-mail address
    ADDRESS = 6  # the learner's e-mail address
    VALUE = 7  # the value, or a part of it

    @property
    def words(self) -> str:
        """For tables."""
        return self.name.lower().replace("_", " ")


# --- traceable look-ups ---------------------------------------------------------------------------------


class TracedIdentity(IdentityProvider):
    """Gives everyone a pseudonym that can be recognised, and, if ``addresses``, an e-mail address."""

    name = "traced"

    def __init__(self, addresses: bool, by_both: bool) -> None:
        """``by_both``: whether id and name both count, where both are known; else the id alone does."""
        self.addresses = addresses
        self.by_both = by_both
        self.given: dict[str, Form] = {}

    def learner(self, user: UserRef, space: str) -> Learner:
        """Recognisable."""
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
        """Recognisable."""
        return self._mark(f"digest {value}", Form.DIGEST)

    def _mark(self, of: str, form: Form) -> str:
        mark = str(uuid5(NAMESPACE_URL, of))
        self.given[mark] = form
        return mark


class TracedCourses(CourseProvider):
    """Every course has a title of its own."""

    name = "traced"

    def title(self, course_id: str) -> str:
        """Recognisable as different, not by its text."""
        return f"Course {uuid5(NAMESPACE_URL, course_id).hex[:8]}"


# --- samples --------------------------------------------------------------------------------------------

_MARK = re.compile(r"mk\d+[a-z]")
_TOKENS = re.compile(r"[0-9a-f]{32}@learner\.invalid|[0-9a-f]{40}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_COMPUTED = re.compile(r"\d{3}|mk\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT")
_USER_NAMES = re.compile(r"(\w+_)?user_id")
_COURSE_NAMES = re.compile(r"course_(id|key)|courserun_key")
_BLOCK_NAMES = re.compile(
    r"(usage|problem|module|block|content|unit|vertical|sequence|chapter|item|child|id)(_key|_id)?"
)
_URL_NAMES = re.compile(r".*(url|referer|page|path|href|link)")


@dataclass(slots=True)
class Source:
    """One source path of a mapping: who reads it, what may stand there, entries of what collection it is in."""

    path: str
    declared: Field
    values: list[Any]


def sources_of(reads: Sequence[type[Fields]], words: Sequence[str]) -> dict[str, Source]:
    """All declared paths (``*`` for the entries of collections) with two or more values that may stand there."""
    found: dict[str, Source] = {}

    def add(fields: type[Fields], prefix: str) -> None:
        for declared in fields.declared.values():
            for path in declared.paths:
                full = prefix + path
                if path == ENTRY_KEY:
                    continue
                if declared.entries is not None:
                    full += ".*"
                    add(declared.entries, full + ".")
                    found.setdefault(full, Source(full, declared, [2, 1, 0, "list"]))
                elif full not in found:
                    found[full] = Source(full, declared, _values(full, declared, len(found), words))

    for fields in reads:
        add(fields, "")
    return found


def _values(path: str, declared: Field, number: int, words: Sequence[str]) -> list[Any]:
    """Values that the field's kind takes: two with marks in the form that suits its name, then others."""
    name = path.rpartition(".")[2]
    one, two = f"mk{number}a", f"mk{number}b"
    courses = [f"course-v1:{mark}+{mark}c+{mark}r" for mark in (one, two)]
    blocks = [f"block-v1:{one}+{one}c+{one}r+type@problem+block@{mark}" for mark in (one, two)]
    urls = [
        f"https://{mark}.example/{mark}?activate_block_id={block}".replace("+", "%2B")
        for mark, block in zip((one, two), blocks, strict=True)
    ]
    whole, share = 1000 + number * 10, (number + 11) / 128
    numbers = [whole + 1.5, whole + 4.25, share, whole, whole + 3, 0, 1]
    nested: list[Any] = [[one, two], [two], {one: one, two: two}]
    if _USER_NAMES.fullmatch(name):
        suited: list[Any] = [whole, whole + 3, one, two]
    elif _COURSE_NAMES.fullmatch(name):
        suited = [*courses, one]
    elif _URL_NAMES.fullmatch(name):
        suited = [*urls, f"/{one}/page", one, f"mailto:{one}@mail.invalid"]
    elif _BLOCK_NAMES.fullmatch(name):
        suited = [*blocks, one]
    elif path == "data":
        suited = [f"input_{one}_2_1=x", f"input_{two}_2_1=x"]
    else:
        suited = [one, two]
    pool = [*declared.examples, *suited, *words, *numbers, True, False, *nested, "1.25"]
    taken = _taken(declared.kind, pool)
    if len(taken) > 1:
        return taken
    moments = [f"203{number % 10}-0{1 + number // 10 % 9}-03T04:05:{second}.123000+00:00" for second in ("06", "17")]
    uuids = [str(uuid5(NAMESPACE_URL, mark)) for mark in (one, two)]
    return _taken(declared.kind, [*taken, *moments, *uuids, *courses, *blocks, *urls, {one: one}, {two: two}])


def _taken(kind: Kind, pool: Sequence[Any]) -> list[Any]:
    taken: list[Any] = []
    seen: list[Any] = []
    for value in pool:
        try:
            made = kind(value)
        except Exception:  # noqa: S112  # a kind of a plugin: what it cannot look at is not its value
            continue
        if made is not None and (type(made), made) not in seen:
            seen.append((type(made), made))
            taken.append(value)
    return taken


def words_of(function: Callable[..., Any]) -> list[str]:
    """Texts that a mapping's code compares with, and keys of the tables that it looks up, in all that it calls."""
    words: dict[str, None] = {}
    seen: set[int] = set()

    def visit(code: CodeType, names: Mapping[str, Any]) -> None:
        if id(code) in seen:
            return
        seen.add(id(code))
        before: Any = None
        for instruction in dis.get_instructions(code):
            if instruction.opname in ("COMPARE_OP", "CONTAINS_OP"):
                several = before if isinstance(before, (tuple, frozenset)) else [before]
                words.update(dict.fromkeys(one for one in several if isinstance(one, str) and one))
            before = instruction.argval if instruction.opname == "LOAD_CONST" else None
        for inner in code.co_consts:
            if isinstance(inner, CodeType):
                visit(inner, names)
        known = [names[name] for name in code.co_names if name in names]
        modules = [one for one in known if isinstance(one, ModuleType)]
        known += [getattr(module, name) for module in modules for name in code.co_names if hasattr(module, name)]
        for one in known:
            one = getattr(one, "__wrapped__", one)  # noqa: PLW2901
            if isinstance(one, FunctionType) and one.__module__.partition(".")[0] in ("learnrelay", home):
                visit(one.__code__, one.__globals__)
            elif isinstance(one, Mapping):
                words.update(dict.fromkeys([key for key in one if isinstance(key, str)][:_MOST_WORDS]))

    plain = getattr(function, "__wrapped__", function)
    home = plain.__module__.partition(".")[0]
    if isinstance(plain, FunctionType):
        visit(plain.__code__, plain.__globals__)
    return list(words)


# --- running --------------------------------------------------------------------------------------------

_MOST_FORMS = 10
_MOST_VALUES = 30
_MOST_WORDS = 16
_MOST_REMEMBERED = 4_000
_NONE: list[Any] = []

Sample = dict[str, Any]
"""Source path → value; a path that is not in it is absent. For collections the number of entries."""


class Tracer:
    """Traces one mapping."""

    def __init__(self, pipeline: Pipeline, step: Step, event: str, common: type[Fields], *more: type[Fields]) -> None:
        """``more``: what enrichers read."""
        self.pipeline = pipeline
        self.step = step
        self.event = event
        self.sources = sources_of([step.transformer.reads, common, *more], words_of(step.function))
        self.containers = {
            path for path in self.sources
            if not path.endswith(".*") and any(other.startswith(path + ".") for other in self.sources)
        }  # fmt: skip
        self.telling: dict[str, list[Any]] = {
            path: source.values[:2] + [value for value in source.values[2:] if isinstance(value, dict)][:1]
            for path, source in self.sources.items()
        }
        self.marked = list(self.sources)
        self.found: dict[str, dict[str, Form]] = {path: {} for path in self.sources}
        self._said = lru_cache(_MOST_REMEMBERED)(self._run)

    def typical(self) -> Leaves:
        """What is said of a sample: what is the same of an event is the mapping's own, not the event's."""
        whole = self._whole()
        return {} if whole is None else self._leaves(whole) or {}

    def trace(self) -> dict[str, dict[str, Form]]:
        """Source path → output path → form. Paths that come out nowhere have an empty table."""
        whole = self._whole()
        if whole is None:
            return self.found
        users = [path for path in self.sources if path.endswith(("user_id", "username"))]
        one_user = {path: "mk0u" if path.endswith("name") else 4711 for path in users}
        samples = [whole, {**whole, **one_user}]
        for path in self.containers:
            without = {p: v for p, v in samples[1].items() if not p.startswith(path + ".")}
            samples += [{**without, path: value} for value in self.sources[path].values]
        seeds = len(samples)
        forms: set[frozenset[tuple[str, str]]] = set()
        outputs: set[str] = set()
        for number, sample in enumerate(samples):  # grows while new forms of statements turn up
            for path, altered, leaves in self._alter(sample, self.sources, every=number < 2):
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
        words = [path for path, values in self.telling.items() if len(values) > 2]
        alone = [
            {**samples[1], collection: 1, path: value}
            for collection in self.sources if collection.endswith(".*")
            for path in words if path != collection
            for value in self.telling[path][2:]
        ]  # fmt: skip
        for sample in [*samples, *alone]:  # again, with the words that only later samples have shown to matter
            self._note(sample, words)
        for path, source in self.sources.items():
            others = [{**whole, path: value} for value in source.values if _is_completed(value, source.values[0])]
            if path in whole and not source.declared.needed:
                others.append({p: v for p, v in whole.items() if p != path})
            for sample in others:
                self._note(sample, self.sources)
            samples += others
        for path, source in self.sources.items():
            if path not in whole and path not in self.containers:
                rivals = self._readers(path)
                for sample in samples:
                    moved = {**{p: v for p, v in sample.items() if p not in rivals}, path: source.values[0]}
                    self._note(moved, [path], every=sample is whole)
        for path in users:
            for sample in samples:
                self._note({**{p: v for p, v in sample.items() if p not in users}, path: one_user[path]}, [path])
        for path, found in self.found.items():
            for inner in self.found if path.endswith(".*") else ():
                if inner.startswith(path + "."):  # without the entry there is none of it
                    for output in self.found[inner]:
                        found.setdefault(output, Form.DECIDES)
        return self.found

    def _note(self, sample: Sample, paths: Iterable[str], every: bool = False) -> None:
        for _ in self._alter(sample, paths, every):
            pass

    def _readers(self, path: str) -> set[str]:
        """The paths of the fields that read this one: its alternatives, and itself."""
        alternatives = self.sources[path].declared.paths
        prefix = path[: path.rfind("*.") + 2] if ".*." in path else ""
        plain = {prefix + alternative for alternative in alternatives}
        return {p for p in self.sources if p.removesuffix(".*") in plain or p == path}

    def _whole(self) -> Sample | None:
        """A sample with every field at its first path, of which the mapping says something."""
        sample = {
            path: source.values[0]
            for path, source in self.sources.items()
            if path not in self.containers and path.removesuffix(".*").endswith(source.declared.paths[0])
        }
        if self._leaves(sample) is not None:
            return sample
        for path in sample:  # one of them is not of the form that the mapping wants
            for value in self.sources[path].values:
                if self._leaves({**sample, path: value}) is not None:
                    return {**sample, path: value}
        return None

    def _alter(self, sample: Sample, paths: Iterable[str], every: bool) -> Iterator[tuple[str, Sample, Leaves]]:
        """The sample with each path altered, and left out, in turn; what comes of it is noted."""
        before = self._leaves(sample)
        if before is None:
            return
        for path in paths:
            if path in self.containers and path not in sample:
                continue  # a text in the place of an object would take along what others find there
            rest = {other: value for other, value in sample.items() if other != path}
            now = sample.get(path)
            values = self.sources[path].values[:_MOST_VALUES] if every else self.telling[path]
            for value in [value for value in values if value != now]:
                altered = {**rest, path: value}
                if (after := self._leaves(altered)) is not None:
                    self._compare(before, after, path, now, value)
                    yield path, altered, after
            if path in sample and (after := self._leaves(rest)) is not None:
                self._compare(before, after, path, now, None)
                yield path, rest, after

    def _leaves(self, sample: Sample) -> Leaves | None:
        """What is said of a sample; None where nothing is. A third of all samples come up more than once."""
        return self._said(orjson.dumps(sample, option=orjson.OPT_SORT_KEYS))

    def _run(self, sample: bytes) -> Leaves | None:
        """The same of a sample as JSON. Marks in it tell where they came from."""
        try:
            made = self.pipeline.statements(self.step, body_of(self.event, orjson.loads(sample)))
        except Exception:  # a sample that the mapping cannot use tells nothing
            return None
        if isinstance(made, Skip) or not made:
            return None
        leaves = leaves_of(made)
        for output, values in leaves.items():
            for value in values:
                if type(value) is str and "mk" in value:
                    for number in _numbers_of_marks(value):
                        if number < len(self.marked):
                            self.found[self.marked[number]][output] = Form.VALUE
        return leaves

    def _compare(self, before: Leaves, after: Leaves, path: str, was: Any, became: Any) -> None:
        if before == after:
            return
        for output in before.keys() | after.keys():
            one, other = before.get(output, _NONE), after.get(output, _NONE)
            if one == other:
                continue
            gone, come = [v for v in one if v not in other], [v for v in other if v not in one]
            if gone or come:
                form = max(self._form_of(gone, other, path, was), self._form_of(come, one, path, became))
                self.found[path][output] = max(form, self.found[path].get(output, Form.DECIDES))

    def _form_of(self, values: list[Any], others: list[Any], path: str, raw: Any) -> Form:
        """How the source value shows in the values that are there only with it."""
        form = Form.DERIVED if values and others and not _constant(values + others) else Form.DECIDES
        marks = {"mk0k", "mk1k"} if path.endswith(".*") else set(_MARK.findall(str(raw)))
        identity = self.step.site.identity
        given = identity.given if isinstance(identity, TracedIdentity) else {}
        for value in values:
            text = str(value)
            if not marks.isdisjoint(_MARK.findall(text)) or (not marks and _shows(raw, value)):
                return Form.VALUE
            form = max([form, *(given.get(token, form) for token in _TOKENS.findall(text))])
        return form


def _is_completed(value: Any, first: Any) -> bool:
    """Whether a mapping may complete the value with what other paths say: a relative address, a block's short id."""
    if not isinstance(value, str):
        return False
    return value.startswith("/") or (str(first).startswith("block-v1:") and _MARK.fullmatch(value) is not None)


@lru_cache(100_000)
def _numbers_of_marks(text: str) -> tuple[int, ...]:
    return tuple(int(mark[2:-1]) for mark in _MARK.findall(text) if mark[-1] in "abcr")


def _form(leaves: Leaves | None) -> frozenset[tuple[str, str]]:
    """Which paths statements have, with what is constant there."""
    return frozenset((path, str(values) if _constant(values) else "") for path, values in (leaves or {}).items())


def _constant(values: list[Any]) -> bool:
    """Whether values are of the mapping's own words: nothing computed or taken from the sample is in them."""
    return all(value is True or value is False or (type(value) is str and _is_word(value)) for value in values)


@lru_cache(100_000)
def _is_word(text: str) -> bool:
    return _COMPUTED.search(text, text.rfind("/") + 1) is None


def _shows(raw: Any, value: Any) -> bool:
    """Whether a value without marks is in an output, as it is or rounded."""
    if raw is None or isinstance(raw, bool) or isinstance(value, bool):
        return False
    if isinstance(raw, (int, float)):
        if isinstance(value, (int, float)):
            return bool(value in (raw, round(raw, 3)))
        return re.search(rf"(?<![\w.-]){re.escape(str(raw))}(?![\w.-])", str(value)) is not None
    text = str(raw)
    if not any(character.isdigit() for character in text):
        return text == str(value)
    return text in str(value) or (_MOMENT.match(text) is not None and text[:19] in str(value))


def body_of(event: str, sample: Sample) -> Body:
    """The event's body that a sample stands for."""
    body: Body = {"name": event, "data": {}, "context": {}, "timestamp": None}
    for path in sorted(sample, key=lambda path: path.count(".")):
        if ".*." not in path:
            _put(
                body,
                path.removesuffix(".*"),
                _entries(path, sample) if path.endswith(".*") else sample[path],
            )
    return body


def _entries(path: str, sample: Sample) -> Any:
    """The entries of a collection: the first as the sample says, the second with other marks."""
    wanted = sample[path]
    inner = {p.removeprefix(path + "."): v for p, v in sample.items() if p.startswith(path + ".")}
    entries = []
    for number in range(2 if wanted == "list" else wanted):
        entry: Body = {}
        for name, value in inner.items():
            _put(entry, name, value if number == 0 or not isinstance(value, str) else value.replace("mk", "mk9"))
        entries.append(entry)
    return entries if wanted == "list" else {f"mk{number}k_2_1": entry for number, entry in enumerate(entries)}


def _put(body: Body, path: str, value: Any) -> None:
    *outer, last = path.split(".")
    for key in outer:
        body = body.setdefault(key, {})
        if not isinstance(body, dict):
            return
    body[last] = value


def leaves_of(statements: Sequence[Written]) -> Leaves:
    """All values of statements by output path: keys with dots in quotes, ``[*]`` for the items of a list."""
    found: Leaves = {}
    for statement in statements:
        _walk(statement.parsed, "", found)
    return found


def _walk(value: Any, path: str, found: Leaves) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            inside = below(path, key)
            if type(inner) is str:  # most are; spares a call
                found.setdefault(inside, []).append(inner)
            else:
                _walk(inner, inside, found)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _walk(inner, f"{path}[*]", found)
    else:
        found.setdefault(path, []).append(value)


@lru_cache(100_000)
def below(path: str, key: str) -> str:
    """The output path of a key of the object at ``path``."""
    if re.fullmatch(r"[@\w-]+", key) is None:
        return f'{path}["{key}"]'
    return f"{path}.{key}" if path else key
