"""Mistakes of each kind are found in plugins that are written anew for each run."""

from __future__ import annotations

from pathlib import Path
from random import Random
from secrets import randbits

import pytest
from installed_plugins import check_installed, format_findings, install
from zoo_variants import MISTAKES, Names

from learnrelay_contract_tests.lint import lint_text
from learnrelay_contract_tests.lint.rules import PRIVATE

IN_SOURCE = {kind for kind, mistake in MISTAKES.items() if mistake.caught_by.startswith("source.")}
VARIANTS = 40


@pytest.mark.parametrize("kind", sorted(IN_SOURCE))
def test_the_source_shows_each_variant(kind: str) -> None:
    rng = Random(seed := randbits(32))
    for _ in range(VARIANTS):
        text = MISTAKES[kind].write(rng, Names.draw(rng))
        checks = {"source.privacy" if flaw.code in PRIVATE else "source.purity" for flaw in lint_text(text)}
        assert checks.intersection(MISTAKES[kind].caught_by.split()), f"seed {seed}\n{text}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(MISTAKES.keys() - IN_SOURCE))
def test_a_run_shows_each_variant(kind: str, tmp_path: Path) -> None:
    rng = Random(seed := randbits(32))
    for number in range(3):
        text = MISTAKES[kind].write(rng, Names.draw(rng))
        directory = tmp_path / str(number)
        directory.mkdir()
        report = check_installed(str(directory), install(text, directory), MISTAKES[kind].caught_by.split())
        caught = {result.check for result in report.results if result.findings}
        assert caught == set(MISTAKES[kind].caught_by.split()), f"seed {seed}\n{text}\n{format_findings(report)}"
