"""The pytest plugin: contract checks as tests, and the guard that a session without them is not green.

The verdict comes from another process, so that nothing of this one can change it. Besides `ContractTests` there is

* the option ``learnrelay_contract`` of pytest's ini file: names of plugins to judge in every session;
* the marker ``learnrelay_contract(*names)`` and the fixture ``contract_report``: the report as data, for other tests;
* the fixture ``site``: a `learnrelay.Site` to call mappings with.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from . import WRITTEN, ContractTests

OPTION = "learnrelay_contract"
_ENVIRONMENT = dict(os.environ)
"""As it was before any conftest was read."""

Report = dict[str, Any]
_REPORTS = pytest.StashKey[dict[tuple[str, ...], Report]]()
_WANTED = pytest.StashKey[dict[str, bool]]()
"""Node id of each contract test that was collected → whether it passed."""


def _judged(names: Sequence[str], _run: Callable[..., Any] = subprocess.run) -> Report:
    """The report on plugins, made by another process."""
    done = _run(
        [sys.executable, "-P", "-m", "learnrelay_contract_tests", *names, "--json"],
        env=_ENVIRONMENT, capture_output=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        report: Report = json.loads(done.stdout)
    except json.JSONDecodeError:
        words = done.stderr.decode("utf-8", "replace").strip()[-500:]
        return {"passed": False, "plugins": [], "problem": words or f"the harness ended with {done.returncode}"}
    report["passed"] = report["passed"] and done.returncode == 0
    return report


def _report(config: pytest.Config, names: Sequence[str], _judge: Callable[..., Report] = _judged) -> Report:
    known = config.stash.setdefault(_REPORTS, {})
    key = tuple(names)
    if key not in known:
        known[key] = _judge(names)
    return known[key]


class ContractBrokenError(Exception):
    """A check did not pass; the text is the report's."""


class ContractItem(pytest.Item):
    """One check of one line of plugins. It takes no fixtures."""

    def __init__(self, *, names: Sequence[str], check: str, **more: Any) -> None:
        super().__init__(**more)
        self.names, self.check = tuple(names), check

    def runtest(self, _report: Callable[..., Report] = _report) -> None:
        """Look the check up in the report."""
        report = _report(self.config, self.names)
        found = [
            (plugin["plugin"], check)
            for plugin in report["plugins"]
            for check in plugin["checks"]
            if check["check"] == self.check
        ]
        if not found:
            raise ContractBrokenError(report.get("problem") or f"{self.check} did not run")
        faults = []
        for plugin, check in found:
            if check["status"] in ("failed", "not run"):
                lines = [": ".join(filter(None, (one["event"], one["message"]))) for one in check["findings"]]
                faults.append(f"{plugin}: {check['proves']}\n  " + "\n  ".join(lines or [check["reason"]]))
        if faults:
            raise ContractBrokenError("\n".join(faults))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The report's words, without a traceback."""
        if isinstance(excinfo.value, ContractBrokenError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Where it stands."""
        return self.path, 0, f"contract of {', '.join(self.names)}: {self.check}"


class ContractCollector(pytest.Collector):
    """The checks of a contract class, or of the ini option."""

    def __init__(self, *, names: Sequence[str], **more: Any) -> None:
        super().__init__(**more)
        self.names = tuple(names)

    def collect(self) -> Iterator[ContractItem]:
        """One item a check."""
        from .checks import load_all

        for check in ("plugin.loads", *load_all()):
            yield ContractItem.from_parent(self, name=check, names=self.names, check=check)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The ini option."""
    parser.addini(OPTION, "Plugins that every session judges by the contract of learnrelay.", "linelist", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """The marker, and the guard's memory."""
    config.addinivalue_line("markers", f"{OPTION}(*names): the test gets the contract report of these plugins")
    config.stash[_WANTED] = {}
    WRITTEN.clear()


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module, name: str, obj: object) -> pytest.Collector | None:
    """Make a contract class a collector of checks; what else stands in the class is not looked at."""
    if isinstance(obj, type) and issubclass(obj, ContractTests) and obj is not ContractTests:
        made: pytest.Collector = ContractCollector.from_parent(collector, name=name, names=obj.plugins)
        return made
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Remember each contract test before anybody can take it away."""
    if isinstance(item, ContractItem):
        item.config.stash[_WANTED][item.nodeid] = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add what the ini option asks for."""
    names = config.getini(OPTION)
    if names:
        collector = ContractCollector.from_parent(session, name=OPTION, names=names)
        for item in collector.collect():
            pytest_itemcollected(item)
            items.append(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Note what passed: from the call itself, whatever reports are made of it."""
    if isinstance(item, ContractItem) and call.when == "call" and call.excinfo is None:
        item.config.stash[_WANTED][item.nodeid] = True
    return (yield)


def _missing(config: pytest.Config) -> list[str]:
    """Contract tests that were written and did not run and pass."""
    wanted = config.stash[_WANTED]
    missing = [node for node, passed in wanted.items() if not passed]
    for written in WRITTEN:
        if not any(f"::{written.__name__}::" in node or _named(written, node) for node in wanted):
            missing.append(f"{written.__module__}.{written.__qualname__} (not collected)")
    return missing


def _named(written: type[ContractTests], node: str) -> bool:
    module = sys.modules.get(written.__module__)
    names = [name for name, value in vars(module).items() if value is written] if module else []
    return any(f"::{name}::" in node for name in names)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A session in which a contract test did not run and pass is not green."""
    if not session.config.option.collectonly and _missing(session.config) and session.exitstatus in (0, 5):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say which."""
    missing = _missing(config)
    if missing and not config.option.collectonly:
        terminalreporter.section("contract of learnrelay", sep="=", red=True)
        terminalreporter.line(f"{len(missing)} contract checks did not run and pass; no skip, xfail or -k makes them:")
        for node in missing[:10]:
            terminalreporter.line(f"  {node}")


@pytest.fixture
def contract_report(request: pytest.FixtureRequest) -> Report:
    """The report of the plugins that the marker names, as ``contract-test --json`` writes it."""
    marker = request.node.get_closest_marker(OPTION)
    if marker is None:
        raise pytest.UsageError(f"contract_report needs the marker {OPTION}(*names)")
    return _report(request.config, marker.args)


@pytest.fixture
def site() -> Any:
    """A `learnrelay.Site` at https://learn.example.org: each learner has a pseudonym, no course a title."""
    from learnrelay import Site
    from learnrelay.resolvers.courses import NoCourses
    from learnrelay.resolvers.identity import KeyedIdentity
    from learnrelay.secrets import Secret

    identity = KeyedIdentity({"secret": Secret("a secret of the tests"), "pseudonyms": "per-standard"})
    return Site("https://learn.example.org", identity, NoCourses({}))
