"""Implements ``learnrelay follow``, which delivers logs while they grow."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from ..assembly.assemble import assemble
from ..config.models import InputConfig
from ..logs import EscapingFormatter
from ..pipeline.outcome_counts import OutcomeCounts
from . import config_option
from .output import print_json, print_outcome_counts, print_table

if TYPE_CHECKING:
    from ..ingest.input_threads import InputThreads

_LINE_EVERY = 10.0  # seconds between two lines of progress


@click.command()
@click.argument("logs", nargs=-1, required=True)
@config_option(required=True)
@click.option("--once", is_flag=True, help="Stop when everything is read that is there, instead of waiting for more.")
@click.option("--from-end", is_flag=True, help="Begin a log that was never followed before with the lines to come.")
@click.option("--json", "as_json", is_flag=True, help="Output the summary as JSON, on standard output.")
def command(logs: tuple[str, ...], config_path: str, once: bool, from_end: bool, as_json: bool) -> None:
    """Deliver logs live, while they grow, until SIGTERM or Ctrl-C.

    LOGS are names and globs of local files. A log is followed when it is rotated, by renaming it or by copying and
    emptying it, also while nothing runs: the outbox keeps how far each log was read. The next start reads on there; so
    does a start after kill -9, which sends again no more than the request that was under way.

    Statements that a destination does not take now wait in the outbox, and are delivered from there, by this command or
    by learnrelay worker. To follow logs in a worker, put them into [inputs] of the configuration file.

    \b
    Exit codes: 0 stopped, or --once and nothing failed; 1 something failed; 2 usage or configuration.

    \b
    Examples:
      learnrelay follow --config relay.toml /var/log/lms/tracking.log
      learnrelay follow --config relay.toml --once 'logs/*.log'
    """  # noqa: D301  # click's mark for a paragraph that is not to be filled
    from ..ingest.input_threads import InputThreads
    from ..relay import Relay

    for handler in logging.getLogger().handlers:
        handler.setFormatter(EscapingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    paths = list(dict.fromkeys(os.path.abspath(log) for log in logs))  # noqa: PTH100  # removes .., keeps links
    for path in paths:
        if Path(path).exists() and not Path(path).is_file():
            raise click.UsageError(f"{path}: is a directory, pipe or device; name files")
    assembly = assemble(Path(config_path))
    if assembly.config.delivery.engine == "celery":
        raise click.UsageError('delivery.engine is "celery": put the logs into [inputs], and start learnrelay worker')
    configs = [
        InputConfig(f"follow {path}", "files", {"paths": (path,), "begin": "end" if from_end else "start"})
        for path in paths
    ]
    console = Console(stderr=True)
    with Relay(assembly, engine="embedded") as relay:
        relay.start()
        threads = InputThreads(relay, configs, is_direct=True, until_end=once, is_patient=False)
        gc.freeze()  # the assembly stays: the garbage collector need not visit it
        threads.start()
        console.print(f"following {', '.join(paths)}; stop with Ctrl-C", markup=False, highlight=False, soft_wrap=True)
        display = _Display(console, threads)
        while not stop.wait(0.1) and threads.are_running:
            display.refresh()
        threads.stop()
    if threads.errors:
        raise threads.errors[0]
    totals, delivered = _sum(threads, list(assembly.standards))
    if as_json:
        print_json({**totals.as_json(), "destinations": delivered})
    else:
        _print(totals, delivered, console)
    lost = sum(fates["dead letters"] for fates in delivered.values())
    sys.exit(1 if once and (totals.failures or lost) else 0)


def _sum(threads: InputThreads, standards: list[str]) -> tuple[OutcomeCounts, dict[str, Counter[str]]]:
    totals, delivered = OutcomeCounts.of(standards), dict[str, Counter[str]]()
    for runner in threads.runners:
        totals.add(runner.totals)
        for name, fates in runner.delivered.items():
            delivered.setdefault(name, Counter()).update(fates)
    return totals, delivered


def _print(totals: OutcomeCounts, delivered: dict[str, Counter[str]], console: Console) -> None:
    print_outcome_counts(totals, console)
    if fates := sorted({fate for counts in delivered.values() for fate in counts}):
        console.print()
        rows = [[name, *(f"{counts[fate]:,}" for fate in fates)] for name, counts in sorted(delivered.items())]
        print_table(["statements", *fates], rows, console)


class _Display:
    """Prints a line of progress now and then, while there is any."""

    def __init__(self, console: Console, threads: InputThreads) -> None:
        self._console = console
        self._threads = threads
        self._printed_at = time.monotonic()
        self._lines = 0

    def refresh(self) -> None:
        """Prints a line when it is time, and something has changed."""
        seconds = time.monotonic() - self._printed_at
        if seconds < _LINE_EVERY:
            return
        runners = self._threads.runners
        lines = sum(runner.totals.lines for runner in runners)
        reasons = dict.fromkeys(runner.waiting_for for runner in runners if runner.waiting_for)
        if lines != self._lines or reasons:
            failures = sum(runner.totals.failures for runner in runners)
            behind = sum(runner.lag or 0 for runner in runners)
            description = f"{lines:,} lines, {(lines - self._lines) / seconds:,.0f} a second, {failures:,} failed, "
            description += "; ".join([f"{behind:,} bytes behind", *(f"waits: {reason}" for reason in reasons)])
            self._console.print(description, markup=False, highlight=False, soft_wrap=True)
        self._printed_at, self._lines = time.monotonic(), lines
