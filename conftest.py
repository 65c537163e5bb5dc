"""For the tests of all packages."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure.
settings.register_profile("any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

_CACHES = "LEARNRELAY_TEST_CACHES"

# What the user has exported for a relay of their own is nothing to the tests, nor to the processes that they start.
_OF_THE_TESTS = ("LEARNRELAY_TEST_", "LEARNRELAY_REFERENCE", "LEARNRELAY_REGENERATE")
for _variable in [name for name in os.environ if name.startswith("LEARNRELAY_")]:
    if not _variable.startswith(_OF_THE_TESTS):
        del os.environ[_variable]

# What the tests cache is not the user's: a folder for this run and the processes that it starts.
if _CACHES not in os.environ:
    os.environ[_CACHES] = tempfile.mkdtemp(prefix="learnrelay-test-caches-")
    atexit.register(shutil.rmtree, os.environ[_CACHES], ignore_errors=True)
    _of_user = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    os.environ.setdefault("PIP_CACHE_DIR", f"{_of_user}/pip")  # it holds what some tests install
os.environ["XDG_CACHE_HOME"] = os.environ[_CACHES]

# Several platforms are installed here; a test that names none is about this one.
os.environ["LEARNRELAY_SOURCE"] = "openedx"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options of `make test` and `make test-all`."""
    parser.addoption("--skip-slow", action="store_true", help="skip the tests that are marked as slow or nightly")
    parser.addoption("--skip-nightly", action="store_true", help="skip the tests that are marked as nightly")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Fails where pytest-xdist ignores the groups: tests that share a queue would then run at the same time."""
    if hasattr(config, "workerinput") and config.getoption("loadgroup", False):
        for item in items:
            if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
                raise pytest.UsageError(f"pytest-xdist does not group tests with pytest {pytest.__version__}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a slow test before its fixtures are made."""
    without_slow = item.config.getoption("--skip-slow")
    if without_slow and item.get_closest_marker("slow"):
        pytest.skip("slow: `make test-all` runs them")
    if (without_slow or item.config.getoption("--skip-nightly")) and item.get_closest_marker("nightly"):
        pytest.skip("nightly: `make test-nightly` runs them")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints one line for each reason why tests were skipped. (`-rs` prints one for each place.)"""
    skipped = terminalreporter.stats.get("skipped", [])
    for reason, tests in sorted(Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped).items()):
        terminalreporter.write_line(f"{reason}: {tests} skipped")
