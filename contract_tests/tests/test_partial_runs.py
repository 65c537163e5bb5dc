"""Parts of the harness: single checks, what an editor runs, the audit, and projects that are not installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from installed_plugins import ZOO, environment, install

from learnrelay.plugins.discovery import installed
from learnrelay_contract_tests.checks import load_all
from learnrelay_contract_tests.project_folders import ProjectError, found_in_folder
from learnrelay_contract_tests.runner import UnknownPluginError, choose_checks, find_plugins

GOOD = ZOO / "good" / "plainest.py"


def harness(*arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "learnrelay_contract_tests", *arguments], cwd=path, capture_output=True, text=True,
        check=False, env=environment(path),
    )  # fmt: skip


def write_project(folder: Path, source: str, pyproject: str = "") -> Path:
    project = folder / "acme-zoo"
    package = project / "src" / "acme_zoo"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f'{source}\n__version__ = "1.2.3"\n', encoding="utf-8")
    usual = (
        '[project]\nname = "acme-zoo"\ndynamic = ["version"]\ndependencies = ["learnrelay>=0.1"]\n'
        '[project.entry-points."learnrelay.families.v1"]\n"carrier.zoo" = "acme_zoo:family"\n'
    )
    (project / "pyproject.toml").write_text(pyproject or usual, encoding="utf-8")
    return project


def test_the_audit_is_no_part_of_the_contract_and_of_the_quick_checks() -> None:
    audit = {name for name in load_all() if name.startswith("audit.")}
    assert audit == {"audit.source", "audit.package", "audit.host"}
    assert audit.isdisjoint(choose_checks())
    assert set(choose_checks(audit=True)) == set(load_all())
    quick = set(choose_checks(quick=True))
    assert quick < set(choose_checks())
    assert {"privacy.sentinels", "behaviour.valid", "samples.fields"} <= quick
    assert quick.isdisjoint({"behaviour.threads", "behaviour.deterministic", "samples.lines", "privacy.memory"})


def test_one_check_alone_runs_with_its_time_and_is_no_verdict(tmp_path: Path) -> None:
    name = install(GOOD, tmp_path)
    done = harness("--check", "samples.reach", "-v", name, path=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[1] for line in lines if line[3:4] == ["s:"]] == ["plugin.loads", "samples.reach"]
    assert f"2 of {len(load_all()) + 1} checks" in done.stdout
    assert "This is no verdict on the contract" in done.stdout
    with pytest.raises(
        UnknownPluginError, match=r'no check has the name samples\.reech; did you mean "samples\.reach"'
    ):
        choose_checks(["samples.reech"])


def test_a_folder_is_checked_without_being_installed(tmp_path: Path) -> None:
    project = write_project(tmp_path, GOOD.read_text("utf-8"))
    done = harness("--quick", "--json", str(project), path=tmp_path)
    assert done.returncode == 0, done.stderr
    (plugin,) = json.loads(done.stdout)["plugins"]
    assert (plugin["plugin"], plugin["distribution"], plugin["version"]) == ("carrier.zoo", "acme-zoo", "1.2.3")
    assert (plugin["sound"], plugin["complete"], plugin["passed"]) == (True, False, False)
    statuses = {check["check"]: check["status"] for check in plugin["checks"]}
    assert {name for name, status in statuses.items() if status != "not requested"} == {
        "plugin.loads", *choose_checks(quick=True)
    }  # fmt: skip


def test_a_mistake_in_a_folder_is_named_within_the_quick_checks(tmp_path: Path) -> None:
    source = GOOD.read_text("utf-8").replace('"choice": poll.choice', '"choice": poll.chosen')
    done = harness("--quick", f"{write_project(tmp_path, source)}/", path=tmp_path)
    assert done.returncode == 1
    assert "carrier.zoo:answered raised AttributeError at acme_zoo/__init__.py:" in done.stdout


@pytest.mark.parametrize(
    ("pyproject", "reason"),
    [("[project", "not valid TOML"), ('[project]\nname = "acme-zoo"\n', "has no name and entry points of a group")],
)
def test_a_folder_that_is_no_project_with_plugins_is_named(pyproject: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=reason), found_in_folder(write_project(tmp_path, "", pyproject)):
        pass
    with pytest.raises(ProjectError, match=r"pyproject\.toml: cannot be read"), found_in_folder(tmp_path):
        pass


def test_a_folder_without_a_slash_is_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownPluginError, match=r"for the project in the folder write \./acme-zoo"):
        find_plugins(["acme-zoo"])


def test_a_project_is_found_before_an_installed_version_and_gone_afterwards(tmp_path: Path) -> None:
    before, path = installed(), list(sys.path)
    with found_in_folder(write_project(tmp_path, GOOD.read_text("utf-8"))) as names:
        assert names == ["carrier.zoo"]
        (info,) = [info for info in installed() if info.name == "carrier.zoo"]
        assert info.origin == "acme-zoo 1.2.3"
        assert str(tmp_path / "acme-zoo" / "src") in os.environ["PYTHONPATH"]
    assert (installed(), sys.path) == (before, path)


def test_the_audit_runs_when_it_is_asked_for(tmp_path: Path) -> None:
    name = install(ZOO / "bad" / "dynamic_import.py", tmp_path)
    only = ("--check", "source.privacy", "--check", "audit.source")
    done = harness(*only, name, path=tmp_path)
    assert done.returncode == 1
    assert "failed audit.source" in done.stdout
    assert "failed source.privacy" not in done.stdout


@pytest.mark.slow
def test_a_misspelt_group_is_named_where_its_plugin_is_looked_for(tmp_path: Path) -> None:
    name = install(GOOD, tmp_path)
    points = next(tmp_path.glob("*.dist-info")) / "entry_points.txt"
    points.write_text(points.read_text().replace("families", "familes"))
    done = harness(name, path=tmp_path)
    assert done.returncode == 2
    assert 'the group "learnrelay.familes.v1" is used; did you mean "learnrelay.families.v1"?' in done.stderr
    with points.open("a") as file:
        file.write("[learnrelay.families.v1]\ncarrier.zoo = acme_zoo:family\n")
    done = harness("--check", "samples.reach", name, path=tmp_path)
    assert done.returncode == 1
    assert 'acme-zoo: no entry point of the group "learnrelay.familes.v1" is used' in done.stdout
