"""The runner and its entry points: exit codes, reports, gaps, new checks, and attempts to make a failure pass."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from installed_plugins import ZOO, check_installed, environment, format_findings, install
from rich.console import Console

from learnrelay_contract_tests.checks import Check
from learnrelay_contract_tests.report.terminal import print_plugin
from learnrelay_contract_tests.runner import FAILED, GAP, NOT_REQUESTED, PASSED

GOOD = ZOO / "good" / "plainest.py"
BROKEN = ZOO / "bad" / "old_contract.py"
"""Fails at import, and so at once."""


def run(*command: str, cwd: Path, path: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, check=False,
        env={name: value for name, value in environment(path).items() if name != "CI"} | more,
    )  # fmt: skip


def harness(*arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    return run("learnrelay_contract_tests", *arguments, cwd=path, path=path)


def test_the_command_line(tmp_path: Path) -> None:
    name = install(GOOD, tmp_path)
    files = ["--junit", "junit.xml", "--html", "report.html", "--json"]
    done = harness(name, *files, path=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    (plugin,) = report["plugins"]
    assert report["passed"]
    assert plugin["passed"]
    assert plugin["version"] == "1.0.0"
    suites = ET.parse(tmp_path / "junit.xml").getroot()
    requested = {check["check"] for check in plugin["checks"] if check["status"] != "not requested"}
    assert {case.get("name") for case in suites.iter("testcase")} == requested
    assert {name for name in requested if name.startswith("audit.")} == set()
    page = (tmp_path / "report.html").read_text()
    assert all(check["check"] in page for check in plugin["checks"])
    assert "<script" not in page
    assert not re.search(r"""(src|srcset|data)=|url\(|@import|<link""", page), "nothing comes from elsewhere"

    install(BROKEN, tmp_path)
    done = harness(name, "--junit", "junit.xml", path=tmp_path)
    assert done.returncode == 1
    assert "cannot be imported" in done.stdout
    assert int(ET.parse(tmp_path / "junit.xml").getroot()[0].get("failures", "0")) > 1

    assert harness("carrier.zzz", path=tmp_path).returncode == 2
    assert harness(path=tmp_path).returncode == 2


@pytest.mark.slow
def test_pip_installed(tmp_path: Path) -> None:
    """The same results for distributions that pip has installed."""
    for source, passed in ((ZOO / "good" / "filter_.py", True), (ZOO / "bad" / "kind_that_digs.py", False)):
        project, target = tmp_path / f"{source.stem}-src", tmp_path / source.stem
        name = install(source, project / "made")
        points = next((project / "made").glob("*.dist-info")) / "entry_points.txt"
        group, point = points.read_text().strip("[").split("]\n")
        entry, _, value = point.strip().partition(" = ")
        (project / "pyproject.toml").write_text(
            '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
            '[project]\nname = "acme-zoo"\nversion = "1.0.0"\n'
            f'[project.entry-points."{group}"]\n"{entry}" = "{value}"\n'
            '[tool.hatch.build.targets.wheel]\npackages = ["made/acme_zoo"]\n'
        )
        done = run(
            "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--no-index",
            "--target", str(target), str(project), cwd=tmp_path, path=tmp_path,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        report = check_installed(str(target), name)
        assert report.passed is passed, format_findings(report)


@pytest.mark.slow
def test_gaps_need_a_reason_and_privacy_knows_none(tmp_path: Path) -> None:
    name = install(ZOO / "bad" / "none_by_default.py", tmp_path)
    notes = tmp_path / "acme_zoo" / "contract.toml"
    failing = {result.check for result in check_installed(str(tmp_path), name).results if result.status == FAILED}
    assert failing == {"behaviour.optional-missing", "behaviour.malformed"}
    reason = "the platform has always sent a choice since the first release"
    notes.write_text("[gaps]\n" + "".join(f'"{check}" = "{reason}"\n' for check in failing))
    report = check_installed(str(tmp_path), name)
    assert report.passed, format_findings(report)
    gaps = [result for result in report.results if result.status == GAP]
    assert {result.check for result in gaps} == failing
    assert all(result.reason == reason and result.findings for result in gaps), "the report shows what and why"

    notes.write_text(
        '[gaps]\n"behaviour.malformed" = "no time"\n"behaviour.nothing" = "a reason long enough for anyone"\n'
    )
    assert not check_installed(str(tmp_path), name).passed

    name = install(ZOO / "bad" / "length.py", tmp_path)
    notes.write_text(f'[gaps]\n"privacy.non-interference" = "{reason}"\n')
    report = check_installed(str(tmp_path), name)
    failing = {result.check for result in report.results if result.status == FAILED}
    assert {"privacy.non-interference", "source.gaps"} <= failing


def test_new_checks_warn_for_one_minor_release() -> None:
    check = Check("behaviour.new", "Something new.", lambda _: (), since="0.4")
    assert [check.is_required_in(version) for version in ("0.4.0", "0.4.9", "0.5.0", "1.0.0")] == [
        False,
        False,
        True,
        True,
    ]
    first = Check("behaviour.first", "Something old.", lambda _: ())
    assert first.is_required_in("0.1.0")


def test_what_is_not_run_is_not_passed(tmp_path: Path) -> None:
    name = install(GOOD, tmp_path)
    report = check_installed(str(tmp_path), name, only=["behaviour.valid"])
    by_name = {result.check: result.status for result in report.results}
    assert by_name["behaviour.valid"] == PASSED
    assert by_name["privacy.sentinels"] == NOT_REQUESTED
    assert report.is_sound
    assert not report.passed


@pytest.mark.slow
def test_a_distribution_that_reaches_into_every_process(tmp_path: Path) -> None:
    name = install(GOOD, tmp_path)
    info = tmp_path / "acme_zoo-1.0.0.dist-info"
    (tmp_path / "acme.pth").write_text("import sys; sys.acme = True\n")
    (tmp_path / "acme_zoo" / "fast.so").write_bytes(b"\x7fELF")
    (info / "RECORD").write_text("acme_zoo/__init__.py,,\nacme.pth,,\n")
    with (info / "entry_points.txt").open("a") as points:
        points.write("[learnrelay.commands]\ncontract-test = acme_zoo:family\n")
    report = check_installed(str(tmp_path), name)
    (package,) = [result for result in report.results if result.check == "audit.package"]
    assert package.status == FAILED
    assert len(package.findings) == 3


# --- in the author's own test-suite -----------------------------------------------------------------------

CLASS = """
from learnrelay_contract_tests import ContractTests, contract

class TestContract(ContractTests):
    plugins = ["carrier.zoo"]
"""
FUNCTION = 'from learnrelay_contract_tests import contract\n\ntest_contract = contract("carrier.zoo")\n'


def suite(
    path: Path, tests: str, *arguments: str, conftest: str = "", ini: str = "", required: str = ""
) -> subprocess.CompletedProcess[str]:
    (path / "test_acme.py").write_text(tests)
    (path / "conftest.py").write_text(conftest)
    (path / "pytest.ini").write_text(f"[pytest]\n{ini}\n")
    return run("pytest", "-q", "-p", "no:cacheprovider", *arguments, cwd=path, path=path, LEARNRELAY_CONTRACT=required)


@pytest.mark.slow
def test_one_line_in_a_suite_is_green_for_a_good_plugin(tmp_path: Path) -> None:
    install(GOOD, tmp_path)
    report = (
        'import pytest\n\n@pytest.mark.learnrelay_contract("carrier.zoo")\n'
        'def test_events(contract_report):\n    assert contract_report["plugins"][0]["events"] == 1\n'
    )
    skips = "import pytest\n\n@pytest.fixture(autouse=True)\ndef skipping():\n    pytest.skip('no')\n"
    for tests in (FUNCTION, CLASS + FUNCTION + report):
        done = suite(tmp_path, tests)
        assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
    assert "skipped" not in done.stdout
    done = suite(tmp_path, CLASS, conftest=skips)
    assert done.returncode == 0, "a fixture that skips has no hold on the contract"
    assert "skipped" not in done.stdout


OTHER = (
    CLASS
    + """

def test_other():
    pass
"""
)
MARKED = "import pytest\n\npytestmark = pytest.mark.{}\n" + CLASS
SKIPPED = CLASS.replace("class Test", "import pytest\n\n@pytest.mark.skip\nclass Test")
OVERRIDDEN = (
    CLASS
    + """
    def test_contract(self):
        pass

    def collect(self):
        return []
"""
)
PASSING_REPORTS = """
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.outcome = "passed"
    return report
"""
EXITS = [
    "import sys\nsys.exit(0)",
    "import sys\ndef pytest_sessionfinish():\n    sys.exit(0)",
    "import sys\ndef pytest_unconfigure():\n    sys.exit(0)",
    "import sys\ndef pytest_collection_modifyitems(items):\n    sys.exit(0)",
    "import pytest\ndef pytest_collection_modifyitems(items):\n    pytest.exit('done', 0)",
    "import os\nos._exit(0)",
    "import posix\nposix._exit(0)",
    "import os\ndef pytest_collection_modifyitems(items):\n    os._exit(0)",
    "import os\ndef pytest_sessionfinish():\n    os._exit(0)",
    "import os\ndef pytest_unconfigure():\n    os._exit(0)",
    "import os\nos.execv('/bin/true', ['true'])",
    "import os\ndef pytest_sessionfinish():\n    os.execlp('true', 'true')",
]


@pytest.mark.parametrize("conftest", EXITS)
def test_a_conftest_that_exits_leaves_no_verdict(tmp_path: Path, conftest: str) -> None:
    """Nothing is checked, so that the plugin need not be installed."""
    done = suite(tmp_path, CLASS, "--deselect", "test_acme.py::TestContract", conftest=conftest, required="required")
    assert done.returncode != 0, done.stdout + done.stderr


def test_a_test_that_ends_the_process_leaves_no_verdict(tmp_path: Path) -> None:
    """Nor does it with no contract in sight: what was to come after it is unknown."""
    ending = "import os\n\ndef test_first():\n    os._exit(0)\n\n"
    for tests in (ending + CLASS, ending):
        done = suite(tmp_path, tests)
        assert done.returncode != 0, done.stdout
        assert "os._exit" in done.stderr


def test_children_of_a_suite_end_as_they_like(tmp_path: Path) -> None:
    forks = (
        "import os\n\ndef test_a_child():\n"
        "    child = os.fork() or os._exit(0)\n    assert os.waitpid(child, 0)[1] == 0\n"
    )
    done = suite(tmp_path, forks)
    assert done.returncode == 0, done.stdout


COLLECTING_NOTHING = """
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector, name, obj):
    return [] if name == "TestContract" else None
"""
PATCHED_RUNNER = """
from learnrelay_contract_tests import checks, pytest_plugin, runner

checks.load_all().clear()
runner.check_plugins = lambda *a, **k: runner.Report([])
pytest_plugin._run_harness = lambda names: {"passed": True, "plugins": []}
"""
PATCHED_SUBPROCESS = """
import subprocess
import sys

old = subprocess.run
subprocess.run = lambda *a, **k: old([sys.executable, "-c", "print('{}')"], **k)
"""
CLEARED_ERRORS = """
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    call.excinfo = None
    return (yield)
"""
PATCHED_ITEM = """
from learnrelay_contract_tests.pytest_plugin import ContractItem

ContractItem.runtest = lambda self: None
"""
PATCHED_JSON = """
import json

old = json.loads
json.loads = lambda text, **k: {"passed": True, "plugins": []}
"""
PATCHED_PYTHON = """
import sys

sys.executable = "/bin/true"
"""
TAKING_AWAY = "def pytest_collection_modifyitems(items):\n    items.clear()\n"

ATTEMPTS: dict[str, dict[str, str]] = {
    "plainly": {"tests": CLASS},
    "in one line": {"tests": FUNCTION},
    "a skip mark on the module": {"tests": MARKED.format("skip")},
    "an xfail mark on the module": {"tests": MARKED.format("xfail")},
    "a skip mark on the class": {"tests": SKIPPED},
    "overridden tests": {"tests": OVERRIDDEN},
    "deleted tests": {"tests": CLASS + "\n\ndel TestContract.plugins\n"},
    "no plugins": {"tests": CLASS.replace('["carrier.zoo"]', "[]")},
    "a renamed class": {"tests": CLASS.replace("TestContract", "Quiet")},
    "a deleted class": {"tests": OTHER + "\n\ndel TestContract\n"},
    "-k where the contract is required": {"tests": OTHER, "arguments": "-k other", "required": "required"},
    "--deselect": {"tests": OTHER, "arguments": "--deselect test_acme.py::TestContract"},
    "a conftest that takes tests away": {"tests": CLASS, "conftest": TAKING_AWAY},
    "a conftest that makes reports pass": {"tests": CLASS, "conftest": PASSING_REPORTS},
    "a conftest that collects nothing": {"tests": CLASS, "conftest": COLLECTING_NOTHING},
    "a conftest that patches the runner": {"tests": CLASS, "conftest": PATCHED_RUNNER},
    "a conftest that patches subprocess": {"tests": CLASS, "conftest": PATCHED_SUBPROCESS},
    "a conftest that clears errors": {"tests": CLASS, "conftest": CLEARED_ERRORS},
    "a conftest that patches the test itself": {"tests": CLASS, "conftest": PATCHED_ITEM},
    "a conftest that patches the reader of JSON": {"tests": CLASS, "conftest": PATCHED_JSON},
    "a conftest that names another Python": {"tests": CLASS, "conftest": PATCHED_PYTHON},
    "a conftest that ignores the file": {
        "tests": CLASS,
        "conftest": "collect_ignore = ['test_acme.py']\n",
        "ini": "learnrelay_contract = carrier.zoo",
    },
    "an environment for Python": {
        "tests": CLASS,
        "conftest": "import os\n\nos.environ['PYTHONPATH'] = '/nowhere'\n",
    },
    "without the plugin": {"tests": CLASS, "arguments": "-p no:learnrelay-contract"},
}


QUICK = {"plainly", "a conftest that clears errors"}
"""`make test` makes these attempts, and no others."""


@pytest.mark.parametrize(
    "attempt",
    [
        pytest.param(attempt, id=name, marks=[] if name in QUICK else pytest.mark.slow)
        for name, attempt in ATTEMPTS.items()
    ],
)
def test_no_attempt_makes_a_bad_plugin_green(attempt: dict[str, str], tmp_path: Path) -> None:
    install(BROKEN, tmp_path)
    arguments = attempt.get("arguments", "").split()
    ini = attempt.get("ini", "")
    conftest, required = attempt.get("conftest", ""), attempt.get("required", "")
    done = suite(tmp_path, attempt["tests"], *arguments, conftest=conftest, ini=ini, required=required)
    assert done.returncode == 1, done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [("test_acme.py::test_other",), ("-k", "other")])
def test_one_test_that_is_selected_by_hand_passes_with_a_note(arguments: tuple[str, ...], tmp_path: Path) -> None:
    install(BROKEN, tmp_path)
    done = suite(tmp_path, OTHER, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "contract checks did not run and pass: tests were selected by hand" in done.stdout


def test_an_unknown_name_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    install(GOOD, tmp_path)
    done = harness("carrier.zo", path=tmp_path)
    assert done.returncode == 2
    assert 'no installed plugin has the name carrier.zo; did you mean "carrier.zoo"?' in done.stderr


def test_an_event_that_another_plugin_maps_too_is_noted(tmp_path: Path) -> None:
    name = install(GOOD, tmp_path)
    info = tmp_path / "acme_rival-2.0.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-rival\nVersion: 2.0.0\n")
    (info / "entry_points.txt").write_text("[learnrelay.families.v1]\ncarrier.rival = acme_rival:family\n")
    (tmp_path / "acme_rival.py").write_text(GOOD.read_text("utf-8").replace(name, "carrier.rival"))
    report = check_installed(str(tmp_path), name, ("plugin.loads",))
    (loaded,) = [result for result in report.results if result.check == "plugin.loads"]
    note = "carrier.rival of acme-rival 2.0.0 maps it too: operators choose with [plugins.prefer]"
    assert [(note.event, note.message) for note in loaded.notes] == [("zoo.answered", note)]
    console = Console(record=True, width=300)
    print_plugin(report, console)
    assert f"zoo.answered: {note}" in console.export_text()
