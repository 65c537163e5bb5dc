"""Extracts declared values from events: a function gets these values and no others.

A `Fields` class is the declaration::

    class VideoFields(Fields):
        id = required("data.id", kind=text)
        position = optional("data.current_time", "data.currentTime", kind=number)

Where a value is a text that holds others, a path goes on in it after the name of its form: ``data.other|json.quizid``,
``data.answers|form.input_1``, ``context.referer|query.page`` (`learnrelay.inner_texts`).

`compile_extractor` turns it, once, into a function from the event's body to an instance; `compile_values` into one to
the bare values, which costs less where an instance is seldom needed. The paths are dotted and start at the event
(``name``, ``timestamp``, ``data.…``, ``context.…``); of several the first that holds a value of the kind wins.
`extract_subdict_by_keys` is the plain form of the same rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import count
from keyword import iskeyword
from typing import Any, ClassVar, NamedTuple, TypeVar, cast, overload

from .errors import InvalidFieldError, MissingFieldError
from .inner_texts import READERS, describe_payload, read_step
from .kinds import (
    INVALID,
    LONGEST_ID,
    Containment,
    Invalid,
    Kind,
    Scalar,
    StrictWords,
    TextKind,
    boolean,
    described,
    identifier,
    is_strict,
    moment,
    number,
    scalar,
    strict_text,
    takes_containers,
    text,
)

T = TypeVar("T")
F = TypeVar("F", bound="Fields")

Body = Mapping[str, Any]
"""An event in the canonical shape: exactly name, data, context and timestamp."""

ENTRY_KEY = "@key"
"""Pseudo-path: the key (or position) of an entry of a collection, see `each`."""


@dataclass(frozen=True, slots=True)
class Field:
    """Describes a declared field: its source paths in order of preference, its kind, and whether it must be present.

    ``reason`` is why a field that looks like personal data is read at all (the harness requires it).
    ``entries`` is the declaration of each entry where the field is a collection. ``examples`` are raw values as
    an event has them, from which the harness makes its samples.
    """

    paths: tuple[str, ...]
    kind: Kind
    needed: bool
    reason: str = ""
    entries: type[Fields] | None = None
    examples: tuple[Any, ...] = ()


@overload
def required(*paths: str, reason: str = "", example: Any = None) -> Scalar: ...
@overload
def required(*paths: str, kind: Callable[[Any], T | None], reason: str = "", example: Any = None) -> T: ...
def required(*paths: str, kind: Kind = scalar, reason: str = "", example: Any = None) -> Any:
    """Declares a field that every event must have: its absence is a `MissingFieldError`.

    ``example`` is a raw value that an event may hold there, or a tuple of several.
    """
    return Field(_checked(paths), kind, needed=True, reason=reason, examples=_examples(example))


@overload
def optional(*paths: str, reason: str = "", example: Any = None) -> Scalar | None: ...
@overload
def optional(*paths: str, kind: Callable[[Any], T], reason: str = "", example: Any = None) -> T | None: ...
def optional(*paths: str, kind: Kind = scalar, reason: str = "", example: Any = None) -> Any:
    """Declares a field that may be absent: the mapping then sees None."""
    return Field(_checked(paths), kind, needed=False, reason=reason, examples=_examples(example))


def each(path: str, entries: type[F]) -> tuple[F, ...]:
    """Declares a collection: the values of an object, or the items of a list, each read through ``entries``.

    Entries that are no objects are skipped. The mapping sees a tuple, empty when there are none.
    """
    return cast("tuple[F, ...]", Field(_checked((path,)), text, needed=False, entries=entries))


def entry_key() -> str:
    """Declares the key of an entry in its object, or its position from 0, inside a declaration for `each`."""
    return cast("str", Field((ENTRY_KEY,), text, needed=True))


def _examples(example: Any) -> tuple[Any, ...]:
    return () if example is None else example if isinstance(example, tuple) else (example,)


def _checked(paths: tuple[str, ...]) -> tuple[str, ...]:
    if not paths or not all(all(path.split(".")) for path in paths):
        raise ValueError(f"a field needs at least one dotted path without empty parts, got {paths!r}")
    for path in paths:
        *outer, last = path.split(".")
        forms = [form for part in outer for form in part.split("|")[1:]]
        if "|" in last or not READERS.keys() >= set(forms):
            raise ValueError(f"a path goes on after {', '.join('|' + form for form in READERS)}, got {path!r}")
    return paths


class Fields:
    """Holds extracted values as attributes, and nothing else: the base of declarations."""

    declared: ClassVar[dict[str, Field]] = {}

    def __init_subclass__(cls) -> None:
        """Collects the declared fields, inherited ones first, and removes them from the class."""
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
        for name in own:
            if not name.isidentifier() or iskeyword(name):
                raise ValueError(f"{cls.__qualname__}: {name!r} cannot be the name of a field")
            delattr(cls, name)
        inherited = {k: f for base in reversed(cls.__mro__[1:]) for k, f in getattr(base, "declared", {}).items()}
        cls.declared = inherited | own

    def __init__(self, **values: Any) -> None:
        """Builds an instance by hand, for tests of a mapping: absent optional fields become None."""
        if unknown := values.keys() - self.declared.keys():
            raise TypeError(f"{type(self).__name__} declares no {', '.join(sorted(unknown))}")
        for name, field in self.declared.items():
            if field.needed and name not in values:
                raise TypeError(f"{type(self).__name__} requires {name}")
            setattr(self, name, values.get(name, () if field.entries else None))

    def __eq__(self, other: object) -> bool:
        """Compares declaration and values."""
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]  # values may be lists

    def __repr__(self) -> str:
        """Shows names only: a value never reaches a log through a repr."""
        present = [name for name in self.declared if getattr(self, name, None) is not None]
        return f"{type(self).__name__}({', '.join(present)})"


def declared_paths(fields: type[Fields], prefix: str = "") -> Iterator[tuple[str, str, Field]]:
    """Yields (attribute, source path, field) of a declaration, depth first.

    Inside collections the path has ``*`` for the entry (``data.submission.*.answer``); a path whose kind takes
    containers ends in ``.**`` as well, because all below it is read.
    """
    for name, field in fields.declared.items():
        for path in field.paths:
            full = prefix + path
            if field.entries is not None:
                yield name, full + ".*", field
                yield from declared_paths(field.entries, full + ".*.")
            elif path != ENTRY_KEY:
                yield name, full + (".**" if takes_containers(field.kind) else ""), field


# --- the plain form -------------------------------------------------------------------------------------


def value_at(body: Mapping[str, Any], path: str) -> Any:
    """Returns the raw value at a dotted path; None without such a path, INVALID inside a text that cannot be read."""
    value: Any = body
    for key in path.split("."):
        if type(value) is not dict:
            return INVALID if value is INVALID else None
        value = read_step(value, key) if "|" in key else value.get(key)
    return value


def extract_subdict_by_keys(
    body: Mapping[str, Any], required: Iterable[str], optional: Iterable[str] = ()
) -> dict[str, Scalar]:
    """Extracts ``{dotted path: value}`` of exactly these paths, scalars only: the plain form of extraction.

    Raises MissingFieldError or InvalidFieldError for a required path; an optional one without value is left out.

    >>> event = {"name": "x", "data": {"id": "v1", "secret": "s"}}
    >>> extract_subdict_by_keys(event, required=["data.id"], optional=["data.duration"])
    {'data.id': 'v1'}
    """
    values: dict[str, Scalar] = {}
    for path in required:
        value = _first(body, (path,), scalar)
        if value is None:
            raise absent(body, Field((path,), scalar, needed=True))
        values[path] = value
    for path in optional:
        value = _first(body, (path,), scalar)
        if value is not None:
            values[path] = value
    return values


class _Unreadable:
    """Stands in the extractor for the object in a text that cannot be read."""

    @staticmethod
    def get(_key: str) -> Invalid:
        return INVALID


_SCALARS = frozenset({str, int, float, bool})
"""Types that a kind gets: a plugin's own kind cannot read objects below a declared path."""


def first_value(body: Mapping[str, Any], field: Field) -> Any:
    """Returns the value of a declared field from the first path that has one; None without any."""
    return _first(body, field.paths, field.kind)


def _first(body: Mapping[str, Any], paths: tuple[str, ...], kind: Kind) -> Any:
    for path in paths:
        raw = value_at(body, path)
        if (takes_containers(kind) and raw is not None) or type(raw) in _SCALARS:
            value = kind(raw)
            if value is not None:
                return value
        elif raw is not None and is_strict(kind):
            return INVALID
    return None


def absent(body: Mapping[str, Any], field: Field, prefix: str = "") -> MissingFieldError | InvalidFieldError:
    """Returns the error for a required field without a value: it is missing, not of its kind, or was cut off."""
    for path in field.paths:
        raw = value_at(body, path)
        if raw not in (None, "", [], {}):
            reason = f"expected {described(field.kind)}, found {_type_in_words(raw)}"
            return InvalidFieldError(reason, path=prefix + path)
    others = f" (nor in {', '.join(prefix + path for path in field.paths[1:])})" if field.paths[1:] else ""
    reason = f"required field is missing or empty{others}"
    payload = body.get("data") if not prefix and field.paths[0].startswith("data.") else None
    if type(payload) is str and (why := describe_payload(payload)):
        reason += f"; {why}"
    return MissingFieldError(reason, path=prefix + field.paths[0])


def _type_in_words(raw: Any) -> str:
    words = {
        str: "text",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
        Invalid: "a text that cannot be read",
    }
    return words.get(type(raw), type(raw).__name__)


# --- the compiled form ----------------------------------------------------------------------------------


def compile_extractor(
    fields: type[F], copying: bool = False, given: Sequence[Field] = (), derived: Sequence[str] = (), **known: Any
) -> Callable[[Mapping[str, Any]], F]:
    """Generates the function that extracts ``fields`` from an event's body.

    Equal to looking up each path by hand, and about six times faster: each object on the way is fetched once.
    ``copying``: lists and objects are copied, so that the receiving code cannot change the event. ``given``: fields
    that each body has, of their kind. ``derived``: lines of the core's own that set further attributes of ``self`` with
    what is ``known``; an instance keeps its compact form only if all of them are set here.
    """
    begin = ["def extract(body, key='', prefix=''):"]
    return cast("Callable[[Mapping[str, Any]], F]", _generate(fields, begin, "self", copying, given, derived, **known))


class ValuesExtractor(NamedTuple):
    """Extracts the values of a declaration from an event's body, in its order, and builds an instance of them."""

    extract: Callable[[Body], tuple[Any, ...]]
    build: Callable[[tuple[Any, ...]], Fields]


def compile_values(fields: type[Fields]) -> ValuesExtractor:
    """Generates the functions of a `ValuesExtractor`: together they are what `compile_extractor` generates."""
    names = [f"v{place}" for place in range(len(fields.declared))]
    values = f"({''.join(f'{name}, ' for name in names)})"
    extract = _generate(fields, ["def extract(body):", " prefix = ''"], values, names=names)
    lines = ["def build(values):", " self = new(cls)"]
    if names:
        lines.append(f" {''.join(f'self.{name}, ' for name in fields.declared)}= values")
    scope: dict[str, Any] = {"cls": fields, "new": object.__new__}
    # The source is made of declared names, which are identifiers (see above).
    exec(compile("\n".join([*lines, " return self"]), f"<builder of {fields.__qualname__}>", "exec"), scope)  # noqa: S102
    return ValuesExtractor(extract, scope["build"])


def compile_call(
    function: Callable[..., Any], fields: type[Fields], signature: str, call: str, **known: Any
) -> Callable[..., Any]:
    """Generates a function with this signature that calls another with the ``fields`` extracted from the event's body.

    Lists and objects are copied: a plugin of a stage cannot change the event.

    ``call``: the arguments, in which ``self`` is the extracted instance, and what else is ``known``. Extraction is part
    of the function, because a second call would double the cost. Both texts are the core's own.
    """
    begin = [f"def extract({signature}):", " body, prefix = fields, ''"]
    return _generate(fields, begin, f"function({call})", copying=True, function=function, **known)


_INLINE: dict[Kind, str] = {
    text: "if type(v) is not str or not v: v = None",
    boolean: "if type(v) is not bool: v = None",
    number: "if type(v) is not int and (type(v) is not float or v - v != 0): v = None",
    identifier: (
        f"t = type(v); v = str(v) if t is int else (v.strip() or None) if t is str and len(v) <= {LONGEST_ID} else None"
    ),
    strict_text: "if v is not None: v = INVALID if type(v) is not str or v and not v.strip() else v or None",
}
"""The commonest kinds written out in the generated code, which saves a call for each field.

A test holds them equal to the functions. ``v - v`` is not 0 for what is not finite.
"""


def _conversion(kind: Kind, name: str, copying: bool) -> str:
    """Generates the line that converts ``v`` by the kind. Only kinds for containers get lists and objects."""
    if kind in _INLINE:
        return _INLINE[kind]
    if takes_containers(kind):
        made = f"copy({name}(v))" if copying else f"{name}(v)"
        return f"if v is not None: v = {made}"
    if isinstance(kind, StrictWords):
        return f"if v is not None and v not in {kind.words!r}: v = INVALID"  # no other JSON value equals a text
    if isinstance(kind, Containment):
        there = repr(kind.there) if isinstance(kind.there, str) else f"{name}.there(v)"
        of_text = f"({there} if {kind.part!r} in v else {kind.missing!r})"
        return f"v = {of_text} if type(v) is str else {kind.missing!r} if type(v) in SCALARS else None"
    if kind is moment or isinstance(kind, TextKind):
        return f"v = {name}(v) if type(v) is str else None"
    if is_strict(kind):
        return f"if v is not None: v = {name}(v) if type(v) in SCALARS else INVALID"
    return f"v = {name}(v) if type(v) in SCALARS else None"


_DEEPEST = 50  # levels of generated code; the compiler takes a hundred


def _generate(
    fields: type[Fields],
    begin: list[str],
    result: str,
    copying: bool = False,
    given: Sequence[Field] = (),
    derived: Sequence[str] = (),
    names: Sequence[str] = (),
    **known: Any,
) -> Callable[..., Any]:
    """Generates a function of these first lines that extracts ``self`` from ``body`` and returns the result.

    ``names``: of the variables that get the values, in the place of ``self``.
    """
    scope: dict[str, Any] = {
        **known,
        "cls": fields,
        "new": object.__new__,
        "absent": absent,
        "EMPTY": {},
        "UNREADABLE": _Unreadable,
        "walk": _entries,
        "SCALARS": _SCALARS,
        "INVALID": INVALID,
        "copy": deepcopy,
        "read_step": read_step,
    }
    lines = [*begin] if names else [*begin, " self = new(cls)"]
    targets = names or [f"self.{name}" for name in fields.declared]
    fetched_objects: dict[str, str] = {"": "body"}
    numbers = count(1)
    read_first: dict[str, str] = {}  # path that several fields read first → variable that holds what is there
    first_paths = [field.paths[0] for field in fields.declared.values() if field.entries is None]

    def parent(path: str, objects: dict[str, str], indent: str = " ") -> tuple[str, str]:
        """Returns the variable of the object that holds the last part of ``path``, and that part.

        ``objects``: path → variable of what has been fetched already where the code runs that ``indent`` stands for.
        """
        head, _, last = path.rpartition(".")
        if head not in objects:
            outer, name = parent(head, objects, indent)
            variable = objects[head] = f"o{next(numbers)}"
            fetched = f"read_step({outer}, {name!r})" if "|" in name else f"{outer}.get({name!r})"
            lines.append(f"{indent}{variable} = {fetched}")
            other = f"UNREADABLE if {variable} is INVALID else EMPTY" if "|" in head else "EMPTY"
            lines.append(f"{indent}if type({variable}) is not dict: {variable} = {other}")
        return objects[head], last

    for place, (target, field) in enumerate(zip(targets, fields.declared.values(), strict=True)):
        if field.paths == (ENTRY_KEY,):
            lines.append(f" {target} = key")
            continue
        if field in given:
            lines.append(f" {target} = body[{field.paths[0]!r}]")
            continue
        if field.entries is not None:
            scope[f"e{place}"] = compile_extractor(field.entries, copying)
            holder, last = parent(field.paths[0], fetched_objects)
            path = field.paths[0]
            lines.append(f" {target} = walk({holder}.get({last!r}), e{place}, prefix + {path!r})")
            continue
        scope[f"k{place}"] = field.kind.convert if isinstance(field.kind, TextKind) else field.kind
        objects = fetched_objects
        for order, path in enumerate(field.paths):  # each within the one before: what is found is asked about once
            indent = " " * min(order + 1, _DEEPEST)
            if order:
                lines.append(f"{' ' * min(order, _DEEPEST - 1)}if v is None:")
                objects = dict(objects)  # what is fetched there is not fetched for those after it
            if not order and path in read_first:
                lines.append(f" v = {read_first[path]}")
            else:
                holder, last = parent(path, objects, indent)
                is_shared = not order and first_paths.count(path) > 1
                kept = f"{read_first.setdefault(path, f'r{place}')} = " if is_shared else ""
                lines.append(f"{indent}v = {kept}{holder}.get({last!r})")
            lines.append(indent + _conversion(field.kind, f"k{place}", copying))
        if field.needed:
            scope[f"f{place}"] = field
            lines.append(f" if v is None: raise absent(body, f{place}, prefix)")
        lines.append(f" {target} = v")
    lines += [f" {line}" for line in derived]
    lines.append(f" return {result}")
    # The source is made of declared names (identifiers, see above) and paths (through repr()); never of event text.
    exec(compile("\n".join(lines), f"<extractor of {fields.__qualname__}>", "exec"), scope)  # noqa: S102
    return cast("Callable[..., Any]", scope["extract"])


def _entries(raw: Any, extract: Callable[..., Fields], path: str) -> tuple[Fields, ...]:
    if type(raw) is dict:
        pairs: Iterable[tuple[str, Any]] = raw.items()
    elif type(raw) is list:
        pairs = ((str(position), item) for position, item in enumerate(raw))
    else:
        return ()
    prefix = f"{path}.*."
    return tuple([extract(item, key, prefix) for key, item in pairs if type(item) is dict])
