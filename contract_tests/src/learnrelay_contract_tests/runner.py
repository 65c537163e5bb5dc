"""Running the checks: each plugin by itself, two at a time, and what became of each check."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from learnrelay.errors import LearnrelayError
from learnrelay.plugins.discovery import PluginInfo, State, installed

from . import __version__
from .checks import Check, Finding, NotApplicableError, Note, load_all
from .host import DiedError, World
from .lock import write
from .package import find
from .subject import Subject

PASSED, FAILED, WARNED, GAP, NOTHING, NOT_RUN = "passed", "failed", "warned", "gap", "nothing to check", "not run"


WITHOUT_LOADING = ("source.privacy", "source.purity", "source.package", "source.gaps")
"""Checks that say something of a plugin which does not load."""


class UnknownPluginError(LearnrelayError):
    """No installed plugin has the name."""


@dataclass
class Result:
    """What became of one check: its status, what was found, what the report shows besides."""

    check: str
    proves: str
    status: str
    findings: list[Finding] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    reason: str = ""
    seconds: float = 0.0


@dataclass
class Verdict:
    """All results of one plugin."""

    plugin: str
    distribution: str
    version: str
    results: list[Result]
    events: int = 0
    seconds: float = 0.0
    lock: Path | None = None
    locked: dict[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether each required check ran and passed, or has a gap with its reason."""
        return bool(self.results) and all(one.status in (PASSED, WARNED, GAP, NOTHING) for one in self.results)


@dataclass
class Report:
    """The verdicts on all plugins."""

    verdicts: list[Verdict]
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether there was something to judge, and all of it passed."""
        return bool(self.verdicts) and all(verdict.passed for verdict in self.verdicts)


def plugins(names: Sequence[str]) -> dict[str, list[PluginInfo]]:
    """Installed plugins by name: these (globs too), or all. Raises UnknownPluginError."""
    from fnmatch import fnmatchcase

    found: dict[str, list[PluginInfo]] = {}
    known = installed()
    for pattern in names or ["*"]:
        matches = [info for info in known if fnmatchcase(info.name, pattern)]
        if not matches:
            near = ", ".join(sorted({info.name for info in known})) or "none"
            raise UnknownPluginError(f"no installed plugin has the name {pattern}; installed: {near}")
        for info in matches:
            if info not in found.setdefault(info.name, []):
                found[info.name].append(info)
    return found


def run(
    names: Sequence[str] = (), *, only: Sequence[str] = (), quick: bool = False, jobs: int = 0, lock: bool = False,
    told: Callable[[Verdict], None] = lambda _: None,
) -> Report:  # fmt: skip
    """Judge plugins by name. Raises UnknownPluginError.

    only: names of checks, for who mends one thing; the rest then counts as not run. quick: fewer random events.
    jobs: plugins at a time. lock: find the shapes for `write_locks`. told: called with each verdict.
    """
    started = time.monotonic()
    chosen = plugins(names)
    jobs = jobs or min(len(chosen), os.cpu_count() or 1)
    verdicts = []
    if jobs < 2:
        for name, infos in chosen.items():
            verdicts.append(judge(name, infos, only, quick, lock))
            told(verdicts[-1])
    else:
        with ProcessPoolExecutor(jobs, get_context("fork")) as pool:
            futures = [pool.submit(judge, name, infos, only, quick, lock) for name, infos in chosen.items()]
            for future in futures:
                verdicts.append(future.result())
                told(verdicts[-1])
    return Report(verdicts, time.monotonic() - started)


def judge(
    name: str, infos: Sequence[PluginInfo], only: Sequence[str] = (), quick: bool = False, lock: bool = False
) -> Verdict:
    """All checks of one plugin, in order."""
    started = time.monotonic()
    points = [info.entry_point for info in infos if info.entry_point is not None]
    world = World()
    subject = Subject(name, tuple(infos), find(points), world, quick=quick)
    try:
        results = list(_results(subject, load_all().values(), only))
        loaded = results[0].status == PASSED
        locked = _locked(subject) if lock and loaded else {}
        events = len(subject.cases) if loaded else 0
    finally:
        subject.close()
        world.close()
    package = subject.package
    seconds = time.monotonic() - started
    return Verdict(name, package.name, package.version, results, events, seconds, package.lock, locked)


def _locked(subject: Subject) -> dict[str, Any]:
    """What the lock holds of a plugin; nothing, where it maps no events."""
    from .checks.versions import requires_of, shapes_of

    if subject.infos[0].kind == "standards":
        return {}
    try:
        return {"says": shapes_of(subject, specification=True), "requires": requires_of(subject)}
    except (NotApplicableError, DiedError):
        return {}


def write_locks(report: Report) -> list[Path]:
    """Write the lock of each distribution of which a judged plugin passed; where they stand."""
    written: dict[Path, tuple[str, dict[str, dict[str, Any]]]] = {}
    for verdict in report.verdicts:
        if verdict.passed and verdict.lock is not None and verdict.locked:
            _, known = written.setdefault(verdict.lock, (verdict.version, {}))
            known[verdict.plugin] = verdict.locked
    for path, (version, known) in written.items():
        write(path, version, known)
    return list(written)


def _results(subject: Subject, checks: Iterable[Check], only: Sequence[str]) -> Iterable[Result]:
    loaded = _loads(subject)
    yield loaded
    for check in checks:
        if only and check.name not in only:
            yield Result(check.name, check.proves, NOT_RUN, reason="not asked for")
        elif loaded.status != PASSED and check.name not in WITHOUT_LOADING:
            yield Result(check.name, check.proves, NOT_RUN, reason="the plugin did not load")
        else:
            yield _result(subject, check)


def _loads(subject: Subject) -> Result:
    """The plugin through the public door: found, compatible, imported, registered, assembled."""
    result = Result(
        "plugin.loads", "The installed plugin is found, imported and assembled as an operator would enable it.", PASSED
    )
    started = time.monotonic()
    try:
        bad = [info for info in subject.infos if info.state is not State.DISABLED]
        if bad:
            raise DiedError(f"{bad[0].state.value}: {bad[0].reason}")
        assert subject.description
        assert subject.cases is not None
    except DiedError as error:
        result.status, result.findings = FAILED, [Finding(str(error))]
    except Exception as error:
        result.status, result.findings = FAILED, [Finding(f"cannot be described: {type(error).__name__}: {error}")]
    result.seconds = time.monotonic() - started
    return result


def _result(subject: Subject, check: Check) -> Result:
    result = Result(check.name, check.proves, PASSED)
    started = time.monotonic()
    try:
        for one in check.function(subject):
            (result.findings if isinstance(one, Finding) else result.notes).append(one)  # type: ignore[arg-type]
    except NotApplicableError as error:
        result.status, result.reason = NOTHING, str(error)
    except DiedError as error:
        result.findings.append(Finding(f"{error}"))
    except Exception as error:  # a check that cannot judge has not passed
        result.findings.append(Finding(f"the check itself failed: {type(error).__name__}: {error}"))
    if result.findings:
        result.status = FAILED
        gap = subject.package.gaps.get(check.name, "")
        if len(gap.strip()) >= 20 and not check.private:
            result.status, result.reason = GAP, gap
        elif not check.required_in(__version__):
            result.status, result.reason = WARNED, f"new in {check.since}: required from the next minor release on"
    result.seconds = time.monotonic() - started
    return result


def as_data(report: Report) -> dict[str, Any]:
    """A report as JSON says it."""
    return {
        "harness": __version__,
        "passed": report.passed,
        "seconds": round(report.seconds, 2),
        "plugins": [
            {
                "plugin": one.plugin, "distribution": one.distribution, "version": one.version, "passed": one.passed,
                "events": one.events, "seconds": round(one.seconds, 2),
                "checks": [
                    {
                        "check": result.check, "proves": result.proves,
                        "status": result.status, "reason": result.reason,
                        "seconds": round(result.seconds, 3),
                        "findings": [{"event": f.event, "path": f.path, "message": f.message} for f in result.findings],
                        "notes": [{"event": n.event, "path": n.path, "message": n.message} for n in result.notes],
                    }
                    for result in one.results
                ],
            }
            for one in report.verdicts
        ],
    }  # fmt: skip
