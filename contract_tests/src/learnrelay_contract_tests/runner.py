"""Runs the checks, several plugins in parallel, and collects their results."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from learnrelay.config.fields import did_you_mean
from learnrelay.errors import LearnrelayError
from learnrelay.plugins.discovery import PluginInfo, PluginState, installed, unknown_groups

from . import __version__, schemas
from .checks import Check, Finding, NotApplicableError, Note, load_all
from .host import CARRIER, MAIN_SEED, OTHER_SEED, PluginProcess, PluginProcessError, Workspace, start_early
from .lock import write_lock
from .package import describe_file, find_package
from .plugin_summary import Summary, summarize
from .report.explanations import link_to
from .subject import Subject

PASSED, FAILED, WARNED, GAP, NOTHING, NOT_RUN = "passed", "failed", "warned", "gap", "nothing to check", "not run"
NOT_REQUESTED = "not requested"
GOOD = frozenset({PASSED, WARNED, GAP, NOTHING})


WITHOUT_LOADING = ("source.privacy", "source.purity", "source.gaps", "audit.source", "audit.package")
"""Checks that also run for a plugin that does not load."""


LOADING = "plugin.loads"
"""The check that runs before all others."""

OF_INPUTS = "an input maps no events; learnrelay_contract_tests.input_checks.check_input checks it in a test"


class UnknownPluginError(LearnrelayError):
    """Reports that no installed plugin, or no check, has the name."""


@dataclass
class CheckResult:
    """Holds the result of one check: its status, findings, and notes for the report."""

    check: str
    proves: str
    status: str
    findings: list[Finding] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    reason: str = ""
    seconds: float = 0.0

    @property
    def is_audit(self) -> bool:
        """Tells whether the check belongs to the audit."""
        return self.check.startswith("audit.")


@dataclass
class PluginReport:
    """Holds the results of all checks of one plugin.

    ``lock_entry``: what `write_locks` writes for it. ``source``: whose events it was checked with, where there is an
    entry. ``summary``: what it does, if that was asked for.
    """

    plugin: str
    distribution: str
    version: str
    results: list[CheckResult]
    events: int = 0
    seconds: float = 0.0
    lock: Path | None = None
    lock_entry: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    summary: Summary = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Tells whether the whole contract ran and passed, gaps with a reason aside, and the audit if it ran."""
        return self.is_sound and self.is_complete

    @property
    def is_sound(self) -> bool:
        """Tells whether all checks that were requested passed."""
        return bool(self.results) and all(result.status in {*GOOD, NOT_REQUESTED} for result in self.results)

    @property
    def is_complete(self) -> bool:
        """Tells whether all checks of the contract were requested."""
        return all(result.status != NOT_REQUESTED or result.is_audit for result in self.results)


@dataclass
class Report:
    """Holds the reports of all plugins that were checked, and when (UTC)."""

    plugins: list[PluginReport]
    seconds: float = 0.0
    date: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def passed(self) -> bool:
        """Tells whether at least one plugin was checked, and all passed."""
        return bool(self.plugins) and all(plugin.passed for plugin in self.plugins)

    @property
    def is_sound(self) -> bool:
        """Tells whether at least one plugin was checked, and all checks that were requested passed."""
        return bool(self.plugins) and all(plugin.is_sound for plugin in self.plugins)


def choose_checks(names: Sequence[str] = (), *, quick: bool = False, audit: bool = False) -> list[str]:
    """Returns the names of the checks to run: those of these names, or the quick ones, or the contract.

    audit: those of the audit too. Raises UnknownPluginError for a name that no check has.
    """
    checks = load_all()
    for name in names:
        if name not in checks and name != LOADING:
            raise UnknownPluginError(f"no check has the name {name}{did_you_mean(name, list(checks))}")
    if names:
        return list(names)
    return [check.name for check in checks.values() if (audit if check.is_audit else check.quick or not quick)]


def find_plugins(names: Sequence[str]) -> dict[str, list[PluginInfo]]:
    """Finds installed plugins by name (globs too), or all. Raises UnknownPluginError."""
    from fnmatch import fnmatchcase

    infos_by_name: dict[str, list[PluginInfo]] = {}
    known = installed()
    for pattern in names or ["*"]:
        matches = [info for info in known if fnmatchcase(info.name, pattern)]
        if not matches:
            names_there = sorted({info.name for info in known})
            hint = did_you_mean(pattern, names_there) or f"; installed: {', '.join(names_there) or 'none'}"
            if Path(pattern).is_dir():
                hint = f"; for the project in the folder write ./{pattern}"
            groups = "".join(f"\n{reason}" for reason in unknown_groups())
            raise UnknownPluginError(f"no installed plugin has the name {pattern}{hint}{groups}")
        for info in matches:
            if info not in infos_by_name.setdefault(info.name, []):
                infos_by_name[info.name].append(info)
    return infos_by_name


def find_file_plugins(files: Sequence[Path]) -> dict[str, list[PluginInfo]]:
    """Finds the plugins of single files, by name. They are imported in processes of their own.

    Raises UnknownPluginError.
    """
    infos_by_name: dict[str, list[PluginInfo]] = {}
    for file in map(Path.absolute, files):
        workspace = Workspace()
        process = PluginProcess(workspace, [str(file)], MAIN_SEED)
        try:
            answer = process.ask("list_file_plugins", path=str(file))
        except PluginProcessError as error:
            raise UnknownPluginError(f"{file}: {error}") from None
        finally:
            process.close()
            workspace.close()
        if "problem" in answer:
            raise UnknownPluginError(answer["problem"])
        for name, kind, version in answer["plugins"]:
            info = PluginInfo(name, kind, file.name, version, PluginState.DISABLED, file=file)
            infos_by_name.setdefault(name, []).append(info)
    return infos_by_name


def check_plugins(
    names: Sequence[str] = (),
    *,
    files: Sequence[Path] = (),
    only: Sequence[str] = (),
    quick: bool = False,
    defaults_only: bool = False,
    jobs: int = 0,
    lock: bool = False,
    summaries: bool = False,
    on_report: Callable[[PluginReport], None] = lambda _: None,
) -> Report:
    """Checks plugins by name. Raises UnknownPluginError.

    files: single-file plugins to check too. only: names of the checks to run, see `choose_checks`; by default the
    contract. quick: fewer random events. defaults_only: no other settings. jobs: plugins at a time. lock: also build
    the entries for `write_locks`. summaries: also sum up what each plugin does. on_report: called with
    the report of each plugin.
    """
    started = time.monotonic()
    only = only or choose_checks()
    of_files = find_file_plugins(files)
    chosen = (find_plugins(names) if names or not files else {}) | of_files
    jobs = jobs or min(len(chosen), os.cpu_count() or 1)
    reports = []
    if jobs < 2:
        for name, infos in chosen.items():
            reports.append(check_plugin(name, infos, only, quick, lock, defaults_only, summaries))
            on_report(reports[-1])
    else:
        with ProcessPoolExecutor(jobs, get_context("fork")) as pool:
            futures = [
                pool.submit(check_plugin, name, infos, only, quick, lock, defaults_only, summaries)
                for name, infos in chosen.items()
            ]
            for future in futures:
                reports.append(future.result())
                on_report(reports[-1])
    return Report(reports, time.monotonic() - started)


def check_plugin(
    name: str,
    infos: Sequence[PluginInfo],
    only: Sequence[str] = (),
    quick: bool = False,
    lock: bool = False,
    defaults_only: bool = False,
    has_summary: bool = False,
) -> PluginReport:
    """Runs the checks of one plugin, in order: those of these names, or all, with the audit."""
    started = time.monotonic()
    file, file_source = infos[0].file, ""
    if file is None:
        package = find_package([info.entry_point for info in infos if info.entry_point is not None])
    else:
        of_file = find_file_plugins([file])
        package = describe_file(file, infos[0].version, list(of_file))
        schemas.FILES.update({i.name: str(file) for of in of_file.values() for i in of if i.kind == "standards"})
        file_source = next((i.name for of in of_file.values() for i in of if i.kind == "sources"), "")
    workspace = Workspace()
    is_whole = not defaults_only and (not only or set(choose_checks()) <= set(only))
    start_early(MAIN_SEED, *([OTHER_SEED] if is_whole else []))
    subject = Subject(
        name,
        tuple(infos),
        package,
        workspace,
        file_source=file_source,
        quick=quick,
        defaults_only=defaults_only,
        is_whole=is_whole,
    )
    try:
        results = list(_run_checks(subject, load_all().values(), only))
        loaded = results[0].status == PASSED
        lock_entry = _lock_entry(subject) if lock and loaded else {}
        events = len(subject.cases) if loaded else 0
        source = subject.source.name if lock_entry else ""
        summary = summarize(subject, loaded) if has_summary else {}
    finally:
        subject.close()
        workspace.close()
    package = subject.package
    seconds = time.monotonic() - started
    return PluginReport(
        name, package.name, package.version, results, events, seconds, package.lock, lock_entry, source, summary
    )


def _lock_entry(subject: Subject) -> dict[str, Any]:
    """Builds a plugin's entry of the lock; empty if it maps no events."""
    from .checks.versions import requires_of, shapes_of

    if subject.infos[0].kind == "standards":
        return {}
    try:
        return {"says": shapes_of(subject, specification=True), "requires": requires_of(subject)}
    except (NotApplicableError, PluginProcessError):
        return {}


def write_locks(report: Report) -> list[Path]:
    """Writes the lock of each distribution of which a checked plugin passed, and its flows. Returns the paths."""
    locks: dict[Path, tuple[str, dict[str, dict[str, Any]]]] = {}
    by_source: dict[str, list[str]] = {}
    for plugin in report.plugins:
        if plugin.passed and plugin.lock is not None and plugin.lock_entry:
            _, entries = locks.setdefault(plugin.lock, (plugin.version, {}))
            entries[plugin.plugin] = plugin.lock_entry
            by_source.setdefault(plugin.source, []).append(plugin.plugin)
    for path, (version, entries) in locks.items():
        write_lock(path, version, entries)
    return [*locks, *(path for source, names in by_source.items() for path in _write_flows(source, names))]


def _write_flows(source: str, names: Sequence[str]) -> list[Path]:
    """Has a process of its own write what these families ship for the data map; nothing where they ship nothing."""
    done = subprocess.run(  # noqa: S603  # our own module
        [sys.executable, "-P", "-m", "learnrelay_contract_tests.inside.flow_writer", source, *names],
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    return [Path(line) for line in done.stdout.splitlines()]


def _run_checks(subject: Subject, checks: Iterable[Check], only: Sequence[str]) -> Iterable[CheckResult]:
    loaded = _check_loading(subject)
    yield loaded
    for check in checks:
        if only and check.name not in only:
            yield CheckResult(check.name, check.proves, NOT_REQUESTED)
        elif subject.is_input:
            yield CheckResult(check.name, check.proves, NOTHING, reason=OF_INPUTS)
        elif loaded.status != PASSED and check.name not in WITHOUT_LOADING:
            yield CheckResult(check.name, check.proves, NOT_RUN, reason="the plugin did not load")
        else:
            yield _run_check(subject, check)


def _check_loading(subject: Subject) -> CheckResult:
    """Enables the plugin as an operator would: finds, imports, registers and assembles it."""
    result = CheckResult(
        LOADING, "The installed plugin is found, imported and assembled as an operator would enable it.", PASSED
    )
    started = time.monotonic()
    try:
        bad = [
            info
            for info in subject.infos
            if info.state is not PluginState.DISABLED
            and not (info.state is PluginState.UNAVAILABLE and info.standard == CARRIER)  # installed in the workspace
        ]
        if bad:
            raise PluginProcessError(f"{bad[0].state.value}: {bad[0].reason}")
        assert subject.description
        assert subject.cases is not None
        result.findings += [Finding(reason) for reason in unknown_groups(subject.infos[0].distribution)]
        result.status = FAILED if result.findings else PASSED
        result.notes += [
            Note(f"{rival} maps it too: operators choose with [plugins.prefer]", event)
            for event, rival in subject.list_rivals()
        ]
    except PluginProcessError as error:
        result.status, result.findings = FAILED, [Finding(str(error))]
    except Exception as error:
        result.status, result.findings = (
            FAILED,
            [Finding(f"the plugin cannot be described: {type(error).__name__}: {error}")],
        )
    result.seconds = time.monotonic() - started
    return result


def _run_check(subject: Subject, check: Check) -> CheckResult:
    result = CheckResult(check.name, check.proves, PASSED)
    started = time.monotonic()
    try:
        for entry in check.run(subject):
            (result.findings if isinstance(entry, Finding) else result.notes).append(entry)  # type: ignore[arg-type]
    except NotApplicableError as error:
        result.status, result.reason = NOTHING, str(error)
    except PluginProcessError as error:
        result.findings.append(Finding(f"{error}"))
    except Exception as error:  # a check that raises has not passed
        result.findings.append(Finding(f"the check itself failed: {type(error).__name__}: {error}"))
    if result.findings:
        result.status = FAILED
        gap = subject.package.gaps.get(check.name, "")
        if len(gap.strip()) >= 20 and not check.private:
            result.status, result.reason = GAP, gap
        elif not check.is_required_in(__version__):
            result.status, result.reason = WARNED, f"new in {check.since}: required from the next minor release"
    result.seconds = time.monotonic() - started
    return result


def as_data(report: Report) -> dict[str, Any]:
    """Converts a report into JSON data."""
    return {
        "harness": __version__,
        "learnrelay": metadata.version("learnrelay"),
        "python": platform.python_version(),
        "date": report.date.isoformat(timespec="seconds"),
        "passed": report.passed,
        "seconds": round(report.seconds, 2),
        "plugins": [
            {
                "plugin": plugin.plugin, "distribution": plugin.distribution, "version": plugin.version,
                "passed": plugin.passed, "complete": plugin.is_complete, "sound": plugin.is_sound,
                "events": plugin.events, "seconds": round(plugin.seconds, 2), "summary": plugin.summary,
                "checks": [
                    {
                        "check": result.check, "proves": result.proves, "explained": link_to(result.check),
                        "status": result.status, "reason": result.reason,
                        "seconds": round(result.seconds, 3),
                        "findings": [{"event": f.event, "path": f.path, "message": f.message} for f in result.findings],
                        "notes": [{"event": n.event, "path": n.path, "message": n.message} for n in result.notes],
                    }
                    for result in plugin.results
                ],
            }
            for plugin in report.plugins
        ],
    }  # fmt: skip
