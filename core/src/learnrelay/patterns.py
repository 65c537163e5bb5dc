r"""Globs and regular expressions over whole values, matched in time proportional to the value, whatever the pattern.

An operator's pattern meets texts that strangers wrote. Python's own engine backtracks, and a careless pattern then
takes for ever; here the pattern becomes an automaton (Glushkov's: one state for each character that it names), and a
value is read once, from left to right. All sizes are bounded, those of the pattern at start-up.

Regular expressions have literals, ``.``, classes such as ``[a-z_]`` and ``\d``, groups, ``|``, ``*``, ``+``, ``?`` and
``{2,5}``, with the meaning that Python gives them (ASCII classes; ``.`` is any character but a line break). Globs have
``*`` and ``?``, for any characters, and classes such as ``[abc]`` or ``[!abc]``. Neither has look-around or
back-references.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import lru_cache

LONGEST_PATTERN = 500
"""Characters of a pattern."""
MOST_STATES = 256
"""Characters and groups of a pattern when its counted repetitions are written out."""
MOST_CLASSES = 32
"""Different classes of a pattern: each is asked about each character."""
LONGEST_VALUE = 1_024
"""Characters of a value; a longer one matches no pattern. Keys, names and UUIDs have at most 255."""

_DEEPEST = 50
_MOST_REMEMBERED = 1_000

_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\]|\\.)*\]", re.DOTALL)
_COUNTED = re.compile(r"\{(?=[\d,])(\d*)(,?)(\d*)\}")

Matches = Callable[[str], bool]


def glob(pattern: str) -> Matches:
    """A shell pattern as a function of a value. Raises ValueError with the reason."""
    translated = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "[":
            negated = pattern.startswith("!", at)
            end = pattern.find("]", at + negated + 1)
            if end < 0:
                raise ValueError("a [ without its ]")
            inner = re.sub(r"([\\^\[])", r"\\\1", pattern[at + negated : end])
            translated.append(f"[{'^' if negated else ''}{inner}]")
            at = end + 1
        else:
            translated.append({"*": r"[\s\S]*", "?": r"[\s\S]"}.get(character) or re.escape(character))
    return _matcher("".join(translated), pattern)


def regex(pattern: str) -> Matches:
    """A regular expression as a function of a value, which it must match as a whole. Raises ValueError."""
    return _matcher(pattern, pattern)


def _matcher(expression: str, pattern: str) -> Matches:
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"the pattern has more than {LONGEST_PATTERN} characters")
    parser = _Parser(expression)
    return lru_cache(_MOST_REMEMBERED)(parser.automaton.matcher(parser.whole()))


class _Part:
    """A part of the automaton: bit sets of its first and last positions, and whether it matches the empty text."""

    __slots__ = ("empty", "first", "last")

    def __init__(self, first: int = 0, last: int = 0, empty: bool = True) -> None:
        self.first, self.last, self.empty = first, last, empty


class _Automaton:
    """Position *i* stands for ``characters[i]``; the bit set ``follow[i]`` says which positions may come after it."""

    def __init__(self) -> None:
        self.characters: list[str | re.Pattern[str]] = []
        self.follow: list[int] = []

    def one(self, characters: str | re.Pattern[str]) -> _Part:
        bit = 1 << len(self.follow)
        self.characters.append(characters)
        self.follow.append(0)
        return _Part(bit, bit, empty=False)

    def link(self, last: int, first: int) -> None:
        for at in _bits(last):
            self.follow[at] |= first

    def then(self, left: _Part, right: _Part) -> _Part:
        self.link(left.last, right.first)
        return _Part(
            left.first | right.first if left.empty else left.first,
            left.last | right.last if right.empty else right.last,
            left.empty and right.empty,
        )

    def matcher(self, whole: _Part) -> Matches:
        """The automaton as a function. What it finds out on the way is remembered, up to a bound."""
        letters: dict[str, int] = {}
        classes: dict[re.Pattern[str], int] = {}
        for at, one in enumerate(self.characters):
            if isinstance(one, str):
                letters[one] = letters.get(one, 0) | 1 << at
            else:
                classes[one] = classes.get(one, 0) | 1 << at
        if len(classes) > MOST_CLASSES:
            raise ValueError(f"the pattern has more than {MOST_CLASSES} different classes")
        accepting: dict[str, int] = {}
        after: dict[int, int] = {}
        length = len(self.follow) // 8 + 1
        after_eight: list[dict[int, int]] = [{} for _ in range(length)]

        def positions(character: str) -> int:
            if len(accepting) >= _MOST_REMEMBERED:
                accepting.clear()
            found = letters.get(character, 0)
            for characters, at in classes.items():
                if characters.fullmatch(character):
                    found |= at
            accepting[character] = found
            return found

        def successors(state: int) -> int:
            """Of eight positions at once: a state of many is as quick as one of few."""
            if len(after) >= _MOST_REMEMBERED:
                after.clear()
            found = 0
            for place, eight in enumerate(state.to_bytes(length, "little")):
                if eight:
                    following = after_eight[place].get(eight)
                    if following is None:
                        following = 0
                        for at in _bits(eight):
                            following |= self.follow[8 * place + at]
                        after_eight[place][eight] = following
                    found |= following
            after[state] = found
            return found

        def matches(value: str) -> bool:
            if not value:
                return whole.empty
            if len(value) > LONGEST_VALUE:
                return False
            possible, state = whole.first, 0
            for character in value:
                state = possible & (accepting.get(character) or positions(character))
                if not state:
                    return False
                possible = after.get(state) or successors(state)
            return bool(state & whole.last)

        return matches


def _bits(bits: int) -> list[int]:
    """Numbers of the bits that are set."""
    found = []
    while bits:
        lowest = bits & -bits
        found.append(lowest.bit_length() - 1)
        bits ^= lowest
    return found


class _Parser:
    """Recursive descent over a regular expression; builds the automaton on the way."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.depth = 0
        self.atoms = 0
        self.automaton = _Automaton()

    def whole(self) -> _Part:
        self.at = 1 if self.source.startswith("^") else 0  # what ^ and $ say here is so in any case
        part = self.alternatives()
        if self.at < len(self.source):
            raise ValueError(f"a ) without its ( at character {self.at + 1}")
        return part

    def alternatives(self) -> _Part:
        part = self.sequence()
        while self.peek() == "|":
            self.at += 1
            other = self.sequence()
            part = _Part(part.first | other.first, part.last | other.last, part.empty or other.empty)
        return part

    def sequence(self) -> _Part:
        part = _Part()
        while (character := self.peek()) not in ("", "|", ")"):
            if character == "$" and self.at == len(self.source) - 1:
                self.at += 1
                break
            part = self.automaton.then(part, self.repeated())
        return part

    def repeated(self) -> _Part:
        """An atom, written out as often as it is wanted: ``x{2,4}`` is ``xxx?x?``, ``x{2,}`` is ``xx+``."""
        start = self.at
        part = self.atom()
        least, most = self.count()
        end = self.at
        whole = _Part()
        for number in range(max(least, 1) if most is None else most):
            if number:
                self.at = start
                part = self.atom()
            if most is None and number + 1 >= least:
                self.automaton.link(part.last, part.first)
            if number >= least:
                part = _Part(part.first, part.last, empty=True)
            whole = self.automaton.then(whole, part)
        self.at = end
        return whole

    def count(self) -> tuple[int, int | None]:
        """How often the atom before is wanted; None for without limit."""
        if (character := self.peek()) and character in "*+?":
            self.at += 1
            wanted: tuple[int, int | None] = {"*": (0, None), "+": (1, None), "?": (0, 1)}[character]
        elif found := _COUNTED.match(self.source, self.at):
            least, comma, most = found.groups()
            self.at = found.end()
            wanted = (int(least or 0), (int(most) if most else None) if comma else int(least))
            if not (least or most) or (wanted[1] is not None and wanted[1] < wanted[0]):
                raise ValueError(f"{found[0]} is no number of times")
        else:
            return 1, 1
        if self.peek() == "?":  # as few as possible: over a whole value it is the same
            self.at += 1
        if self.repeats():
            raise ValueError(f"two repetitions in a row at character {self.at + 1}: put the inner one into a group")
        return wanted

    def repeats(self) -> bool:
        return self.source.startswith(("*", "+", "?"), self.at) or bool(_COUNTED.match(self.source, self.at))

    def atom(self) -> _Part:
        self.atoms += 1
        if self.atoms > MOST_STATES:
            raise ValueError(f"written out, the pattern has more than {MOST_STATES} characters and groups")
        character = self.peek()
        if character == "(":
            return self.group()
        if character in ("^", "$"):
            raise ValueError(f"{character} at character {self.at + 1}: a pattern is over the whole value in any case")
        if self.repeats():
            raise ValueError(f"{character} at character {self.at + 1} repeats nothing; \\{character} is the character")
        if character == "[":
            found = _CLASS.match(self.source, self.at)
            if found is None:
                raise ValueError(f"a [ without its ] at character {self.at + 1}")
            text = found[0]
        elif character == "\\":
            text = self.source[self.at : self.at + 2]
            if len(text) < 2 or (text[1].isalnum() and text[1] not in "dDwWsSntr"):
                raise ValueError(f"{text} at character {self.at + 1} is not supported")
        else:
            text = character
        self.at += len(text)
        if character not in "[." and not (character == "\\" and text[1].isalnum()):
            return self.automaton.one(text[-1])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # classes that Python may read otherwise one day
                return self.automaton.one(re.compile(text, re.ASCII))
        except (re.error, Warning) as error:
            raise ValueError(f"{text}: {error}") from None

    def group(self) -> _Part:
        opened = self.at
        self.at += 3 if self.source.startswith("(?:", self.at) else 1
        if self.peek() == "?":
            raise ValueError(f"(? at character {opened + 1}: of such groups only (?:…) is supported")
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ValueError(f"groups are nested more than {_DEEPEST} deep")
        part = self.alternatives()
        self.depth -= 1
        if self.peek() != ")":
            raise ValueError(f"a ( without its ) at character {opened + 1}")
        self.at += 1
        return part

    def peek(self) -> str:
        return self.source[self.at : self.at + 1]
