r"""Translates the regular expressions of ERB's routers into values of ``match``.

ERB asks Python whether an expression occurs anywhere in a text (`re.search`); ``match`` compares whole texts, with RE2.
A translation matches the same texts, or fewer: never one that ERB's expression does not match. Left out are an empty
text, one of more than 1,024 characters, and one that ends in a line break before which ``$`` matches. The letters and
digits of ``\w`` and ``\d`` are those of RE2's version of Unicode.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from re import _constants, _parser  # type: ignore[attr-defined]  # what Python itself reads in an expression
from typing import Any

from learnrelay import LearnrelayError
from learnrelay.pipeline.match_rules import ValueMatcher

ANYTHING = "(?s:.*)"

_SPACES = r"\t-\r\x{1c}-\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
_CLASSES = {
    _constants.CATEGORY_DIGIT: r"\p{Nd}",
    _constants.CATEGORY_WORD: r"\pL\pN_",
    _constants.CATEGORY_SPACE: _SPACES,
}
"""Classes of Python, which are those of Unicode, in RE2, where they are those of ASCII."""
_OPPOSITES = {
    _constants.CATEGORY_NOT_DIGIT: _constants.CATEGORY_DIGIT,
    _constants.CATEGORY_NOT_WORD: _constants.CATEGORY_WORD,
    _constants.CATEGORY_NOT_SPACE: _constants.CATEGORY_SPACE,
}
_BEGINNINGS = (_constants.AT_BEGINNING, _constants.AT_BEGINNING_STRING)
_ENDS = (_constants.AT_END, _constants.AT_END_STRING)
_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
_SHORT = {(0, _constants.MAXREPEAT): "*", (1, _constants.MAXREPEAT): "+", (0, 1): "?"}
_TRANSLATED_FLAGS = re.UNICODE | re.VERBOSE | re.DOTALL | re.IGNORECASE
_UNTRANSLATABLE = {
    _constants.ASSERT: "look-ahead or look-behind",
    _constants.ASSERT_NOT: "look-ahead or look-behind",
    _constants.GROUPREF: "a back-reference",
    _constants.GROUPREF_EXISTS: "a condition on a group",
    _constants.ATOMIC_GROUP: "an atomic group",
    _constants.POSSESSIVE_REPEAT: "a possessive repetition",
    _constants.AT: r"\b or \B",
}
_SPECIAL = frozenset(r"\.+*?()|[]{}^$")
_SPECIAL_IN_CLASSES = frozenset(r"\[]^-&~")


class InvalidExpressionError(LearnrelayError):
    """Reports what Python refuses as an expression: ERB raised an exception where it came to it."""


class UntranslatableError(LearnrelayError):
    """Reports an expression that no value of ``match`` can say."""


def translate(expression: str) -> str:
    """Returns the value of ``match`` for an expression: a text, ``glob:…`` or ``regex:…``.

    Raises InvalidExpressionError and UntranslatableError.
    """
    try:
        tree = _parser.parse(expression)
        value = _translate(tree, tree.state.flags)
        ValueMatcher([value])
    except (re.error, OverflowError) as error:
        raise InvalidExpressionError(f"Python refuses it: {error}") from None
    except RecursionError:
        raise UntranslatableError("it is nested too deep") from None
    except ValueError as error:
        raise UntranslatableError(str(error)) from None
    return value


def _translate(tree: Sequence[tuple[Any, Any]], flags: int) -> str:
    _check_flags(flags)
    items = list(tree)
    begins, ends = _strip(items, 0, _BEGINNINGS), _strip(items, -1, _ENDS)
    if all(code is _constants.LITERAL for code, _ in items) and not flags & re.IGNORECASE:
        text = "".join(chr(value) for _, value in items)
        if begins and ends:
            if not text:
                raise UntranslatableError("it matches an empty text alone, and `match` matches none")
            if not text.startswith(("glob:", "regex:")):
                return text
        glob = re.sub(r"[*?[]", r"[\g<0>]", text)
        return "glob:" + "*" * (not begins) + glob + "*" * (not ends and bool(text or begins))
    body = _write(items, flags)
    return f"regex:{'' if begins else ANYTHING}{body}{'' if ends else ANYTHING}"


def _strip(items: list[tuple[Any, Any]], place: int, anchors: Sequence[Any]) -> bool:
    """Removes an anchor from an end, or what matches anything. Tells whether there was an anchor."""
    is_anchored = False
    while items and items[place][0] is _constants.AT and items[place][1] in anchors:
        del items[place]
        is_anchored = True
    while not is_anchored and items and _is_anything(*items[place]):
        del items[place]
    return is_anchored


def _is_anything(code: Any, value: Any) -> bool:
    return code in _REPEATS and value[:2] == (0, _constants.MAXREPEAT) and list(value[2]) == [(_constants.ANY, None)]


def _write(items: Iterable[tuple[Any, Any]], flags: int) -> str:
    """Writes parsed items for RE2."""
    return "".join(_write_item(code, value, flags) for code, value in items)


def _write_item(code: Any, value: Any, flags: int) -> str:
    if code is _constants.AT and value in (*_BEGINNINGS, *_ENDS):
        return r"\A" if value in _BEGINNINGS else r"\z"
    writer = _WRITERS.get(code)
    if writer is None:
        raise UntranslatableError(f"it has {_UNTRANSLATABLE.get(code, 'what RE2 does not know')}")
    return writer(value, flags)


def _write_literal(value: int, flags: int) -> str:
    text = _escape(value, _SPECIAL)
    if not flags & re.IGNORECASE:
        return text
    _check_case(value)
    return f"(?i:{text})"


def _write_other(value: int, flags: int) -> str:
    return _write_class([(_constants.NEGATE, None), (_constants.LITERAL, value)], flags)


def _write_any(_: None, flags: int) -> str:
    return "(?s:.)" if flags & re.DOTALL else "."


def _write_class(members: Sequence[tuple[Any, Any]], flags: int) -> str:
    is_negated = members[0][0] is _constants.NEGATE
    members = members[is_negated:]
    if len(members) == 1 and members[0][1] in _OPPOSITES:
        members, is_negated = [(_constants.CATEGORY, _OPPOSITES[members[0][1]])], not is_negated
    if is_negated and flags & re.IGNORECASE:
        raise UntranslatableError("it has a negated class where upper and lower case are the same")
    written = "".join(_write_member(code, value, flags) for code, value in members)
    text = f"[{'^' if is_negated else ''}{written}]"
    return f"(?i:{text})" if flags & re.IGNORECASE else text


def _write_member(code: Any, value: Any, flags: int) -> str:
    if code is _constants.CATEGORY:
        if value not in _CLASSES:
            raise UntranslatableError("it has a class with \\D, \\S or \\W among other members")
        return _CLASSES[value]
    ends = value if code is _constants.RANGE else (value,)
    if flags & re.IGNORECASE:
        for end in ends:
            _check_case(end)
    return "-".join(_escape(end, _SPECIAL_IN_CLASSES) for end in ends)


def _check_flags(flags: int) -> None:
    if flags & ~_TRANSLATED_FLAGS:
        raise UntranslatableError("it has one of the flags a, L and m")


def _check_case(character: int) -> None:
    if character > 0x7F:
        raise UntranslatableError("Python and RE2 differ in the upper and lower case of letters beyond ASCII")


def _escape(character: int, special: frozenset[str]) -> str:
    text = chr(character)
    if text in special:
        return f"\\{text}"
    return text if " " <= text <= "~" else f"\\x{{{character:x}}}"


def _write_branches(value: tuple[None, Sequence[Any]], flags: int) -> str:
    return f"(?:{'|'.join(_write(branch, flags) for branch in value[1])})"


def _write_group(value: tuple[Any, int, int, Any], flags: int) -> str:
    _, added, removed, items = value
    inner_flags = (flags | added) & ~removed
    _check_flags(inner_flags)
    return f"(?:{_write(items, inner_flags)})"


def _write_repeat(value: tuple[int, int, Any], flags: int) -> str:
    least, most, items = value
    times = _SHORT.get((least, most))
    if times is None:
        times = f"{{{least}}}" if least == most else f"{{{least},{'' if most == _constants.MAXREPEAT else most}}}"
    inner = list(items)
    text = _write(inner, flags)
    is_single = len(inner) == 1 and inner[0][0] in _SINGLE
    return f"{text}{times}" if is_single else f"(?:{text}){times}"


_SINGLE = (_constants.LITERAL, _constants.NOT_LITERAL, _constants.ANY, _constants.IN, _constants.SUBPATTERN)
_WRITERS: dict[Any, Callable[[Any, int], str]] = {
    _constants.LITERAL: _write_literal,
    _constants.NOT_LITERAL: _write_other,
    _constants.ANY: _write_any,
    _constants.IN: _write_class,
    _constants.BRANCH: _write_branches,
    _constants.SUBPATTERN: _write_group,
    _constants.MAX_REPEAT: _write_repeat,
    _constants.MIN_REPEAT: _write_repeat,
}
