"""Extraction: a transformer declares what it reads, and gets these values and nothing else.

A `Fields` class is the declaration::

    class VideoFields(Fields):
        id = required("data.id", kind=text)
        position = optional("data.current_time", "data.currentTime", kind=number)

`compile_extractor` turns it, once, into a function from the event's body to an instance. The paths are dotted
and start at the event (``name``, ``timestamp``, ``data.…``, ``context.…``); of several the first that holds a
value of the kind wins. `extract_subdict_by_keys` is the plain form of the same rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any, ClassVar, TypeVar, cast, overload

from .errors import InvalidFieldError, MissingFieldError
from .kinds import (
    UNREADABLE,
    Kind,
    Scalar,
    boolean,
    described,
    identifier,
    is_strict,
    number,
    scalar,
    strict_text,
    takes_containers,
    text,
)

T = TypeVar("T")
F = TypeVar("F", bound="Fields")

ENTRY_KEY = "@key"
"""Pseudo-path: the key (or position) of the entry that `each` is looking at."""


@dataclass(frozen=True, slots=True)
class Field:
    """One declared field: its source paths in order of preference, its kind, and whether it must be there.

    ``reason`` is why a field that looks like personal data is read at all (the harness asks for it).
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
    """Declare a field without which there is nothing to say: its absence is a `MissingFieldError`.

    ``example`` is a raw value that an event may hold there, or a tuple of several.
    """
    return Field(_checked(paths), kind, needed=True, reason=reason, examples=_examples(example))


@overload
def optional(*paths: str, reason: str = "", example: Any = None) -> Scalar | None: ...
@overload
def optional(*paths: str, kind: Callable[[Any], T | None], reason: str = "", example: Any = None) -> T | None: ...
def optional(*paths: str, kind: Kind = scalar, reason: str = "", example: Any = None) -> Any:
    """Declare a field that may be absent: the mapping then sees None."""
    return Field(_checked(paths), kind, needed=False, reason=reason, examples=_examples(example))


def each(path: str, entries: type[F]) -> tuple[F, ...]:
    """Declare a collection: the values of an object, or the items of a list, each read through ``entries``.

    Entries that are no objects are passed over. The mapping sees a tuple, empty where there is nothing.
    """
    return cast("tuple[F, ...]", Field(_checked((path,)), text, needed=False, entries=entries))


def entry_key() -> str:
    """Inside a declaration that is used with `each`: the entry's key in its object, or its position from 0."""
    return cast("str", Field((ENTRY_KEY,), text, needed=True))


def _examples(example: Any) -> tuple[Any, ...]:
    return () if example is None else example if isinstance(example, tuple) else (example,)


def _checked(paths: tuple[str, ...]) -> tuple[str, ...]:
    if not paths or not all(all(path.split(".")) for path in paths):
        raise ValueError(f"a field needs at least one dotted path without empty parts, got {paths!r}")
    return paths


class Fields:
    """Base of declarations. An instance holds the extracted values as attributes, and nothing else."""

    declared: ClassVar[dict[str, Field]] = {}

    def __init_subclass__(cls) -> None:
        """Collect the declared fields, inherited ones first, and take them off the class."""
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
        for name in own:
            if not name.isidentifier() or iskeyword(name):
                raise ValueError(f"{cls.__qualname__}: {name!r} cannot be the name of a field")
            delattr(cls, name)
        inherited = {k: f for base in reversed(cls.__mro__[1:]) for k, f in getattr(base, "declared", {}).items()}
        cls.declared = inherited | own

    def __init__(self, **values: Any) -> None:
        """Build by hand, for tests of a mapping: absent optional fields become None."""
        if unknown := values.keys() - self.declared.keys():
            raise TypeError(f"{type(self).__name__} declares no {', '.join(sorted(unknown))}")
        for name, field in self.declared.items():
            if field.needed and name not in values:
                raise TypeError(f"{type(self).__name__} requires {name}")
            setattr(self, name, values.get(name, () if field.entries else None))

    def __eq__(self, other: object) -> bool:
        """Equal when of one declaration and of equal values."""
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]  # values may be lists

    def __repr__(self) -> str:
        """Names only: a value never reaches a log through a repr."""
        present = [name for name in self.declared if getattr(self, name, None) is not None]
        return f"{type(self).__name__}({', '.join(present)})"


def declared_paths(fields: type[Fields], prefix: str = "") -> Iterator[tuple[str, str, Field]]:
    """All (attribute, source path, field) of a declaration, depth first.

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
    """The raw value at a dotted path, or None where there is no such path."""
    found: Any = body
    for key in path.split("."):
        if type(found) is not dict:
            return None
        found = found.get(key)
    return found


def extract_subdict_by_keys(
    body: Mapping[str, Any], required: Iterable[str], optional: Iterable[str] = ()
) -> dict[str, Scalar]:
    """The plain form of extraction: ``{dotted path: value}`` of exactly these paths, scalars only.

    Raises MissingFieldError or InvalidFieldError for a required path; an optional one without value is left out.

    >>> event = {"name": "x", "data": {"id": "v1", "secret": "s"}}
    >>> extract_subdict_by_keys(event, required=["data.id"], optional=["data.duration"])
    {'data.id': 'v1'}
    """
    found: dict[str, Scalar] = {}
    for path in required:
        value = _first(body, (path,), scalar)
        if value is None:
            raise absent(body, Field((path,), scalar, needed=True))
        found[path] = value
    for path in optional:
        value = _first(body, (path,), scalar)
        if value is not None:
            found[path] = value
    return found


_SCALARS = frozenset({str, int, float, bool})
"""What a kind gets to see: a kind of a plugin's own cannot look into what lies below a declared path."""


def _first(body: Mapping[str, Any], paths: tuple[str, ...], kind: Kind) -> Any:
    for path in paths:
        raw = value_at(body, path)
        if (takes_containers(kind) and raw is not None) or type(raw) in _SCALARS:
            value = kind(raw)
            if value is not None:
                return value
        elif raw is not None and is_strict(kind):
            return UNREADABLE
    return None


def absent(body: Mapping[str, Any], field: Field, prefix: str = "") -> MissingFieldError | InvalidFieldError:
    """The error of a required field that gave no value: was it missing, or not of its kind?"""
    for path in field.paths:
        raw = value_at(body, path)
        if raw not in (None, "", [], {}):
            reason = f"expected {described(field.kind)}, found {_type_in_words(raw)}"
            return InvalidFieldError(reason, path=prefix + path)
    others = f" (nor in {', '.join(prefix + path for path in field.paths[1:])})" if field.paths[1:] else ""
    return MissingFieldError(f"required field is missing or empty{others}", path=prefix + field.paths[0])


def _type_in_words(raw: Any) -> str:
    words = {
        str: "text",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return words.get(type(raw), type(raw).__name__)


# --- the compiled form ----------------------------------------------------------------------------------


def compile_extractor(fields: type[F]) -> Callable[[Mapping[str, Any]], F]:
    """Generate the function that extracts ``fields`` from an event's body.

    Equal to looking up each path by hand, and about six times faster: each object on the way is fetched once.
    """
    return cast(
        "Callable[[Mapping[str, Any]], F]", _generate(fields, ["def extract(body, key='', prefix=''):"], "self")
    )


def compile_call(function: Callable[..., Any], fields: type[Fields], signature: str, call: str) -> Callable[..., Any]:
    """Generate the function with this signature that gives ``fields`` to another, extracted from the body so named.

    ``call``: its arguments, in which ``self`` is what was extracted. One function, since a call of another to extract
    costs as much again as handing over. Both texts are the core's own.
    """
    begin = [f"def extract({signature}):", " body, prefix = fields, ''"]
    return _generate(fields, begin, f"function({call})", function=function)


_INLINE: dict[Kind, str] = {
    text: "if type(v) is not str or not v: v = None",
    boolean: "if type(v) is not bool: v = None",
    number: "if type(v) is not int and (type(v) is not float or v - v != 0): v = None",
    identifier: "v = (v.strip() or None) if type(v) is str else str(v) if type(v) is int else None",
    strict_text: f"v = (v or None) if type(v) is str else None if v is None else {UNREADABLE!r}",
}
"""The commonest kinds written out in the generated code, which saves a call for each field.

A test holds them equal to the functions. ``v - v`` is not 0 for what is not finite.
"""


def _conversion(kind: Kind, name: str) -> str:
    """The line that makes ``v`` what the kind makes of it. Containers reach the kinds that are meant for them only."""
    if kind in _INLINE:
        return _INLINE[kind]
    if takes_containers(kind):
        return f"if v is not None: v = {name}(v)"
    if is_strict(kind):
        return f"if v is not None: v = {name}(v) if type(v) in SCALARS else {UNREADABLE!r}"
    return f"v = {name}(v) if type(v) in SCALARS else None"


def _generate(fields: type[Fields], begin: list[str], result: str, **known: Any) -> Callable[..., Any]:
    """A function of these first lines that extracts ``self`` from ``body`` and returns the result."""
    scope: dict[str, Any] = {
        **known,
        "cls": fields,
        "new": object.__new__,
        "absent": absent,
        "EMPTY": {},
        "walk": _entries,
        "SCALARS": _SCALARS,
    }
    lines = [*begin, " self = new(cls)"]
    objects: dict[str, str] = {"": "body"}

    def parent(path: str) -> tuple[str, str]:
        """The variable that holds the object in which the last part of ``path`` stands."""
        head, _, last = path.rpartition(".")
        if head not in objects:
            outer, name = parent(head)
            variable = objects[head] = f"o{len(objects)}"
            lines.append(f" {variable} = {outer}.get({name!r})")
            lines.append(f" if type({variable}) is not dict: {variable} = EMPTY")
        return objects[head], last

    for place, (name, field) in enumerate(fields.declared.items()):
        if field.paths == (ENTRY_KEY,):
            lines.append(f" self.{name} = key")
            continue
        if field.entries is not None:
            scope[f"e{place}"] = compile_extractor(field.entries)
            holder, last = parent(field.paths[0])
            path = field.paths[0]
            lines.append(f" self.{name} = walk({holder}.get({last!r}), e{place}, prefix + {path!r})")
            continue
        scope[f"k{place}"] = field.kind
        for order, path in enumerate(field.paths):
            holder, last = parent(path)
            indent = " " if order == 0 else "  "
            if order:
                lines.append(" if v is None:")
            lines.append(f"{indent}v = {holder}.get({last!r})")
            lines.append(indent + _conversion(field.kind, f"k{place}"))
        if field.needed:
            scope[f"f{place}"] = field
            lines.append(f" if v is None: raise absent(body, f{place}, prefix)")
        lines.append(f" self.{name} = v")
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
