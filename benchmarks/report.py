"""From the results to docs/benchmarks.md, its plots, docs/scaling.md, and the figures that were to be reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import capacity, plots

Results = dict[str, Any]


def targets(results: Results) -> Iterator[tuple[str, float, str, bool]]:
    """Yields (what, measured, wanted, reached) for each figure that this project sets itself and measures."""
    pipeline, replay = results["pipeline"], results["replay"]
    for name in ("xAPI", "Caliper"):
        share = pipeline[name]["share_of_bare"]
        yield f"pipeline {name}, share of bare parse and dump", share, "≥ 0.20", share >= 0.20
    for name, wanted in (("xAPI", 30), ("Caliper", 10)):
        if (ours := results["others"].get(f"our pipeline, {name}")) is not None:
            yield f"pipeline {name}, times ERB's chain", ours["times_ERB"], f"≥ {wanted}", ours["times_ERB"] >= wanted
    overhead = results["growth"]["dispatch to three plugins in each stage"]
    yield "dispatch to three plugins in each stage, µs an event", overhead, "≤ 1.5", overhead <= 1.5
    for name in ("xAPI", "both"):
        alone, files = replay[f"the pipeline alone, {name}"], replay[f"files, {name}, 1 process"]
        pure = alone["cpu_us_per_line"] / files["cpu_us_per_line"]
        yield f"replay to files, {name}, share of the pipeline's rate (CPU)", round(pure, 2), "≥ 0.75", pure >= 0.75
    one_process, two_processes = _rate(replay, "files, both, 1 process"), _rate(replay, "files, both, 2 processes")
    ratio = two_processes / one_process
    yield "two processes, times one", round(ratio, 2), "≥ 1.7", ratio >= 1.7
    http = _rate(replay, "one consumer, 2 processes")
    yield "replay to one consumer, lines/s", http, "≥ 24,000", http >= 24_000
    memory = list(results["memory"].values())
    growth = memory[2] / memory[1]
    lines = [int(number) for number in results["memory"]]
    yield f"peak memory, {lines[2] / lines[1]:.0f} times the lines", round(growth, 2), "≤ 1.2", growth <= 1.2
    yield from _delivery_targets(results)
    start = results["start"]
    yield "learnrelay --help, s", start["learnrelay --help"], "≤ 0.3", start["learnrelay --help"] <= 0.3
    one_event = start["learnrelay transform, one event"]
    yield "transform of one event, s", one_event, "≤ 0.6", one_event <= 0.6


def _delivery_targets(results: Results) -> Iterator[tuple[str, float, str, bool]]:
    delivery, inserts = results["delivery"], results["outbox"]
    shares = [
        ("delivered, share of bare requests", delivery["outbox and drain"], delivery["bare requests"], 0.60),
        (
            "single inserts, share of bare sqlite3",
            inserts["outbox, 1 a commit"],
            inserts["bare sqlite3, 1 a commit"],
            0.50,
        ),
    ]
    if on_mariadb := results.get("outbox on MariaDB"):
        shares.append(("single inserts on MariaDB, share of bare PyMySQL", *on_mariadb.values(), 0.50))
    if neighbours := results.get("neighbours"):
        alone, beside = neighbours.values()
        shares.append(("throughput beside a dead and a slow destination, share", beside, alone, 0.90))
    if tables := results.get("ClickHouse"):
        share_of = "ClickHouse in batches of 1,000, share of bare inserts of ready batches"
        shares.append((share_of, tables["sink clickhouse"], tables["bare inserts"], 0.60))
    if files := results.get("files"):
        for size in ("1,000", "100"):
            share_of = f"files of {size} statements, share of bare compressed writes as durable"
            shares.append((share_of, files[f"sink files of {size}"], files[f"bare compressed files of {size}"], 0.70))
    for what, ours, bare, least in shares:
        share = round(ours["statements_per_second"] / bare["statements_per_second"], 2)
        yield what, share, f"≥ {least:.2f}", share >= least
    if latency := results.get("latency"):
        for part, most in (("p50_ms", 5), ("p99_ms", 20)):
            times = round(latency["outbox to consumer"][part] / latency["bare POST"][part], 2)
            yield f"latency of an idle system, {part[:3]}, times a bare POST", times, f"≤ {most}", times <= most


def _rate(replay: Mapping[str, Any], name: str) -> float:
    return float(replay[name]["lines_per_second"])


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Returns a Markdown table."""
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    return head + "".join(f"| {' | '.join(_in_words(cell) for cell in row)} |\n" for row in rows)


def _postgres(results: Results) -> list[str]:
    if "outbox on PostgreSQL" not in results:
        return []
    room = results["room on PostgreSQL"]
    return [
        "### On PostgreSQL\n\nCPU time of a statement, in microseconds: of the server's processes that work for us, "
        "and of ours. *In* is storing, *out* is claiming, sending to a consumer, settling. A statement that waits "
        f"takes {room['bytes']:,} bytes, indices included, and storing it writes {room['bytes_of_log']:,} bytes of the "
        "write-ahead log. [Scaling](scaling.md) counts with these figures.\n",
        _by_name(results["outbox on PostgreSQL"]),
    ]


def _again(results: Results) -> str:
    """Names what was measured by itself in a later run, and where the machine was busy with other work then."""
    parts = results.get("again", {})
    busy = results["machine"]["cores"] / 2
    names = [f"{name} (busy machine)" if load > busy else name for name, load in parts.items()]
    return f". Measured again, in later runs, each by itself: {', '.join(names)}" if parts else ""


def _in_words(cell: object) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "**no**"
    return f"{cell:,}" if isinstance(cell, (int, float)) else str(cell)


def page(results: Results) -> str:
    """Returns the text of docs/benchmarks.md."""
    machine = results["machine"]
    parts = [
        "# Benchmarks\n\nGenerated by `make bench`; never edit it by hand. Machine: "
        f"{machine['cores']} cores, Python {machine['python']}, orjson {machine['orjson']}"
        f"{', shared and busy while it was measured' if machine['load'] > machine['cores'] / 2 else ''}. "
        "Figures of different runs are not comparable, those of one run are: all that is compared took turns"
        f"{_again(results)}.\n",
        "## Figures to reach\n",
        table(["figure", "measured", "wanted", "reached"], list(targets(results))),
        "## Pipeline\n\nOne core; parse, filter, transform, enrich, route, serialise; all families and plugins "
        "enabled, a log of the invented platform of the examples. *bare* parses each line and writes it again. "
        "Each round begins with empty caches; three quarters of the mapped events in this log have the declared values "
        "of an earlier one ([ADR 13](adr/0013-remembered-words.md)). *Without cache*: each mapping is called anew.\n",
        "![events a second](benchmarks/pipeline.svg)\n",
        _by_name(results["pipeline"]),
        "### By family\n\nThe same few lines many times over, without the cache of mapping results.\n",
        _by_name(results["families"]),
        "### What the cost of an event depends on\n\nMicroseconds an event, with the smallest possible standard, so "
        "that nothing hides the growth. Installed events cost nothing; what an event passes through costs. The steps "
        "between the sizes are not even, so what grows in proportion bends upwards here.\n",
        "![cost of an event](benchmarks/growth.svg)\n",
        "## Replay\n\nThe whole command over 300,000 lines, its start included; files are not packed unless it says "
        "so. Consumers share the machine with what they measure. CPU is that of all processes of the command, less "
        "that of its start.\n",
        "![lines a second](benchmarks/replay.svg)\n",
        _by_name(results["replay"]),
        "### Peak memory\n\nLargest process, MiB, by lines of the log.\n",
        _by_name({name: {"MiB": value} for name, value in results["memory"].items()}),
        "## Delivery\n\n`emit()` returns when the statements of an event are on the disk for two destinations; with "
        "the pipeline in the worker, when its declared fields are, sealed.\n",
        _by_name(results["emit"] | results.get("latency", {})),
        _by_name(
            results["delivery"]
            | results.get("neighbours", {})
            | results["outbox"]
            | results.get("outbox on MariaDB", {})
            | results.get("ClickHouse", {})
            | results.get("files", {})
        ),
        *_postgres(results),
        "## Start-up\n",
        _by_name({name: {"seconds": value} for name, value in results["start"].items()}),
    ]
    if results["others"]:
        parts += [
            "## Beside others\n\nThe same log, the same machine, the same run, in turn. ERB's chain is its allowlist, "
            "transformers and envelope in one process, over the lines that it says something of, by CPU time, with "
            "users and courses answered from memory instead of an LMS's database. The commands are measured from file "
            "to file, their start included.\n",
            _by_name(results["others"]),
        ]
    else:
        parts.append(
            "## Beside others\n\nNot measured. `python -m benchmarks --erb-python PATH --ralph PATH` runs ERB "
            "(`edx-event-routing-backends`) and Ralph (`ralph-malph[cli]`) too, each from an environment of its own.\n"
        )
    return "\n".join(parts)


def _by_name(results: Mapping[str, Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(key for values in results.values() for key in values))
    rows = [[name, *(values.get(column, "") for column in columns)] for name, values in results.items()]
    return table(["", *(column.replace("_", " ") for column in columns)], rows)


def write(results: Results, docs: Path) -> None:
    """Writes the page and the plots."""
    drawings = docs / "benchmarks"
    drawings.mkdir(exist_ok=True)
    rates = {name: rate["events_per_second"] for name, rate in results["pipeline"].items() if name != "bare"}
    (drawings / "pipeline.svg").write_text(plots.bars(rates, "events/s"), encoding="utf-8")
    series = {name: values for name, values in results["growth"].items() if isinstance(values, dict)}
    (drawings / "growth.svg").write_text(plots.lines(series, "µs an event"), encoding="utf-8")
    replay = results["replay"].items()
    lines = {name: rate["lines_per_second"] for name, rate in replay if "lines_per_second" in rate}
    (drawings / "replay.svg").write_text(plots.bars(lines, "lines/s"), encoding="utf-8")
    (docs / "benchmarks.md").write_text(page(results), encoding="utf-8")
    scaling = docs / "scaling.md"
    scaling.write_text(capacity.fill(scaling.read_text(encoding="utf-8"), results), encoding="utf-8")
