"""A model of capacity: how many statements a set-up takes and gives, from what was measured (`results.json`).

It writes the tables of docs/scaling.md: ``python -m benchmarks.capacity``. All that it assumes is in `ASSUMED`, and
stands on that page.

A database that takes statements and gives them out at once needs the time of both for each. Of PostgreSQL that is CPU
time of a statement, spread over the cores of its server; of SQLite, which has one writer, time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

Results = Mapping[str, Any]


@dataclass(frozen=True)
class Assumptions:
    """Lists what the model assumes, and nobody has measured here."""

    cores: int = 4  # of the server of a database
    most_used: float = 0.5  # of what a part can do: the rest is for hours that are worse than planned
    batch: int = 100  # statements of a request
    answer: float = 0.1  # seconds that the consumer needs for a batch
    outage: float = 3600.0  # seconds that the consumer is away
    learners: int = 1_000_000
    exam: float = 7200.0  # seconds
    opening: float = 600.0  # seconds in which all of them begin
    opening_events: int = 20  # of each learner
    later_events: int = 100  # of each learner, in the rest of the exam


ASSUMED = Assumptions()


@dataclass(frozen=True)
class Part:
    """Says what a part of a set-up can do, in statements a second, and what to do when that is not enough."""

    name: str
    rate: float
    source: str
    cure: str


@dataclass(frozen=True)
class Load:
    """Says how many events come in a second."""

    name: str
    rate: float


def list_loads(assumed: Assumptions = ASSUMED) -> list[Load]:
    """Lists the loads of the page: everyday ones, and the exam of a million learners."""
    return [
        Load("1 event/s", 1),
        Load("100 events/s", 100),
        Load("10,000 events/s", 10_000),
        Load("exam, the beginning", assumed.learners * assumed.opening_events / assumed.opening),
        Load("exam, the rest", assumed.learners * assumed.later_events / (assumed.exam - assumed.opening)),
    ]


def both_ways(rate_in: float, rate_out: float) -> float:
    """Returns the statements a second of a database with one writer that takes and gives at once."""
    return 1 / (1 / rate_in + 1 / rate_out)


def server_rate(us_in: float, us_out: float, cores: int = ASSUMED.cores) -> float:
    """Returns the statements a second of a server that needs so many microseconds of its cores for each."""
    return cores * 1e6 / (us_in + us_out)


def worker_rate(us: float, answer: float, batch: int = ASSUMED.batch) -> float:
    """Returns the statements a second of one worker: it sends one request at a time to each destination.

    ``us``: its own work for a statement, in microseconds; ``answer``: seconds that the consumer needs for a batch.
    """
    return 1 / (us / 1e6 + answer / batch)


def list_parts(results: Results, assumed: Assumptions = ASSUMED) -> dict[str, Part]:
    """Maps a short name to each part that may be the first to break: one of each."""
    costs = results["outbox on PostgreSQL"]
    out = costs["out, 1 worker"]
    server = f"one PostgreSQL of {assumed.cores} cores"
    return {
        "pipeline": Part(
            "pipeline, one core, one standard",
            float(results["pipeline"]["xAPI, without cache"]["events_per_second"]),
            "*xAPI, without cache*",
            "more processes: each emitter and each input has a pipeline of its own",
        ),
        "SQLite": Part(
            "one SQLite file, events one by one",
            both_ways(
                float(results["outbox"]["outbox, 1 a commit"]["statements_per_second"]),
                float(results["delivery"]["outbox and drain"]["statements_per_second"]),
            ),
            "*outbox, 1 a commit* and *outbox and drain*",
            "an input that stores in blocks, or PostgreSQL",
        ),
        "singly": Part(
            f"{server}, events one by one",
            server_rate(costs["in, 1 a commit, 4 emitters"]["server_us"], out["server_us"], assumed.cores),
            "*in, 1 a commit, 4 emitters* and *out, 1 worker*, of the server",
            '`intake = "spool"`, which stores in blocks; then several databases',
        ),
        "blocks": Part(
            f"{server}, events in blocks",
            server_rate(costs["in, 50 a commit"]["server_us"], out["server_us"], assumed.cores),
            "*in, 50 a commit* and *out, 1 worker*, of the server",
            "more cores, then several databases, each with a part of the learners",
        ),
        "worker": Part(
            f"one worker, with a consumer that answers in {assumed.answer * 1000:.0f} ms",
            worker_rate(out["client_us"], assumed.answer, assumed.batch),
            "*out, 1 worker*, ours, and the consumer's time",
            "a larger `batch.size`, more workers; then ask the consumer",
        ),
    }


# --- tables ---------------------------------------------------------------------------------------------


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _table(columns: list[str], rows: list[list[str]]) -> str:
    return "\n".join([_row(*columns), "|" + "---|" * len(columns), *(_row(*row) for row in rows)])


def _number(value: float) -> str:
    """Writes a number with two digits that count: more would say more than the model knows."""
    if value >= 100:
        digits = len(str(int(value))) - 2
        return f"{round(value, -digits):,.0f}"
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 0.1 else f"{value:.2g}"


def _share(value: float) -> str:
    return f"**{value:.0%}**" if value > 1 else f"{value:.0%}" if value >= 0.01 else "< 1%"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def parts_table(results: Results) -> str:
    """Shows what one of each part holds."""
    rows = [[part.name, _number(part.rate), part.source] for part in list_parts(results).values()]
    return _table(["one", "statements a second", "from, in the [benchmarks](benchmarks.md)"], rows)


def assumptions_table(_: Results) -> str:
    """Shows what is assumed."""
    rows = [
        ["statements of an event", "one, for one destination; of a real log, a part of the lines gives none"],
        ["cores of the server of a database", str(ASSUMED.cores)],
        ["of what a part can do, used at most", f"{ASSUMED.most_used:.0%}"],
        ["statements of a request", str(ASSUMED.batch)],
        ["the consumer's answer to it", f"{ASSUMED.answer * 1000:.0f} ms"],
        ["the consumer is away", _time(ASSUMED.outage)],
        [
            "exam",
            f"{ASSUMED.learners:,} learners, {_time(ASSUMED.exam)}; in the first {_time(ASSUMED.opening)} "
            f"{ASSUMED.opening_events} events of each, {ASSUMED.later_events} in the rest",
        ],
    ]
    return _table(["assumed", "value"], rows)


def loads_table(results: Results) -> str:
    """Shows what each load asks of each part, how many of each are wanted, and what an outage costs."""
    loads, parts = list_loads(), list_parts(results)
    room = results["room on PostgreSQL"]["bytes"]

    def wanted(part: str, load: Load) -> int:
        return ceil(load.rate / parts[part].rate / ASSUMED.most_used)

    def catch_up(load: Load) -> float:
        able = min(wanted(part, load) * parts[part].rate for part in ("blocks", "worker"))
        return load.rate * ASSUMED.outage / (able - load.rate)

    lines: dict[str, Callable[[Load], str]] = {
        "events a second": lambda load: _number(load.rate),
        **{
            f"used of {part.name}": lambda load, part=part: _share(load.rate / part.rate)  # type: ignore[misc]
            for part in parts.values()
        },
        "**wanted**: cores for the pipeline": lambda load: str(wanted("pipeline", load)),
        "databases, events one by one": lambda load: str(wanted("singly", load)),
        "databases, events in blocks": lambda load: str(wanted("blocks", load)),
        "workers": lambda load: str(wanted("worker", load)),
        "requests a second to the consumer": lambda load: _number(load.rate / ASSUMED.batch),
        "**consumer away**: statements that wait": lambda load: _number(load.rate * ASSUMED.outage),
        "their room, GB": lambda load: _number(load.rate * ASSUMED.outage * room / 1e9),
        "time to catch up": lambda load: _time(catch_up(load)),
    }
    rows = [[name, *(write(load) for load in loads)] for name, write in lines.items()]
    return _table(["", *(load.name for load in loads)], rows)


def list_breaking(results: Results, load: Load, parts: tuple[str, ...]) -> list[tuple[float, Part]]:
    """Lists how much of each part a load uses, the first to break first."""
    known = list_parts(results)
    return sorted(((load.rate / known[name].rate, known[name]) for name in parts), key=lambda item: -item[0])


def breaking_table(results: Results) -> str:
    """Shows what breaks first with one database and one worker, at which rate, and what to do before."""
    set_ups = {
        "one machine, SQLite": ("pipeline", "SQLite", "worker"),
        "one PostgreSQL, `emit()` in web processes": ("singly", "worker"),
        "one PostgreSQL, inputs or the spool": ("pipeline", "blocks", "worker"),
    }
    rows = []
    for name, parts in set_ups.items():
        (_, first), (_, second), *_ = list_breaking(results, Load("", 1), parts)
        rows.append([
            name, first.name, _number(first.rate * ASSUMED.most_used), first.cure, second.name,
            _number(second.rate * ASSUMED.most_used),
        ])  # fmt: skip
    return _table(["set-up", "first to break", "plan for, statements/s", "what to do before", "then", "at"], rows)


def exam_table(results: Results) -> str:
    """Shows the exam with and without the spool, which lets the databases be planned for the rest of it."""
    opening, rest = list_loads()[-2:]
    parts = list_parts(results)
    room = results["room on PostgreSQL"]["bytes"]
    databases = ceil(rest.rate / parts["blocks"].rate / ASSUMED.most_used)
    capacity = databases * parts["blocks"].rate
    backlog = max(0.0, opening.rate - capacity) * ASSUMED.opening
    workers = ceil(rest.rate / parts["worker"].rate / ASSUMED.most_used)
    direct = ceil(opening.rate / parts["singly"].rate / ASSUMED.most_used)
    waiting = max(0.0, opening.rate - workers * parts["worker"].rate) * ASSUMED.opening
    rows = [
        ["databases", str(direct), str(databases)],
        ["workers", str(ceil(opening.rate / parts["worker"].rate / ASSUMED.most_used)), str(workers)],
        ["in the spools after the beginning", "0", _number(backlog)],
        ["in the databases then, until the workers have sent it", "0", _number(waiting)],
        ["their room, GB, all machines", "0", _number(max(backlog, waiting) * room / 1e9)],
        ["all sent after", "at once", _time(waiting / (workers * parts["worker"].rate - rest.rate))],
    ]
    return _table(
        ["", "planned for the beginning, `emit()` into databases", 'planned for the rest, `intake = "spool"`'], rows
    )


def catch_up_table(results: Results) -> str:
    """Shows how much a worker sends, by the time of the consumer's answer and the size of batches."""
    own = results["outbox on PostgreSQL"]["out, 1 worker"]["client_us"]
    sizes, answers = (20, 100, 500), (0.01, 0.1, 1.0)
    rows = [
        [f"{answer * 1000:.0f} ms", *(_number(worker_rate(own, answer, size)) for size in sizes)] for answer in answers
    ]
    return _table(["the consumer answers in", *(f"`batch.size` {size}" for size in sizes)], rows)


TABLES: dict[str, Callable[[Results], str]] = {
    "parts": parts_table, "assumptions": assumptions_table, "loads": loads_table, "breaking": breaking_table,
    "exam": exam_table, "workers": catch_up_table,
}  # fmt: skip
_MARKED = re.compile(r"(<!-- capacity: (\w+) -->\n)\n.*?\n\n(<!-- end -->)", re.DOTALL)


def fill(page: str, results: Results) -> str:
    """Returns the page with the tables between its marks ``<!-- capacity: NAME -->`` made anew."""
    return _MARKED.sub(lambda mark: f"{mark[1]}\n{TABLES[mark[2]](results)}\n\n{mark[3]}", page)


def main() -> None:
    """Writes the tables of docs/scaling.md anew."""
    root = Path(__file__).parents[1]
    page = root / "docs/scaling.md"
    results = json.loads((root / "benchmarks/results.json").read_text(encoding="utf-8"))
    page.write_text(fill(page.read_text(encoding="utf-8"), results), encoding="utf-8")


if __name__ == "__main__":
    main()
