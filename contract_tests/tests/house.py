"""Installing the modules of the zoo as distributions, and judging them."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from learnrelay_contract_tests.runner import Verdict, judge, plugins

ZOO = Path(__file__).parent / "zoo"


def install(source: Path | str, directory: Path, version: str = "1.0.0") -> str:
    """Install a module as a distribution into a directory; the name of its entry point."""
    text = source if isinstance(source, str) else source.read_text(encoding="utf-8")
    found = re.search(r"Entry point: (\S+) (\S+)", text)
    group, name = (found[1], found[2]) if found else ("learnrelay.families.v1", "carrier.zoo")
    package = directory / "acme_zoo"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text(text, encoding="utf-8")
    for old in directory.glob("*.dist-info"):
        old.rename(directory / f"acme_zoo-{version}.dist-info")
    info = directory / f"acme_zoo-{version}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-zoo\nVersion: {version}\n")
    attribute = ":family" if "\nfamily =" in text else ""
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = acme_zoo{attribute}\n")
    (info / "RECORD").write_text("acme_zoo/__init__.py,,\n")
    return name


def judged(directory: str, name: str, only: Sequence[str] = (), lock: bool = False) -> Verdict:
    """The verdict on a distribution in a directory, as if it were installed."""
    before = os.environ.get("PYTHONPATH")
    sys.path.insert(0, directory)
    os.environ["PYTHONPATH"] = directory
    importlib.invalidate_caches()
    try:
        ((found, infos),) = plugins([name]).items()
        return judge(found, infos, only, quick=True, lock=lock)
    finally:
        sys.path.remove(directory)
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


def told(verdict: Verdict) -> str:
    """All findings, for a failing test."""
    return "\n".join(
        f"{result.check}: {finding.event} {finding.path} {finding.message}"
        for result in verdict.results
        for finding in result.findings
    )
