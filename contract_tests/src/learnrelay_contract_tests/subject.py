"""What is judged: one plugin by the name of its entry point, with its process, its cases, and what came out of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from learnrelay.plugins.discovery import PluginInfo, installed

from .declarations import Declared, flat, read
from .host import CARRIER, KNOWN_LEARNERS, OPEN, DiedError, Process, World, destination
from .literals import compared, texts
from .package import Package
from .samples import Sample, malformed, samples_of, sent
from .twins import only

PROVIDED = ("identity", "courses")
"""Sections that say which provider is on: an author's settings count when the author's provider is."""

FAILED, TRANSFORMED, SKIPPED = "FAILED", "TRANSFORMED", "SKIPPED"


@dataclass(frozen=True)
class Case:
    """One event that the plugin looks at: for a mapping its standard, for a stage the carrier.

    ``own``: what the plugin declares; ``fields``: that and what the standard declares for every event.
    """

    standard: str
    event: str
    transformer: str
    own: tuple[Declared, ...]
    fields: tuple[Declared, ...]
    samples: tuple[Sample, ...]
    given: int = 0

    @cached_property
    def declared(self) -> set[str]:
        """All declared paths; those below which everything is read end in ``.**`` too."""
        paths = set()
        for path, one in flat(self.fields):
            paths |= {path, f"{path}.**"} if one.container else {path}
        return paths

    @property
    def about(self) -> str:
        """For findings."""
        return f"{self.standard}: {self.event}"


@dataclass(frozen=True)
class Twin:
    """A field of the complete sample, another value that looks like its own, and what comes out with it."""

    field: str
    value: Any
    outcome: dict[str, Any]


@dataclass
class Ran:
    """What came out of a batch of events."""

    outcomes: list[str]
    changed: list[int]
    records: list[str]
    guard: list[tuple[str, str, str]]

    def parsed(self, number: int) -> list[dict[str, Any]]:
        """The outcomes of one event."""
        found: list[dict[str, Any]] = orjson.loads(self.outcomes[number])
        return found


@dataclass
class Subject:
    """A plugin under judgement. Its code runs in processes of its own only."""

    name: str
    infos: tuple[PluginInfo, ...]
    package: Package
    world: World
    seed: int = 0
    quick: bool = False
    carried: tuple[str, ...] = ("probe",)
    flaws: Any = None
    heard: dict[tuple[str, str, str], None] = field(default_factory=dict)
    early: dict[int, str] = field(default_factory=dict)
    """``id`` of each sample → what came out of it the first time."""
    _processes: list[Process] = field(default_factory=list)

    # --- processes ----------------------------------------------------------------------------------------

    def enabled(self) -> list[str]:
        """What is switched on to judge the plugin: itself, and what it needs to be of use."""
        kinds = {info.kind for info in self.infos}
        if "standards" in kinds:
            return [self.name, *self.companions]
        if kinds == {"families"}:
            return [self.name]
        return [f"{CARRIER}.events", self.name]

    @cached_property
    def companions(self) -> list[str]:
        """A family for a standard, of its own distribution if possible: its composer needs something to compose."""
        families = [one for one in installed() if one.kind == "families" and one.standard == self.name]
        families.sort(key=lambda one: (one.distribution != self.infos[0].distribution, one.name))
        return [one.name for one in families[:1]]

    def start(self, *, seed: int, enabled: Sequence[str] | None = None, sections: Mapping[str, Any] | None = None,
              observed: bool = False, **env: str) -> tuple[Process, dict[str, Any]]:  # fmt: skip
        """A process of its own with the plugin assembled, and its description. Raises DiedError."""
        if ended := next((one.ended for one in self._processes if one.ended), ""):
            raise DiedError(f"not checked: {ended}")
        process = Process(self.world, self.package.roots, seed, observed, self.texts, **env)
        self._processes.append(process)
        return process, self.assemble(process, enabled, sections)

    @contextmanager
    def elsewhere(self, enabled: Sequence[str]) -> Iterator[tuple[Process, dict[str, Any]] | None]:
        """A process with these plugins, for a while, and its description; None where they do not work."""
        process = Process(self.world, self.package.roots, 7)
        try:
            try:
                told = self.assemble(process, enabled)
            except DiedError:
                yield None
            else:
                yield process, told
        finally:
            process.close()

    def assemble(
        self, process: Process, enabled: Sequence[str] | None = None, sections: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Assemble anew in a process, with other sections of the operator's file."""
        own = {
            name: section
            for name, section in self.package.sections.items()
            if name not in PROVIDED or (isinstance(section, Mapping) and "provider" in section)
        }
        if "routers" in {info.kind for info in self.infos}:  # without destinations it would not be asked
            own["destinations"] = {OPEN: destination()}
        raw = self.world.configuration(
            enabled if enabled is not None else self.enabled(), **{**own, **(sections or {})}
        )
        told: dict[str, Any] = process.ask("assemble", raw=raw, path=str(self.world.path / "relay.toml"))
        if "problems" in told:
            raise DiedError("; ".join(told["problems"]))
        return told

    @cached_property
    def _started(self) -> tuple[Process, dict[str, Any]]:
        return self.start(seed=1)

    @property
    def process(self) -> Process:
        """The process in which most checks run."""
        return self._started[0]

    @cached_property
    def witness(self) -> tuple[Process, dict[str, Any]]:
        """A second process, in which everything is different that must make no difference."""
        return self.start(seed=4242, TZ="Pacific/Kiritimati", LC_ALL="C.UTF-8")

    @cached_property
    def observed(self) -> dict[str, Any]:
        """What a third process saw that ran all samples, and all malformed ones, step by step."""
        process = self.start(seed=3, observed=True)[0]
        for case in self.cases:
            self.run([sent(sample.event, "object") for sample in case.samples], process=process)
        told: dict[str, Any] = process.ask("observations", files=self.own_files)
        if told["unreached"]:
            for case in self.cases:
                self.run([sent(event, "object") for _, event in malformed(case.samples[0].event, case.fields)],
                         process=process)  # fmt: skip
            told = process.ask("observations", files=self.own_files)
        return told

    @cached_property
    def own_files(self) -> list[str]:
        """Files that hold its mappings; all of the package, where it holds nothing but this plugin."""
        if len(self.package.plugins) == 1:
            return [str(file) for file in self.package.sources if file not in self.package.commands]
        return sorted({one["file"] for one in self.description["transformers"] if one["family"] == self.name} - {""})

    @property
    def description(self) -> dict[str, Any]:
        """What the plugin contributes and declares."""
        return self._started[1]

    @contextmanager
    def identified(self, **provider: str) -> Iterator[None]:
        """While it lasts, this identity provider says who learners are."""
        self.assemble(self.process, sections={"identity": provider})
        try:
            yield
        finally:
            self.assemble(self.process)

    def variants(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """(words, standard, settings) for each other setting of its standards, assembled while it is looked at.

        The learners of samples have e-mail addresses then.
        """
        told = [
            (standard, settings)
            for standard in sorted({case.standard for case in self.cases})
            for settings in self.description["variants"][standard]
        ]
        if not told:
            return
        with self.identified(**KNOWN_LEARNERS):
            for standard, settings in told:
                words = ", ".join(f"{key} = {orjson.dumps(value).decode()}" for key, value in settings.items())
                self.assemble(self.process, sections={standard: settings, "identity": KNOWN_LEARNERS})
                yield f"with {words}", standard, settings

    def close(self) -> None:
        """End all processes."""
        for process in self._processes:
            process.close()

    # --- what there is to judge ---------------------------------------------------------------------------

    @cached_property
    def standards(self) -> dict[str, tuple[Declared, ...]]:
        """Common fields of the enabled standards."""
        return {name: read(fields) for name, fields in self.description["standards"].items()}

    @cached_property
    def stages(self) -> dict[str, tuple[Declared, ...]]:
        """Hook → declared fields, of the plugin's stage functions."""
        return {one["hook"]: read(one["fields"]) for one in self.description["stages"] if one["plugin"] == self.name}

    @cached_property
    def scopes(self) -> dict[str, tuple[Declared, ...]]:
        """Scope key → declared fields."""
        return {
            key: read(one["fields"])
            for key, one in self.description["scopes"].items()
            if one["origin"].startswith(f"{self.name} of ")
        }

    @cached_property
    def cases(self) -> list[Case]:
        """All cases; a stage's are carried."""
        found = []
        families = {self.name, *(self.companions if "standards" in {info.kind for info in self.infos} else ())}
        for told in self.description["transformers"]:
            if told["family"] not in families or told["standard"] not in self.standards:
                continue
            own = read(told["fields"])
            fields = (*own, *self.standards[told["standard"]])
            for event in told["events"]:
                if f"{told['standard']}:{event}" in self.description["mapped"]:
                    found.append(self._case(told["standard"], event, told["name"], own, fields))
        if self.infos[0].kind == "standards":
            return found[:3]
        return found or self._carried_cases()

    def _carried_cases(self) -> list[Case]:
        if CARRIER not in self.standards:
            return []
        own = tuple(one for fields in (*self.stages.values(), *self.scopes.values()) for one in fields)
        names = [
            value for one in own if one.paths == ("name",) for value in one.examples if isinstance(value, str)
        ] or ["probe"]
        return [
            self._case(CARRIER, name, self.name, _unique(own), _unique((*own, *self.standards[CARRIER])))
            for name in dict.fromkeys(names)
        ]

    def _case(
        self, standard: str, event: str, transformer: str, own: Sequence[Declared], fields: Sequence[Declared]
    ) -> Case:
        family = self.name if self.name in self.description["samples"] else ""
        given = [
            Sample(f"the plugin's sample {number}", one)
            for number, one in enumerate(self.description["samples"].get(family, ()), 1)
            if isinstance(one, dict) and event in (one.get("name"), one.get("event_type"))
        ]
        made = samples_of(event, fields, own, self.literals)
        case = Case(standard, event, transformer, tuple(own), tuple(fields), (*made, *given), len(given))
        return self._first_that_is_said(case)

    def _first_that_is_said(self, case: Case) -> Case:
        """The case with a sample at the head that is said, where the complete one is rightly skipped."""
        texts = self.run([sent(sample.event, "object") for sample in case.samples]).outcomes
        self.early |= {id(sample): text for sample, text in zip(case.samples, texts, strict=True)}
        outcomes = [outcome_of(case, self.parse(text)) for text in texts]
        if outcomes[0]["state"] != SKIPPED:
            return case
        made = outcomes[: len(outcomes) - case.given]
        found = next((n for n, one in enumerate(made) if one["state"] == TRANSFORMED and one.get("statements")), 0)
        order = [found, *(number for number in range(len(case.samples)) if number != found)]
        return replace(case, samples=tuple(case.samples[number] for number in order))

    @cached_property
    def texts(self) -> list[str]:
        """Short texts in its source."""
        return texts(self.package.sources)

    @cached_property
    def literals(self) -> list[Any]:
        """Values that its source compares with."""
        return compared(map(Path, self.own_files or map(str, self.package.sources)))

    # --- running ------------------------------------------------------------------------------------------

    def run(self, events: Sequence[list[Any]], *, process: Process | None = None, debug: bool = False) -> Ran:
        """Run events (``[shape, event]``) through the real pipeline; what the guard hears is kept as well."""
        process = process or self.process
        told = process.ask("run", events=list(events), debug=debug)
        texts = told["texts"]
        guard = [tuple(one) for one in told["guard"]]
        self.heard.update(dict.fromkeys(guard))
        return Ran([texts[number] for number in told["index"]], told["changed"], told["records"], guard)

    @cached_property
    def base(self) -> dict[str, list[dict[str, Any]]]:
        """For each case (by standard and event) the outcomes of its samples, one each."""
        return {
            case.about: [
                outcome_of(case, self.parse(text))
                for text in self.run([sent(sample.event, "object") for sample in case.samples]).outcomes
            ]
            for case in self.cases
        }

    @cached_property
    def twins(self) -> dict[str, list[Twin]]:
        """For each case (by standard and event) the twins of its complete sample, one value replaced, that pass."""
        found: dict[str, list[Twin]] = {}
        for case in self.cases:
            tried = list(only(case.event, case.fields))
            texts = self.run([sent(event, "object") for _, _, event in tried]).outcomes
            outcomes = [outcome_of(case, self.parse(text)) for text in texts]
            found[case.about] = [
                Twin(field, value, outcome)
                for (field, value, _), outcome in zip(tried, outcomes, strict=True)
                if outcome["state"] in (TRANSFORMED, SKIPPED)
            ]
        return found

    def parse(self, text: str) -> list[dict[str, Any]]:
        """Outcomes as the process wrote them."""
        found: list[dict[str, Any]] = orjson.loads(text)
        return found

    def rng(self, what: str) -> random.Random:
        """Random numbers that are the same in every run of the harness."""
        return random.Random(f"{self.seed}/{self.name}/{what}")  # noqa: S311  # for samples, not for secrets


def outcome_of(case: Case, outcomes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The outcome for the case's standard, or the only one."""
    return next((one for one in outcomes if one.get("standard") == case.standard), outcomes[0])


def _unique(fields: Sequence[Declared]) -> tuple[Declared, ...]:
    """Fields of several declarations under names that differ."""
    seen: dict[str, int] = {}
    found = []
    for one in fields:
        seen[one.name] = seen.get(one.name, 0) + 1
        name = one.name if seen[one.name] == 1 else f"{one.name} ({seen[one.name]})"
        found.append(Declared(name, *(getattr(one, key) for key in list(Declared.__dataclass_fields__)[1:])))
    return tuple(found)
