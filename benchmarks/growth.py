"""What the cost of an event depends on: plugins, destinations, payload, nesting, fields."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from learnrelay import Fields, required
from learnrelay.assembly.assemble import assemble
from learnrelay.fields import compile_extractor
from learnrelay.pipeline.plan import Plan

from . import acme
from .pipeline import way
from .sample import DESTINATION, ROOT, event_from_line
from .timing import seconds

SMALL = """
[platform]
root_url = "https://learn.example.org"
[plugins]
enabled = [{enabled}]
[identity]
provider = "keyed"
secret = "env:LEARNRELAY_IDENTITY_SECRET"
"""


def measure(directory: Path, quick: bool) -> dict[str, Any]:
    """Microseconds an event against each quantity, with the small standard of the core's own tests."""
    return {"growth": _growth(directory, quick)}


def _growth(directory: Path, quick: bool) -> dict[str, Any]:
    sys.path.insert(0, str(ROOT / "core" / "tests"))
    import plain

    acme.install(directory / "site")
    events, rounds = (500, 3) if quick else (4_000, 7)
    line = plain.line(plain.event())
    config = directory / "small.toml"

    def cost(plans: dict[int, tuple[Plan, bytes]]) -> dict[str, float]:
        runs = {str(size): way(plan, [line] * events) for size, (plan, line) in plans.items()}
        return {size: round(time / events * 1e6, 3) for size, time in seconds(runs, rounds).items()}

    def assembled(*more: str, destinations: int = 1, scope: str = '"all"') -> Plan:
        enabled = ", ".join(f'"{name}"' for name in ("plain", "plain.watching", *more))
        tables = "".join(DESTINATION.format(name=f"d{n}", standard="plain", port=1) for n in range(destinations))
        tables = tables.replace('scope = "all"', f"scope = {scope}")
        config.write_text(SMALL.format(enabled=enabled) + tables, encoding="utf-8")
        return assemble(config).plan

    def stages(number: int) -> Plan:
        return assembled(*(f"{stage}{n}" for stage in ("filter", "enricher", "router") for n in range(number)))

    body = event_from_line(line).body
    look, keep, add, deny = compile_extractor(acme.Few), acme.Filter(), acme.Enricher(), acme.Router()

    def work() -> None:
        """Calls by hand what nine plugins do themselves."""
        for _ in range(events):
            for _ in range(3):
                keep.filter_event(look(body))
                add.enrich_statement(look(body), "plain")
                deny.route_event(look(body), None)

    three = seconds({"0": way(stages(0), [line] * events), "3": way(stages(3), [line] * events), "work": work}, rounds)
    return {
        "plugins in each stage": cost({number: (stages(number), line) for number in (0, 1, 3, 5, acme.STAGES)}),
        "dispatch to three plugins in each stage": round((three["3"] - three["0"] - three["work"]) / events * 1e6, 3),
        "installed events": cost({
            0: (assembled(), line), **{number: (assembled(f"plain.many{number}"), line) for number in acme.MANY}
        }),
        "destinations": cost({number: (assembled(destinations=number), line) for number in (1, 3, 10, 30)}),
        "destinations of an organisation": cost({
            number: (assembled("enterprise_filter", destinations=number, scope='{ org = ["Harbour"] }'), line)
            for number in (1, 3, 10, 30)
        }),
        "payload in KiB": cost({size: (assembled(), _padded(plain, size)) for size in (1, 4, 16, 48)}),
        "nesting": cost({depth: (assembled(), _nested(plain, depth)) for depth in (1, 10, 50, 200)}),
        "extracted fields": _extraction((1, 5, 10, 20, 40), events, rounds),
    }  # fmt: skip


def _padded(plain: Any, size: int) -> bytes:
    line: bytes = plain.line(plain.event(data={"video": "v1", "at": 3, "more": ["x" * 100] * (10 * size)}))
    return line


def _nested(plain: Any, depth: int) -> bytes:
    inner: Any = "x"
    for _ in range(depth):
        inner = {"down": inner}
    line: bytes = plain.line(plain.event(data={"video": "v1", "at": 3, "deep": inner}))
    return line


def _extraction(sizes: tuple[int, ...], events: int, rounds: int) -> dict[str, float]:
    runs = {}
    for size in sizes:
        declared = {f"f{number}": required(f"data.part{number % 4}.f{number}") for number in range(size)}
        extract: Callable[[Any], Any] = compile_extractor(type("ValueMatcher", (Fields,), declared))
        data: dict[str, dict[str, int]] = {f"part{number}": {} for number in range(4)}
        for number in range(size):
            data[f"part{number % 4}"][f"f{number}"] = number
        runs[str(size)] = _repeated(extract, {"data": data}, events)
    return {size: round(time / events * 1e6, 3) for size, time in seconds(runs, rounds).items()}


def _repeated(function: Callable[[Any], Any], argument: Any, times: int) -> Callable[[], None]:
    def run() -> None:
        for _ in range(times):
            function(argument)

    return run
