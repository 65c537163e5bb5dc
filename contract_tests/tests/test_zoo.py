"""The zoo: bad plugins, each with one fault, fail the checks that are meant for it; good plugins pass.

Every plugin is a module in ``zoo/bad`` or ``zoo/good`` whose docstring names the fault, the checks and, unless it is a
family, the entry point. It is checked as an installed distribution.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from installed_plugins import ZOO, check_installed, format_findings, install

from learnrelay_contract_tests.checks import load_all
from learnrelay_contract_tests.runner import PluginReport

BAD = sorted((ZOO / "bad").glob("*.py"))
GOOD = sorted((ZOO / "good").glob("*.py"))
MEANT = {path: set(re.findall(r"^Caught by: (.+)$", path.read_text("utf-8"), re.MULTILINE)[0].split()) for path in BAD}

QUICK = {"chance", "plainest"}
"""`make test` checks these plugins, and no others."""

WHOLE = {"chance", "filter_fails_open", "source_tells"}
"""Of a family, a filter and a source, the whole contract is run."""

PROVOKED = {"printed", "widens_a_rule"}
"""Plugins whose faults are found after other checks have run."""


def members(sources: list[Path]) -> pytest.MarkDecorator:
    """Parametrises a test with plugins of the zoo: all but `QUICK` are slow or nightly; of `WHOLE`, none is nightly."""
    marks = {
        source: pytest.mark.nightly if place % 4 and source.stem not in WHOLE else pytest.mark.slow
        for place, source in enumerate(sources)
    }
    return pytest.mark.parametrize(
        "source", [pytest.param(source, marks=[] if source.stem in QUICK else marks[source]) for source in sources],
        ids=[source.stem for source in sources],
    )  # fmt: skip


def report_on(source: Path, directory: Path, only: Collection[str] = ()) -> PluginReport:
    """Checks a plugin in a process of its own, which it may spoil."""
    with ProcessPoolExecutor(1, get_context("fork")) as pool:
        return pool.submit(check_installed, str(directory), install(source, directory), tuple(only)).result()


@members(BAD)
def test_each_fault_fails_the_checks_that_are_meant_for_it(source: Path, tmp_path: Path) -> None:
    """The other checks are left out for their time, unless a fault shows only in what they have made it do."""
    report = report_on(source, tmp_path, () if source.stem in PROVOKED else MEANT[source])
    assert MEANT[source] <= {result.check for result in report.results if result.findings}, format_findings(report)


@members([source for source in BAD if source.stem in WHOLE])
def test_a_bad_plugin_does_not_pass(source: Path, tmp_path: Path) -> None:
    report = report_on(source, tmp_path)
    assert not report.passed
    assert MEANT[source] <= {result.check for result in report.results if result.findings}, format_findings(report)


@members(GOOD)
def test_no_false_alarm(source: Path, tmp_path: Path) -> None:
    report = report_on(source, tmp_path)
    assert report.passed, format_findings(report)


def test_every_check_fails_for_a_bad_plugin() -> None:
    """Every check is meant for at least one plugin of the zoo."""
    elsewhere = {"versions.lock", "audit.package", "source.gaps"}  # tested on their own
    assert {*load_all(), "plugin.loads"} == set().union(*MEANT.values()) | elsewhere


def test_the_quick_members_are_there() -> None:
    assert {source.stem for source in (*BAD, *GOOD)} >= QUICK
