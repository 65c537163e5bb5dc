"""Runs contract checks as pytest tests, and fails a session in which one of them did not run and pass.

Where somebody selects tests on the command line (a node id, ``-k``, ``--lf``), checks that were not selected are no
failure, unless the environment has ``LEARNRELAY_CONTRACT=required`` or, as in most services for CI, ``CI``.

The report comes from another process, so that nothing in this one can change it. Besides `ContractTests` there are

* the option ``learnrelay_contract`` of pytest's ini file: names of plugins to check in every session;
* the marker ``learnrelay_contract(*names)`` and the fixture ``contract_report``: the report as data, for other tests;
* the fixture ``platform``: a `learnrelay.Platform` to call mappings with;
* the fixture ``statements``: a function from an event to its statements, through the whole pipeline;
* the fixture ``settings``: a function to the settings of a plugin, where pytest-django does not bring its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NoReturn

import pytest

from . import CONTRACT_CLASSES, ContractTests

OPTION = "learnrelay_contract"
_ENVIRONMENT, _PYTHON, _read_json = dict(os.environ), sys.executable, json.loads
"""Taken before any conftest is read."""

ReportData = dict[str, Any]
_REPORTS = pytest.StashKey[dict[tuple[str, ...], ReportData]]()
_PASSED = pytest.StashKey[dict[str, bool]]()
"""Node id of each collected contract test → whether it ran without an error."""
_CHECKED = pytest.StashKey[dict[str, tuple[tuple[str, ...], str]]]()
"""Node id of each collected contract test → the names of the plugins, and the check."""


def _run_harness(names: Sequence[str], _run: Callable[..., Any] = subprocess.run) -> ReportData:
    """Returns the report on plugins, made by another process."""
    done = _run(
        [_PYTHON, "-P", "-m", "learnrelay_contract_tests", *names, "--json"],
        env=_ENVIRONMENT, capture_output=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        report: ReportData = _read_json(done.stdout)
    except json.JSONDecodeError:
        words = done.stderr.decode("utf-8", "replace").strip()[-500:]
        return {"passed": False, "plugins": [], "problem": words or f"the harness ended with {done.returncode}"}
    report["passed"] = report["passed"] and done.returncode == 0
    return report


def _cached_report(
    config: pytest.Config, names: Sequence[str], _run: Callable[..., ReportData] = _run_harness
) -> ReportData:
    known = config.stash.setdefault(_REPORTS, {})
    key = tuple(names)
    if key not in known:
        known[key] = _run(names)
    return known[key]


class ContractBrokenError(Exception):
    """Reports that a check did not pass; the text is that of the report."""


class ContractItem(pytest.Item):
    """Runs one check for the given plugins. It takes no fixtures."""

    def __init__(self, *, names: Sequence[str], check: str, **more: Any) -> None:
        super().__init__(**more)
        self.names, self.check = tuple(names), check

    def runtest(self, _cached_report: Callable[..., ReportData] = _cached_report) -> None:
        """Reads the result of the check from the report. Raises ContractBrokenError."""
        report = _cached_report(self.config, self.names)
        checks = [
            (plugin["plugin"], check)
            for plugin in report["plugins"]
            for check in plugin["checks"]
            if check["check"] == self.check
        ]
        if not checks:
            raise ContractBrokenError(report.get("problem") or f"{self.check} did not run")
        faults = []
        for plugin, check in checks:
            if check["status"] in ("failed", "not run"):
                lines = [
                    ": ".join(filter(None, (finding["event"], finding["message"]))) for finding in check["findings"]
                ]
                words = "\n  ".join([*(lines or [check["reason"]]), f"why: {check['explained']}"])
                faults.append(f"{plugin}: {check['proves']}\n  {words}")
        if faults:
            raise ContractBrokenError("\n".join(faults))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Returns the report's text, without a traceback."""
        if isinstance(excinfo.value, ContractBrokenError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Returns the location and title of the test."""
        return self.path, 0, f"contract of {', '.join(self.names)}: {self.check}"


class ContractCollector(pytest.Collector):
    """Collects the checks of a contract class, or of the ini option."""

    def __init__(self, *, names: Sequence[str], **more: Any) -> None:
        super().__init__(**more)
        self.names = tuple(names)

    def collect(self) -> Iterator[ContractItem]:
        """Yields one item for each check."""
        from .runner import LOADING, choose_checks

        for check in (LOADING, *choose_checks()):
            yield ContractItem.from_parent(self, name=check, names=self.names, check=check)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the ini option."""
    parser.addini(
        OPTION, "Plugins that every session checks against the contract of learnrelay.", "linelist", default=[]
    )


def pytest_configure(config: pytest.Config) -> None:
    """Adds the marker and resets the list of contract tests."""
    config.addinivalue_line("markers", f"{OPTION}(*names): the test gets the contract report of these plugins")
    config.stash[_PASSED], config.stash[_CHECKED] = {}, {}
    CONTRACT_CLASSES.clear()
    if not config.pluginmanager.has_plugin("django"):
        config.pluginmanager.register(SettingsFixture(), "learnrelay-contract-settings")


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module, name: str, obj: object) -> pytest.Collector | None:
    """Turns a contract class into a collector of checks; other members of the class are ignored."""
    if isinstance(obj, type) and issubclass(obj, ContractTests) and obj is not ContractTests:
        made: pytest.Collector = ContractCollector.from_parent(collector, name=name, names=obj.plugins)
        return made
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Registers each contract test before another plugin can remove it."""
    if isinstance(item, ContractItem):
        item.config.stash[_PASSED][item.nodeid] = False
        item.config.stash[_CHECKED][item.nodeid] = (item.names, item.check)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Adds the checks that the ini option asks for."""
    names = config.getini(OPTION)
    if names:
        collector = ContractCollector.from_parent(session, name=OPTION, names=names)
        for item in collector.collect():
            pytest_itemcollected(item)
            items.append(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Registers which tests passed: from the call itself, so that altered reports have no effect."""
    if isinstance(item, ContractItem) and call.when == "call" and call.excinfo is None:
        item.config.stash[_PASSED][item.nodeid] = True
    return (yield)


def _find_missing(config: pytest.Config) -> list[str]:
    """Lists the contract tests that were defined but did not run and pass."""
    wanted = config.stash[_PASSED]
    missing = [node for node, passed in wanted.items() if not (passed and _has_verdict(config, node))]
    for written in CONTRACT_CLASSES:
        if not any(f"::{written.__name__}::" in node or _is_collected_as(written, node) for node in wanted):
            missing.append(f"{written.__module__}.{written.__qualname__} (not collected)")
    return missing


def _has_verdict(config: pytest.Config, node: str) -> bool:
    """Tells whether the report of the other process is there, and says that the check of a test passed."""
    names, check = config.stash[_CHECKED][node]
    report = config.stash.get(_REPORTS, {}).get(names)
    if report is None:
        return False
    statuses = [
        result["status"] for plugin in report["plugins"] for result in plugin["checks"] if result["check"] == check
    ]
    return bool(statuses) and not {"failed", "not run", "not requested"}.intersection(statuses)


def _is_collected_as(written: type[ContractTests], node: str) -> bool:
    module = sys.modules.get(written.__module__)
    names = [name for name, value in vars(module).items() if value is written] if module else []
    return any(f"::{name}::" in node for name in names)


def _is_complete_run(config: pytest.Config) -> bool:
    """Tells whether all contract tests are required: nothing was selected by hand, or the environment asks for them."""
    is_ci = _ENVIRONMENT.get("CI", "").lower() not in ("", "0", "false")
    if _ENVIRONMENT.get("LEARNRELAY_CONTRACT") == "required" or is_ci:
        return True
    arguments = [str(argument) for argument in config.invocation_params.args]  # without those of ini files
    return not any(
        text.startswith(("-k", "--lf", "--last-failed")) or ("::" in text and "--deselect" not in (before, text[:10]))
        for before, text in pairwise(["", *arguments])
    )


def _lacks_verdict(config: pytest.Config) -> bool:
    """Tells whether the session is to fail because a contract test did not run and pass."""
    return not config.option.collectonly and _is_complete_run(config) and bool(_find_missing(config))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails a session in which a contract test did not run and pass."""
    if session.exitstatus in (0, 5) and _lacks_verdict(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True, tryfirst=True, specname="pytest_sessionfinish")
def pytest_sessionfinish_around(session: pytest.Session) -> Iterator[None]:
    """Fails a session without a verdict that ends because a hook of a conftest exits."""
    with _failing_exit(session.config):
        return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> Iterator[None]:
    """Fails a session without a verdict that ends because a hook of a conftest exits."""
    with _failing_exit(config):
        result = yield
    _PROCESS_END.release()
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """Fails a session that ends before it begins: a conftest exits, so that there is no verdict."""
    try:
        return (yield)
    except SystemExit as error:
        raise pytest.UsageError(f"a conftest exits while it is imported ({error!r}): nothing is checked") from error


class _ProcessEnd:
    """Lets nothing end this process with exit code 0, or replace it, before pytest is done.

    `os._exit` and the functions that run another program in this process leave pytest no chance to fail the session.
    Children may end as they like.
    """

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._is_done = False
        self._exit = os._exit
        self._errors = os.dup(2)  # pytest catches what is written to the other one
        for module in filter(None, (os, sys.modules.get("posix"))):
            module._exit = self._end  # type: ignore[attr-defined]
            for name in ("execv", "execve"):
                setattr(module, name, self._guarded(name, getattr(module, name)))

    def release(self) -> None:
        """Lets the process end, as pytest is done."""
        self._is_done = True

    def _is_early(self) -> bool:
        return not self._is_done and os.getpid() == self._pid

    def _end(self, status: int) -> NoReturn:
        if status == 0 and self._is_early():
            self._complain("os._exit")
            status = int(pytest.ExitCode.TESTS_FAILED)
        self._exit(status)

    def _guarded(self, name: str, function: Callable[..., NoReturn]) -> Callable[..., NoReturn]:
        def replace(*arguments: Any, **more: Any) -> NoReturn:
            if self._is_early():
                self._complain(f"os.{name}")
                self._exit(int(pytest.ExitCode.TESTS_FAILED))
            function(*arguments, **more)

        return replace

    def _complain(self, name: str) -> None:
        words = (
            f"\nlearnrelay: a conftest or test ends the process by {name}: there is no verdict, so the session fails\n"
        )
        os.write(self._errors, words.encode())


_PROCESS_END = _ProcessEnd()


@contextmanager
def _failing_exit(config: pytest.Config) -> Iterator[None]:
    try:
        yield
    except SystemExit:
        if _lacks_verdict(config):
            raise SystemExit(int(pytest.ExitCode.TESTS_FAILED)) from None
        raise


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Lists the contract tests that did not run and pass."""
    missing = _find_missing(config)
    if config.option.collectonly or not missing:
        return
    if not _is_complete_run(config):
        terminalreporter.line(f"{len(missing)} contract checks did not run and pass: tests were selected by hand")
    else:
        terminalreporter.section("contract of learnrelay", sep="=", red=True)
        terminalreporter.line(
            f"{len(missing)} contract checks did not run and pass (skip, xfail and -k do not excuse them):"
        )
        for node in missing[:10]:
            terminalreporter.line(f"  {node}")


@pytest.fixture
def contract_report(request: pytest.FixtureRequest) -> ReportData:
    """Returns the report of the plugins that the marker names, as ``contract-test --json`` writes it."""
    marker = request.node.get_closest_marker(OPTION)
    if marker is None:
        raise pytest.UsageError(f"contract_report needs the marker {OPTION}(*names)")
    return _cached_report(request.config, marker.args)


ROOT_URL = "https://learn.example.org"
KEY_OF_LEARNERS = "a secret of the tests"
"""Makes the pseudonyms, which are so the same in all tests."""


@pytest.fixture
def platform() -> Any:
    """Returns a `learnrelay.Platform` at https://learn.example.org; learners have pseudonyms, courses no titles.

    Its source is the one that is installed; of several, that of the environment variable ``LEARNRELAY_SOURCE``; where
    there is none, a plain one, which reads the canonical shape.
    """
    from learnrelay import Platform
    from learnrelay.config.secrets import Secret
    from learnrelay.lookups.courses import NoCourses
    from learnrelay.lookups.identity import KeyedIdentity
    from learnrelay.plugins.discovery import installed, load, select_source
    from learnrelay.plugins.registry import collect

    from .plain_source import registered_source

    identity = KeyedIdentity({"secret": Secret(KEY_OF_LEARNERS), "pseudonyms": "per-standard"})
    with registered_source():
        try:
            info = select_source(installed(), None)
        except ValueError as error:
            raise pytest.UsageError(f"the fixture platform needs a source: {error}") from None
        registry = collect([(info, load(info))])
    (source,) = registry.sources.values()
    return Platform(ROOT_URL, registry.make(source), identity, NoCourses({}))


@pytest.fixture
def statements() -> Callable[..., list[dict[str, Any]]]:
    """Returns a function from an event to its statements, through filters, mappings and enrichers::

        def test_an_answer(statements):
            (statement,) = statements({"name": "acme_poll.answered", …}, "xapi.acme_poll")

    The event is an object or a line in a shape of the source. The names, or globs, are those of the plugins to enable;
    by default all families that are installed or `registered`. ``settings``: name of a plugin, or of a standard → keys
    of its section. An event that is skipped has no statements. A failure is raised as the mapping raised it.
    """
    from .pipeline_fixture import make_statements

    return make_statements


class SettingsFixture:
    """Brings the fixture ``settings``, unless pytest-django is there, which has another one of this name."""

    @pytest.fixture
    def settings(self) -> Callable[..., Mapping[str, Any]]:
        """Returns a function from a plugin's name, or its `Section`, and keys to what the plugin gets as settings::

            def test_the_modes(settings):
                chosen = settings("acme_modes", unreported=["honor"])
                assert acme_modes.filter_event(Enrolment(mode="honor"), chosen)

        The other keys have their defaults. Raises ConfigurationError for keys that are not valid.
        """
        from .pipeline_fixture import load_plugin_settings

        return load_plugin_settings
