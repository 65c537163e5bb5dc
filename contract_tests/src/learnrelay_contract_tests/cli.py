"""Defines ``learnrelay contract-test`` and ``learnrelay lint``."""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console


@click.command("contract-test")
@click.argument("names", nargs=-1, metavar="[ENTRY_POINT|FOLDER]...")
@click.option(
    "--plugin",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Check a single-file plugin; repeatable.",
)
@click.option("--all", "all_plugins", is_flag=True, help="Check every installed plugin.")
@click.option("--check", "only", multiple=True, metavar="NAME", help="Run this check only; repeatable.")
@click.option("--quick", is_flag=True, help="Run what takes a moment, with default settings: for an editor's loop.")
@click.option(
    "--audit", is_flag=True, help="Also look for code that means harm: before you enable a stranger's package."
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--junit", type=click.Path(dir_okay=False), help="Write a JUnit file for CI.")
@click.option("--html", type=click.Path(dir_okay=False), help="Write an HTML page to attach to a release.")
@click.option("--markdown", type=click.Path(dir_okay=False), help="Write the same as Markdown, as for a job's summary.")
@click.option("--lock", "write_lock", is_flag=True, help="Write contract.lock.json of the plugins that pass.")
@click.option("--checks", is_flag=True, help="List the checks and what each proves, then exit.")
@click.option("-v", "--verbose", is_flag=True, help="Show every check with its time and its notes.")
@click.option(
    "-j", "--jobs", type=click.IntRange(1), help="Plugins to check in parallel; default: the number of cores."
)
def contract_test(
    names: tuple[str, ...], files: tuple[Path, ...], all_plugins: bool, only: tuple[str, ...], quick: bool,
    audit: bool, as_json: bool, junit: str | None, html: str | None, markdown: str | None, write_lock: bool,
    checks: bool, verbose: bool, jobs: int | None,
) -> None:  # fmt: skip
    r"""Check plugins against the contract, each in processes of its own.

    Names are those of entry points, or globs: xapi.video, 'acme.*'. A folder is a project with a pyproject.toml, which
    need not be installed: ./acme-poll stands for all its plugins. The plugin needs no test code; none is run.

    The contract finds mistakes. --audit looks for code that hides what it does, too.

    \b
    Exit codes: 0 each check that was asked for ran and passed; 1 a check failed or did not run; 2 usage error.
    \b
    Examples:
      learnrelay contract-test xapi.acme_poll
      learnrelay contract-test --quick ./acme-poll
      learnrelay contract-test --check behaviour.ids -v ./acme-poll
    """
    if quick:  # starts while this process imports what it needs itself
        from .host import MAIN_SEED, start_early

        start_early(MAIN_SEED)
    os.environ.setdefault("HYPOTHESIS_NO_PLUGINS", "1")  # its plugins would run where plugins are judged
    # hypothesis stores data about the source it sees: not in an operator's directory
    os.environ.setdefault(
        "HYPOTHESIS_STORAGE_DIRECTORY", str(Path(tempfile.gettempdir()) / f"learnrelay-hypothesis-{os.getuid()}")
    )
    from .checks import load_all
    from .project_folders import ProjectError, found_in_folder
    from .report import files as report_files
    from .report import page, terminal
    from .runner import UnknownPluginError, check_plugins, choose_checks

    if checks:
        for check in load_all().values():
            click.echo(f"{check.name}: {check.proves}")
        return
    if bool(names or files) == all_plugins:
        raise click.UsageError("name the plugins to check, or give --plugin FILE or --all")
    if write_lock and (only or quick):
        raise click.UsageError("--lock needs the whole contract: leave --check and --quick out")
    console = Console(stderr=as_json, soft_wrap=True)
    folders = [Path(name) for name in names if _is_folder(name)]
    with ExitStack() as stack:
        try:
            of_folders = [name for folder in folders for name in stack.enter_context(found_in_folder(folder))]
            report = check_plugins(
                [*(name for name in names if not _is_folder(name)), *of_folders],
                files=files,
                only=choose_checks(only, quick=quick, audit=audit),
                quick=quick,
                defaults_only=quick,
                jobs=jobs or 0,
                lock=write_lock,
                summaries=bool(html or markdown),
                on_report=lambda plugin: terminal.print_plugin(plugin, console, verbose),
            )
        except (UnknownPluginError, ProjectError) as error:
            raise click.UsageError(str(error)) from None
    terminal.print_summary(report, console)
    if as_json:
        click.echo(report_files.format_json(report))
    if junit:
        Path(junit).write_text(report_files.format_junit(report), encoding="utf-8")
    if html:
        Path(html).write_text(page.format_html(report), encoding="utf-8")
    if markdown:
        Path(markdown).write_text(page.format_markdown(report), encoding="utf-8")
    if write_lock:
        from .runner import write_locks

        for path in write_locks(report):
            console.print(f"wrote {path}")
    sys.exit(0 if report.is_sound else 1)


def _is_folder(name: str) -> bool:
    return (os.sep in name or name in (".", "..")) and Path(name).is_dir()


@click.command("lint")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--json", "as_json", is_flag=True, help="Print the flaws as JSON.")
def lint(paths: tuple[str, ...], as_json: bool) -> None:
    """Check the source of plugins (files or directories) for what the contract forbids, without running it.

    Exit codes: 0 no flaw; 1 flaws; 2 usage error.
    """
    from .lint import lint_files

    files: list[Path] = []
    for path in map(Path, paths):
        files += sorted(path.rglob("*.py")) if path.is_dir() else [path]
    flaws = lint_files(files)
    if as_json:
        data: list[dict[str, Any]] = [{**dataclasses.asdict(flaw), "column": flaw.column + 1} for flaw in flaws]
        click.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2))
    else:
        for flaw in flaws:
            click.echo(f"{flaw}{f' (allowed: {flaw.allowed})' if flaw.allowed else ''}")
    sys.exit(1 if any(not flaw.allowed for flaw in flaws) else 0)


def main() -> None:
    """Runs ``python -m learnrelay_contract_tests``, the same as ``learnrelay contract-test``."""
    contract_test()
