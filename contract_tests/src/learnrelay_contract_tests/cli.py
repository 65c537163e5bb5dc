"""``learnrelay contract-test`` and ``learnrelay lint``."""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console


@click.command("contract-test")
@click.argument("names", nargs=-1, metavar="[ENTRY_POINT]...")
@click.option("--all", "everyone", is_flag=True, help="Judge every installed plugin.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--junit", type=click.Path(dir_okay=False), help="Write a JUnit file for CI.")
@click.option("--html", type=click.Path(dir_okay=False), help="Write a page to attach to a release.")
@click.option("--lock", "write_lock", is_flag=True, help="Write contract.lock.json of the plugins that pass.")
@click.option("--checks", is_flag=True, help="List the checks and what each proves, and stop.")
@click.option("-v", "--verbose", is_flag=True, help="Show every check, with its notes.")
@click.option("-j", "--jobs", type=click.IntRange(1), help="Plugins judged at a time; as many as there are cores.")
def contract_test(
    names: tuple[str, ...], everyone: bool, as_json: bool, junit: str | None, html: str | None, write_lock: bool,
    checks: bool, verbose: bool, jobs: int | None,
) -> None:  # fmt: skip
    """Judge installed plugins by the contract, each in processes of its own.

    Names are those of entry points, or globs: xapi.video, 'acme.*'. No test code of the plugin is needed or run.

    Exit codes: 0 each required check ran and passed; 1 something did not; 2 usage.
    """
    # hypothesis keeps notes on the source it sees: they have no place in an operator's directory
    os.environ.setdefault(
        "HYPOTHESIS_STORAGE_DIRECTORY", str(Path(tempfile.gettempdir()) / f"learnrelay-hypothesis-{os.getuid()}")
    )
    from .checks import load_all
    from .report import files, terminal
    from .runner import UnknownPluginError, run

    if checks:
        for check in load_all().values():
            click.echo(f"{check.name}: {check.proves}")
        return
    if bool(names) == everyone:
        raise click.UsageError("name the plugins to judge, or say --all")
    console = Console(stderr=as_json, soft_wrap=True)
    try:
        report = run(names, jobs=jobs or 0, lock=write_lock, told=lambda one: terminal.show(one, console, verbose))
    except UnknownPluginError as error:
        raise click.UsageError(str(error)) from None
    terminal.summary(report, console)
    if as_json:
        click.echo(files.json(report))
    if junit:
        Path(junit).write_text(files.junit(report), encoding="utf-8")
    if html:
        Path(html).write_text(files.html(report), encoding="utf-8")
    if write_lock:
        from .runner import write_locks

        for path in write_locks(report):
            console.print(f"wrote {path}")
    sys.exit(0 if report.passed else 1)


@click.command("lint")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--json", "as_json", is_flag=True, help="Print the flaws as JSON.")
def lint(paths: tuple[str, ...], as_json: bool) -> None:
    """Read the source of plugins (files or directories) for what the contract forbids, without running any of it.

    Exit codes: 0 no flaw; 1 flaws; 2 usage.
    """
    from .lint import lint_files

    found: list[Path] = []
    for one in map(Path, paths):
        found += sorted(one.rglob("*.py")) if one.is_dir() else [one]
    flaws = lint_files(found)
    if as_json:
        told: list[dict[str, Any]] = [{**dataclasses.asdict(flaw), "column": flaw.column + 1} for flaw in flaws]
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    else:
        for flaw in flaws:
            click.echo(f"{flaw}{f' (allowed: {flaw.allowed})' if flaw.allowed else ''}")
    sys.exit(1 if any(not flaw.allowed for flaw in flaws) else 0)


def main() -> None:
    """``python -m learnrelay_contract_tests``: the same as ``learnrelay contract-test``."""
    contract_test()
