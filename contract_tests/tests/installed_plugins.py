"""Installs the modules of the zoo as distributions, and checks them."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from learnrelay_contract_tests.runner import PluginReport, check_plugin, find_plugins

ZOO = Path(__file__).parent / "zoo"


def install(source: Path | str, directory: Path, version: str = "1.0.0") -> str:
    """Installs a module as a distribution into a directory. Returns the name of its entry point.

    A bad plugin that alters a good one imports it (``from .standard import``): the good one is installed with it.
    """
    text = source if isinstance(source, str) else source.read_text(encoding="utf-8")
    points = re.findall(r"Entry point: (\S+) (\S+)(?: (\.?\w*:\w+))?", text)
    attribute = ":family" if "\nfamily =" in text else ""
    points = points or [("learnrelay.families.v1", "carrier.zoo", attribute)]
    files = {"acme_zoo/__init__.py": text}
    for name in re.findall(r"^from \.(\w+) import", text, re.MULTILINE):
        files[f"acme_zoo/{name}.py"] = (ZOO / "good" / f"{name}.py").read_text(encoding="utf-8")
    for old in directory.glob("*.dist-info"):
        old.rename(directory / f"acme_zoo-{version}.dist-info")
    info = f"acme_zoo-{version}.dist-info"
    files |= {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: acme-zoo\nVersion: {version}\n",
        f"{info}/entry_points.txt": "".join(f"[{group}]\n{name} = acme_zoo{inner}\n" for group, name, inner in points),
        f"{info}/RECORD": "".join(f"{name},,\n" for name in files),
    }
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(content, encoding="utf-8")
    return str(points[0][1])


def pip_install(text: str, directory: Path, version: str, lock: bytes | None = None) -> str:
    """Builds a wheel of a family of polls and installs it into a directory. Returns the name of its entry point."""
    directory.mkdir(parents=True, exist_ok=True)
    info = f"acme_polls-{version}.dist-info"
    files = {
        "acme_polls/__init__.py": text.encode(),
        f"{info}/METADATA": (
            f"Metadata-Version: 2.1\nName: acme-polls\nVersion: {version}\nRequires-Dist: learnrelay-xapi>=0.1\n"
        ).encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": b"[learnrelay.families.v1]\nxapi.acme_polls = acme_polls:family\n",
    }
    if lock is not None:
        files["acme_polls/contract.lock.json"] = lock
    wheel = directory / f"acme_polls-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD")))
    target = directory / "site"
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--disable-pip-version-check",
         "--target", str(target), str(wheel)],
        check=True,
    )  # fmt: skip
    return "xapi.acme_polls"


def check_installed(directory: str, name: str, only: Sequence[str] = (), lock: bool = False) -> PluginReport:
    """Checks a distribution in a directory, as if it were installed. Returns its report."""
    before = os.environ.get("PYTHONPATH")
    sys.path.insert(0, directory)
    os.environ["PYTHONPATH"] = directory
    importlib.invalidate_caches()
    try:
        ((entry_point, infos),) = find_plugins([name]).items()
        return check_plugin(entry_point, infos, only, quick=True, lock=lock)
    finally:
        sys.path.remove(directory)
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


def environment(path: Path) -> dict[str, str]:
    """Builds the environment of a shell without pytest, with a directory of installed distributions."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV"))}
    return {**kept, "PYTHONPATH": str(path)}


def format_findings(report: PluginReport) -> str:
    """Formats all findings, for the message of a failing test."""
    return "\n".join(
        f"{result.check}: {finding.event} {finding.path} {finding.message}"
        for result in report.results
        for finding in result.findings
    )
