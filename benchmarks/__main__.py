"""Measure everything: ``python -m benchmarks``. Results go to benchmarks/results.json and docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson

from . import delivering, growth, mysql, others, pipeline, postgres, replaying, report
from .sample import ROOT, SECRET, write_site

PARTS = {
    "pipeline": pipeline, "growth": growth, "delivering": delivering, "mysql": mysql, "postgres": postgres,
    "replaying": replaying,
    "others": others,
}  # fmt: skip
"""In this order: the disk is busy for a while after the replays."""


def main() -> None:
    """Runs all measures, and prints the figures that were to be reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure speed and memory of learnrelay.")
    parser.add_argument("--quick", action="store_true", help="small logs and few rounds; writes no page")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where logs are made and kept; 4 GB are needed")
    parser.add_argument(
        "--only", action="append", choices=list(PARTS), help="measure this again, and keep the rest of the results"
    )
    parser.add_argument("--erb-python", metavar="PATH", help="a Python that has edx-event-routing-backends")
    parser.add_argument("--ralph", metavar="PATH", help="a ralph command (ralph-malph[cli])")
    args = parser.parse_args()
    os.environ.update(SECRET)
    for name, path in (("LEARNRELAY_BENCH_ERB", args.erb_python), ("LEARNRELAY_BENCH_RALPH", args.ralph)):
        if path:
            os.environ[name] = path
    logging.getLogger("learnrelay").setLevel(logging.ERROR)
    kept = ROOT / "benchmarks" / "results.json"
    results: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if args.only else {"others": {}}
    load = round(os.getloadavg()[0], 1)
    if args.only:
        results["again"] = {**results.get("again", {}), **dict.fromkeys(args.only, load)}
    else:
        results["machine"] = {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "orjson": orjson.__version__,
            "load": load,
        }
    with ExitStack() as stack:
        directory = args.work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        directory.mkdir(parents=True, exist_ok=True)
        write_site(directory)
        for name, module in PARTS.items():
            if not args.only or name in args.only:
                started = time.monotonic()
                results |= module.measure(directory, args.quick)
                print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
    for what, measured, wanted, reached in report.targets(results):
        print(f"{'  ' if reached else '! '}{what:50} {measured:>10,} {wanted}")
    if args.quick:
        return
    kept.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    report.write(results, ROOT / "docs")
    print("written: benchmarks/results.json, docs/benchmarks.md, docs/scaling.md")


if __name__ == "__main__":
    main()
