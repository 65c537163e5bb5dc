"""The parts of `make release-check`: each finds what it is there for. The whole is run before a release."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
XAPI = ROOT / "plugins/xapi"


@pytest.fixture
def release_check(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT)
    from tools import release_check

    return release_check


def test_it_knows_every_package(release_check: Any) -> None:
    assert {*release_check.PACKAGES} == {path.parent.relative_to(ROOT).as_posix() for path in [
        *ROOT.glob("*/pyproject.toml"), *ROOT.glob("plugins/*/pyproject.toml")
    ]}  # fmt: skip
    for package in release_check.PACKAGES:
        licence = (ROOT / package / "LICENSE").read_bytes()
        assert licence == (ROOT / "LICENSE").read_bytes(), f"{package}/LICENSE is not that of the repository"


def test_interpreters_are_known_by_their_version(release_check: Any) -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert release_check.find_pythons([Path(sys.executable)]) == {version: Path(sys.executable)}


def test_a_build_that_differs_is_named(release_check: Any, tmp_path: Path) -> None:
    for folder, content in (("a", b"1"), ("b", b"2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "equal.whl").write_bytes(b"")
        (tmp_path / folder / "other.whl").write_bytes(content)
    (tmp_path / "b" / "more.whl").write_bytes(b"")
    assert release_check.differences(tmp_path / "a", tmp_path / "b") == ["more.whl", "other.whl"]


def test_metadata_is_looked_at(release_check: Any) -> None:
    metadata = Message()
    metadata["License-Expression"] = "MIT"
    metadata["Requires-Python"] = ">=3.11"
    metadata["Description-Content-Type"] = "text/markdown"
    metadata["Requires-Dist"] = "click>=8.1"
    metadata["Requires-Dist"] = 'redis<9,>=6.4; extra == "celery"'
    metadata["Project-URL"] = "Homepage, https://example.org"
    metadata.set_payload("# Name\n\n[more](docs/more.md)\n")
    faults = list(release_check.check_metadata(metadata, "# Name\n\n[more](docs/more.md)"))
    assert faults == [
        "License-Expression is MIT, not Apache-2.0",
        "no classifier Typing :: Typed",
        *(f"no address {name}" for name in ("Repository", "Documentation", "Changelog", "Issues")),
        "the link docs/more.md of README.md leads nowhere from an index of packages",
        "click>=8.1 is no range",
    ]


@pytest.mark.slow
def test_a_package_is_built_from_its_source_distribution_and_what_it_lacks_is_named(
    release_check: Any, tmp_path: Path
) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(XAPI, tmp_path / "plugins/xapi", ignore=ignored)
    wheels = release_check.build(tmp_path, tmp_path / "dist", ["plugins/xapi"])
    (sdist,) = (tmp_path / "dist").glob("*.tar.gz")
    folder = tmp_path / "plugins/xapi"
    assert list(release_check.check_wheel(wheels["learnrelay-xapi"], folder)) == []
    assert list(release_check.check_sdist(sdist, folder)) == []

    bad = tmp_path / "learnrelay_xapi-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheels["learnrelay-xapi"]) as good, zipfile.ZipFile(bad, "w") as archive:
        for name in good.namelist():
            if not name.endswith(("py.typed", "/LICENSE")):
                archive.writestr(name, good.read(name))
        archive.writestr("tests/test_all.py", "")
    (folder / "new").touch()
    assert list(release_check.check_wheel(bad, folder)) == [
        "learnrelay_xapi/py.typed is not in the wheel",
        "tests/test_all.py is in the wheel, and not in src/",
        "no py.typed",
        "no licence in the wheel",
    ]
    assert list(release_check.check_sdist(sdist, folder)) == ["new is not in the source distribution"]


def test_the_sbom_has_versions_licences_and_dependencies_and_is_equal_for_equal_versions(release_check: Any) -> None:
    from tools.release_sbom import make_bom

    described = [
        {"name": "click", "version": "8.1.0", "requires": [], "summary": "x", "licence": "BSD-3-Clause"},
        {"name": "learnrelay", "version": "0.1.0", "requires": ["click<9,>=8.1", "redis>=6; extra == 'celery'"],
         "summary": "y", "licence": "Apache-2.0"},
        {"name": "old", "version": "1", "requires": [], "summary": None, "licence": None},
    ]  # fmt: skip
    text = make_bom(described, 1_700_000_000)
    assert text == make_bom(described, 1_700_000_000)
    bom = json.loads(text)
    assert [component["purl"] for component in bom["components"]] == [
        "pkg:pypi/click@8.1.0", "pkg:pypi/learnrelay@0.1.0", "pkg:pypi/old@1"
    ]  # fmt: skip
    assert bom["components"][0]["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    needs = {each["ref"]: each.get("dependsOn", []) for each in bom["dependencies"]}
    assert needs["learnrelay@0.1.0"] == ["click@8.1.0"]
    assert bom["metadata"]["timestamp"].startswith("2023-11-14")
