"""Tests what a scope accepts as proof that an event belongs to an owner, one path of an event at a time."""

from __future__ import annotations

import random
import secrets
import unicodedata
from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations
from typing import Any

from learnrelay import kinds
from learnrelay.kinds import uuid
from learnrelay.privacy.samples import put

from ..declarations import Declared, flat
from ..samples import Event, copy, delete_path
from ..subject import Case, Subject
from ..twins import twins_of

Owners = frozenset[str]
"""The owners of an event; empty if ownership is in doubt."""

NOTHING: tuple[Any, ...] = (None, "", [], {})
MOST_VALUES, MOST_PATHS = 24, 12
DELIMITERS = "/:,;|+@.-_#~&= \t\u00a0"
NAMES = 1_200
"""Names that are compared with each other: a short digest of one equals that of another."""
MOST_FAULTS = 4
"""Forms of resemblance that are reported: more of them add no information."""
LONGEST = 300
"""Characters of the longest name: beyond the columns and limits that are usual."""
BLANKS = (" ", "\t", "\n", "\u00a0", "\u200b", "\ufeff")
EVERYBODY = ("*", "**", "%", ".*", "?", "all", "any", "true", "null")


class ScopeProofs:
    """Tests a scope with single values at single paths of an event that otherwise proves nothing."""

    def __init__(self, subject: Subject, key: str, fields: Sequence[Declared], case: Case) -> None:
        self.subject, self.key = subject, key
        declared = [(path, field) for path, field in flat(fields) if "*" not in path and path != "name"]
        self.paths = list(dict.fromkeys(path for path, _ in declared))[:MOST_PATHS]
        self.bare = copy(case.samples[0].event)
        for path, _ in declared:
            delete_path(self.bare, path)
        known = {path: [value for value in field.values if isinstance(value, str)] for path, field in declared}
        written = [text for text in subject.texts if text == text.strip() and len(text.split()) == 1]
        self.values = {path: [*known[path], *written][:MOST_VALUES] for path in self.paths}
        self.kinds = {path: field.kind for path, field in declared}
        self.invented = {
            path: [twin for value in known[path] for twin in twins_of(value)][:MOST_VALUES] for path in self.paths
        }
        texts = list(dict.fromkeys(value for values in self.values.values() for value in values))
        self.wanted: dict[str, str] = {
            text: name
            for text, name in zip(texts, subject.process.ask("scope_values", scope=key, values=texts), strict=True)
            if isinstance(name, str)
        }
        pairs = [(path, value) for path in self.paths for value in self.values[path]]
        self.alone = dict(
            zip(pairs, self.find_owners([self.build_event({path: value}) for path, value in pairs]), strict=True)
        )

    def build_event(self, values: dict[str, Any]) -> Event:
        """Builds the event that proves nothing, with these values in it."""
        event: Event = copy(self.bare)
        for path, value in values.items():
            put(event, path, value)
        return event

    def find_owners(self, events: Sequence[Event]) -> list[Owners]:
        """Returns the owners of each event."""
        answers = self.subject.process.ask("scope_owners", scope=self.key, events=list(events))
        return [frozenset(owners) if isinstance(owners, list) else frozenset() for owners in answers]

    def find_faults(self) -> Iterator[str]:
        """Yields what is wrong, in words."""
        yield from self._missing_proof_faults()
        yield from self._contradiction_faults()
        yield from self._ambiguity_faults()
        yield from self._constant_owner_faults()
        yield from self._similarity_faults()

    def _missing_proof_faults(self) -> Iterator[str]:
        events = [self.bare, *(self.build_event(dict.fromkeys(self.paths, value)) for value in NOTHING)]
        if any(self.find_owners(events)):
            yield "an event without any proof has an owner: return Unproven.ABSENT"

    def _contradiction_faults(self) -> Iterator[str]:
        """Tests two paths that name different owners."""
        contradictions = []
        for first_path, second_path in combinations(self.paths, 2):
            pairs = [(a, b) for a in self.values[first_path] for b in self.values[second_path]]
            apart = [
                (a, b)
                for a, b in pairs
                if (first_owners := self.alone[first_path, a])
                and (second_owners := self.alone[second_path, b])
                and first_owners.isdisjoint(second_owners)
            ]
            contradictions += [
                ({first_path: a, second_path: b}, f"{first_path} and {second_path}") for a, b in apart[:4]
            ]
        for owners, (_, places) in zip(
            self.find_owners([self.build_event(values) for values, _ in contradictions]), contradictions, strict=True
        ):
            if owners:
                yield f"an event whose {places} contradict each other has an owner: return Unproven.CONTRADICTORY"
                return

    def _ambiguity_faults(self) -> Iterator[str]:
        """Tests for a text that proves two owners, each of which has a proof of its own: a word for several or all."""
        for (path, _), owners in self.alone.items():
            mine = {value: self.alone[path, value] for value in self.values[path] if self.wanted.get(value) in owners}
            for first, second in combinations(mine, 2):
                if self.wanted[second] not in mine[first] and self.wanted[first] not in mine[second]:
                    yield f"one text at {path} proves that an event belongs to two different owners"
                    return

    def _constant_owner_faults(self) -> Iterator[str]:
        """Tests for an owner of everything that is proven at a path, though no proof contains it."""
        for path in self.paths:
            events = [self.build_event({path: value}) for value in self.invented[path]]
            pairs = zip(self.invented[path], self.find_owners(events), strict=True)
            constant = [
                {owner for owner in owners if owner.casefold() not in text.casefold()} for text, owners in pairs
            ]
            proven = [owners for owners in constant if owners]
            if len(proven) > 1 and set.intersection(*proven):
                yield f"every proof at {path} gives one and the same owner, which is in none of the proofs"

    def _similarity_faults(self) -> Iterator[str]:
        """Tests values that only resemble a proof, by what destinations get.

        The values are those of the samples, and invented ones: long, with blanks, punctuation, accents.
        """
        rng = self.subject.rng(f"similar {self.key} {secrets.token_hex(8)}")
        proofs = [
            (path, value)
            for path in self.paths
            for value in dict.fromkeys(
                (
                    *self.values[path][:4],
                    *(name for known in self.values[path][:1] for name in invented_names(known, rng)),
                )
            )
        ]
        admitted = self._find_admitted([(value, path, value) for path, value in proofs])
        tried = [
            (path, value, form, other)
            for (path, value), is_admitted in zip(proofs, admitted, strict=True)
            if is_admitted
            for form, other in similar_values(value, rng)
            if not self._is_same(path, value, other)
        ]
        ways = [[(value, path, other) for path, value, _, other in tried], [(o, path, v) for path, v, _, o in tried]]
        reported: set[str] = set()
        for way in ways:
            for is_admitted, (path, _, form, _) in zip(self._find_admitted(way), tried, strict=True):
                if is_admitted and form not in reported and len(reported) < MOST_FAULTS:
                    reported.add(form)
                    yield f"a text that only resembles the value is accepted as proof: {form} ({path})"
        yield from self._cut_faults(rng)
        yield from self._collision_faults(rng)

    def _collision_faults(self, rng: random.Random) -> Iterator[str]:
        """Tests many names that have nothing in common."""
        letters = "abcdefghijklmnopqrstuvwxyz0123456789"
        names = list({"".join(rng.choices(letters, k=rng.randrange(4, 14))) for _ in range(NAMES)})
        for path in self.paths:
            events = [self.build_event({path: name}) for name in names]
            if self.subject.process.ask("scope_collisions", scope=self.key, names=names, events=events):
                yield f"a name at {path} is accepted as proof for another that has nothing in common with it"

    def _cut_faults(self, rng: random.Random) -> Iterator[str]:
        """Tests names of every length with one more letter."""
        for path in self.paths:
            name = long_name(next(iter(self.values[path]), "n"), rng)
            lengths = [
                length for length in range(1, LONGEST) if not self._is_same(path, name[:length], name[: length + 1])
            ]
            pairs = [(name[:length], path, name[: length + 1]) for length in lengths]
            for length, is_admitted in zip(lengths, self._find_admitted(pairs), strict=True):
                if is_admitted:
                    yield f"a name of more than {length} letters is accepted as proof for its beginning ({path})"
                    break

    def _find_admitted(self, triples: Sequence[tuple[str, str, str]]) -> list[bool]:
        """Tells for each (scope of a destination, path, value there) whether the destination gets the event."""
        admissions: list[bool] = self.subject.process.ask(
            "scope_admissions",
            scope=self.key,
            wanted=[wanted for wanted, _, _ in triples],
            events=[self.build_event({path: value}) for _, path, value in triples],
        )
        return admissions

    def _is_same(self, path: str, value: str, other: str) -> bool:
        """Tells whether the core's own kind makes one value of both texts: `identifier` strips blanks."""
        kind = getattr(kinds, self.kinds[path], None)
        return kind is not None and kind(value) == kind(other)


def long_name(value: str, rng: random.Random) -> str:
    """Returns a name of `LONGEST` letters that begins with the value."""
    return (value + "".join(rng.choices("abcdefghijklmnoprstuvwzABCDEFGHKLMNR", k=LONGEST)))[:LONGEST]


def invented_names(value: str, rng: random.Random) -> Iterator[str]:
    """Yields names of every form: long ones, of several words, with punctuation and accents."""
    word = "".join(rng.choices("abcdefghijklmnoprstuvwz", k=6))
    for length in (24, 70, 200):
        yield long_name(value, rng)[:length]
    yield from (f"{value} {word}", f"{value}-{word}", f"{value}.{word}", f"{value}é{word}", f"{value} & {word}")


@cache
def separators() -> dict[str, list[str]]:
    """Returns the characters of each category of punctuation, symbols and blanks."""
    by_category: dict[str, list[str]] = {}
    for character in map(chr, range(0x21, 0xFFFF)):
        if (category := unicodedata.category(character))[0] in "PSZ":
            by_category.setdefault(category, []).append(character)
    return by_category


@cache
def usual_marks() -> list[str]:
    """Returns the marks that people type, all of which are tried: of the rarer ones some of each category are."""
    codes = (*range(0xA1, 0xC0), 0xD7, 0xF7, *range(0x2010, 0x205F), *range(0x2190, 0x2194))
    return [mark for mark in map(chr, codes) if unicodedata.category(mark)[0] in "PSZ"]


def similar_values(value: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yields (difference, text) for texts that resemble the value but are others."""
    variants = [("with more before or after it", other) for other in (f"{value}2", f"x{value}", f"{value}{value}")]
    variants.append(("without its end", value[:-1]))
    joints = [
        *DELIMITERS,
        *usual_marks(),
        *(text for each in separators().values() for text in rng.sample(each, min(2, len(each)))),
    ]
    variants += [("followed by another", f"{value}{text}other") for text in joints]
    variants += [("preceded by another", f"other{text}{value}") for text in joints]
    inner = next((text for text in value if not text.isalnum()), "")
    variants += [
        ("with other marks between its words", value.replace(inner, text)) for text in (" ", "-", "_", ".") if inner
    ]
    variants += [("with more blanks", value.replace(" ", "  "))]
    variants += [("without its accents", "".join(c for c in unicodedata.normalize("NFD", value) if c.isascii()))]
    variants += [("with zeros before it", f"0{value}"), ("encoded", f"%{ord(value[0]):02X}{value[1:]}")]
    variants += [("encoded", f"&#{ord(value[0])};{value[1:]}"), ("encoded", b64encode(value.encode()).decode())]
    variants += [("in a list", f"{value},{value}x"), ("in a list", f"[{value}]"), ("in quotation marks", f'"{value}"')]
    variants += [("as a pattern", text) for text in (f"{value}.*", f"{value}*", value[:-1] + ".", value[:-1] + "?")]
    variants += [("with blanks", text) for blank in BLANKS for text in (f"{value}{blank}", f"{blank}{value}")]
    if uuid(value) is None:  # a UUID is the same in upper and lower case
        letters = (value.upper(), value.lower(), value.swapcase(), value.title(), value.casefold())
        variants += [("in other letters", text) for text in letters]
    wide = "".join(chr(ord(text) + 0xFEE0) if "!" <= text <= "~" else text for text in value)
    variants += [("in compatibility forms", wide), ("with an accent", f"{value}\u0301"), ("reversed", value[::-1])]
    variants += [("a word for everybody", text) for text in EVERYBODY]
    return ((form, other) for form, other in variants if other and other != value)
