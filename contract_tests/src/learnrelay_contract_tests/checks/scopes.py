"""What proves that an event belongs to somebody: asked of a scope itself, one place of an event at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

from learnrelay.kinds import uuid

from ..declarations import Declared, flat
from ..samples import Event, copy, put, take, values_of
from ..subject import Case, Subject
from ..twins import twins_of

Owners = frozenset[str]
"""To whom an event belongs; empty where that is in doubt."""

NOTHING: tuple[Any, ...] = (None, "", [], {})
MOST_VALUES, MOST_PATHS = 24, 12
DELIMITERS = "/:,;|+@.-_#~&= \t\u00a0"
BLANKS = (" ", "\t", "\n", "\u00a0", "\u200b", "\ufeff")
EVERYBODY = ("*", "**", "%", ".*", "?", "all", "any", "true", "null")


class Proofs:
    """What a scope makes of single values at single places of an event that proves nothing else."""

    def __init__(self, subject: Subject, key: str, fields: Sequence[Declared], case: Case) -> None:
        self.subject, self.key = subject, key
        declared = [(path, one) for path, one in flat(fields) if "*" not in path and path != "name"]
        self.paths = list(dict.fromkeys(path for path, _ in declared))[:MOST_PATHS]
        self.bare = copy(case.samples[0].event)
        for path, _ in declared:
            take(self.bare, path)
        known = {path: [value for value in values_of(one) if isinstance(value, str)] for path, one in declared}
        written = [text for text in subject.texts if text == text.strip() and len(text.split()) == 1]
        self.values = {path: [*known[path], *written][:MOST_VALUES] for path in self.paths}
        self.invented = {
            path: [twin for value in known[path] for twin in twins_of(value)][:MOST_VALUES] for path in self.paths
        }
        texts = list(dict.fromkeys(value for values in self.values.values() for value in values))
        self.wanted: dict[str, str] = {
            text: name
            for text, name in zip(texts, subject.process.ask("wanted", scope=key, values=texts), strict=True)
            if isinstance(name, str)
        }
        pairs = [(path, value) for path in self.paths for value in self.values[path]]
        self.alone = dict(zip(pairs, self.owners([self.event({path: value}) for path, value in pairs]), strict=True))

    def event(self, values: dict[str, Any]) -> Event:
        """The event that proves nothing, with these values in it."""
        event: Event = copy(self.bare)
        for path, value in values.items():
            put(event, path, value)
        return event

    def owners(self, events: Sequence[Event]) -> list[Owners]:
        """To whom each event belongs."""
        told = self.subject.process.ask("owners", scope=self.key, events=list(events))
        return [frozenset(one) if isinstance(one, list) else frozenset() for one in told]

    def faults(self) -> Iterator[str]:
        """What is wrong, in words."""
        yield from self._nothing()
        yield from self._contradictions()
        yield from self._several()
        yield from self._everybody()
        yield from self._resembling()

    def _nothing(self) -> Iterator[str]:
        events = [self.bare, *(self.event(dict.fromkeys(self.paths, value)) for value in NOTHING)]
        if any(self.owners(events)):
            yield "an event without any proof belongs to somebody"

    def _contradictions(self) -> Iterator[str]:
        """Two places that name different ones: who of them may have it?"""
        found = []
        for one, other in combinations(self.paths, 2):
            pairs = [(a, b) for a in self.values[one] for b in self.values[other]]
            apart = [
                (a, b)
                for a, b in pairs
                if (first := self.alone[one, a]) and (second := self.alone[other, b]) and first.isdisjoint(second)
            ]
            found += [({one: a, other: b}, f"{one} and {other}") for a, b in apart[:4]]
        for owners, (_, places) in zip(self.owners([self.event(values) for values, _ in found]), found, strict=True):
            if owners:
                yield f"an event whose {places} contradict each other belongs to somebody"
                return

    def _several(self) -> Iterator[str]:
        """One text that proves two, each of which proves itself alone: a word for several, or for all."""
        for (path, _), owners in self.alone.items():
            mine = {value: self.alone[path, value] for value in self.values[path] if self.wanted.get(value) in owners}
            for one, other in combinations(mine, 2):
                if self.wanted[other] not in mine[one] and self.wanted[one] not in mine[other]:
                    yield f"one text at {path} proves that an event belongs to two that stand for different ones"
                    return

    def _everybody(self) -> Iterator[str]:
        """An owner of all that is proven at a place, though it is in no proof: whoever wants it gets everything."""
        for path in self.paths:
            events = [self.event({path: value}) for value in self.invented[path]]
            pairs = zip(self.invented[path], self.owners(events), strict=True)
            strange = [{one for one in owners if one.casefold() not in text.casefold()} for text, owners in pairs]
            proven = [owners for owners in strange if owners]
            if len(proven) > 1 and set.intersection(*proven):
                yield f"whatever is proven at {path}, one owner is always the same and in no proof"

    def _resembling(self) -> Iterator[str]:
        """Values that only look like one that proves something."""
        tried = [
            (path, value, name, form, other)
            for (path, value), owners in self.alone.items()
            if (name := self.wanted.get(value)) in owners
            for form, other in resembling(value)
        ]
        told: set[str] = set()
        events = [self.event({path: other}) for path, _, _, _, other in tried]
        for owners, (path, _, name, form, _) in zip(self.owners(events), tried, strict=True):
            if name in owners and form not in told:
                told.add(form)
                yield f"a proof that only resembles the value is taken for it: {form} ({path})"


def resembling(value: str) -> Iterator[tuple[str, str]]:
    """(how, text) for texts that someone might take for the value, though they are others."""
    found = [("with more before or after it", other) for other in (f"{value}2", f"x{value}", f"{value}{value}")]
    found.append(("without its end", value[:-1]))
    found += [("followed by another", f"{value}{one}other") for one in DELIMITERS]
    found += [("preceded by another", f"other{one}{value}") for one in DELIMITERS]
    found += [("in a list", f"{value},{value}x"), ("in a list", f"[{value}]"), ("in quotation marks", f'"{value}"')]
    found += [("as a pattern", one) for one in (f"{value}.*", f"{value}*", value[:-1] + ".", value[:-1] + "?")]
    found += [("with blanks", one) for blank in BLANKS for one in (f"{value}{blank}", f"{blank}{value}")]
    if uuid(value) is None:  # which is the same in any letters
        letters = (value.upper(), value.lower(), value.swapcase(), value.title(), value.casefold())
        found += [("in other letters", one) for one in letters]
    wide = "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in value)
    found += [("in compatibility forms", wide), ("with an accent", f"{value}\u0301"), ("reversed", value[::-1])]
    found += [("a word for everybody", one) for one in EVERYBODY]
    return ((form, other) for form, other in found if other and other != value)
