"""Events a second through parse, the four stages and serialise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from learnrelay import EventError
from learnrelay.assembly.assemble import Assembly, assemble
from learnrelay.pipeline.plan import Plan
from learnrelay.pipeline.run import Pipeline

from .sample import configure, event_from_line, make_log
from .timing import seconds

STANDARDS = {"xAPI": ("xapi",), "Caliper": ("caliper",), "both": ("xapi", "caliper")}


def measure(directory: Path, quick: bool) -> dict[str, Any]:
    """Rates by standard and family."""
    assembly = assemble(configure(directory, [("xapi", 1), ("caliper", 1)]))
    log = make_log(directory / "20k.log", 20_000)
    lines = list(readable(log.read_bytes().splitlines()[: 4_000 if quick else 20_000]))
    rounds = 2 if quick else 5
    return {
        "pipeline": _rates(assembly, lines, rounds),
        "families": _families(assembly, lines, rounds),
    }


def readable(lines: list[bytes]) -> Iterator[bytes]:
    """Returns the lines that are events."""
    for line in lines:
        try:
            event_from_line(line)
        except EventError:
            continue
        yield line


def only(plan: Plan, standards: tuple[str, ...]) -> Plan:
    """Returns the plan of some standards."""
    chosen = {
        event: tuple(mapping for mapping in mappings if mapping.standard in standards)
        for event, mappings in plan.mappings.items()
    }
    return replace(plan, mappings={event: mappings for event, mappings in chosen.items() if mappings})


def way(plan: Plan, lines: list[bytes], caching: bool = True) -> Callable[[], None]:
    """Runs the whole way of an event, from the line to the statements' JSON; each round begins with empty caches."""

    def run() -> None:
        process = Pipeline(plan, caching).process
        for line in lines:
            process(event_from_line(line))

    return run


def _bare(lines: list[bytes]) -> Callable[[], None]:
    """Parses the line and writes it again: no program in Python is faster."""

    def run() -> None:
        for line in lines:
            orjson.dumps(orjson.loads(line[line.find(b"{") :]))

    return run


def _rates(assembly: Assembly, lines: list[bytes], rounds: int) -> dict[str, Any]:
    runs = {name: way(only(assembly.plan, standards), lines) for name, standards in STANDARDS.items()}
    for name in ("xAPI", "Caliper"):
        runs[f"{name}, without cache"] = way(only(assembly.plan, STANDARDS[name]), lines, caching=False)
    timings = seconds({"bare": _bare(lines), **runs}, rounds)
    return {
        name: {
            "events_per_second": round(len(lines) / time),
            "us_per_event": round(time / len(lines) * 1e6, 2),
            "share_of_bare": round(timings["bare"] / time, 3),
        }
        for name, time in timings.items()
    }


def _families(assembly: Assembly, lines: list[bytes], rounds: int) -> dict[str, Any]:
    by_name: dict[str, list[bytes]] = {}
    for line in lines:
        by_name.setdefault(event_from_line(line).name, []).append(line)
    results = {}
    for family in sorted({transformer.family for transformer in assembly.table.values()}):
        names = {event for (_, event), transformer in assembly.table.items() if transformer.family == family}
        of_family = [line for name in sorted(names) for line in by_name.get(name, ())]
        if not of_family:
            continue
        of_family = (of_family * (2_000 // len(of_family) + 1))[:4_000]
        whole = way(only(assembly.plan, (family.partition(".")[0],)), of_family, caching=False)
        times = seconds({"bare": _bare(of_family), "way": whole}, rounds)
        results[family] = {
            "events_per_second": round(len(of_family) / times["way"]),
            "us_per_event": round(times["way"] / len(of_family) * 1e6, 2),
            "share_of_bare": round(times["bare"] / times["way"], 3),
        }
    return results
