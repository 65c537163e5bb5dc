"""Represents one plugin under test: its processes, its cases, and their outcomes."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from learnrelay.mapping import ANY_EVENT
from learnrelay.plugins.discovery import PluginInfo, installed, select_source
from learnrelay.privacy.literals import literals_of_files, texts_of_files

from .declarations import Declared, flat, read, with_agreeing_values
from .host import (
    CARRIER,
    EXAMPLE_ROOT_URL,
    KNOWN_LEARNERS,
    MAIN_SEED,
    OPEN_DESTINATION,
    OTHER_ROOT_URLS,
    OTHER_SEED,
    OTHER_TITLES,
    ROOT_URL,
    TITLED_COURSE,
    PluginProcess,
    PluginProcessError,
    Workspace,
    build_destination,
)
from .package import Package
from .samples import Event, Sample, malformed, message_of, samples_of
from .source_description import SourceDescription
from .twins import one_field_twins

REPLACED = ("identity", "courses", "destinations")
"""Sections of which another one takes the place; of others the keys are merged."""

PROVIDED = ("identity", "courses")
"""Sections that select a provider: the author's settings apply if the author's provider is selected."""

OTHER_EVENTS = ("harbour.tide.turned", "harbour.wind.rose")
"""Names of events that only a mapping of every event maps."""

FAILED, TRANSFORMED, SKIPPED = "FAILED", "TRANSFORMED", "SKIPPED"


@dataclass(frozen=True)
class Case:
    """Represents one event that the plugin handles: for a mapping with its standard, for a stage with the carrier.

    ``own``: fields that the plugin declares; ``fields``: these and the facts of the source.
    ``own_sample_count``: how many of the last samples come from the plugin. ``is_any_event``: whether the mapping is of
    every event that no other maps; ``event`` is then the name of most samples.
    """

    standard: str
    event: str
    transformer: str
    own: tuple[Declared, ...]
    fields: tuple[Declared, ...]
    samples: tuple[Sample, ...]
    own_sample_count: int = 0
    is_any_event: bool = False

    @cached_property
    def declared(self) -> set[str]:
        """Returns all declared paths; a path below which everything is read stands with ``.**`` too."""
        paths = set()
        for path, declared in flat(self.fields):
            paths |= {path, f"{path}.**"} if declared.container else {path}
        return paths

    @property
    def label(self) -> str:
        """Returns the case's name for findings."""
        return f"{self.standard}: {ANY_EVENT if self.is_any_event else self.event}"


@dataclass(frozen=True)
class Twin:
    """Holds a field of the complete sample, another value that resembles the field's own, and the outcome with it."""

    field: str
    value: Any
    outcome: dict[str, Any]


@dataclass
class RunOutput:
    """Holds the output of a batch of events."""

    outcomes: list[str]
    changed: list[int]
    records: list[str]


@dataclass
class Subject:
    """Represents a plugin under test. Its code runs only in processes of its own."""

    name: str
    infos: tuple[PluginInfo, ...]
    package: Package
    workspace: Workspace
    file_source: str = ""
    """Name of the source that the plugin's own file brings."""
    seed: int = 0
    quick: bool = False
    """Whether fewer random events are tried."""
    defaults_only: bool = False
    """Whether what takes longer than a moment is left out: other settings, other plugins that map the same events."""
    is_whole: bool = False
    """Whether the whole contract is checked: all processes start at once, before a check asks for them."""
    flaws: Any = None
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings of the plugin that are tested at the moment; empty for its defaults, or those of contract.toml."""
    audit_findings: dict[tuple[str, str, str], None] = field(default_factory=dict)
    titled_courses: list[str] = field(default_factory=list)
    """Courses that have a title."""
    first_outcomes: dict[int, str] = field(default_factory=dict)
    """``id`` of each sample → its outcome in the first run."""
    _assembled: dict[str, Any] = field(default_factory=dict)
    """Description under the settings that are tested at the moment."""
    _processes: list[PluginProcess] = field(default_factory=list)

    # --- processes ----------------------------------------------------------------------------------------

    @property
    def is_source(self) -> bool:
        """Tells whether the plugin is a source."""
        return "sources" in {info.kind for info in self.infos}

    @property
    def is_auth_scheme(self) -> bool:
        """Tells whether the plugin is an auth scheme."""
        return "auth" in {info.kind for info in self.infos}

    @property
    def is_input(self) -> bool:
        """Tells whether the plugin is an input and nothing else."""
        return {info.kind for info in self.infos} == {"inputs"}

    @cached_property
    def source_name(self) -> str:
        """Returns the source to run with: this plugin, its distribution's, the author's choice, or the only one.

        Without an installed source it is the carrier's, and for sinks, inputs and auth schemes. Raises
        PluginProcessError if several are installed.
        """
        if {info.kind for info in self.infos} <= {"inputs", "sinks", "auth"}:  # these see nothing of an event
            return CARRIER
        if self.file_source:
            return self.file_source
        chosen = self.package.sections.get("platform", {})
        if isinstance(chosen, Mapping) and isinstance(chosen.get("source"), str):
            return str(chosen["source"])
        plugins = installed()
        sources = [info for info in plugins if info.kind == "sources"]
        names = [info.name for info in sources if info in self.infos]
        names += [info.name for info in sources if info.distribution == self.infos[0].distribution]
        if names or not sources:
            return (names or [CARRIER])[0]
        try:
            return select_source(plugins, None).name
        except ValueError as error:
            raise PluginProcessError(
                f'{error}; or choose one in contract.toml, [sections.platform] source = "…"'
            ) from None

    @cached_property
    def host_modules(self) -> list[str]:
        """Lists the modules of the source, if it is not the plugin's own: to it they are part of the host."""
        points = [
            info.entry_point
            for info in installed()
            if (info.kind, info.name) == ("sources", self.source_name)
            and info.distribution != self.infos[0].distribution
        ]
        return [point.module for point in points if point is not None]

    def enabled_plugins(self) -> list[str]:
        """Lists the plugins to enable: this one, and what it needs to be useful."""
        kinds = {info.kind for info in self.infos}
        if ("sources" in kinds and "resolvers" not in kinds) or self.is_auth_scheme:
            return [f"{CARRIER}.events"]
        if "standards" in kinds:
            return [self.name, *self.companions]
        if kinds == {"families"}:
            return [self.name]
        return [f"{CARRIER}.events", self.name]

    @cached_property
    def companions(self) -> list[str]:
        """Returns a family for a standard, of its own distribution if possible: its composer needs parts to compose."""
        if self.infos[0].file:
            return [name for name in self.package.plugins if name.startswith(f"{self.name}.")][:1]
        plugins = installed()
        of_sources = {info.distribution: info.name for info in plugins if info.kind == "sources"}
        families = [
            info for info in plugins
            if info.kind == "families" and info.standard == self.name
            and of_sources.get(info.distribution, self.source_name) == self.source_name
        ]  # fmt: skip
        families.sort(key=lambda info: (info.distribution != self.infos[0].distribution, info.name))
        return [info.name for info in families[:1]]

    def start(self, *, seed: int, enabled: Sequence[str] | None = None, sections: Mapping[str, Any] | None = None,
              is_traced: bool = False, **env: str) -> tuple[PluginProcess, dict[str, Any]]:  # fmt: skip
        """Starts a process with the plugin assembled; returns it and its description. Raises PluginProcessError."""
        process = self._begin_process(seed, is_traced, **env)
        return process, self.assemble(process, enabled, sections)

    def _begin_process(self, seed: int, is_traced: bool = False, **env: str) -> PluginProcess:
        """Begins a process with the plugin. Raises PluginProcessError if another one hung or ended."""
        if ended := next((process.ended for process in self._processes if process.ended), ""):
            raise PluginProcessError(f"not checked: {ended}")
        process = PluginProcess(
            self.workspace, self.package.roots, seed, is_traced, self.texts, self.host_modules, **env
        )
        self._processes.append(process)
        return process

    @contextmanager
    def temporary_process(self, enabled: Sequence[str]) -> Iterator[tuple[PluginProcess, dict[str, Any]] | None]:
        """Starts a process with these plugins, and yields it with its description; None if they cannot be assembled."""
        process = PluginProcess(self.workspace, self.package.roots, MAIN_SEED, host_modules=self.host_modules)
        try:
            try:
                description = self.assemble(process, enabled)
            except PluginProcessError:
                yield None
            else:
                yield process, description
        finally:
            process.close()

    def assemble(
        self, process: PluginProcess, enabled: Sequence[str] | None = None, sections: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Assembles the plugins again in a process, with other configuration sections. Returns the description."""
        self.begin_assembly(process, enabled, sections)
        return self.finish_assembly(process)

    def begin_assembly(
        self, process: PluginProcess, enabled: Sequence[str] | None = None, sections: Mapping[str, Any] | None = None
    ) -> None:
        """Begins to assemble the plugins in a process. Raises PluginProcessError."""
        own = {
            name: section
            for name, section in self.package.sections.items()
            if name != "platform" and (name not in PROVIDED or (isinstance(section, Mapping) and "provider" in section))
        }
        if "routers" in {info.kind for info in self.infos}:  # without destinations it would not be called
            own["destinations"] = {OPEN_DESTINATION: build_destination()}
        if self.is_auth_scheme:
            settings = process.ask("invent_auth_settings", scheme=self.name) | self.package.auth
            own["destinations"] = {OPEN_DESTINATION: build_destination(auth={**settings, "scheme": self.name})}
        names = enabled if enabled is not None else self.enabled_plugins()
        file = self.infos[0].file
        is_used = file is not None and (enabled is None or self.name in names or self.file_source != "")
        raw = self.workspace.build_configuration(
            [name for name in names if not is_used or name not in self.package.plugins],
            self.source_name,
            [str(file)] if is_used else [],
            **_merged(own, sections or {}, nested_table(self.name, self.settings) if self.settings else {}),
        )
        process.begin("assemble", raw=raw, path=str(self.workspace.path / "relay.toml"))

    def finish_assembly(self, process: PluginProcess) -> dict[str, Any]:
        """Returns the description of what a process has assembled. Raises PluginProcessError."""
        answer = orjson.dumps(process.finish()).replace(EXAMPLE_ROOT_URL.encode(), ROOT_URL.encode())
        description: dict[str, Any] = orjson.loads(answer)
        if "problems" in description:
            raise PluginProcessError("; ".join(description["problems"]))
        return description

    @cached_property
    def _main_process(self) -> tuple[PluginProcess, dict[str, Any]]:
        process, description = self.start(seed=MAIN_SEED)
        source = SourceDescription.from_data(description["source"])
        courses = [field.values[0] for field in source.facts if field.name == "course_id"]
        self.titled_courses = [TITLED_COURSE, *(course for course in courses if isinstance(course, str))]
        self.workspace.write_courses(*self.titled_courses)
        description = self.assemble(process)
        if self.is_whole:
            for other in (self._begun_second, self._begun_traced):
                assert other
        return process, description

    @property
    def process(self) -> PluginProcess:
        """Returns the process in which most checks run."""
        return self._main_process[0]

    @cached_property
    def second_process(self) -> tuple[PluginProcess, dict[str, Any]]:
        """Returns a second process; everything differs in it that must make no difference."""
        return self._begun_second, self.finish_assembly(self._begun_second)

    @cached_property
    def _begun_second(self) -> PluginProcess:
        process = self._begin_process(OTHER_SEED, TZ="Pacific/Kiritimati", LC_ALL="C.UTF-8")
        self.begin_assembly(process)
        return process

    @cached_property
    def _begun_traced(self) -> PluginProcess:
        process = self._begin_process(OTHER_SEED, is_traced=True)
        self.begin_assembly(process)
        return process

    @cached_property
    def trace_findings(self) -> dict[str, Any]:
        """Runs all samples, and malformed ones if code is unreached, step by step in a third process.

        Returns what never ran, and the calls of clock and chance.
        """
        process = self._begun_traced
        self.finish_assembly(process)

        def run_all() -> None:
            for case in self.cases:
                self.run([message_of(sample.event, "object") for sample in case.samples], process=process)

        run_all()
        changed = False
        for _ in self.own_settings():
            changed = True
            self.assemble(process)
            run_all()
        if changed:
            self.assemble(process)
        findings: dict[str, Any] = process.ask("trace_findings", files=self.own_files)
        if findings["unreached"]:
            for case in self.cases:
                self.run([message_of(event, "object") for _, event in malformed(case.samples[0].event, case.fields)],
                         process=process)  # fmt: skip
            findings = process.ask("trace_findings", files=self.own_files)
        return findings

    @cached_property
    def own_files(self) -> list[str]:
        """Lists the files with its mappings; all files of the package if it holds only this plugin."""
        if len(self.package.plugins) == 1:
            return [str(file) for file in self.package.sources if file not in self.package.commands]
        return sorted(
            {mapping["file"] for mapping in self.description["transformers"] if mapping["family"] == self.name} - {""}
        )

    @property
    def description(self) -> dict[str, Any]:
        """Returns what the plugin contributes and declares."""
        return self._main_process[1]

    def list_rivals(self) -> list[list[str]]:
        """Lists its events that another installed family of the standard maps too, each with the family's origin."""
        mapped = [mapping["events"] for mapping in self.description["transformers"] if mapping["family"] == self.name]
        if not mapped or self.defaults_only:  # to import all other families takes longer than all else
            return []
        process = PluginProcess(self.workspace, [], MAIN_SEED)
        try:
            events = [event for events in mapped for event in events]
            rivals: list[list[str]] = process.ask("list_rivals", family=self.name, events=events)
            return rivals
        except PluginProcessError:  # a rival hung or ended the process: no fault of this plugin
            return []
        finally:
            process.close()

    @contextmanager
    def with_identity_provider(self, **provider: str) -> Iterator[None]:
        """Selects this identity provider for the duration of the context."""
        self.assemble(self.process, sections={"identity": provider})
        try:
            yield
        finally:
            self.assemble(self.process)

    def own_settings(self) -> Iterator[str]:
        """Yields a description of each other setting of the plugin itself, assembled meanwhile.

        These are the other choices of its section, and the settings that contract.toml gives.
        """
        if self.defaults_only:
            return
        for settings in [
            *self.description["settings_variants"].get(self.name, ()),
            *self.package.settings_of(self.name),
        ]:
            self.settings = settings
            try:
                self._assembled = self.assemble(self.process)
                yield f"with {_in_words(settings)}"
            finally:
                self.settings = {}
                self.assemble(self.process)

    def variants(self) -> Iterator[tuple[str, Sequence[Case], dict[str, Any]]]:
        """Yields (description, cases, settings of their standard) for each other setting, assembled meanwhile.

        First the plugin's own settings, then those of its standards; for these the learners of samples have e-mail
        addresses.
        """
        for words in self.own_settings():
            reads = [mapping["fields"] for mapping in self._assembled["transformers"]]
            is_usual = reads == [mapping["fields"] for mapping in self.description["transformers"]]
            yield words, self.cases if is_usual else self._mapping_cases(self._assembled), {}
        pairs = [
            (standard, settings)
            for standard in sorted({case.standard for case in self.cases})
            for settings in self.description["variants"][standard]
        ]
        if not pairs or self.defaults_only:
            return
        with self.with_identity_provider(**KNOWN_LEARNERS):
            for standard, settings in pairs:
                self.assemble(self.process, sections={standard: settings, "identity": KNOWN_LEARNERS})
                cases = [case for case in self.cases if case.standard == standard]
                yield f"with {_in_words(settings)}", cases, settings

    def other_platforms(self) -> Iterator[str]:
        """Yields a description of each other form of a platform's address and courses' titles, assembled meanwhile."""
        if self.defaults_only:
            return
        try:
            for root_url in OTHER_ROOT_URLS:
                self.assemble(self.process, sections={"platform": {"root_url": root_url, "source": self.source_name}})
                yield f"on a platform with the address {root_url}"
            for title in OTHER_TITLES if "course_title" in self.read_attributes else ():
                self.workspace.write_courses(*self.titled_courses, title=title)
                self.assemble(self.process)
                yield f"in a course with the title {title}"
        finally:
            self.workspace.write_courses(*self.titled_courses)
            self.assemble(self.process)

    def close(self) -> None:
        """Ends all processes."""
        for process in self._processes:
            process.close()

    # --- what there is to judge ---------------------------------------------------------------------------

    @cached_property
    def source(self) -> SourceDescription:
        """Returns the source of the assembly under test."""
        return SourceDescription.from_data(self.description["source"])

    def read(self, fields: Sequence[Mapping[str, Any]]) -> tuple[Declared, ...]:
        """Builds declared fields from their descriptions, with values such as the platform writes."""
        return read(fields, self.source.sample_values)

    @cached_property
    def standards(self) -> list[str]:
        """Lists the enabled standards."""
        return list(self.description["variants"])

    @cached_property
    def stages(self) -> dict[str, tuple[Declared, ...]]:
        """Returns the declared fields of the plugin's stage functions by hook."""
        return {
            stage["hook"]: self.read(stage["fields"])
            for stage in self.description["stages"]
            if stage["plugin"] == self.name
        }

    @cached_property
    def scopes(self) -> dict[str, tuple[Declared, ...]]:
        """Returns the declared fields of the plugin's scopes by key."""
        return {
            key: self.read(scope["fields"])
            for key, scope in self.description["scopes"].items()
            if scope["origin"].startswith(f"{self.name} of ")
        }

    @cached_property
    def cases(self) -> list[Case]:
        """Lists all cases; the events of a stage come from the carrier."""
        cases = self._mapping_cases(self.description)
        if self.infos[0].kind == "standards":
            return cases[:3]
        return cases or self._carrier_cases()

    def _mapping_cases(self, description: Mapping[str, Any]) -> list[Case]:
        """Lists the cases of the mappings, by the description of what is assembled in the process."""
        cases = []
        families = {self.name, *(self.companions if "standards" in {info.kind for info in self.infos} else ())}
        for mapping in description["transformers"]:
            if mapping["family"] not in families or mapping["standard"] not in self.standards:
                continue
            own = self.read(mapping["fields"])
            for event in mapping["events"]:
                if f"{mapping['standard']}:{event}" in description["mapped"]:
                    cases.append(self._build_case(mapping["standard"], event, mapping["name"], own, self.source.facts))
        return cases

    def _carrier_cases(self) -> list[Case]:
        if CARRIER not in self.standards:
            return []
        own = tuple(field for fields in (*self.stages.values(), *self.scopes.values()) for field in fields)
        names = [
            value for field in own if field.paths == ("name",) for value in field.examples if isinstance(value, str)
        ] or ["probe"]
        facts = self.source.facts
        if not self.is_source:  # an event of nobody would be skipped, whatever the plugin does
            taken = {path for field in own for path in field.paths}
            facts = tuple(
                replace(field, needed=field.needed or not taken.intersection(field.paths))
                if field.name in self.source.who_reads
                else field
                for field in facts
            )
        return [self._build_case(CARRIER, name, self.name, own, facts) for name in dict.fromkeys(names)]

    def _build_case(
        self, standard: str, event: str, transformer: str, declared: Sequence[Declared], facts: Sequence[Declared]
    ) -> Case:
        is_any_event, event = event == ANY_EVENT, OTHER_EVENTS[0] if event == ANY_EVENT else event
        fields = with_agreeing_values(_with_unique_names((*declared, *facts)))
        own = fields[: len(declared)]
        family = self.name if self.name in self.description["samples"] else ""
        own_samples = [
            Sample(f"the plugin's sample {number}", event_data)
            for number, event_data in enumerate(self.description["samples"].get(family, ()), 1)
            if isinstance(event_data, dict)
            and (is_any_event or event in (event_data.get(key) for key in self.source.shape.name))
        ]
        made = samples_of(event, fields, own, self.literals)
        if is_any_event:
            made += [Sample(f"named {name}", {**made[0].event, "name": name}) for name in OTHER_EVENTS[1:]]
        case = Case(standard, event, transformer, own, fields, (*made, *own_samples), len(own_samples), is_any_event)
        return self._put_transformed_first(case)

    def _put_transformed_first(self, case: Case) -> Case:
        """Moves a sample with a statement to the front, if the complete sample is skipped with good reason."""
        texts = self.run([message_of(sample.event, "object") for sample in case.samples]).outcomes
        self.first_outcomes |= {id(sample): text for sample, text in zip(case.samples, texts, strict=True)}
        outcomes = [outcome_of(case, self.parse(text)) for text in texts]
        if outcomes[0]["state"] != SKIPPED:
            return case
        made = outcomes[: len(outcomes) - case.own_sample_count]
        first = next(
            (n for n, outcome in enumerate(made) if outcome["state"] == TRANSFORMED and outcome.get("statements")), 0
        )
        order = [first, *(number for number in range(len(case.samples)) if number != first)]
        return replace(case, samples=tuple(case.samples[number] for number in order))

    @cached_property
    def texts(self) -> list[str]:
        """Returns the short texts of its source."""
        return texts_of_files(self.package.sources)

    @cached_property
    def read_attributes(self) -> set[str]:
        """Returns the names of the attributes that its source reads of any object."""
        trees = [ast.parse(file.read_bytes()) for file in self.package.sources]
        nodes = (node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute))
        return {node.attr for node in nodes if isinstance(node.ctx, ast.Load)}

    @cached_property
    def literals(self) -> list[Any]:
        """Returns the values that its source compares with."""
        return literals_of_files(map(Path, self.own_files or map(str, self.package.sources)))

    # --- running ------------------------------------------------------------------------------------------

    def run(
        self, events: Sequence[list[Any]], *, process: PluginProcess | None = None, debug: bool = False
    ) -> RunOutput:
        """Runs events (``[shape, event]``) through the real pipeline, and keeps the findings of the audit hook."""
        process = process or self.process
        answer = process.ask("run", events=list(events), debug=debug)
        texts = answer["texts"]
        self.audit_findings.update(dict.fromkeys(tuple(action) for action in answer["actions"]))
        return RunOutput([texts[number] for number in answer["index"]], answer["changed"], answer["records"])

    @cached_property
    def _reader(self) -> PluginProcess:
        """Starts a process with the source and without the plugin, unless the plugin is the source, or time matters."""
        if self.is_source or self.defaults_only:
            return self.process
        process = PluginProcess(self.workspace, [], MAIN_SEED)
        self._processes.append(process)
        self.assemble(process, [f"{CARRIER}.events"])
        return process

    def read_bodies(self, events: Sequence[list[Any]]) -> list[Event | None]:
        """Returns the bodies of events (``[shape, event]``) as the source reads them; None for what is no event."""
        answers = self._reader.ask("read", events=list(events))
        return [answer.get("body") for answer in answers]

    @cached_property
    def sample_outcomes(self) -> dict[str, list[dict[str, Any]]]:
        """Returns for each case (by standard and event) the outcomes of its samples, one each."""
        return {
            case.label: [
                outcome_of(case, self.parse(text))
                for text in self.run([message_of(sample.event, "object") for sample in case.samples]).outcomes
            ]
            for case in self.cases
        }

    def trace_unused_fields(self, case: Case) -> list[str]:
        """Lists the declared paths of a mapping from which nothing flows into a statement, as `learnrelay privacy`."""
        event = ANY_EVENT if case.is_any_event else case.event
        paths: list[str] = self.process.ask("unused_fields", standard=case.standard, event=event)
        return paths

    def compare_shipped_flows(self, case: Case) -> str:
        """Tells of the flows that the package ships for a mapping: ``none`` that are believed, ``same``, ``other``."""
        event = ANY_EVENT if case.is_any_event else case.event
        state: str = self.process.ask("compare_shipped_flows", standard=case.standard, event=event)
        return state

    @cached_property
    def twins(self) -> dict[str, list[Twin]]:
        """Returns for each case (by label) the twins of its complete sample that are transformed or skipped."""
        twins: dict[str, list[Twin]] = {}
        for case in self.cases:
            tried = list(one_field_twins(case.event, case.fields))
            texts = self.run([message_of(event, "object") for _, _, event in tried]).outcomes
            outcomes = [outcome_of(case, self.parse(text)) for text in texts]
            twins[case.label] = [
                Twin(field, value, outcome)
                for (field, value, _), outcome in zip(tried, outcomes, strict=True)
                if outcome["state"] in (TRANSFORMED, SKIPPED)
            ]
        return twins

    def parse(self, text: str) -> list[dict[str, Any]]:
        """Parses the outcomes that the process wrote."""
        outcomes: list[dict[str, Any]] = orjson.loads(text)
        return outcomes

    def rng(self, what: str) -> random.Random:
        """Builds a random generator that is the same in every run of the harness."""
        return random.Random(f"{self.seed}/{self.name}/{what}")  # noqa: S311  # for samples, not for secrets


def _in_words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} = {orjson.dumps(value).decode()}" for key, value in settings.items())


def nested_table(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the section of a plugin as it lies in a parsed operator's file: ``xapi.poll`` in ``xapi``."""
    table = dict(settings)
    for key in reversed(name.split(".")):
        table = {key: table}
    return table


def _merged(*tables: Mapping[str, Any]) -> dict[str, Any]:
    """Merges tables, and the tables in them; later values count."""
    merged: dict[str, Any] = {}
    for table in tables:
        for key, value in table.items():
            known = merged.get(key)
            both = isinstance(known, Mapping) and isinstance(value, Mapping) and key not in REPLACED
            merged[key] = _merged(known, value) if both else value  # type: ignore[arg-type]
    return merged


def outcome_of(case: Case, outcomes: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns the outcome for the case's standard, or the only one."""
    return next((outcome for outcome in outcomes if outcome.get("standard") == case.standard), outcomes[0])


def _with_unique_names(fields: Sequence[Declared]) -> tuple[Declared, ...]:
    """Renames fields of several declarations so that all names differ."""
    seen: dict[str, int] = {}
    renamed = []
    for declared in fields:
        seen[declared.name] = seen.get(declared.name, 0) + 1
        name = declared.name if seen[declared.name] == 1 else f"{declared.name} ({seen[declared.name]})"
        renamed.append(Declared(name, *(getattr(declared, key) for key in list(Declared.__dataclass_fields__)[1:])))
    return tuple(renamed)
